//! State of Larder's that came with a clone: it gives nobody a power that the clone did not have.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, time::Duration};

use larder::{
    domain::{
        deployment::Action,
        edit::Field,
        id::ArtifactId,
        writing::{MAX_HISTORY, Written},
    },
    ports::{ArtifactDeployer, ArtifactWriter, Project, WriteError},
};
use serde_json::{Value, json};

use crate::{support::Fixture, writes::why};

const MANIFEST: &str = "[collection]\nname = \"work\"\n\n[[artifacts]]\nname = \"pdf\"\n\
                        type = \"skill\"\npath = \"skills/pdf\"\n\n[[artifacts]]\nname = \"fmt\"\n\
                        type = \"hook\"\npath = \"hooks/fmt.json\"\n";
const TRASH_ID: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn world() -> Fixture {
    let files = Fixture::managed(MANIFEST);
    files.write("skills/pdf/SKILL.md", "---\ndescription: d\n---\n");
    files.write("hooks/fmt.json", r#"{"hooks": {"Stop": [{"hooks": []}]}}"#);
    files
}

/// All files but Larder's own, by path.
fn contents(files: &Fixture) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![files.root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&files.root).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true if name == ".larder" => {}
                true => directories.push(path),
                false => drop(found.insert(name, fs::read(path).unwrap())),
            }
        }
    }
    found
}

/// Plants a record of one move, in the form that it had before records were proven.
fn plant_move(files: &Fixture, from: &str, to: &str) {
    let root = fs::canonicalize(&files.root).unwrap();
    let step = json!({"root": root, "action": "move", "from": from, "to": to, "check": null});
    let record = json!({"id": "1", "steps": [step], "history": null});
    files.write(".larder/journal.json", record.to_string());
}

#[tokio::test]
async fn a_planted_journal_moves_and_removes_nothing_and_edits_go_on() {
    for to in ["public/.env", ".larder/staged/1-0"] {
        let files = world();
        files.write(".env", "secret");
        fs::create_dir(files.root.join("public")).unwrap();
        plant_move(&files, ".env", to);
        files.files.tidy(&files.source().await, Duration::from_hours(1)).await.unwrap();
        files.edit("skill:pdf", &[(Field::License, "MIT")]).await.unwrap();
        assert_eq!(files.text(".env"), "secret", "{to}");
        assert!(!files.root.join("public/.env").exists());
    }
}

#[tokio::test]
async fn a_record_that_can_never_be_completed_keeps_no_edit_from_the_collection() {
    for (record, target) in
        [(true, "agents/gone/x.md"), (true, "skills/pdf/SKILL.md/x"), (false, "")]
    {
        let files = world();
        plant_move(&files, ".larder/staged/x", target);
        files.write(".larder/staged/x", "new");
        if !record {
            files.write(".larder/journal.json", "no record");
        }
        files.edit("skill:pdf", &[(Field::License, "MIT")]).await.unwrap();
        assert_eq!(files.text(".larder/conflicts/unfinished-1/staged/x"), "new");
    }
}

#[tokio::test]
async fn staged_directories_nested_too_deeply_to_be_removed_keep_no_write_from_the_collection() {
    let files = world();
    let deep = vec!["d"; 150].join("/");
    fs::create_dir_all(files.root.join(".larder/staged").join(&deep)).unwrap();
    files.edit("skill:pdf", &[(Field::License, "MIT")]).await.unwrap();
    assert!(files.root.join(".larder/conflicts/unfinished-1/staged").join(deep).is_dir());

    files.edit("skill:pdf", &[(Field::License, "ISC")]).await.unwrap();
    assert!(!files.root.join(".larder/conflicts/unfinished-2").exists(), "only once");
}

#[tokio::test]
async fn where_larders_directory_is_a_file_reading_its_state_finds_nothing() {
    let files = world();
    files.write(".larder", "");
    let id = ArtifactId::parse("skill:pdf").unwrap();
    let source = files.source().await;
    assert!(files.files.history(&source, &id).await.unwrap().is_empty());
    assert!(files.files.trash(&source).await.unwrap().is_empty());
    files.files.tidy(&source, Duration::from_hours(1)).await.unwrap();
    let refused = files.edit("skill:pdf", &[(Field::License, "MIT")]).await;
    assert!(why(refused).starts_with(".larder must be a directory"));
}

/// Restores a planted item of the trash.
async fn restore(files: &Fixture, entry_path: &str, moved: &str) -> Result<Written, WriteError> {
    let entry =
        format!("[[artifacts]]\nname = \"evil\"\ntype = \"agent\"\npath = \"{entry_path}\"\n");
    let record = json!({
        "id": TRASH_ID, "artifact": "agent:evil", "path": entry_path,
        "deleted_at": "2026-01-05T10:00:00Z", "deleted_by": "local",
        "revision": "0".repeat(64), "entry": entry, "lock_entry": null, "moved": moved,
    });
    files.write(&format!(".larder/trash/{TRASH_ID}/record.json"), record.to_string());
    let name = moved.rsplit('/').next().filter(|name| *name != ".").unwrap_or("evil.md");
    files.write(&format!(".larder/trash/{TRASH_ID}/files/{name}"), "evil");
    files.files.restore(&files.source().await, TRASH_ID, "local").await
}

#[tokio::test]
async fn a_planted_item_of_the_trash_goes_to_the_place_of_its_entry_and_nowhere_else() {
    for moved in [".env", "../evil.md", ".git/hooks/evil.md", "skills/pdf/evil.md"] {
        let files = world();
        fs::create_dir_all(files.root.join(".git/hooks")).unwrap();
        let before = contents(&files);
        let restored = restore(&files, "agents/evil.md", moved).await;
        let mut after = contents(&files);
        after.remove("agents/evil.md");
        after.insert("collection.toml".to_owned(), MANIFEST.into());
        assert_eq!(after, before, "{moved}: {restored:?}");
        assert!(!files.root.join("../evil.md").exists());
    }
}

#[tokio::test]
async fn a_planted_item_of_the_trash_takes_no_place_that_is_not_an_artifacts() {
    for path in [
        "collection.lock",
        ".larder/journal.json",
        ".larder",
        "../evil.md",
        ".git/hooks/post-checkout",
        ".",
        "skills/pdf/SKILL.md",
        "collection.toml",
    ] {
        let files = world();
        fs::create_dir_all(files.root.join(".git/hooks")).unwrap();
        let before = contents(&files);
        let restored = restore(&files, path, path).await;
        assert!(restored.is_err(), "{path}");
        assert_eq!(contents(&files), before, "{path}");
        assert!(!files.root.join(".larder/journal.json").exists(), "{path}");
        assert!(!files.root.join("../evil.md").exists());
    }
}

#[tokio::test]
async fn a_planted_record_of_deployments_removes_nothing_but_what_the_artifact_deploys() {
    let files = world();
    let project = tempfile::tempdir().unwrap();
    let settings = json!({"permissions": {"deny": ["Read(.env)"]}});
    fs::create_dir_all(project.path().join(".claude")).unwrap();
    fs::write(project.path().join(".claude/settings.json"), settings.to_string()).unwrap();
    fs::write(project.path().join(".env"), "secret").unwrap();
    let hash = |text: &str| larder::domain::revision::Revision::of(&[text.as_bytes()]).to_string();
    let permissions = hash(&settings["permissions"].to_string());
    let record = format!(
        "[[artifacts]]\nid = \"hook:fmt\"\ncollection = \"work\"\nrevision = \"{}\"\n\
         deployed_at = \"2026-01-05T10:00:00Z\"\n[artifacts.files]\n\
         \".claude/settings.json#/permissions\" = \"{permissions}\"\n\".env\" = \"{}\"\n",
        "0".repeat(64),
        hash("secret"),
    );
    fs::write(project.path().join(".claude/.larder-deployed.toml"), record).unwrap();
    let path = project.path().to_str().unwrap().to_owned();
    let place = files.place("hook:fmt", "").await;
    let at = Project { path: path.clone(), within: Some(vec![path]) };
    files.files.transfer(&place, &at, Action::Undeploy, "local").await.unwrap();
    let text = fs::read_to_string(project.path().join(".claude/settings.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), settings);
    assert_eq!(fs::read_to_string(project.path().join(".env")).unwrap(), "secret");
}

#[tokio::test]
async fn links_among_planted_state_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("precious"), "mine").unwrap();
    let files = world();
    fs::create_dir_all(files.root.join(".larder/staged")).unwrap();
    let link = |name: &str, target: &str| {
        symlink(outside.path().join(target), files.root.join(".larder").join(name)).unwrap();
    };
    link(".gitignore", "made");
    link("journal.json", "precious");
    link("staged/directory", "");
    link("staged/file", "precious");
    files.edit("skill:pdf", &[(Field::License, "MIT")]).await.unwrap();
    for (name, target) in [("history.jsonl", "precious"), ("deployments.toml", "made")] {
        let _ = fs::remove_file(files.root.join(".larder").join(name));
        link(name, target);
        let refused = files.edit("skill:pdf", &[(Field::License, name)]).await;
        assert!(why(refused).starts_with(&format!(".larder/{name}")));
        fs::remove_file(files.root.join(".larder").join(name)).unwrap();
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.path().join("precious")).unwrap(), "mine");
}

#[tokio::test]
async fn a_planted_history_tells_at_most_what_a_history_may() {
    let files = world();
    let line = json!({
        "id": "1", "at": "2026-01-05T10:00:00Z", "artifact": "skill:pdf", "operation": "edit",
        "by": "x", "fields": [], "revision_before": null, "revision_after": null,
    });
    let noise = "x".repeat(100);
    files.write(".larder/history.jsonl", format!("{line}\n{noise}\n[]\n").repeat(1_000));
    let id = ArtifactId::parse("skill:pdf").unwrap();
    let told = files.files.history(&files.source().await, &id).await.unwrap();
    assert_eq!(told.len(), MAX_HISTORY);
    files.edit("skill:pdf", &[(Field::License, "MIT")]).await.unwrap();
    let told = files.files.history(&files.source().await, &id).await.unwrap();
    assert_eq!((told[0].by.as_str(), told[0].fields.len()), ("local", 1));
}

#[tokio::test]
async fn what_was_set_aside_is_in_every_report_until_somebody_deletes_it() {
    let files = world();
    files.write(".larder/journal.json", "{");
    files.edit("skill:pdf", &[(Field::License, "MIT")]).await.unwrap();
    for _ in 0..2 {
        let scan = files.scan().await;
        assert_eq!(scan.issues.len(), 1, "{:?}", scan.issues);
        assert_eq!(scan.issues[0].path, ".larder/conflicts/unfinished-1");
    }
    fs::remove_dir_all(files.root.join(".larder/conflicts")).unwrap();
    assert!(files.scan().await.issues.is_empty());
}
