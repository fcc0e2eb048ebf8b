//! Deleted artifacts: `.larder/trash/<id>/` with the record of what was deleted, and the files.

use std::io;

use larder::domain::{Timestamp, revision::Revision, writing::TrashItem};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::tree::Tree;
use crate::files::Root;

/// The directory, among Larder's own.
pub(crate) const TRASH: &str = "trash";

/// In the directory of a deleted artifact: the record, and the directory of its files.
pub(super) const RECORD: &str = "record.json";
pub(super) const FILES: &str = "files";

/// What is needed to put a deleted artifact back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) item: TrashItem,
    /// Its revision then, and again once it is restored.
    pub(super) revision: Revision,
    /// Its manifest entry, as it was written.
    pub(super) entry: String,
    /// The groups of the manifest that it was in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
    /// Its lock entry.
    pub(super) lock_entry: Option<String>,
    /// What was moved, relative to the root: the artifact's directory or file. `None` when nothing
    /// was there, or when other entries name the same file.
    pub(super) moved: Option<String>,
}

/// What is in the trash, the latest first.
pub(super) fn items(root: &Root) -> Vec<TrashItem> {
    let trash = format!("{}/{TRASH}", super::SOURCE_STATE);
    let mut items: Vec<TrashItem> = root
        .names(&trash)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| record(root, &trash, name))
        .map(|record| record.item)
        .collect();
    items.sort_by(|a, b| b.id.cmp(&a.id));
    items
}

fn record(root: &Root, trash: &str, name: &str) -> Option<Record> {
    let bytes = root.read_own(&format!("{trash}/{name}/{RECORD}")).ok()?;
    let record: Record = serde_json::from_slice(&bytes).ok()?;
    // A record that was put under another name speaks of something else.
    (record.item.id == name).then_some(record)
}

/// One deleted artifact.
pub(super) fn find(tree: &Tree, id: &str) -> Option<Record> {
    record(&tree.root, &tree.own(TRASH), id)
}

/// Whether anything was deleted before that moment.
pub(super) fn has_older(root: &Root, before: Option<Timestamp>) -> io::Result<bool> {
    let Some(before) = before else { return Ok(false) };
    let names = root.names(&format!("{}/{TRASH}", super::SOURCE_STATE))?;
    Ok(names.iter().any(|name| is_older(name, before)))
}

/// Removes for good what was deleted before that moment. An item that cannot be removed does not
/// keep the others.
pub(super) fn sweep(tree: &Tree, before: Timestamp) -> io::Result<()> {
    for id in tree.names(&tree.own(TRASH))?.iter().filter(|name| is_older(name, before)) {
        match tree.remove_all(&tree.own(&format!("{TRASH}/{id}"))) {
            Ok(()) => tracing::info!(id, "removed from the trash"),
            Err(error) => tracing::warn!(%error, id, "a deleted artifact stays in the trash"),
        }
    }
    Ok(())
}

/// The id tells when it was made; what has no such name is not Larder's, and stays.
fn is_older(name: &str, before: Timestamp) -> bool {
    let millis = u64::try_from(before.timestamp_millis()).unwrap_or(0);
    name.parse::<Ulid>().is_ok_and(|id| id.timestamp_ms() < millis)
}
