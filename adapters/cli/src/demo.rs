//! A small collection to look around in, for somebody who has none yet.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use larder_filesystem::{FileSystemConfig, PlainDirectory};

use crate::{
    failure::Failure,
    settings::{DatabaseUrl, Settings},
};

/// The paths and the texts of files below `adapters/cli/demo`.
macro_rules! embedded {
    ($($path:literal)*) => { &[$(($path, include_str!(concat!("../demo/", $path)))),*] };
}

const FILES: &[(&str, &str)] = embedded! {
    "collections/pantry/agents/code-reviewer.md"
    "collections/pantry/agents/docs-editor.md"
    "collections/pantry/collection.lock"
    "collections/pantry/collection.toml"
    "collections/pantry/commands/changelog.md"
    "collections/pantry/commands/standup.md"
    "collections/pantry/hooks/format-on-save.json"
    "collections/pantry/mcp/weather.json"
    "collections/pantry/plugins/launch-kit/.claude-plugin/plugin.json"
    "collections/pantry/skills/accessible-forms/SKILL.md"
    "collections/pantry/skills/flaky-tests/SKILL.md"
    "collections/pantry/skills/incident-review/SKILL.md"
    "collections/pantry/skills/release-notes/SKILL.md"
    "collections/pantry/skills/sql-review/SKILL.md"
    "collections/pantry/skills/sql-review/references/locks.md"
    "workshop/.mcp.json"
    "workshop/agents/rubber-duck.md"
    "workshop/agents/security-auditor.md"
    "workshop/commands/db/seed.md"
    "workshop/commands/explain.md"
    "workshop/plugins/tdd/.claude-plugin/plugin.json"
    "workshop/plugins/tdd/skills/red-green/SKILL.md"
    "workshop/settings.json"
    "workshop/skills/meeting-notes/SKILL.md"
    "workshop/skills/regex-explainer/SKILL.md"
};

/// Lays the demo out in the data directory, and has Larder serve it and nothing else, from a
/// database beside it.
pub(crate) fn set_up(settings: &mut Settings) -> Result<(), Failure> {
    let data = settings.places.data_directory().ok_or_else(|| {
        Failure::Running("--demo needs XDG_DATA_HOME or HOME, to know where to write".to_owned())
    })?;
    let root = data.join("demo");
    lay_out(&root).map_err(|(path, error)| {
        Failure::new(&format!("{} cannot be written", path.display()), &error)
    })?;
    tracing::info!(path = %root.display(), "the files of the demo are here, for you to edit");

    settings.database = DatabaseUrl::sqlite(&data.join("demo.db"));
    settings.sources = FileSystemConfig {
        collections: vec![root.join("collections")],
        directories: vec![PlainDirectory {
            name: "workshop".to_owned(),
            path: root.join("workshop"),
            kind: None,
        }],
    };
    Ok(())
}

/// Writes the files, all of them or none, unless they are there: what somebody edited stays, and what
/// somebody deleted stays away.
fn lay_out(root: &Path) -> Result<(), (PathBuf, io::Error)> {
    if root.exists() {
        return Ok(());
    }
    let draft = root.with_extension("new");
    let written = FILES.iter().try_for_each(|(name, text)| write(&draft.join(name), text));
    let laid_out = written.and_then(|()| fs::rename(&draft, root));
    laid_out.map_err(|error| (root.to_owned(), error))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn files_below(directory: &Path) -> BTreeSet<PathBuf> {
        fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .flat_map(|path| if path.is_dir() { files_below(&path) } else { [path].into() })
            .collect()
    }

    #[test]
    fn every_file_of_the_demo_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
        let embedded: BTreeSet<_> = FILES.iter().map(|(path, _)| root.join(path)).collect();
        assert_eq!(embedded, files_below(&root));
    }

    #[test]
    fn a_second_start_leaves_edits_and_deletions_alone() {
        let data = tempfile::tempdir().unwrap();
        let root = data.path().join("demo");
        // One that was killed on its first start.
        write(&data.path().join("demo.new/workshop/settings.json"), "half").unwrap();
        lay_out(&root).unwrap();
        let edited = root.join("workshop/commands/explain.md");
        let deleted = root.join("workshop/settings.json");
        assert_ne!(fs::read_to_string(&deleted).unwrap(), "half");
        fs::write(&edited, "mine").unwrap();
        fs::remove_file(&deleted).unwrap();
        lay_out(&root).unwrap();
        assert_eq!(fs::read_to_string(&edited).unwrap(), "mine");
        assert!(!deleted.exists());
        fs::remove_dir_all(&root).unwrap();
        lay_out(&root).unwrap();
        assert!(deleted.exists(), "without any of it, it begins anew");
    }
}
