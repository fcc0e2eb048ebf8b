//! SkillMeat keeps the same files: what it writes is read, and what it reads is written.

use std::{fs, path::Path};

use larder::{
    domain::{
        deployment::{DeployedBy, DeployedState},
        edit::{Change, Field, MetadataEdit},
        id::ArtifactId,
        new_artifact::NewArtifact,
        report::IssueKind,
        writing::{Place, Precondition},
    },
    ports::{ArtifactDeployer as _, ArtifactWriter as _, WriteError},
};
use toml::{Table, Value};

use crate::support::{Fixture, artifact, ids, issues, known};

const MANIFEST: &str = "[collection]
name = \"work\"
version = \"1.0.0\"
created = \"2026-01-05T10:00:00.123456\"
updated = \"2026-01-05T10:00:00.123456\"

[[artifacts]]
name = \"pdf\"
type = \"skill\"
path = \"skills/pdf\"
origin = \"local\"
added = \"2026-01-05T10:00:00.123456\"

[[artifacts]]
name = \"tutor\"
type = \"agent\"
path = \"agents/tutor.md\"
origin = \"local\"
added = \"2026-01-05T10:00:00.123456\"

[artifacts.metadata]
description = \"Old.\"

[[mcp_servers]]
name = \"files\"
repo = \"anthropics/mcp-filesystem\"
version = \"latest\"
description = \"Reads files.\"
installed_at = \"2026-01-06T10:00:00\"
status = \"installed\"
resolved_sha = \"0f3c\"

[mcp_servers.env_vars]
API_TOKEN = \"s3cret\"

[[groups]]
name = \"daily\"
members = [
    \"skill:pdf\",
    \"agent:tutor\",
]
";

fn world() -> Fixture {
    let files = Fixture::managed(MANIFEST);
    files.write("skills/pdf/SKILL.md", "---\ndescription: Fills forms.\n---\n# PDF\n");
    files.write("agents/tutor.md", "---\ndescription: Teaches.\n---\n# Tutor\n");
    files
}

impl Fixture {
    async fn place_of(&self, id: &str) -> Place {
        let id = ArtifactId::parse(id).unwrap();
        Place { source: self.source().await, id, path: String::new() }
    }

    async fn put(&self, id: &str, changes: Vec<(Field, Change)>) -> Result<(), WriteError> {
        let (place, edit) = (self.place_of(id).await, MetadataEdit::new(changes).unwrap());
        self.files.edit(&place, &edit, &Precondition::any(), "local").await.map(drop)
    }

    fn manifest(&self) -> Table {
        fs::read_to_string(self.root.join("collection.toml")).unwrap().parse().unwrap()
    }

    fn entry(&self, index: usize) -> Value {
        self.manifest()["artifacts"][index].clone()
    }
}

fn text(text: &str) -> Change {
    Change::Text(text.to_owned())
}

fn new(kind: &str, name: &str) -> NewArtifact {
    let metadata = MetadataEdit::new([
        (Field::Description, text("d")),
        (Field::Tags, Change::List(vec!["a".into(), "b".into()])),
    ]);
    NewArtifact::new(kind, name, metadata, Vec::new(), "# New\n".into()).unwrap()
}

#[tokio::test]
async fn an_edit_sets_the_copies_that_the_entry_has() {
    let files = world();
    let changes =
        vec![(Field::Description, text("New.\nIn two lines.")), (Field::Author, text("A"))];
    files.put("agent:tutor", changes).await.unwrap();
    let expected: Table = "description = \"New.\\nIn two lines.\"\n".parse().unwrap();
    assert_eq!(files.entry(1)["metadata"], expected.into());
    files.put("agent:tutor", vec![(Field::Description, Change::Clear)]).await.unwrap();
    assert!(files.entry(1).get("metadata").is_none_or(|it| it.get("description").is_none()));
    assert_eq!(files.manifest()["mcp_servers"][0]["env_vars"]["API_TOKEN"], "s3cret".into());
}

#[tokio::test]
async fn a_new_artifact_has_its_tags_once_and_a_lock_entry() {
    let files = world();
    let source = files.source().await;
    for (kind, name) in [("agent", "one"), ("skill", "two")] {
        let made = files.files.create(&source, &new(kind, name), "local").await.unwrap();
        let entries = files.manifest()["artifacts"].as_array().unwrap().clone();
        let entry = entries.last().unwrap();
        assert_eq!(entry["tags"], Value::from(vec!["a", "b"]));
        assert_eq!(
            entry["metadata"].as_table().unwrap().keys().collect::<Vec<_>>(),
            ["description"]
        );
        let history = files.files.history(&source, &made.artifact.id).await.unwrap();
        assert_eq!(history[0].revision_after.as_ref(), Some(&made.artifact.revision));
    }
    let lock: Table =
        fs::read_to_string(files.root.join("collection.lock")).unwrap().parse().unwrap();
    let entries = lock["lock"]["entries"].as_table().unwrap();
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["one::agent", "two::skill"]);
    for entry in entries.values() {
        assert_eq!(entry["content_hash"].as_str().unwrap().len(), 64);
        assert!(entry["fetched"].as_str().unwrap().starts_with("2100-01-01T00:00:00"));
    }
}

#[tokio::test]
async fn its_servers_are_read_with_their_secrets_masked_and_never_written() {
    let files = world();
    let scan = files.scan().await;
    assert_eq!(ids(&scan), ["agent:tutor", "mcp:files", "skill:pdf"]);
    let server = artifact(&scan, "mcp:files");
    assert_eq!(server.metadata.description.as_deref(), Some("Reads files."));
    assert_eq!(server.provenance.source.as_deref(), Some("anthropics/mcp-filesystem"));
    assert_eq!(server.provenance.version_spec.as_deref(), Some("latest"));
    assert_eq!(server.provenance.resolved_sha.as_deref(), Some("0f3c"));
    assert_eq!(server.metadata.extra["env_vars"]["API_TOKEN"], "***");
    assert_eq!(server.metadata.extra["status"], "installed");
    let content = files.content("mcp:files", &server.path).await.unwrap();
    assert!(
        content.contains("\"repo\": \"anthropics/mcp-filesystem\"")
            && content.contains("API_TOKEN")
    );
    assert!(!content.contains("s3cret") && !format!("{server:?}").contains("s3cret"));
    assert_eq!(files.read("mcp:files", None).await.as_ref(), Some(server));
    assert!(files.rescan(&known(&scan), scan.manifest_hash.clone()).await.read.is_empty());

    let refused = files.put("mcp:files", vec![(Field::License, text("MIT"))]).await.unwrap_err();
    assert!(refused.to_string().contains("[[mcp_servers]]"), "{refused}");
    files.put("mcp:files", vec![(Field::Description, text("Reads files."))]).await.unwrap();
    let place = files.place_of("mcp:files").await;
    let refused = files.files.delete(&place, &Precondition::any(), "local").await.unwrap_err();
    assert!(refused.to_string().contains("[[mcp_servers]]"), "{refused}");
    assert_eq!(files.manifest(), MANIFEST.parse().unwrap());
}

#[tokio::test]
async fn an_entry_that_was_dropped_while_its_files_stayed_is_reported_and_named_by_a_creation() {
    let files = world();
    let source = files.source().await;
    files.files.create(&source, &new("skill", "dropped"), "local").await.unwrap();
    assert!(files.scan().await.issues.is_empty());
    files.write("collection.toml", MANIFEST);
    files.write("commands/left.md", "---\ndescription: d\n---\n");
    files.write("commands/README.md", "# Commands\n");
    fs::create_dir_all(files.root.join("skills/empty")).unwrap();
    let scan = files.scan().await;
    assert_eq!(
        issues(&scan),
        [(IssueKind::Unlisted, "commands/left.md"), (IssueKind::Unlisted, "skills/dropped")]
    );
    let ids: Vec<_> =
        scan.issues.iter().map(|it| it.artifact_id.clone().unwrap().to_string()).collect();
    assert_eq!(ids, ["command:left", "skill:dropped"]);
    let again = files.files.create(&source, &new("skill", "dropped"), "local").await.unwrap_err();
    assert!(matches!(again, WriteError::Exists(_)), "{again:?}");
    let told = again.to_string();
    assert!(told.contains("skills/dropped") && told.contains("does not list"), "{told}");
}

#[tokio::test]
async fn a_deleted_artifact_leaves_its_groups_and_comes_back_to_them() {
    let files = world();
    let source = files.source().await;
    let place = files.place_of("skill:pdf").await;
    let item = files.files.delete(&place, &Precondition::any(), "local").await.unwrap();
    assert_eq!(files.manifest()["groups"][0]["members"], Value::from(vec!["agent:tutor"]));
    files.files.restore(&source, &item.id, "local").await.unwrap();
    let members = Value::from(vec!["agent:tutor", "skill:pdf"]);
    assert_eq!(files.manifest()["groups"][0]["members"], members);
}

#[tokio::test]
async fn its_deployments_are_read_from_the_projects_and_marked_as_its_own() {
    let files = world();
    let roots = tempfile::tempdir().unwrap();
    let project = |path: &str| roots.path().join("team/shop/.claude").join(path);
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let record = |hash: &str| {
        format!(
            "[[deployed]]\nartifact_name = \"pdf\"\nartifact_type = \"skill\"\n\
             from_collection = \"work\"\ndeployed_at = \"2026-02-03T04:05:06.000007\"\n\
             artifact_path = \"skills/pdf\"\ncontent_hash = \"{hash}\"\n\
             local_modifications = false\n\n[[deployed]]\nartifact_name = \"odd\"\n\n\
             [[deployed]]\nartifact_name = \"tutor.md\"\nartifact_type = \"agent\"\n\
             from_collection = \"work\"\ndeployed_at = \"2026-02-03T04:05:06\"\n\
             artifact_path = \"../../../etc/passwd\"\ncollection_sha = \"{hash}\"\n"
        )
    };
    write(&project("skills/pdf/SKILL.md"), "1");
    write(&project("skills/pdf/b/c.md"), "2");
    // Of "SKILL.md1b/c.md2".
    let hash = "4352bf278bc099e0225357a5a685a996bd39bfdf4b930f9cd0f9abe9834c3cff";
    write(&project(".skillmeat-deployed.toml"), &record(hash));
    let within = [roots.path().to_str().unwrap().to_owned()];
    let listed =
        async |id: &str| files.files.deployments(&files.place_of(id).await, &within).await.unwrap();
    let deployments = listed("skill:pdf").await;
    assert_eq!(deployments.len(), 1);
    let deployment = &deployments[0];
    assert_eq!(deployment.deployed_by, DeployedBy::SkillMeat);
    assert_eq!((deployment.project.path.as_str(), &deployment.revision), ("team/shop", &None));
    assert_eq!(deployment.deployed_at.to_rfc3339(), "2026-02-03T04:05:06.000007+00:00");
    assert_eq!(deployment.files[0].path, ".claude/skills/pdf");
    assert_eq!(deployment.files[0].state, DeployedState::Unchanged);
    assert!(listed("agent:tutor").await.is_empty(), "its path leads out of the project");

    write(&project("skills/pdf/SKILL.md"), "changed");
    assert_eq!(listed("skill:pdf").await[0].files[0].state, DeployedState::Changed);
    fs::remove_dir_all(project("skills/pdf")).unwrap();
    assert_eq!(listed("skill:pdf").await[0].files[0].state, DeployedState::Missing);
    assert_eq!(fs::read_to_string(project(".skillmeat-deployed.toml")).unwrap(), record(hash));
    fs::write(project(".skillmeat-deployed.toml"), "no toml [").unwrap();
    assert!(listed("skill:pdf").await.is_empty());
}
