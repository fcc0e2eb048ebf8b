//! Why a use case did not do what it was asked.

use std::sync::Arc;

use crate::{
    domain::id::{ArtifactId, CollectionId},
    ports::{RepositoryError, SourceError, WriteError},
};

/// An error and its causes in one line, for the log.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors repeat the text of their cause.
        if !text.contains(&reason) {
            text.extend([": ", &reason]);
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The error of every use case. Cheap to clone, since callers that share a refresh share its error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No collection has that id or name.
    #[error("there is no collection {0:?}")]
    UnknownCollection(String),
    /// Nothing was ever written to the cache: Larder has only just been started.
    #[error("the cache is about to be filled for the first time")]
    Unfilled,
    /// A curated collection is changed and refreshed by its owner, and by who may do everything.
    #[error(
        "the collection {0:?} belongs to somebody else, or was made before there were tokens: it \
         takes the scope admin"
    )]
    NotYours(String),
    /// The collection does not hold that artifact, and neither do its files.
    #[error("there is no artifact {id} in collection {collection}")]
    UnknownArtifact {
        /// Where it was looked for.
        collection: CollectionId,
        /// What was looked for.
        id: ArtifactId,
    },
    /// The artifact's main file is gone, or is refused.
    #[error("the content of {0} cannot be read: its file is missing, too large or out of bounds")]
    NoContent(ArtifactId),
    /// The cursor was made for another collection, filter or sort.
    #[error("the cursor belongs to another collection, filter or sort: start again without it")]
    ForeignCursor,
    /// Relevance is asked for without a search.
    #[error("sorting by relevance needs a search text in q")]
    RelevanceWithoutSearch,
    /// Another collection has that name, or that id.
    #[error("the name {0:?} is taken by another collection: choose another one")]
    NameTaken(String),
    /// The collection shows a source, or all of them, and no person decides what it holds.
    #[error(
        "the collection {0:?} follows its files: it can be neither renamed nor given members, and \
         deleted only once it is empty, or the configuration no longer covers its directory"
    )]
    FollowsFiles(String),
    /// The database failed.
    #[error(transparent)]
    Database(Arc<RepositoryError>),
    /// The files could not be read.
    #[error(transparent)]
    Source(Arc<SourceError>),
    /// Nothing in the trash has that id.
    #[error("there is nothing in the trash under {0:?}")]
    UnknownTrash(String),
    /// No source can take a new artifact.
    #[error("it is not clear where to create it: {0}")]
    NoPlace(String),
    /// The files were not written.
    #[error(transparent)]
    Write(Arc<WriteError>),
    /// Larder is about to end, and begins nothing any more.
    #[error("the server is about to stop")]
    Ending,
    /// The work was cut off by a defect.
    #[error("the work was cut off")]
    Interrupted,
}

impl From<RepositoryError> for Error {
    fn from(error: RepositoryError) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::Source(Arc::new(error))
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        Self::Write(Arc::new(error))
    }
}
