//! Deployments that SkillMeat has recorded in projects: read, and never written.

use std::collections::VecDeque;

use larder::domain::{
    deployment::{DeployedBy, DeployedFile, DeployedState, Deployment, ProjectName},
    id::ArtifactId,
};
use rustix::fs::FileType;
use serde::Deserialize;
use toml::{Table, Value};

use super::pieces::{MAX_BYTES, MAX_FILES};
use crate::{
    files::{Refusal, Root, normal},
    managed,
};

/// SkillMeat's record of a project, relative to it.
const RECORD: &str = ".claude/.skillmeat-deployed.toml";

/// Most directories that are looked at to find projects, and how far below a root they lie.
const MAX_DIRECTORIES: usize = 1_000;
const MAX_DEPTH: usize = 2;

/// One artifact in a record.
#[derive(Deserialize)]
struct Recorded {
    artifact_name: String,
    artifact_type: String,
    from_collection: String,
    deployed_at: String,
    artifact_path: String,
    content_hash: Option<String>,
    /// The name of the hash in older records.
    collection_sha: Option<String>,
    /// Where the path begins; without it `.claude`.
    profile_root_dir: Option<String>,
}

/// The projects in a root that have such a record, with their paths below it. Links are not
/// followed.
pub(super) fn projects(root: &Root) -> Vec<(Root, String)> {
    let mut found = Vec::new();
    let (mut queue, mut seen) = (VecDeque::from([(String::new(), 0)]), 0);
    while let Some((path, depth)) = queue.pop_front().filter(|_| seen < MAX_DIRECTORIES) {
        seen += 1;
        let Ok(directory) = root.below(&path) else { continue };
        if depth < MAX_DEPTH {
            let names = directory.names("").unwrap_or_default();
            let names = names.iter().filter(|name| !name.starts_with('.'));
            let is_directory = |name: &&String| {
                type_of(&directory, name).ok().flatten() == Some(FileType::Directory)
            };
            queue.extend(names.filter(is_directory).map(|name| {
                let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                (below, depth + 1)
            }));
        }
        if type_of(&directory, RECORD).is_ok_and(|it| it == Some(FileType::RegularFile)) {
            found.push((directory, path));
        }
    }
    found
}

/// What is at a path, a link itself included; `None` when nothing is there.
fn type_of(root: &Root, path: &str) -> Result<Option<FileType>, Refusal> {
    Ok(root.entry(path)?.map(|stat| FileType::from_raw_mode(stat.st_mode)))
}

/// What the record of a project says of one artifact of a collection.
pub(super) fn deployment(
    root: &Root,
    name: ProjectName,
    id: &ArtifactId,
    collection: &str,
) -> Option<Deployment> {
    let (_, bytes) = root.read(RECORD).ok()?;
    let mut record: Table = std::str::from_utf8(&bytes).ok()?.parse().ok()?;
    let Some(Value::Array(items)) = record.remove("deployed") else { return None };
    let recorded = items.into_iter().filter_map(|item| item.try_into::<Recorded>().ok());
    let is_it = |it: &Recorded| {
        let name = it.artifact_name.strip_suffix(".md").unwrap_or(&it.artifact_name);
        name == id.name()
            && it.artifact_type == id.kind().as_str()
            && it.from_collection == collection
    };
    let recorded = recorded.into_iter().find(is_it)?;
    let below = recorded.profile_root_dir.as_deref().unwrap_or(".claude");
    let path = normal(&format!("{below}/{}", recorded.artifact_path))?;
    let state = match (content_hash(root, &path), recorded.content_hash.or(recorded.collection_sha))
    {
        (Ok(None), _) => DeployedState::Missing,
        (Ok(now), recorded) if now == recorded => DeployedState::Unchanged,
        _ => DeployedState::Changed,
    };
    Some(Deployment {
        artifact: id.clone(),
        project: name,
        deployed_by: DeployedBy::SkillMeat,
        deployed_at: managed::moment(&recorded.deployed_at)?,
        revision: None,
        files: vec![DeployedFile { path, state }],
    })
}

/// The hash of a file or directory as it is now; `None` if nothing is there. Links are left out.
fn content_hash(root: &Root, path: &str) -> Result<Option<String>, Refusal> {
    if type_of(root, path)?.is_none() {
        return Ok(None);
    }
    let (mut files, mut bytes_left) = (Vec::new(), MAX_BYTES as u64);
    let mut waiting = vec![String::new()];
    while let Some(below) = waiting.pop() {
        let at = format!("{path}/{below}").trim_end_matches('/').to_owned();
        match type_of(root, &at)? {
            Some(FileType::Directory) => {
                let inner = if below.is_empty() { below } else { below + "/" };
                waiting.extend(root.names(&at)?.iter().map(|name| format!("{inner}{name}")));
            }
            Some(FileType::RegularFile) => {
                let (_, bytes) = root.read_within(&at, bytes_left)?;
                bytes_left -= bytes.len() as u64;
                files.push((below, bytes));
            }
            _ => {}
        }
        if files.len() + waiting.len() > MAX_FILES {
            return Err(Refusal::TooLarge);
        }
    }
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    Ok(Some(managed::content_hash(&files)))
}
