//! Writing artifacts: edit, create, delete, restore; and what was written before.

use std::sync::Arc;

pub use super::saved::{CacheState, Saved};
use super::{Error, Larder, RefreshOptions, chain, pending::Write, saved::Located};
use crate::{
    domain::{
        artifact::Artifact,
        collection::{CollectionKind, Layout, RegisteredSource},
        edit::MetadataEdit,
        id::{ArtifactId, CollectionId, SourceName},
        new_artifact::NewArtifact,
        writing::{HistoryEntry, Operation, Precondition, TrashItem},
    },
    ports::WriteError,
};

/// A deleted artifact, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trashed {
    /// The collection of its source.
    pub collection: CollectionId,
    /// What was deleted.
    pub item: TrashItem,
}

impl Larder {
    /// Edits the metadata of an artifact in its files.
    pub async fn edit_artifact(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
        edit: MetadataEdit,
        precondition: Precondition,
        by: &str,
    ) -> Result<Saved, Error> {
        let located = self.locate(id_or_name, id).await?;
        let (larder, by) = (Arc::clone(self), by.to_owned());
        self.detached(async move {
            let writer = &larder.ports.writer;
            let written = writer.edit(&located.place(), &edit, &precondition, &by).await;
            let artifact = larder.checked(&located, written).await?.artifact;
            let Located { collection, source, .. } = located;
            Ok(larder.saved(&source, &collection.id, artifact, Operation::Edit).await)
        })
        .await
    }

    /// Creates an artifact in the source of a collection; without one, in the source `default`, else
    /// in the only managed source.
    pub async fn create_artifact(
        self: &Arc<Self>,
        id_or_name: Option<&str>,
        new: NewArtifact,
        by: &str,
    ) -> Result<Saved, Error> {
        let source = self.source_for_new(id_or_name).await?;
        let (larder, by) = (Arc::clone(self), by.to_owned());
        self.detached(async move {
            let written = larder.ports.writer.create(&source.source, &new, &by).await?;
            Ok(larder.saved_at_home(&source, written.artifact, Operation::Create).await)
        })
        .await
    }

    /// Moves an artifact to the trash of its source.
    pub async fn delete_artifact(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
        precondition: Precondition,
        by: &str,
    ) -> Result<(Trashed, CacheState), Error> {
        let located = self.locate(id_or_name, id).await?;
        let (larder, by) = (Arc::clone(self), by.to_owned());
        self.detached(async move {
            let writer = &larder.ports.writer;
            let deleted = writer.delete(&located.place(), &precondition, &by).await;
            let item = larder.checked(&located, deleted).await?;
            let Located { row, source, .. } = located;
            let Artifact { id, path, .. } = row.artifact;
            let write = Write { source: source.source.name.clone(), id, path, left: None };
            let cache = larder.follow(&source, write, Operation::Delete).await;
            Ok((Trashed { collection: source.home, item }, cache))
        })
        .await
    }

    /// Takes an artifact out of the trash.
    pub async fn restore_artifact(
        self: &Arc<Self>,
        trash_id: &str,
        by: &str,
    ) -> Result<Saved, Error> {
        let unknown = || Error::UnknownTrash(trash_id.to_owned());
        let trashes = self.trashes().await?;
        let has_it = |(_, items): &(_, Vec<TrashItem>)| items.iter().any(|it| it.id == trash_id);
        let (source, _) = trashes.into_iter().find(has_it).ok_or_else(unknown)?;
        let (larder, id, by) = (Arc::clone(self), trash_id.to_owned(), by.to_owned());
        self.detached(async move {
            let written = match larder.ports.writer.restore(&source.source, &id, &by).await {
                Err(WriteError::Missing) => return Err(Error::UnknownTrash(id)),
                written => written?,
            };
            Ok(larder.saved_at_home(&source, written.artifact, Operation::Restore).await)
        })
        .await
    }

    /// What can be restored, the latest first: so many of those that were deleted before the one of
    /// that id, and how many there are in all.
    pub async fn trash(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<Trashed>, usize), Error> {
        let mut all = Vec::new();
        for (source, items) in self.trashes().await? {
            let home = || source.home.clone();
            all.extend(items.into_iter().map(|item| Trashed { collection: home(), item }));
        }
        all.sort_by(|a, b| b.item.id.cmp(&a.item.id));
        let total = all.len();
        all.retain(|trashed| after.is_none_or(|after| trashed.item.id.as_str() < after));
        all.truncate(limit);
        Ok((all, total))
    }

    /// The trash of every source. One that cannot be looked at does not keep the others away.
    async fn trashes(&self) -> Result<Vec<(RegisteredSource, Vec<TrashItem>)>, Error> {
        let mut trashes = Vec::new();
        for source in self.managed_sources().await? {
            match self.ports.writer.trash(&source.source).await {
                Ok(items) => trashes.push((source, items)),
                Err(error) => {
                    let name = &source.source.name;
                    tracing::warn!(source = %name, error = chain(&error), "its trash is left out");
                }
            }
        }
        Ok(trashes)
    }

    /// The last writes of an artifact through Larder, the latest first; of one that was deleted,
    /// too.
    pub async fn history(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let unknown = match self.locate(id_or_name, id).await {
            Ok(Located { source, .. }) => {
                return Ok(self.ports.writer.history(&source.source, id).await?);
            }
            Err(error @ Error::UnknownArtifact { .. }) => error,
            Err(error) => return Err(error),
        };
        let collection = self.collection(id_or_name).await?;
        let sources = self.ports.cache.registered().await?;
        for source in sources.iter().filter(|known| collection.draws_from(&known.source.name)) {
            match self.ports.writer.history(&source.source, id).await {
                Ok(told) if !told.is_empty() => return Ok(told),
                Ok(_) => {}
                Err(error) => {
                    let name = &source.source.name;
                    tracing::warn!(source = %name, error = chain(&error), "no history was read");
                }
            }
        }
        Err(unknown)
    }

    /// What a write answered. One that did not find its artifact, or another one than was believed,
    /// has learnt something that the cache does not know.
    pub(super) async fn checked<T>(
        self: &Arc<Self>,
        located: &Located,
        written: Result<T, WriteError>,
    ) -> Result<T, Error> {
        match written {
            Ok(written) => Ok(written),
            Err(WriteError::Missing) => {
                // Only a scan may take its row away.
                drop(self.enqueue(&located.row.source, RefreshOptions::default()));
                let (collection, id) = (located.collection.id.clone(), located.place().id);
                Err(Error::UnknownArtifact { collection, id })
            }
            Err(error) => {
                if matches!(error, WriteError::Unread(_)) {
                    drop(self.enqueue(&located.row.source, RefreshOptions::default()));
                }
                self.learn(&located.source, &error).await;
                Err(error.into())
            }
        }
    }

    /// A new artifact, in `default` if that shows it, else in its source's own collection.
    async fn saved_at_home(
        &self,
        source: &RegisteredSource,
        artifact: Artifact,
        operation: Operation,
    ) -> Saved {
        let id = artifact.id.clone();
        let saved = self.saved(source, &source.home, artifact, operation).await;
        if saved.cache == CacheState::Pending {
            return saved;
        }
        let default = CollectionId::default_collection();
        match self.ports.cache.artifact(&default, &id).await {
            Ok(Some(row)) if row.source == source.source.name => Saved { row, ..saved },
            _ => saved,
        }
    }

    async fn source_for_new(&self, id_or_name: Option<&str>) -> Result<RegisteredSource, Error> {
        let collection = match id_or_name {
            Some(name) => Some(self.collection(name).await?),
            None => None,
        };
        if let Some(collection) = &collection {
            match (collection.kind, &collection.source) {
                (CollectionKind::Mirror, Some(source)) => return self.source_of(source).await,
                (CollectionKind::Default, _) => {}
                _ => {
                    return Err(Error::NoPlace(
                        "a curated collection has no files of its own".into(),
                    ));
                }
            }
        }
        let managed = self.managed_sources().await?;
        let is_default =
            |known: &&RegisteredSource| known.source.name.as_str() == SourceName::DEFAULT;
        match (managed.iter().find(is_default), managed.as_slice()) {
            (Some(source), _) | (None, [source]) => Ok(source.clone()),
            (None, []) => Err(Error::NoPlace("no source collection has a collection.toml".into())),
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|known| known.home.as_str()).collect();
                Err(Error::NoPlace(format!("name one of {}", names.join(", "))))
            }
        }
    }

    async fn managed_sources(&self) -> Result<Vec<RegisteredSource>, Error> {
        let mut sources = self.ports.cache.registered().await?;
        sources.retain(|known| known.source.layout == Layout::Managed);
        Ok(sources)
    }
}
