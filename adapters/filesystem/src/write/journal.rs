//! The record of a write that has been decided: whoever takes the lock next finishes it.

use std::io;

use blake3::Hash;
use larder::domain::writing::HistoryEntry;
use serde::{Deserialize, Serialize};

use super::{
    failure::{Failure, is_lasting},
    key::JournalKey,
    tree::{Like, Tree},
};
use crate::files::{Root, split};

/// The record's file, and its name while it is written.
pub(super) const JOURNAL: &str = "journal.json";
pub(super) const DRAFT: &str = "journal.new";

/// Where new contents wait, and what was replaced lies until the write is finished.
pub(crate) const STAGED: &str = "staged";

/// A write in steps, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    /// Unique; it sorts by time.
    pub(crate) id: String,
    pub(crate) steps: Vec<Step>,
    /// What the history gets.
    pub(crate) history: Option<HistoryEntry>,
}

/// One change of the tree with that root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) root: String,
    #[serde(flatten)]
    pub(crate) action: Action,
}

/// The two things that a file system does in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub(crate) enum Action {
    /// New content takes the place of what was read. Paths relative to the root, hashes of contents.
    Exchange { path: String, staged: String, before: String, after: String },
    /// A file or directory goes to where nothing is.
    Move {
        from: String,
        to: String,
        /// A file in it, relative to `to` (empty: itself), and the hash that it had when it was
        /// read.
        check: Option<(String, String)>,
    },
}

impl Action {
    /// The directories in which it changes what a name stands for, other than the exchanged
    /// content's own: what lies there afterwards is thrown away.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        let (one, other) = match self {
            Self::Exchange { path, .. } => (path, None),
            Self::Move { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(one).chain(other).map(|path| split(path).0)
    }
}

/// What a killed writer has left, or what somebody has put in its place.
#[derive(Debug)]
pub(super) enum Left {
    /// A record that a Larder with the same key has written for this tree.
    Proven(Journal),
    /// A record that anybody may have written: it can have come with a clone.
    Unproven(Journal),
    /// No record at all.
    Damaged,
}

impl Journal {
    /// Writes the record and its proof, a line each: from here on the write takes place.
    pub(crate) fn write(&self, tree: &Tree, key: &JournalKey) -> Result<(), Failure> {
        let mut bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        let proof = key.proof(&bytes, tree.lock_inode()?)?;
        bytes.extend_from_slice(format!("\n{proof}\n").as_bytes());
        let draft = tree.own(DRAFT);
        tree.unlink(&draft)?;
        tree.write_new(&draft, &bytes, &Like::New)?;
        tree.replace(&draft, &tree.own(JOURNAL))?;
        Ok(tree.sync(tree.own("").trim_end_matches('/'))?)
    }

    /// What was left in a tree; `None` when every write was finished.
    pub(super) fn read(tree: &Tree, key: &JournalKey) -> io::Result<Option<Left>> {
        let bytes = match tree.read(&tree.own(JOURNAL)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) if is_lasting(&error) => return Ok(Some(Left::Damaged)),
            Err(error) => return Err(error),
        };
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let (record, proof) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let Ok(journal) = serde_json::from_slice(record) else { return Ok(Some(Left::Damaged)) };
        let expected = key.proof(record, tree.lock_inode()?)?;
        let is_proven = Hash::from_hex(proof).is_ok_and(|proof| proof == expected);
        Ok(Some(if is_proven { Left::Proven(journal) } else { Left::Unproven(journal) }))
    }

    /// Whether there is a record among Larder's own files, which are in `state`.
    pub(crate) fn stands_in(root: &Root, state: &str) -> io::Result<bool> {
        Ok(root.entry(&format!("{state}/{JOURNAL}"))?.is_some())
    }

    /// Whether a record is in a tree, of whatever kind.
    pub(super) fn is_in(tree: &Tree) -> io::Result<bool> {
        tree.exists(&tree.own(JOURNAL))
    }

    /// Takes the record away: the write is finished, or given up.
    pub(crate) fn clear(tree: &Tree) -> io::Result<()> {
        tree.unlink(&tree.own(JOURNAL))
    }
}
