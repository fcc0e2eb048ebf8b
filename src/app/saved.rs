//! What every write has in common: where it goes, and how the cache follows the files.
//!
//! Files first. Once they are written the write has succeeded, whatever the database says. The cache
//! then reads the files again; if the database does not answer, it does so before anybody reads from
//! the database again.

use std::sync::Arc;

use super::{Error, Larder, chain, pending::Write, reconcile::clean, watch::LONGEST_REREAD};
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
        let write = Write::left(&source.source.name, &artifact);
        let cache = self.follow(source, write, operation).await;
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

    /// Lets the cache follow a write. What the database does not take now it gets later.
    pub(super) async fn follow(
        &self,
        known: &RegisteredSource,
        write: Write,
        operation: Operation,
    ) -> CacheState {
        let state = match self.look_in_turn(known, &write).await {
            Ok(()) => CacheState::Current,
            Err(error) => {
                tracing::error!(
                    source = %write.source, operation = operation.as_str(), error = chain(&error),
                    "files were written, and the cache could not follow yet"
                );
                self.keep_pending(write);
                CacheState::Pending
            }
        };
        self.ports.metrics.written(operation, state == CacheState::Pending);
        state
    }

    /// A removal waits for a scan that may have seen the artifact before it was removed, and would
    /// put its row back.
    async fn look_in_turn(
        &self,
        known: &RegisteredSource,
        write: &Write,
    ) -> Result<(), RepositoryError> {
        let _lease = match write.left {
            Some(_) => None,
            None => Some(self.ports.cache.lease(&write.source).await?),
        };
        self.look_again(known, write).await
    }

    /// Reads again what was written, so that the row comes from a look with an order of its own: two
    /// writes may reach the database in another order than the files. A disk that does not answer
    /// keeps nobody waiting for long: the row is then what the write has left.
    pub(super) async fn look_again(
        &self,
        known: &RegisteredSource,
        write: &Write,
    ) -> Result<(), RepositoryError> {
        let order = self.next_order().await?;
        let mut delta = Delta::new(write.source.clone(), order, self.now());
        let path = Some(write.path.clone());
        let reading = self.ports.source.read(&known.source, &write.id, path);
        match (self.within(LONGEST_REREAD, reading).await, &write.left) {
            (Some(Ok(Some(artifact))), _) => {
                delta.upserts.push(self.fit(&known.home, artifact).await);
            }
            (Some(Ok(None)), None) => delta.removals.push(write.id.clone()),
            // Somebody else has taken it away: only a scan may remove its row.
            (Some(Ok(None)), Some(_)) => return Ok(()),
            (failed, left) => {
                let Write { source, id, .. } = write;
                let error = match &failed {
                    Some(Err(error)) => chain(error),
                    _ => "it takes too long".to_owned(),
                };
                tracing::warn!(%source, %id, error, "a write was not read again");
                match left {
                    Some(artifact) => delta.upserts.push(artifact.clone()),
                    None => delta.removals.push(id.clone()),
                }
            }
        }
        self.ports.cache.apply(delta).await?;
        Ok(())
    }

    /// A lost race has shown the artifact as it is now: the cache learns of it as well.
    pub(super) async fn learn(&self, source: &RegisteredSource, error: &WriteError) {
        let WriteError::Conflict { current, .. } = error else { return };
        // Of many writers that lose the same race only the first has something to tell.
        let shown = self.ports.cache.artifact(&source.home, &current.id).await.ok().flatten();
        let is_known = |row: CollectionArtifact| {
            row.source == source.source.name && row.artifact.revision == current.revision
        };
        if shown.is_some_and(is_known) {
            return;
        }
        let write = Write::left(&source.source.name, current);
        if let Err(error) = self.look_again(source, &write).await {
            tracing::warn!(error = chain(&error), "the cache could not learn of a conflict");
        }
    }
}
