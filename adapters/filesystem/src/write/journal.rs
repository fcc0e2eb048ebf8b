//! The record of a write that has been decided: whoever takes the lock next finishes it.

use std::io;

use larder::{domain::writing::HistoryEntry, ports::WriteError};
use serde::{Deserialize, Serialize};

use super::{
    failure::Failure,
    tree::{Like, Tree},
};
use crate::files::{Root, split};

/// The record's file, and its name while it is written.
const JOURNAL: &str = "journal.json";
const DRAFT: &str = "journal.new";

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

impl Journal {
    /// Writes the record: from here on the write takes place.
    pub(crate) fn write(&self, tree: &Tree) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        let draft = tree.own(DRAFT);
        tree.unlink(&draft)?;
        tree.write_new(&draft, &bytes, &Like::New)?;
        tree.replace(&draft, &tree.own(JOURNAL))?;
        Ok(tree.sync(tree.own("").trim_end_matches('/'))?)
    }

    /// The record that a killed writer has left.
    pub(crate) fn read(tree: &Tree) -> Result<Option<Self>, Failure> {
        let Some(bytes) = tree.read(&tree.own(JOURNAL))? else { return Ok(None) };
        match serde_json::from_slice(&bytes) {
            Ok(journal) => Ok(Some(journal)),
            Err(error) => {
                tracing::error!(%error, "a record is damaged");
                let message = format!(
                    "the record of an unfinished write, {}, is damaged: look at it, and delete it",
                    tree.own(JOURNAL)
                );
                Err(WriteError::unfit(message).into())
            }
        }
    }

    /// Whether there is a record among Larder's own files, which are in `state`.
    pub(crate) fn stands_in(root: &Root, state: &str) -> io::Result<bool> {
        Ok(root.entry(&format!("{state}/{JOURNAL}"))?.is_some())
    }

    /// Takes the record away: the write is finished, or given up.
    pub(crate) fn clear(tree: &Tree) -> io::Result<()> {
        tree.unlink(&tree.own(JOURNAL))
    }
}
