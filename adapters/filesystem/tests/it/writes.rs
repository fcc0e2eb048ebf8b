//! Edits, creations, deletions and restorations of files, one process at a time.

use std::{fs, os::unix::fs::symlink, time::Duration};

use larder::{
    domain::{
        deployment::{Action, DeployStrategy, SyncStrategy},
        edit::{Change, Field, MetadataEdit},
        id::ArtifactId,
        new_artifact::NewArtifact,
        revision::Revision,
        writing::{Form, Operation, Place, Precondition, TrashItem, Written},
    },
    ports::{ArtifactDeployer, ArtifactWriter, Clock, Project, SourceError, WriteError},
};

use crate::support::Fixture;

const MANIFEST: &str = "# Mine.\r
[collection]\r
name = \"work\"\r
updated = '2026-01-05T10:00:00Z'\r
\r
[[artifacts]]\r
name = \"pdf\" # the best\r
type = \"skill\"\r
path = \"skills/pdf\"\r
license = \"MIT\"\r
\r
[[artifacts]]\r
name = \"weather\"\r
type = \"mcp\"\r
path = \"mcp/weather.json\"\r
\r
[[artifacts]]\r
name = \"kit\"\r
type = \"composite\"\r
path = \"plugins/kit\"\r
\r
[[artifacts]]\r
name = \"inner\"\r
type = \"skill\"\r
path = \"plugins/kit/skills/inner\"\r
\r
[[artifacts]]\r
name = \"twin\"\r
type = \"agent\"\r
path = \"skills/pdf/SKILL.md\"\r
\r
[[artifacts]]\r
name = \"out\"\r
type = \"skill\"\r
path = \"../out\"\r
\r
[[artifacts]]\r
name = \"gone\"\r
type = \"agent\"\r
path = \"agents/gone.md\"\r
\r
[[artifacts]]\r
name = \"all\"\r
type = \"skill\"\r
path = \".\"\r
";

fn world() -> Fixture {
    let files = Fixture::managed(MANIFEST);
    files.write(
        "skills/pdf/SKILL.md",
        "---\ndescription: first\nauthor: {name: Ada, mail: a@b}\n---\nbody",
    );
    files.write("mcp/weather.json", "{\"command\": \"npx\", \"description\": \"In the file.\"}");
    files.write("plugins/kit/.claude-plugin/plugin.json", "{\"name\": \"kit\"}");
    files.write("plugins/kit/skills/inner/SKILL.md", "---\ndescription: d\n---\n");
    fs::create_dir(files.root.join("../out")).unwrap();
    fs::write(files.root.join("../out/SKILL.md"), "---\ndescription: out\n---\n").unwrap();
    files
}

impl Fixture {
    pub(crate) async fn place(&self, id: &str, path: &str) -> Place {
        let id = ArtifactId::parse(id).unwrap();
        Place { source: self.source().await, id, path: path.to_owned() }
    }

    async fn edit_at(
        &self,
        id: &str,
        path: &str,
        changes: &[(Field, &str)],
        precondition: &Precondition,
    ) -> Result<Written, WriteError> {
        let change = |text: &str| match text {
            "" => Change::Clear,
            text => Change::Text(text.to_owned()),
        };
        let edit = MetadataEdit::new(changes.iter().map(|(field, text)| (*field, change(text))));
        let place = self.place(id, path).await;
        self.files.edit(&place, &edit.unwrap(), precondition, "local").await
    }

    pub(crate) async fn edit(
        &self,
        id: &str,
        changes: &[(Field, &str)],
    ) -> Result<Written, WriteError> {
        self.edit_at(id, "", changes, &Precondition::any()).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<TrashItem, WriteError> {
        let place = self.place(id, "").await;
        self.files.delete(&place, &Precondition::any(), "local").await
    }

    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }
}

pub(crate) fn why(outcome: Result<impl std::fmt::Debug, WriteError>) -> String {
    match outcome.unwrap_err() {
        WriteError::Unfit { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_edit_changes_its_values_and_the_date_and_nothing_else() {
    let files = world();
    let written = files
        .edit(
            "skill:pdf",
            &[
                (Field::Description, "second: it's"),
                (Field::Author, "Bob"),
                (Field::License, "ISC"),
            ],
        )
        .await
        .unwrap();
    assert_eq!(
        files.text("skills/pdf/SKILL.md"),
        "---\ndescription: \"second: it's\"\nauthor: {name: Bob, mail: a@b}\n---\nbody"
    );
    let expected = MANIFEST
        .replace("license = \"MIT\"", "license = \"ISC\"")
        .replace("2026-01-05T10:00:00Z", "2100-01-01T00:00:00Z");
    assert_eq!(files.text("collection.toml"), expected);
    let scanned = files.scan().await;
    let read = scanned.read.iter().find(|artifact| artifact.id == written.artifact.id).unwrap();
    assert_eq!(read.revision, written.artifact.revision, "a scan sees the same revision");

    let id = &written.artifact.id;
    let history = files.files.history(&files.source().await, id).await.unwrap();
    assert_eq!(history[0].revision_after.as_ref(), Some(&read.revision));
    assert_eq!(history[0].fields, [Field::Description, Field::Author, Field::License]);
}

#[tokio::test]
async fn an_edit_to_what_is_there_already_writes_nothing() {
    let files = world();
    let written = files.edit("skill:pdf", &[(Field::Description, "first")]).await.unwrap();
    assert!(!written.changed);
    assert_eq!(files.text("collection.toml"), MANIFEST);
    let written = files.edit("skill:pdf", &[(Field::License, "MIT"), (Field::Version, "")]).await;
    assert!(!written.unwrap().changed);
    assert_eq!(files.text("collection.toml"), MANIFEST);
    let (source, id) = (files.source().await, ArtifactId::parse("skill:pdf").unwrap());
    assert!(files.files.history(&source, &id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_precondition_is_compared_with_the_files() {
    let files = world();
    let seen = files.read("skill:pdf", None).await.unwrap().revision;
    files.write("skills/pdf/SKILL.md", "---\ndescription: by an editor\n---\n");
    let precondition = Precondition::new(None, Some(seen)).unwrap();
    let error =
        files.edit_at("skill:pdf", "", &[(Field::Version, "2")], &precondition).await.unwrap_err();
    let WriteError::Conflict { form: Form::Request, current } = error else { panic!("{error:?}") };
    assert_eq!(current.metadata.description.as_deref(), Some("by an editor"));
    let precondition = Precondition::new(None, Some(current.revision)).unwrap();
    files.edit_at("skill:pdf", "", &[(Field::Version, "2")], &precondition).await.unwrap();
    // An edit of the entry alone is another revision as well.
    let stale = Precondition::new(None, Some(Revision::stored("x"))).unwrap();
    assert!(files.edit_at("mcp:weather", "", &[(Field::Version, "2")], &stale).await.is_err());
}

#[tokio::test]
async fn an_artifact_without_frontmatter_is_edited_in_its_entry() {
    let files = world();
    let written = files.edit("mcp:weather", &[(Field::Author, "Ada")]).await.unwrap();
    assert_eq!(written.artifact.metadata.author.as_deref(), Some("Ada"));
    assert!(files.text("collection.toml").contains("author = \"Ada\"\r\n"));
    let written = files.edit("mcp:weather", &[(Field::Description, "x")]).await.unwrap();
    assert_eq!(written.artifact.metadata.description.as_deref(), Some("x"));
    let file = files.text("mcp/weather.json");
    assert_eq!(file, "{\"command\": \"npx\", \"description\": \"x\"}", "the file gives it");
    let written = files.edit("mcp:weather", &[(Field::Author, "")]).await.unwrap();
    assert_eq!(written.artifact.metadata.author, None);
}

#[tokio::test]
async fn a_plugin_is_edited_in_its_manifest_where_that_gives_the_value() {
    let files = world();
    let plugin = "plugins/kit/.claude-plugin/plugin.json";
    files.write(
        plugin,
        "{\n  \"name\": \"kit\",\n  \"author\": {\"name\": \"A\", \"url\": \"u\"},\n  \"keywords\": [\"k\"]\n}\n",
    );
    let tags = Change::List(vec!["x".into(), "y".into()]);
    let text = |text: &str| Change::Text(text.into());
    let edit = MetadataEdit::new([
        (Field::Author, text("B")),
        (Field::Tags, tags),
        (Field::License, text("MIT")),
    ]);
    let place = files.place("composite:kit", "").await;
    let edited =
        files.files.edit(&place, &edit.unwrap(), &Precondition::any(), "local").await.unwrap();
    assert_eq!(edited.artifact.metadata.author.as_deref(), Some("B"));
    assert_eq!(edited.artifact.metadata.tags, ["x", "y"]);
    let written: serde_json::Value = serde_json::from_str(&files.text(plugin)).unwrap();
    assert_eq!(written["author"], serde_json::json!({"name": "B", "url": "u"}));
    assert_eq!(written.get("license"), None, "what the file does not give stands in the entry");
    assert!(
        files
            .text("collection.toml")
            .contains("license = \"MIT\"\r\n\r\n[[artifacts]]\r\nname = \"inner\"")
    );
}

#[tokio::test]
async fn what_leads_out_or_is_gone_is_not_edited() {
    let files = world();
    symlink("../../../out/SKILL.md", files.root.join("skills/pdf/link.md")).unwrap();
    for id in ["skill:out", "agent:gone"] {
        let message = why(files.edit(id, &[(Field::Version, "2")]).await);
        assert!(message.starts_with("it cannot be edited as it is"), "{id}: {message}");
    }
    assert!(matches!(
        files.edit("skill:none", &[(Field::Version, "2")]).await,
        Err(WriteError::Missing)
    ));
    assert_eq!(files.text("../out/SKILL.md"), "---\ndescription: out\n---\n");
}

#[tokio::test]
async fn a_plain_artifact_is_edited_in_its_frontmatter_alone() {
    let files = Fixture::plain();
    files.write("agents/a.md", "# A\n\nNo frontmatter.\n");
    files.write(".mcp.json", "{\"mcpServers\": {\"x\": {\"command\": \"npx\"}}}");
    let edited = files
        .edit_at("agent:a", "agents/a.md", &[(Field::Version, "1.0")], &Precondition::any())
        .await
        .unwrap();
    assert_eq!(edited.artifact.metadata.version.as_deref(), Some("1.0"));
    assert_eq!(files.text("agents/a.md"), "---\nversion: \"1.0\"\n---\n# A\n\nNo frontmatter.\n");
    let server = files
        .edit_at("mcp:x", ".mcp.json#/mcpServers/x", &[(Field::Version, "1")], &Precondition::any())
        .await;
    assert!(why(server).contains("change its JSON file"));
    let place = files.place("agent:a", "agents/a.md").await;
    let deleted = files.files.delete(&place, &Precondition::any(), "local").await;
    assert!(why(deleted).contains("plain directory"));
    assert!(files.root.join("agents/a.md").exists());
    let scan = files.scan().await;
    assert_eq!(crate::support::ids(&scan), ["agent:a", "mcp:x"], "Larder's own files are none");
}

#[tokio::test]
async fn a_repaired_file_is_valid_and_says_the_same() {
    let files = Fixture::plain();
    files.write(
        "commands/c.md",
        "---\nargument-hint: [a] | --x\ndescription: Use when: x\n---\nb\n",
    );
    let edited = files
        .edit_at("command:c", "commands/c.md", &[(Field::Version, "2")], &Precondition::any())
        .await
        .unwrap();
    assert_eq!(edited.artifact.health, larder::domain::artifact::Health::Ok);
    assert_eq!(edited.artifact.metadata.description.as_deref(), Some("Use when: x"));
    files.write("commands/d.md", "---\nname: a\nname: b\n---\n");
    let refused = files
        .edit_at("command:d", "commands/d.md", &[(Field::Version, "2")], &Precondition::any())
        .await;
    let WriteError::Unfit { message, line } = refused.unwrap_err() else { panic!() };
    assert!(message.contains("cannot be edited safely") && line.is_some(), "{message} {line:?}");
    assert_eq!(files.text("commands/d.md"), "---\nname: a\nname: b\n---\n");
}

#[tokio::test]
async fn a_deleted_artifact_comes_back_as_it_was() {
    let files = world();
    files.write(
        "collection.lock",
        "[lock]\n[lock.entries.\"inner::skill\"]\nresolved_sha = \"s\"\n",
    );
    let before = files.read("skill:inner", None).await.unwrap();
    let item = files.delete("skill:inner").await.unwrap();
    assert!(!files.root.join("plugins/kit/skills/inner").exists());
    assert!(!files.text("collection.toml").contains("inner"));
    assert!(!files.text("collection.lock").contains("inner"));
    let source = files.source().await;
    assert_eq!(files.files.trash(&source).await.unwrap(), std::slice::from_ref(&item));

    let restored = files.files.restore(&source, &item.id, "local").await.unwrap();
    assert_eq!(restored.artifact.revision, before.revision);
    assert_eq!(restored.artifact.provenance, before.provenance);
    assert!(files.files.trash(&source).await.unwrap().is_empty());
    let again = files.files.restore(&source, &item.id, "local").await;
    assert!(matches!(again, Err(WriteError::Missing)));
    let told = files.files.history(&source, &before.id).await.unwrap();
    let operations: Vec<_> = told.iter().map(|entry| entry.operation).collect();
    assert_eq!(operations, [Operation::Restore, Operation::Delete], "the latest first");
    assert_eq!(told[0].revision_after, Some(before.revision));
}

#[tokio::test]
async fn a_deletion_takes_what_is_the_artifacts_alone() {
    let files = world();
    let message = why(files.delete("composite:kit").await);
    assert!(message.contains("skill:inner"), "{message}");
    let message = why(files.delete("skill:all").await);
    assert!(message.contains("the collection itself"), "{message}");
    files.delete("agent:twin").await.unwrap();
    assert!(
        files.root.join("skills/pdf/SKILL.md").exists() || files.root.join("skills/pdf").exists()
    );
    files.delete("skill:out").await.unwrap();
    assert!(files.root.join("../out/SKILL.md").exists(), "what lies outside is not touched");
    files.delete("agent:gone").await.unwrap();
    assert!(!files.text("collection.toml").contains("gone"));
}

#[tokio::test]
async fn what_has_taken_the_place_stays_and_nothing_is_restored() {
    let files = world();
    let item = files.delete("skill:inner").await.unwrap();
    files.write("plugins/kit/skills/inner/SKILL.md", "new");
    let source = files.source().await;
    let restored = files.files.restore(&source, &item.id, "local").await;
    assert!(matches!(restored, Err(WriteError::Exists(_))));
    for id in ["../../etc", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "x"] {
        let restored = files.files.restore(&source, id, "local").await;
        assert!(matches!(restored, Err(WriteError::Missing)), "{id}");
    }
}

#[tokio::test]
async fn the_trash_is_emptied_after_its_time() {
    let files = world();
    files.delete("skill:inner").await.unwrap();
    let source = files.source().await;
    files.clock.advance(Duration::from_hours(24 * 30));
    files.files.tidy(&source, Duration::from_hours(24 * 30)).await.unwrap();
    assert_eq!(files.files.trash(&source).await.unwrap().len(), 1);
    files.clock.advance(Duration::from_secs(1));
    files.files.tidy(&source, Duration::from_hours(24 * 30)).await.unwrap();
    assert!(files.files.trash(&source).await.unwrap().is_empty());
    assert_eq!(fs::read_dir(files.root.join(".larder/trash")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_new_artifact_has_its_files_and_its_entry() {
    let files = world();
    let metadata = MetadataEdit::new([
        (Field::Description, Change::Text("Use when: x".into())),
        (Field::Tags, Change::List(vec!["a, b".into(), "c".into()])),
    ]);
    let tools = vec!["Read".to_owned(), "Bash(git log:*)".to_owned()];
    let new = NewArtifact::new("skill", "new-one", metadata, tools, "# New".into()).unwrap();
    let source = files.source().await;
    let written = files.files.create(&source, &new, "local").await.unwrap();
    assert_eq!(
        files.text("skills/new-one/SKILL.md"),
        "---\nname: new-one\nallowed-tools: [Read, \"Bash(git log:*)\"]\n\
         description: \"Use when: x\"\ntags: [\"a, b\", c]\n---\n\n# New\n"
    );
    let artifact = &written.artifact;
    assert_eq!(artifact.metadata.tags, ["a, b", "c"]);
    assert_eq!(artifact.metadata.tools, ["Read", "Bash(git log:*)"]);
    assert_eq!(artifact.added_at, Some(files.clock.now()));
    assert!(files.text("collection.toml").starts_with("# Mine.\r\n[collection]\r\n"));
    let again = files.files.create(&source, &new, "local").await;
    assert!(matches!(again, Err(WriteError::Exists(_))));
    let history = files.files.history(&source, &artifact.id).await.unwrap();
    assert_eq!(history[0].revision_after.as_ref(), Some(&artifact.revision));

    let metadata = MetadataEdit::new([(Field::Description, Change::Text("d".into()))]);
    let inner = NewArtifact::new("skill", "inner", metadata, Vec::new(), String::new()).unwrap();
    let again = files.files.create(&source, &inner, "local").await;
    assert!(matches!(again, Err(WriteError::Exists(_))), "another path has that id: {again:?}");

    fs::create_dir_all(files.root.join("skills/taken")).unwrap();
    let metadata = MetadataEdit::new([(Field::Description, Change::Text("d".into()))]);
    let taken = NewArtifact::new("skill", "taken", metadata, Vec::new(), String::new()).unwrap();
    assert!(matches!(
        files.files.create(&source, &taken, "local").await,
        Err(WriteError::Exists(_))
    ));
}

#[tokio::test]
async fn a_write_on_an_empty_mount_point_makes_nothing() {
    for files in [Fixture::plain(), Fixture::managed(MANIFEST)] {
        files.write("skills/pdf/SKILL.md", "---\ndescription: d\n---\n");
        files.scan().await;
        let place = files.place("skill:pdf", "skills/pdf/SKILL.md").await;
        let source = place.source.clone();
        fs::remove_dir_all(&files.root).unwrap();
        fs::create_dir(&files.root).unwrap();
        let change = (Field::Description, Change::Text("new".to_owned()));
        let edit = MetadataEdit::new([change]).unwrap();
        let any = Precondition::any();
        let edited = files.files.edit(&place, &edit, &any, "local").await;
        assert!(matches!(edited, Err(WriteError::Missing)), "{edited:?}");
        assert!(files.files.delete(&place, &any, "local").await.is_err());
        assert!(files.files.create(&source, &agent("a"), "local").await.is_err());
        let trash_id = "00000000010000000000000000";
        assert!(files.files.restore(&source, trash_id, "local").await.is_err());
        files.files.tidy(&source, Duration::ZERO).await.unwrap();
        assert_eq!(fs::read_dir(&files.root).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn nothing_is_written_in_a_directory_that_another_process_was_given() {
    let (own, other) = (world(), world());
    other.delete("mcp:weather").await.unwrap();
    let before = other.text("collection.toml");
    let trash_id = other.files.trash(&other.source().await).await.unwrap().remove(0).id;
    // What the database says once the other process has refreshed its source of the same name.
    let source = other.source().await;
    assert_eq!(source.name, own.source().await.name);
    let place = other.place("skill:pdf", "").await;
    let change = (Field::Description, Change::Text("new".to_owned()));
    let edit = MetadataEdit::new([change]).unwrap();
    let any = Precondition::any();
    let project = tempfile::tempdir().unwrap();
    let path = project.path().to_string_lossy().into_owned();
    let project_of = Project { path, within: None };
    let refused = [
        own.files.edit(&place, &edit, &any, "a").await.map(drop),
        own.files.create(&source, &agent("a"), "a").await.map(drop),
        own.files.delete(&place, &any, "a").await.map(drop),
        own.files.restore(&source, &trash_id, "a").await.map(drop),
        own.files.tidy(&source, Duration::ZERO).await,
        own.files
            .transfer(&place, &project_of, Action::Deploy(DeployStrategy::Merge), "a")
            .await
            .map(drop),
        own.files
            .transfer(&place, &project_of, Action::Sync(SyncStrategy::Theirs), "a")
            .await
            .map(drop),
    ];
    for outcome in refused {
        let error = outcome.unwrap_err();
        assert!(matches!(error, WriteError::Source(SourceError::Foreign { .. })), "{error:?}");
        let told = error.to_string();
        assert!(told.contains("source work") && !told.contains('/'), "{told}");
    }
    assert_eq!(other.text("collection.toml"), before);
    assert_eq!(other.files.trash(&source).await.unwrap().len(), 1);
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_entry_of_gits_files_is_not_moved_into_the_trash() {
    let entry = "[[artifacts]]\nname = \"config\"\ntype = \"skill\"\npath = \".git\"\n\
                 [[artifacts]]\nname = \"linked\"\ntype = \"skill\"\npath = \"link/hooks\"\n";
    let files = Fixture::managed(entry);
    files.write(".git/SKILL.md", "---\ndescription: d\n---\n");
    files.write(".git/hooks/SKILL.md", "---\ndescription: d\n---\n");
    files.link("link", ".git");
    for id in ["skill:config", "skill:linked"] {
        assert!(why(files.delete(id).await).contains("correct its entry"), "{id}");
        assert!(why(files.edit(id, &[(Field::Description, "x")]).await).contains(".git"), "{id}");
    }
    assert!(files.root.join(".git/hooks/SKILL.md").exists());
}

fn agent(name: &str) -> NewArtifact {
    let metadata = MetadataEdit::new([(Field::Description, Change::Text("d".to_owned()))]);
    NewArtifact::new("agent", name, metadata, Vec::new(), String::new()).unwrap()
}
