//! The repository port's documentation, made executable: maps behind one lock, the domain's own
//! rules, and no thought of speed. Made for tests, and for comparing the real databases with.

mod curated;
mod read;
mod tables;
mod write;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use tables::Tables;
use tokio::sync::broadcast;

use crate::{
    domain::{
        Timestamp,
        artifact::CollectionArtifact,
        change::CollectionChange,
        collection::{Collection, RegisteredSource, Source},
        curated::{Added, CollectionEdit, Naming, NewCollection},
        delta::{Applied, Delta, Known, Scope, Shadowed},
        facets::Facets,
        freshness::{CacheStats, Census, FreshRange, StaleRow, StaleSource},
        gauges::Connections,
        id::{ArtifactId, CollectionId, SourceName},
        page::{ArtifactPage, CollectionPage},
        query::{ArtifactQuery, CollectionQuery, Filter, Limit},
        read_order::ReadOrder,
    },
    ports::{
        CacheFreshness, CacheNotice, CacheReader, CacheRepository, CuratedCollections, Lease,
        RepositoryError,
    },
};

/// Notices that wait for a slow reader.
const UNREAD_NOTICES: usize = 256;

/// A repository in memory.
pub struct MemoryRepository {
    tables: Mutex<Tables>,
    leases: Mutex<HashMap<SourceName, Arc<tokio::sync::Mutex<()>>>>,
    unavailable: AtomicBool,
    notices: broadcast::Sender<CacheNotice>,
}

impl Default for MemoryRepository {
    fn default() -> Self {
        Self {
            tables: Mutex::default(),
            leases: Mutex::default(),
            unavailable: AtomicBool::new(false),
            notices: broadcast::Sender::new(UNREAD_NOTICES),
        }
    }
}

impl MemoryRepository {
    /// An empty repository, of which nobody has registered a source yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells listeners that they may have missed something.
    pub fn miss(&self) {
        // Nobody may be listening.
        let _ = self.notices.send(CacheNotice::Missed);
    }

    /// Whether from now on every call fails with [`RepositoryError::Unavailable`].
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }

    fn turn(&self, source: &SourceName) -> Arc<tokio::sync::Mutex<()>> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(leases.entry(source.clone()).or_default())
    }

    fn tell(&self, changes: &[CollectionChange]) {
        for change in changes {
            // Nobody may be listening.
            let _ = self.notices.send(CacheNotice::Changed(change.clone()));
        }
    }

    fn tell_of_collections(&self) {
        let _ = self.notices.send(CacheNotice::Collections);
    }

    fn named(&self, naming: Naming) -> Naming {
        if naming == Naming::Done {
            self.tell_of_collections();
        }
        naming
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, RepositoryError> {
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(RepositoryError::Unavailable("the test took it away".into()));
        }
        Ok(self.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl CacheReader for MemoryRepository {
    async fn collection(&self, id_or_name: &str) -> Result<Option<Collection>, RepositoryError> {
        Ok(self.tables()?.collection(id_or_name))
    }

    async fn collections(
        &self,
        query: &CollectionQuery,
    ) -> Result<CollectionPage, RepositoryError> {
        Ok(self.tables()?.collections_page(query))
    }

    async fn page(
        &self,
        collection: &CollectionId,
        query: &ArtifactQuery,
    ) -> Result<Option<ArtifactPage>, RepositoryError> {
        Ok(self.tables()?.page(collection, query))
    }

    async fn facets(
        &self,
        collection: &CollectionId,
        filter: &Filter,
    ) -> Result<Option<Facets>, RepositoryError> {
        Ok(self.tables()?.facets(collection, filter))
    }

    async fn artifact(
        &self,
        collection: &CollectionId,
        id: &ArtifactId,
    ) -> Result<Option<CollectionArtifact>, RepositoryError> {
        Ok(self.tables()?.visible(collection).find(|row| row.artifact.id == *id))
    }

    async fn memberships(
        &self,
        source: &SourceName,
        id: &ArtifactId,
    ) -> Result<Vec<CollectionId>, RepositoryError> {
        Ok(self.tables()?.memberships(source, id))
    }

    async fn shadowed(&self) -> Result<(Vec<Shadowed>, u64), RepositoryError> {
        Ok(self.tables()?.shadowed())
    }
}

#[async_trait]
impl CacheFreshness for MemoryRepository {
    async fn stats(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
    ) -> Result<CacheStats, RepositoryError> {
        Ok(self.tables()?.stats(collection, fresh))
    }

    async fn stale_sources(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
    ) -> Result<Vec<StaleSource>, RepositoryError> {
        Ok(self.tables()?.stale_sources(collection, fresh))
    }

    async fn stale_rows(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
        after: Option<&StaleRow>,
        limit: Limit,
    ) -> Result<Vec<StaleRow>, RepositoryError> {
        Ok(self.tables()?.stale_rows(collection, fresh, after, limit))
    }

    async fn census(&self) -> Result<Vec<Census>, RepositoryError> {
        Ok(self.tables()?.census())
    }

    fn connections(&self) -> Connections {
        Connections::default()
    }
}

#[async_trait]
impl CacheRepository for MemoryRepository {
    async fn register(
        &self,
        sources: &[Source],
        now: Timestamp,
    ) -> Result<Vec<RegisteredSource>, RepositoryError> {
        let mut tables = self.tables()?;
        let before = tables.registered();
        let was: BTreeSet<_> = before.iter().map(|known| &known.source.name).collect();
        let (registered, changes) = tables.register(sources, now);
        self.tell(&changes);
        if was != sources.iter().map(|source| &source.name).collect() {
            self.tell_of_collections();
        }
        Ok(registered)
    }

    async fn registered(&self) -> Result<Vec<RegisteredSource>, RepositoryError> {
        Ok(self.tables()?.registered())
    }

    async fn known(&self, source: &SourceName) -> Result<Known, RepositoryError> {
        Ok(self.tables()?.known(source))
    }

    async fn known_at(
        &self,
        source: &SourceName,
        paths: &[String],
    ) -> Result<Known, RepositoryError> {
        let mut known = self.tables()?.known(source);
        known.retain(|_, artifact| paths.contains(&artifact.path));
        Ok(known)
    }

    async fn lease(&self, source: &SourceName) -> Result<Lease, RepositoryError> {
        Ok(Box::new(self.turn(source).lock_owned().await))
    }

    async fn apply(&self, delta: Delta) -> Result<Applied, RepositoryError> {
        let applied = self.tables()?.apply(delta);
        self.tell(&applied.changes);
        Ok(applied)
    }

    async fn next_order(&self, now: Timestamp) -> Result<ReadOrder, RepositoryError> {
        Ok(self.tables()?.next_order(now))
    }

    async fn invalidate(
        &self,
        scope: &Scope,
        order: ReadOrder,
        now: Timestamp,
    ) -> Result<u64, RepositoryError> {
        let (rows, changes) = self.tables()?.invalidate(scope, order, now);
        self.tell(&changes);
        Ok(rows)
    }

    fn notices(&self) -> broadcast::Receiver<CacheNotice> {
        self.notices.subscribe()
    }

    async fn check(&self) -> Result<(), RepositoryError> {
        self.tables().map(drop)
    }

    fn last_failure(&self) -> Option<RepositoryError> {
        None
    }
}

#[async_trait]
impl CuratedCollections for MemoryRepository {
    async fn create_collection(
        &self,
        id: &CollectionId,
        new: &NewCollection,
        created_by: Option<&str>,
        now: Timestamp,
    ) -> Result<Naming, RepositoryError> {
        let naming = self.tables()?.create_collection(id, new, created_by, now);
        Ok(self.named(naming))
    }

    async fn change_collection(
        &self,
        id: &CollectionId,
        edit: &CollectionEdit,
    ) -> Result<Naming, RepositoryError> {
        let naming = self.tables()?.change_collection(id, edit);
        Ok(self.named(naming))
    }

    async fn delete_collection(&self, id: &CollectionId) -> Result<bool, RepositoryError> {
        let deleted = self.tables()?.delete_collection(id);
        if deleted {
            self.tell_of_collections();
        }
        Ok(deleted)
    }

    async fn add_members(
        &self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        order: ReadOrder,
        now: Timestamp,
    ) -> Result<Option<Added>, RepositoryError> {
        let Some((added, changes)) = self.tables()?.add_members(id, artifacts, order, now) else {
            return Ok(None);
        };
        self.tell(&changes);
        Ok(Some(added))
    }

    async fn remove_member(
        &self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> Result<bool, RepositoryError> {
        let (removed, changes) = self.tables()?.remove_member(id, artifact, now);
        self.tell(&changes);
        Ok(removed)
    }

    async fn purge_missing(&self, before: Timestamp) -> Result<u64, RepositoryError> {
        Ok(self.tables()?.purge_missing(before))
    }
}
