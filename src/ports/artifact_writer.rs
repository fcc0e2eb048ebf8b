//! Writing artifacts where their files are: all or nothing, and never over what somebody saved in
//! between.

use std::time::Duration;

use async_trait::async_trait;

use super::{Cause, SourceError};
use crate::domain::{
    artifact::Artifact,
    collection::Source,
    edit::{InvalidField, MetadataEdit},
    id::ArtifactId,
    new_artifact::NewArtifact,
    writing::{Form, HistoryEntry, Place, Precondition, TrashItem, Written},
};

/// Why nothing was written: but for [`WriteError::Unread`], nothing has changed anywhere.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The artifact, or the deleted artifact, is not there.
    #[error("it is not there any more")]
    Missing,
    /// The precondition does not hold, or somebody saved while the write went on.
    #[error("it was changed meanwhile")]
    Conflict {
        /// The form of the precondition that failed.
        form: Form,
        /// The artifact as it is now.
        current: Box<Artifact>,
    },
    /// An artifact, or a file where it would be, is there already.
    #[error("{0}")]
    Exists(String),
    /// Project and source differ in these files, and neither has the other's older version.
    #[error(
        "the project and the collection differ in {}, and neither is just older: look at both, and \
         choose the strategy that decides (deploy: overwrite; sync: theirs, the project's, or ours, \
         the collection's)",
        .0.join(", ")
    )]
    Diverged(Vec<String>),
    /// These new values exceed the limits of their fields.
    #[error(
        "{}",
        .0.iter().map(|it| format!("{}: {}", it.field, it.message)).collect::<Vec<_>>().join("; ")
    )]
    Invalid(Vec<InvalidField>),
    /// It cannot be changed without harm, or not at all: why, and what to do.
    #[error("{message}")]
    Unfit {
        /// One sentence, without a path of the machine's disk.
        message: String,
        /// The line of the file, from 1.
        line: Option<u32>,
    },
    /// The path of the project is not within a configured root.
    #[error("{0}")]
    Forbidden(String),
    /// Another writer has the collection, or the project, for longer than the wait allows.
    #[error("another program is writing there")]
    Busy,
    /// The disk is full or read-only, or this user may not write there.
    #[error("the files cannot be written: {reason}")]
    Unwritable {
        /// In a few words.
        reason: String,
        /// What the system said.
        #[source]
        cause: Cause,
    },
    /// The one error behind which something was written: somebody has taken the files away since.
    #[error("the files were written, and cannot be read back")]
    Unread(#[source] Cause),
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Anything else that the system said, or a defect of Larder's.
    #[error("the write failed")]
    Internal(#[source] Cause),
}

impl WriteError {
    /// Something that cannot be written, and why.
    #[must_use]
    pub fn unfit(message: impl Into<String>) -> Self {
        Self::Unfit { message: message.into(), line: None }
    }
}

/// Writes artifacts, in the name of `by`. Every write is one step for whoever reads the files: killed at any point, it is
/// finished, or was never begun, for the next one who writes there. Writers of one source wait for
/// each other, for 5 s at most, in whatever process they are.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait ArtifactWriter: Send + Sync {
    /// Changes metadata where they stand, and nothing else. Only what differs from the present
    /// values is judged and written: [`MetadataEdit::against`].
    async fn edit(
        &self,
        place: &Place,
        edit: &MetadataEdit,
        precondition: &Precondition,
        by: &str,
    ) -> Result<Written, WriteError>;

    /// Creates an artifact in a managed source: its files and its manifest entry.
    async fn create(
        &self,
        source: &Source,
        new: &NewArtifact,
        by: &str,
    ) -> Result<Written, WriteError>;

    /// Moves an artifact of a managed source to the source's trash.
    async fn delete(
        &self,
        place: &Place,
        precondition: &Precondition,
        by: &str,
    ) -> Result<TrashItem, WriteError>;

    /// Takes an artifact out of the trash, to where it was.
    async fn restore(
        &self,
        source: &Source,
        trash_id: &str,
        by: &str,
    ) -> Result<Written, WriteError>;

    /// What is in the trash, the latest first.
    async fn trash(&self, source: &Source) -> Result<Vec<TrashItem>, WriteError>;

    /// The last writes of an artifact, the latest first; at most
    /// [`MAX_HISTORY`](crate::domain::writing::MAX_HISTORY).
    async fn history(
        &self,
        source: &Source,
        id: &ArtifactId,
    ) -> Result<Vec<HistoryEntry>, WriteError>;

    /// Finishes what a writer that was killed had begun, and empties the trash of what is older
    /// than `keep`. Does not wait: who writes at the moment does both anyway.
    async fn tidy(&self, source: &Source, keep: Duration) -> Result<(), WriteError>;
}
