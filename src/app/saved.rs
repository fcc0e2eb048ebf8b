//! What every write has in common: where it goes, and how the cache follows the files.
//!
//! Files first. Once they are written the write has succeeded, whatever the database says: what it
//! could not take is kept, and given to it before anybody reads from it again.

use std::sync::Arc;

use super::{Error, Larder, chain, reconcile::clean};
use crate::{
    domain::{
        artifact::{Artifact, CollectionArtifact, Health},
        collection::{Collection, Layout, RegisteredSource},
        delta::Delta,
        id::{ArtifactId, CollectionId, SourceName},
        writing::{Operation, Place},
    },
    ports::{RepositoryError, WriteError},
};

/// Whether the cache has followed a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheState {
    /// It has.
    Current,
    /// The database did not answer; it gets the change before anybody reads from it again.
    Pending,
}

impl CacheState {
    /// The word used in metrics and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Pending => "pending",
        }
    }
}

/// An artifact after a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its row, as read back from the files.
    pub row: CollectionArtifact,
    /// The collections that hold it, by id.
    pub collections: Vec<CollectionId>,
    /// Whether its source has a manifest.
    pub managed: bool,
    /// Whether the cache shows it.
    pub cache: CacheState,
}

/// An artifact that is about to be written.
pub(super) struct Located {
    pub(super) collection: Collection,
    pub(super) row: CollectionArtifact,
    pub(super) source: RegisteredSource,
}

impl Located {
    /// Where its files are.
    pub(super) fn place(&self) -> Place {
        let Artifact { id, path, .. } = &self.row.artifact;
        Place { source: self.source.source.clone(), id: id.clone(), path: path.clone() }
    }
}

impl Larder {
    /// Finds an artifact that is to be written. It counts as no read: nothing is answered from it.
    pub(super) async fn locate(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<Located, Error> {
        let collection = self.collection(id_or_name).await?;
        let row = match self.ports.cache.artifact(&collection.id, id).await? {
            Some(row) => row,
            None => self.load_missing(&collection, id).await?,
        };
        let source = self.source_of(&row.source).await?;
        Ok(Located { collection, row, source })
    }

    /// A source that can be written to.
    pub(super) async fn source_of(&self, name: &SourceName) -> Result<RegisteredSource, Error> {
        self.registered_source(name).await?.ok_or_else(|| {
            let message = format!("the configuration no longer covers the directory of {name}");
            Error::from(WriteError::unfit(message))
        })
    }

    /// Lets the cache follow a write of one artifact, and answers with it.
    pub(super) async fn saved(
        &self,
        source: &RegisteredSource,
        collection: &CollectionId,
        artifact: Artifact,
        operation: Operation,
    ) -> Saved {
        let artifact = self.fit(&source.home, artifact).await;
        let mut delta = Delta::new(source.source.name.clone(), self.now());
        delta.upserts.push(artifact.clone());
        let cache = self.follow(delta, operation).await;
        let cached = match cache {
            CacheState::Current => self.cached(source, collection, &artifact.id).await.ok(),
            CacheState::Pending => None,
        };
        let source_name = &source.source.name;
        // The cache may show the write after this one already: the answer is what this one has left.
        let cached = cached.filter(|(row, _)| row.source == *source_name);
        let (row, collections) = if let Some((row, collections)) = cached {
            (CollectionArtifact { artifact, ..row }, collections)
        } else {
            let (collection, source) = (collection.clone(), source_name.clone());
            let collections = vec![collection.clone()];
            let row = CollectionArtifact { collection, source, artifact, synced_at: None };
            (row, collections)
        };
        Saved { row, collections, managed: source.source.layout == Layout::Managed, cache }
    }

    /// An artifact as a row may hold it: a broken one keeps what the cache has of it.
    pub(super) async fn fit(&self, home: &CollectionId, artifact: Artifact) -> Artifact {
        let mut artifact = clean(artifact);
        if artifact.health == Health::Broken
            && let Ok(last) = self.last_metadata(home, &artifact.id).await
        {
            artifact.keep_last_good(last);
        }
        artifact
    }

    async fn cached(
        &self,
        source: &RegisteredSource,
        collection: &CollectionId,
        id: &ArtifactId,
    ) -> Result<(CollectionArtifact, Vec<CollectionId>), Error> {
        let unknown = || Error::UnknownArtifact { collection: collection.clone(), id: id.clone() };
        let row = self.ports.cache.artifact(collection, id).await?;
        // A copy in another source may have come to the fore, as by its deployment there.
        let row = match row.filter(|row| row.source == source.source.name) {
            Some(row) => row,
            None => self.ports.cache.artifact(&source.home, id).await?.ok_or_else(unknown)?,
        };
        let collections = self.ports.cache.memberships(&source.source.name, id).await?;
        Ok((row, collections))
    }

    /// Applies what a write has changed. What the database does not take now it gets later.
    pub(super) async fn follow(&self, delta: Delta, operation: Operation) -> CacheState {
        let state = match self.apply_in_turn(&delta).await {
            Ok(()) => CacheState::Current,
            Err(error) => {
                tracing::error!(
                    source = %delta.source, operation = operation.as_str(), error = chain(&error),
                    "files were written, and the cache could not follow yet"
                );
                self.keep_pending(delta);
                CacheState::Pending
            }
        };
        self.ports.metrics.written(operation, state == CacheState::Pending);
        state
    }

    /// A removal waits for a scan that may have seen the artifact before it was removed, and would
    /// put its row back.
    async fn apply_in_turn(&self, delta: &Delta) -> Result<(), RepositoryError> {
        let _lease = if delta.removals.is_empty() {
            None
        } else {
            Some(self.ports.cache.lease(&delta.source).await?)
        };
        self.ports.cache.apply(delta.clone()).await.map(drop)
    }

    /// A lost race has shown the artifact as it is now: the cache learns of it as well.
    pub(super) async fn learn(&self, source: &RegisteredSource, error: &WriteError) {
        let WriteError::Conflict { current, .. } = error else { return };
        let mut delta = Delta::new(source.source.name.clone(), self.now());
        delta.upserts.push(self.fit(&source.home, (**current).clone()).await);
        if let Err(error) = self.ports.cache.apply(delta).await {
            tracing::warn!(error = chain(&error), "the cache could not learn of a conflict");
        }
    }
}
