//! A small world of files, and one write of each kind in it, by the real adapter.

use std::{fs, path::Path, sync::Arc, time::Duration};

use larder::{
    domain::{
        caller::Caller,
        collection::{Layout, Source},
        deployment::{Action, DeployStrategy, SyncStrategy},
        edit::{Change, Field, MetadataEdit},
        id::{ArtifactId, SourceName},
        new_artifact::NewArtifact,
        writing::{Place, Precondition},
    },
    ports::{ArtifactDeployer, ArtifactWriter, Project, WriteError},
    testing::{FakeClock, at},
};
use larder_filesystem::{FileSystem, FileSystemConfig};

/// A kind of write, of an artifact of the collection `work`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Of a skill with frontmatter and copies in its manifest entry: two files.
    Edit,
    /// Of an MCP server: the manifest alone.
    EditEntry,
    /// Of a skill: a directory.
    CreateSkill,
    /// Of an agent: a file, and the directory that it is the first in.
    CreateCommand,
    /// Of a skill with a lock entry.
    Delete,
    /// Of that skill.
    Restore,
    /// Of a skill of two files.
    Deploy,
    /// Of a server, into a file that the project has already.
    DeployServer,
    /// Of hooks, into a file that the project has not.
    DeployHooks,
    /// Of that skill.
    Undeploy,
    /// Of that skill, of which the project has changed one file and added another.
    Sync,
    /// None: what a killed writer has left is finished.
    Tidy,
}

impl Operation {
    /// Every write.
    pub const ALL: [Self; 11] = [
        Self::Edit,
        Self::EditEntry,
        Self::CreateSkill,
        Self::CreateCommand,
        Self::Delete,
        Self::Restore,
        Self::Deploy,
        Self::DeployServer,
        Self::DeployHooks,
        Self::Undeploy,
        Self::Sync,
    ];

    /// The operation of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Tidy]).find(|operation| operation.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

const SKILL: &str =
    "---\n# Kept.\nname: pdf\ndescription: >-\n  Folded\n  text.\ntags: [a, b]\n---\n# PDF\n";

const MANIFEST_TEXT: &str = r#"# My collection.
[collection]
name = "work"
version = "1.0.0"
created = "2026-01-05T10:00:00"
updated = "2026-01-05T10:00:00"

[[artifacts]]
name = "pdf"
type = "skill"
path = "skills/pdf"
origin = "github"
added = "2026-01-05T10:00:00"

[artifacts.metadata]
description = "Stale."
x = 1 # kept

[[artifacts]]
name = "weather"
type = "mcp"
path = "mcp/weather.json"
origin = "local"
added = "2026-01-05T10:00:00"

[[artifacts]]
name = "fmt"
type = "hook"
path = "hooks/fmt.json"
origin = "local"
added = "2026-01-05T10:00:00"
"#;

const LOCK: &str =
    "[lock]\nversion = \"1.0.0\"\n\n[lock.entries.\"pdf::skill\"]\nresolved_sha = \"0f3c\"\n";

const HOOK: &str = r#"{"hooks": {"PostToolUse": [{"matcher": "Edit", "hooks": [{"type": "command", "command": "fmt"}]}]}}"#;

/// The manifest's place in the world.
pub const MANIFEST: &str = "collections/work/collection.toml";

/// The key for records of unfinished writes.
pub const JOURNAL_KEY: &str = "journal.key";

/// The key of another user.
pub const OTHER_KEY: &str = "other.key";

/// What somebody else adds to the manifest while a write goes on.
pub const SAVED: &str = "\n# Saved meanwhile.\n";

/// The collection's directory.
const COLLECTION: &str = "collections/work";

/// Files of a collection and of a project, as they are before an operation.
///
/// # Panics
/// When they cannot be written.
pub async fn prepare(root: &Path, operation: Operation) {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    write(MANIFEST, MANIFEST_TEXT);
    write("collections/work/collection.lock", LOCK);
    write("collections/work/skills/pdf/SKILL.md", SKILL);
    write("collections/work/skills/pdf/references/forms.md", "Forms.\n");
    write(
        "collections/work/mcp/weather.json",
        "{\"command\": \"npx\", \"env\": {\"TOKEN\": \"s\"}}",
    );
    write("collections/work/hooks/fmt.json", HOOK);
    write(
        "project/.mcp.json",
        "{\n  // mine\n  \"mcpServers\": {\"own\": {\"command\": \"x\"}}\n}\n",
    );
    write("project/.claude/agents/own.md", "Own.\n");
    let first = match operation {
        Operation::Restore => Some(Operation::Delete),
        Operation::Undeploy | Operation::Sync => Some(Operation::Deploy),
        _ => None,
    };
    if let Some(first) = first {
        run(root, first).await.expect("the operation before");
    }
    if operation == Operation::Sync {
        write("project/.claude/skills/pdf/SKILL.md", &SKILL.replace("# PDF", "# PDF, better"));
        write("project/.claude/skills/pdf/references/new.md", "New.\n");
    }
}

/// Takes one operation.
///
/// # Panics
/// When the world was not prepared for it.
pub async fn run(root: &Path, operation: Operation) -> Result<(), WriteError> {
    run_as(root, operation, JOURNAL_KEY).await
}

/// The same, as a user whose key for records of unfinished writes is in that file of the root.
///
/// # Panics
/// When the world was not prepared for it.
pub async fn run_as(root: &Path, operation: Operation, key: &str) -> Result<(), WriteError> {
    let config =
        FileSystemConfig { collections: vec![root.join("collections")], directories: Vec::new() };
    let files =
        FileSystem::new(config, Arc::new(FakeClock::at(at(0)))).with_journal_key(root.join(key));
    let name = SourceName::new("work").expect("a name");
    let path = root.join(COLLECTION).to_string_lossy().into_owned();
    let source = Source { name, root: path, layout: Layout::Managed };
    let place = |id: &str, path: &str| Place {
        source: source.clone(),
        id: ArtifactId::parse(id).expect("an id"),
        path: path.to_owned(),
    };
    let skill = || place("skill:pdf", "skills/pdf/SKILL.md");
    let any = Precondition::any();
    let project = Project {
        path: root.join("project").to_string_lossy().into_owned(),
        within: Some(vec![root.to_string_lossy().into_owned()]),
    };
    let transfer = |place: Place, action: Action| {
        let (files, project) = (files.clone(), project.clone());
        async move { files.transfer(&place, &project, action, Caller::LOCAL).await.map(drop) }
    };
    let deploy = Action::Deploy(DeployStrategy::Merge);
    match operation {
        Operation::Edit => files.edit(&skill(), &edit(), &any, Caller::LOCAL).await.map(drop),
        Operation::EditEntry => {
            let server = place("mcp:weather", "mcp/weather.json");
            files.edit(&server, &edit(), &any, Caller::LOCAL).await.map(drop)
        }
        Operation::CreateSkill => {
            files.create(&source, &new("skill"), Caller::LOCAL).await.map(drop)
        }
        Operation::CreateCommand => {
            files.create(&source, &new("command"), Caller::LOCAL).await.map(drop)
        }
        Operation::Delete => files.delete(&skill(), &any, Caller::LOCAL).await.map(drop),
        Operation::Restore => {
            let item = files.trash(&source).await?.remove(0);
            files.restore(&source, &item.id, Caller::LOCAL).await.map(drop)
        }
        Operation::Deploy => transfer(skill(), deploy).await,
        Operation::DeployServer => transfer(place("mcp:weather", "mcp/weather.json"), deploy).await,
        Operation::DeployHooks => transfer(place("hook:fmt", "hooks/fmt.json"), deploy).await,
        Operation::Undeploy => transfer(skill(), Action::Undeploy).await,
        Operation::Sync => transfer(skill(), Action::Sync(SyncStrategy::Manual)).await,
        Operation::Tidy => files.tidy(&source, Duration::from_hours(24)).await,
    }
}

fn edit() -> MetadataEdit {
    MetadataEdit::new([
        (Field::Description, Change::Text("Short: and new.".to_owned())),
        (Field::Tags, Change::List(vec!["b".to_owned(), "c".to_owned()])),
    ])
    .expect("an edit")
}

fn new(kind: &str) -> NewArtifact {
    NewArtifact::new(kind, "new-one", Ok(edit()), vec!["Read".to_owned()], "# New\n".to_owned())
        .expect("a new artifact")
}
