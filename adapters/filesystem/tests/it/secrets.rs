//! Secrets in files: never shown, kept in edits.

use larder::{
    domain::{edit::Field, report::IssueKind},
    ports::WriteError,
};

use crate::support::{Fixture, artifact};

const TOKEN: &str = "ghp_Zq7mK2pX9vL4Zq7mK2pX9vL4Zq7mK2pX";

const SKILL: &str = "skills/pdf/SKILL.md";

/// A skill with a secret in its description, in its author and below `env`.
fn with_secrets() -> Fixture {
    let files = Fixture::managed(
        "[[artifacts]]\nname = \"pdf\"\ntype = \"skill\"\npath = \"skills/pdf\"\n",
    );
    let frontmatter = format!(
        "---\nname: pdf\ndescription: Needs {TOKEN}.\nauthor: https://u:p4ss@h\nenv:\n  T: s3cret\n---\n"
    );
    files.write(SKILL, frontmatter + "Body.\n");
    files
}

fn text(files: &Fixture) -> String {
    std::fs::read_to_string(files.root.join(SKILL)).unwrap()
}

#[tokio::test]
async fn a_masked_value_that_is_sent_back_changes_nothing() {
    let files = with_secrets();
    let before = text(&files);
    let scan = files.scan().await;
    let shown = &artifact(&scan, "skill:pdf").metadata;
    assert_eq!(shown.description.as_deref(), Some("Needs ***."));
    assert_eq!(shown.author.as_deref(), Some("https://***@h"));
    let same = [(Field::Description, "Needs ***."), (Field::Author, "https://***@h")];
    let written = files.edit("skill:pdf", &same).await.unwrap();
    assert!(!written.changed);
    assert_eq!(text(&files), before);

    let other = [same[0], same[1], (Field::License, "MIT")];
    let written = files.edit("skill:pdf", &other).await.unwrap();
    assert!(written.changed);
    let after = before.replace("---\nBody", "license: MIT\n---\nBody");
    assert_eq!(text(&files), after, "one key more, and every secret as it was");
}

#[tokio::test]
async fn a_mask_in_another_place_is_refused() {
    let files = with_secrets();
    let before = text(&files);
    for (field, text) in [
        (Field::Description, "Wants ***."),
        (Field::License, "Needs ***."),
        (Field::Author, "https://***@elsewhere"),
        // Beside a secret it may be a mask between asterisks.
        (Field::Description, "So ***very*** bold."),
    ] {
        let refused = files.edit("skill:pdf", &[(field, text)]).await;
        let Err(WriteError::Invalid(fields)) = refused else { panic!("{refused:?}") };
        assert_eq!(fields[0].field, field.as_str());
        assert!(fields[0].message.contains("***"), "{fields:?}");
    }
    assert_eq!(text(&files), before);
    files.edit("skill:pdf", &[(Field::License, "So ***very*** bold.")]).await.unwrap();
}

#[tokio::test]
async fn the_content_of_a_markdown_file_is_masked() {
    let files = with_secrets();
    let scan = files.scan().await;
    let content = files.content("skill:pdf", &artifact(&scan, "skill:pdf").path).await.unwrap();
    let masked = "---\nname: pdf\ndescription: Needs ***.\nauthor: https://***@h\nenv:\n  T: ***\n";
    assert_eq!(content, format!("{masked}---\nBody.\n"));
}

#[tokio::test]
async fn a_secret_is_reported_with_its_line_and_without_its_value() {
    let files = with_secrets();
    let scan = files.scan().await;
    let issue = artifact(&scan, "skill:pdf").issue().unwrap();
    assert_eq!((issue.kind, issue.line), (IssueKind::SecretInClear, Some(3)));
    assert!(!format!("{issue:?}").contains(TOKEN));
}
