//! What was written through Larder, a JSON object a line, only ever added to.

use std::io;

use larder::domain::{
    id::ArtifactId,
    writing::{HistoryEntry, MAX_HISTORY},
};

use super::{failure::Failure, recovery::SOURCE_STATE, tree::Tree};
use crate::files::Root;

/// The file, among Larder's own.
const HISTORY: &str = "history.jsonl";

/// How much of its end is read, at most: some 100,000 writes.
const MAX_READ: u64 = 32 * 1024 * 1024;

/// Adds a line, unless it is there already: who finishes another's write may come second.
pub(super) fn append(tree: &Tree, entry: &HistoryEntry) -> io::Result<()> {
    /// More than the longest line has.
    const TAIL: u64 = 64 * 1024;
    let path = tree.own(HISTORY);
    let tail = tree.root.read_end(&path, TAIL)?;
    if entries(&tail).any(|told| told.id == entry.id) {
        return Ok(());
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    if tail.last().is_some_and(|byte| *byte != b'\n') {
        // Somebody was killed in the middle of a line.
        line.insert(0, b'\n');
    }
    tree.append(&path, &line)
}

/// The last writes of an artifact, the latest first.
pub(crate) fn of(root: &Root, id: &ArtifactId) -> Result<Vec<HistoryEntry>, Failure> {
    let bytes = root.read_end(&format!("{SOURCE_STATE}/{HISTORY}"), MAX_READ)?;
    let mut told: Vec<HistoryEntry> =
        entries(&bytes).filter(|entry| entry.artifact == *id).collect();
    told.reverse();
    told.truncate(MAX_HISTORY);
    Ok(told)
}

/// The lines that can be read: the first may have been cut.
fn entries(bytes: &[u8]) -> impl Iterator<Item = HistoryEntry> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}
