//! The ports' operations: which connection each has, and where its transaction begins and ends.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use larder::{
    domain::{
        Timestamp,
        artifact::CollectionArtifact,
        change::CollectionChange,
        collection::{Collection, RegisteredSource, Source},
        curated::{Added, CollectionEdit, Naming, NewCollection},
        delta::{Applied, Delta, Known, Scope, Shadowed},
        facets::Facets,
        freshness::{CacheStats, Census, StaleRow, StaleSource},
        gauges::Connections,
        id::{ArtifactId, CollectionId, SourceName},
        page::{ArtifactPage, CollectionPage},
        query::{ArtifactQuery, CollectionQuery, Filter, Limit},
    },
    ports::{
        CacheFreshness, CacheNotice, CacheReader, CacheRepository, CuratedCollections, Lease,
        RepositoryError,
    },
};
use sqlx::{Connection, Sqlite, Transaction, pool::PoolConnection};
use tokio::sync::{Mutex, broadcast};

use crate::{
    SqliteRepository, apply, collections, curated, error::repository_error, facets, invalidate,
    known, migrate, page, shadowed, sources, stats,
};

type Answer<T> = Result<T, RepositoryError>;

/// Takes the write lock at the start: a transaction that began by reading could find it taken when
/// it comes to write, and would have to begin again.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A delta with more rows than this fills the writer's cache, which the next small one has no use
/// for.
const MANY: usize = 1_000;

impl SqliteRepository {
    async fn reader(&self) -> Answer<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(repository_error)
    }

    /// The turns of a source's refreshes: no other process has the file, so it is enough to keep this
    /// one's apart.
    fn turn(&self, source: &SourceName) -> Arc<Mutex<()>> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(leases.entry(source.clone()).or_default())
    }

    async fn writer(&self) -> Answer<PoolConnection<Sqlite>> {
        self.writer.acquire().await.map_err(repository_error)
    }

    /// Commits, and tells what was changed while nobody else can write: what is told is in the order
    /// of the commits.
    async fn commit(
        &self,
        transaction: Transaction<'_, Sqlite>,
        changes: Vec<CollectionChange>,
    ) -> Answer<()> {
        transaction.commit().await.map_err(repository_error)?;
        self.tell(changes);
        Ok(())
    }

    /// Commits what changed no collection's rows.
    async fn committed<T>(
        &self,
        transaction: Transaction<'_, Sqlite>,
        answer: Result<T, sqlx::Error>,
    ) -> Answer<T> {
        let answer = answer.map_err(repository_error)?;
        self.commit(transaction, Vec::new()).await?;
        Ok(answer)
    }

    fn tell(&self, changes: Vec<CollectionChange>) {
        for change in changes {
            // Nobody may be listening.
            let _ = self.notices.send(CacheNotice::Changed(change));
        }
    }

    fn tell_of_collections(&self) {
        let _ = self.notices.send(CacheNotice::Collections);
    }

    /// Commits what was to become of a collection.
    async fn named(
        &self,
        transaction: Transaction<'_, Sqlite>,
        naming: Result<Naming, sqlx::Error>,
    ) -> Answer<Naming> {
        let naming = self.committed(transaction, naming).await?;
        if naming == Naming::Done {
            self.tell_of_collections();
        }
        Ok(naming)
    }
}

async fn begin(connection: &mut PoolConnection<Sqlite>) -> Answer<Transaction<'_, Sqlite>> {
    connection.begin_with(BEGIN).await.map_err(repository_error)
}

#[async_trait]
impl CacheReader for SqliteRepository {
    async fn collection(&self, id_or_name: &str) -> Answer<Option<Collection>> {
        let mut reader = self.reader().await?;
        collections::find(&mut reader, id_or_name).await.map_err(repository_error)
    }

    async fn collections(&self, query: &CollectionQuery) -> Answer<CollectionPage> {
        let mut reader = self.reader().await?;
        collections::page(&mut reader, query).await.map_err(repository_error)
    }

    async fn page(
        &self,
        collection: &CollectionId,
        query: &ArtifactQuery,
    ) -> Answer<Option<ArtifactPage>> {
        let mut reader = self.reader().await?;
        page::page(&mut reader, collection, query).await.map_err(repository_error)
    }

    async fn facets(&self, collection: &CollectionId, filter: &Filter) -> Answer<Option<Facets>> {
        let mut reader = self.reader().await?;
        facets::facets(&mut reader, collection, filter).await.map_err(repository_error)
    }

    async fn artifact(
        &self,
        collection: &CollectionId,
        id: &ArtifactId,
    ) -> Answer<Option<CollectionArtifact>> {
        let mut reader = self.reader().await?;
        page::artifact(&mut reader, collection, id).await.map_err(repository_error)
    }

    async fn memberships(&self, source: &SourceName, id: &ArtifactId) -> Answer<Vec<CollectionId>> {
        let mut reader = self.reader().await?;
        collections::holding(&mut reader, source, id).await.map_err(repository_error)
    }

    async fn shadowed(&self) -> Answer<(Vec<Shadowed>, u64)> {
        let mut reader = self.reader().await?;
        shadowed::shadowed(&mut reader).await.map_err(repository_error)
    }
}

#[async_trait]
impl CacheFreshness for SqliteRepository {
    async fn stats(&self, collection: &CollectionId, cutoff: Timestamp) -> Answer<CacheStats> {
        let mut reader = self.reader().await?;
        stats::stats(&mut reader, collection, cutoff).await.map_err(repository_error)
    }

    async fn stale_sources(
        &self,
        collection: &CollectionId,
        cutoff: Timestamp,
    ) -> Answer<Vec<StaleSource>> {
        let mut reader = self.reader().await?;
        stats::stale_sources(&mut reader, collection, cutoff).await.map_err(repository_error)
    }

    async fn stale_rows(
        &self,
        collection: &CollectionId,
        cutoff: Timestamp,
        after: Option<&StaleRow>,
        limit: Limit,
    ) -> Answer<Vec<StaleRow>> {
        let mut reader = self.reader().await?;
        let rows = stats::stale_rows(&mut reader, collection, cutoff, after, limit).await;
        rows.map_err(repository_error)
    }

    async fn census(&self) -> Answer<Vec<Census>> {
        let mut reader = self.reader().await?;
        stats::census(&mut reader).await.map_err(repository_error)
    }

    fn connections(&self) -> Connections {
        let mut all = Connections::default();
        for pool in [&self.writer, &self.readers] {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(0);
            all.in_use += pool.size().saturating_sub(idle);
            all.idle += idle;
            all.limit += pool.options().get_max_connections();
        }
        all
    }
}

#[async_trait]
impl CacheRepository for SqliteRepository {
    async fn register(&self, given: &[Source], now: Timestamp) -> Answer<Vec<RegisteredSource>> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let (registered, changes, are_others) =
            sources::register(&mut writer, given, now).await.map_err(repository_error)?;
        self.commit(writer, changes).await?;
        if are_others {
            self.tell_of_collections();
        }
        Ok(registered)
    }

    async fn registered(&self) -> Answer<Vec<RegisteredSource>> {
        let mut reader = self.reader().await?;
        sources::registered(&mut reader).await.map_err(repository_error)
    }

    async fn known(&self, source: &SourceName) -> Answer<Known> {
        let mut reader = self.reader().await?;
        known::known(&mut reader, source).await.map_err(repository_error)
    }

    async fn known_at(&self, source: &SourceName, paths: &[String]) -> Answer<Known> {
        let mut reader = self.reader().await?;
        known::known_at(&mut reader, source, paths).await.map_err(repository_error)
    }

    async fn lease(&self, source: &SourceName) -> Answer<Lease> {
        Ok(Box::new(self.turn(source).lock_owned().await))
    }

    async fn apply(&self, delta: Delta) -> Answer<Applied> {
        let large = delta.upserts.len() > MANY;
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let applied = apply::apply(&mut writer, delta).await.map_err(repository_error)?;
        self.commit(writer, applied.changes.clone()).await?;
        if large {
            // Whatever comes of it, the change is made.
            drop(sqlx::raw_sql("PRAGMA shrink_memory").execute(&mut *connection).await);
        }
        Ok(applied)
    }

    async fn invalidate(&self, scope: &Scope, at: Timestamp) -> Answer<u64> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let (rows, changes) =
            invalidate::invalidate(&mut writer, scope, at).await.map_err(repository_error)?;
        self.commit(writer, changes).await?;
        Ok(rows)
    }

    fn notices(&self) -> broadcast::Receiver<CacheNotice> {
        self.notices.subscribe()
    }

    async fn check(&self) -> Answer<()> {
        let mut reader = self.reader().await?;
        migrate::check(&mut reader).await
    }
}

#[async_trait]
impl CuratedCollections for SqliteRepository {
    async fn create_collection(
        &self,
        id: &CollectionId,
        new: &NewCollection,
        created_by: Option<&str>,
        now: Timestamp,
    ) -> Answer<Naming> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let naming = curated::create(&mut writer, id, new, created_by, now).await;
        self.named(writer, naming).await
    }

    async fn change_collection(&self, id: &CollectionId, edit: &CollectionEdit) -> Answer<Naming> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let naming = curated::change(&mut writer, id, edit).await;
        self.named(writer, naming).await
    }

    async fn delete_collection(&self, id: &CollectionId) -> Answer<bool> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let deleted = curated::delete(&mut writer, id).await;
        let deleted = self.committed(writer, deleted).await?;
        if deleted {
            self.tell_of_collections();
        }
        Ok(deleted)
    }

    async fn add_members(
        &self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        now: Timestamp,
    ) -> Answer<Option<Added>> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let added = curated::add(&mut writer, id, artifacts, now).await;
        let Some((added, changes)) = added.map_err(repository_error)? else { return Ok(None) };
        self.commit(writer, changes).await?;
        Ok(Some(added))
    }

    async fn remove_member(
        &self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> Answer<bool> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let removed = curated::remove(&mut writer, id, artifact, now).await;
        let (removed, changes) = removed.map_err(repository_error)?;
        self.commit(writer, changes).await?;
        Ok(removed)
    }

    async fn purge_missing(&self, before: Timestamp) -> Answer<u64> {
        let mut connection = self.writer().await?;
        let mut writer = begin(&mut connection).await?;
        let purged = curated::purge(&mut writer, before).await;
        self.committed(writer, purged).await
    }
}
