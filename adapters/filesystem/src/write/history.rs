//! What was written through Larder, a JSON object a line, only ever added to.

use std::io;

use larder::{
    domain::{
        id::ArtifactId,
        writing::{HistoryEntry, MAX_HISTORY},
    },
    ports::WriteError,
};

use super::{failure::Failure, recovery::SOURCE_STATE, tree::Tree};
use crate::files::Root;

/// The file, among Larder's own.
const HISTORY: &str = "history.jsonl";

/// How much of its end is read, at most: some 100,000 writes.
const MAX_READ: u64 = 32 * 1024 * 1024;

/// Refuses to write where the history cannot be.
pub(super) fn check(tree: &Tree) -> Result<(), Failure> {
    let path = tree.own(HISTORY);
    if !tree.is_no_file(&path)? {
        return Ok(());
    }
    let message = format!("{path}, where the history of writes is kept, is no file: move it away");
    Err(WriteError::unfit(message).into())
}

/// Adds a line, unless it is there already: who finishes another's write may come second. Where no
/// history can be, the write is finished all the same.
pub(super) fn append(tree: &Tree, entry: &HistoryEntry) -> io::Result<()> {
    /// More than the longest line has.
    const TAIL: u64 = 64 * 1024;
    let path = tree.own(HISTORY);
    if tree.is_no_file(&path)? {
        tracing::error!(path, id = entry.id, "the history is no file: a write is not told there");
        return Ok(());
    }
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
