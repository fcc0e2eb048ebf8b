//! Files at the usual places of artifacts that no entry of the manifest lists.

use std::collections::HashSet;

use larder::domain::{
    id::{ArtifactId, ArtifactKind},
    report::{Issue, IssueKind},
};
use rustix::fs::FileType;

use super::entry::Entry;
use crate::{
    FileKind,
    files::{Root, normal},
    plain::{is_artifact, is_skill_file, stem},
    reading::is_markdown,
    rows::shown,
};

/// Reports what looks like an artifact and is in no entry. Programs that keep the whole manifest in
/// memory drop the entries that were added after they read it.
pub(super) fn issues(root: &Root, listed: &[(ArtifactId, Entry)]) -> Vec<Issue> {
    // An entry may name a file inside a skill, or a directory that holds several.
    let place = |entry: &Entry| {
        let path = normal(entry.path()?)?;
        Some(path.split('/').take(2).collect::<Vec<_>>().join("/"))
    };
    let listed: HashSet<String> = listed.iter().filter_map(|(_, entry)| place(entry)).collect();
    let mut issues = Vec::new();
    let kinds = [
        (ArtifactKind::SKILL, "skills", None),
        (ArtifactKind::AGENT, "agents", Some(FileKind::Agent)),
        (ArtifactKind::COMMAND, "commands", Some(FileKind::Command)),
    ];
    for (kind, directory, file_kind) in kinds {
        if listed.contains(directory) {
            continue;
        }
        for name in root.names(directory).unwrap_or_default() {
            let path = format!("{directory}/{name}");
            let looks_like_one = || match file_kind {
                Some(kind) => {
                    is_markdown(&name) && is_artifact(&name, kind) && is_file(root, &path)
                }
                None => !name.starts_with('.') && is_skill(root, &path),
            };
            if listed.contains(&path) || !looks_like_one() {
                continue;
            }
            let name = if file_kind.is_some() { stem(&name) } else { &name };
            let id = ArtifactKind::new(kind).and_then(|kind| ArtifactId::new(&kind, name));
            issues.push(Issue {
                artifact_id: id.ok(),
                path: shown(&path),
                kind: IssueKind::Unlisted,
                message: format!(
                    "the {kind} is there, but collection.toml does not list it; another program \
                     may have dropped its entry: add an entry, or move the files away"
                ),
                line: None,
            });
        }
    }
    issues
}

fn is_file(root: &Root, path: &str) -> bool {
    let stat = root.entry(path).ok().flatten();
    stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file())
}

fn is_skill(root: &Root, path: &str) -> bool {
    root.names(path).is_ok_and(|names| names.iter().any(|name| is_skill_file(name)))
}
