//! How changes of files become known while Larder runs.

use super::id::SourceName;

/// How one source is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchMode {
    /// The file system tells.
    Events,
    /// It does not: the source is scanned again and again.
    Poll,
    /// Not at all.
    Off,
}

impl WatchMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Events, Self::Poll, Self::Off];

    /// The word used in logs, metrics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Poll => "poll",
            Self::Off => "off",
        }
    }
}

/// What became known of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These files of a source, which are there, were written. Paths are relative to its root,
    /// sorted, each once. A row at one of them hangs on that file alone; one without a row may be
    /// another artifact: only a scan can tell.
    Files(SourceName, Vec<String>),
    /// Something of a source came, went or moved, or nobody knows what: only a scan can tell.
    Tree(SourceName),
    /// A source's root came, went or is another directory now, or so much happened that anything
    /// may have been lost: the sources must be looked for, and all be scanned.
    Sources,
    /// From now on the file system tells nothing of this source any more: why, in a few words.
    Silent(SourceName, String),
}
