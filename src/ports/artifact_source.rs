//! Where artifacts come from.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Cause;
use crate::domain::{
    Timestamp,
    artifact::Artifact,
    collection::Source,
    delta::Known,
    disks::Disks,
    guard::RootState,
    id::{ArtifactId, SourceName},
    report::Issue,
    watching::Change,
};

/// Why a source could not be read as a whole. Trouble with one artifact is an [`Issue`] or a broken
/// [`Artifact`], never an error.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The root cannot be read.
    #[error("the directory of source {source_name} cannot be read")]
    Unreadable {
        /// Which source.
        source_name: SourceName,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// The manifest or the lock does not parse.
    #[error("the file {file} of source {source_name} is not valid: {message}")]
    Manifest {
        /// Which source.
        source_name: SourceName,
        /// `collection.toml` or `collection.lock`.
        file: &'static str,
        /// What is wrong with it, in one line.
        message: String,
        /// Where, from 1.
        line: Option<u32>,
    },
    /// The root that the cache has for a source is not in the configuration, so nothing is written
    /// there: another process on the same database may have a source of that name elsewhere.
    #[error(
        "the directory of source {source_name} is not one that this server is configured with: \
         another server on the same database may have a source of that name; rename one of the two, \
         then refresh"
    )]
    Foreign {
        /// Which source.
        source_name: SourceName,
    },
    /// The reader itself failed.
    #[error("reading source {source_name} was cut off")]
    Aborted {
        /// Which source.
        source_name: SourceName,
        /// Why.
        #[source]
        cause: Cause,
    },
}

/// What a scan of a whole source found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The moment just before the walk began.
    pub started_at: Timestamp,
    /// What stands where the root should be. When it is not [`RootState::Present`], all that was
    /// known is `gone` and nothing is `read`.
    pub root: RootState,
    /// Artifacts that are new, or whose fingerprint differs from the known one; in a forced scan,
    /// all. In path order.
    pub read: Vec<Artifact>,
    /// Known ids that no path gives any more.
    pub gone: Vec<ArtifactId>,
    /// How many of these a manifest lists no more, although their files are still there.
    pub still_there: usize,
    /// The disks that the files are on.
    pub disks: Disks,
    /// Why the scan may have missed files that are there, as a clause: directories that could not be
    /// read because of an I/O error, or a network or FUSE file system.
    pub doubt: Option<String>,
    /// Paths that gave no row: shadowed, refused, unreadable. Told anew by every scan, in path
    /// order.
    pub issues: Vec<Issue>,
    /// Whether known rows come from an earlier version of the reader, which may have read the same
    /// bytes otherwise: what was `read` replaces its row in any case.
    pub outdated: bool,
    /// A hash of the manifest, to be handed back by the next scan; `None` for a plain directory.
    pub manifest_hash: Option<String>,
}

/// How much of the machine a scan may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// As much as there is: somebody waits for it.
    #[default]
    Swift,
    /// What others leave: nobody waits for it, and requests must not notice it.
    Gentle,
}

/// How a scan is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// The manifest's hash at the last scan: when it still holds, a managed source need not read its
    /// manifest again.
    pub manifest_hash: Option<String>,
    /// Whether everything is read, whatever is known.
    pub force: bool,
    /// How much of the machine it may take.
    pub pace: Pace,
}

/// The changes of some sources' files, as they become known.
#[derive(Debug)]
pub struct Watch {
    /// The sources of which the file system tells nothing: why, in a few words.
    pub silent: Vec<(SourceName, String)>,
    /// What changes from now on. A receiver that is dropped ends the watch within a second. After
    /// [`Change::Sources`] the stream ends, and all must be watched anew; a stream that ends
    /// without it has failed.
    pub changes: mpsc::Receiver<Change>,
}

/// Reads artifacts where their files are. Holds the configuration of the sources.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait ArtifactSource: Send + Sync {
    /// The sources that the configuration covers, by precedence ([`SourceName::precedence`]):
    /// those on the disk now, and those of `known` that are still covered although they are
    /// absent. A known root keeps its name
    /// unless the configuration gives it another. Directories that cannot be listed are logged.
    async fn discover(&self, known: &[Source]) -> Vec<Source>;

    /// Walks a source and reads what differs from `known`, or everything.
    async fn scan(
        &self,
        source: &Source,
        known: Arc<Known>,
        options: ScanOptions,
    ) -> Result<Scan, SourceError>;

    /// Reads one artifact: in a managed source by its manifest entry, in a plain one by `path`,
    /// where it was last. `None` when it is not there (in a plain source it may be elsewhere: only
    /// a scan can tell).
    async fn read(
        &self,
        source: &Source,
        id: &ArtifactId,
        path: Option<String>,
    ) -> Result<Option<Artifact>, SourceError>;

    /// The main file of the artifact that was read at `path`, as text (what is not UTF-8 is
    /// replaced), or one JSON value with its secrets masked; `None` when there is none any more, or
    /// when it is refused (too large, out of the root, or a hook or server that is not JSON).
    async fn content(
        &self,
        source: &Source,
        id: &ArtifactId,
        path: &str,
    ) -> Result<Option<String>, SourceError>;

    /// Watches the files of these sources, until the receiver is dropped. What was changed before
    /// this returns may not be told; what is changed afterwards is, in pieces that a few dozen
    /// milliseconds of silence end.
    async fn watch(&self, sources: &[Source]) -> Watch;
}
