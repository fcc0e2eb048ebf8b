//! The ports' operations: which connection each has, and where its transaction begins and ends.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use larder::{
    domain::{
        Timestamp,
        artifact::CollectionArtifact,
        collection::{Collection, RegisteredSource, Source},
        curated::{Added, CollectionEdit, Naming, NewCollection},
        delta::{Applied, Delta, Known, Scope, Shadowed},
        facets::Facets,
        freshness::CacheStats,
        id::{ArtifactId, CollectionId, SourceName},
        page::{ArtifactPage, CollectionPage},
        query::{ArtifactQuery, CollectionQuery, Filter},
    },
    ports::{CacheReader, CacheRepository, CuratedCollections, Lease, RepositoryError},
};
use sqlx::{Connection, Sqlite, Transaction, pool::PoolConnection};

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

    async fn writer(&self) -> Answer<Transaction<'static, Sqlite>> {
        self.writer.begin_with(BEGIN).await.map_err(repository_error)
    }
}

async fn committed<T>(transaction: Transaction<'static, Sqlite>, answer: T) -> Answer<T> {
    transaction.commit().await.map_err(repository_error)?;
    Ok(answer)
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

    async fn stats(&self, collection: &CollectionId, cutoff: Timestamp) -> Answer<CacheStats> {
        let mut reader = self.reader().await?;
        stats::stats(&mut reader, collection, cutoff).await.map_err(repository_error)
    }

    async fn shadowed(&self) -> Answer<(Vec<Shadowed>, u64)> {
        let mut reader = self.reader().await?;
        shadowed::shadowed(&mut reader).await.map_err(repository_error)
    }
}

#[async_trait]
impl CacheRepository for SqliteRepository {
    async fn register(&self, given: &[Source], now: Timestamp) -> Answer<Vec<RegisteredSource>> {
        let mut writer = self.writer().await?;
        let registered =
            sources::register(&mut writer, given, now).await.map_err(repository_error)?;
        committed(writer, registered).await
    }

    async fn registered(&self) -> Answer<Vec<RegisteredSource>> {
        let mut reader = self.reader().await?;
        sources::registered(&mut reader).await.map_err(repository_error)
    }

    async fn known(&self, source: &SourceName) -> Answer<Known> {
        let mut reader = self.reader().await?;
        known::known(&mut reader, source).await.map_err(repository_error)
    }

    async fn lease(&self, source: &SourceName) -> Answer<Lease> {
        // No other process has the file, so it is enough to keep this one's refreshes apart.
        let turn = {
            let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(leases.entry(source.clone()).or_default())
        };
        Ok(Box::new(turn.lock_owned().await))
    }

    async fn apply(&self, delta: Delta) -> Answer<Applied> {
        let large = delta.upserts.len() > MANY;
        let mut connection = self.writer.acquire().await.map_err(repository_error)?;
        let mut writer = connection.begin_with(BEGIN).await.map_err(repository_error)?;
        let applied = apply::apply(&mut writer, delta).await.map_err(repository_error)?;
        writer.commit().await.map_err(repository_error)?;
        if large {
            // Whatever comes of it, the change is made.
            drop(sqlx::raw_sql("PRAGMA shrink_memory").execute(&mut *connection).await);
        }
        Ok(applied)
    }

    async fn invalidate(&self, scope: &Scope, at: Timestamp) -> Answer<u64> {
        let mut writer = self.writer().await?;
        let rows =
            invalidate::invalidate(&mut writer, scope, at).await.map_err(repository_error)?;
        committed(writer, rows).await
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
        let mut writer = self.writer().await?;
        let naming = curated::create(&mut writer, id, new, created_by, now).await;
        committed(writer, naming.map_err(repository_error)?).await
    }

    async fn change_collection(&self, id: &CollectionId, edit: &CollectionEdit) -> Answer<Naming> {
        let mut writer = self.writer().await?;
        let naming = curated::change(&mut writer, id, edit).await;
        committed(writer, naming.map_err(repository_error)?).await
    }

    async fn delete_collection(&self, id: &CollectionId) -> Answer<bool> {
        let mut writer = self.writer().await?;
        let deleted = curated::delete(&mut writer, id).await;
        committed(writer, deleted.map_err(repository_error)?).await
    }

    async fn add_members(
        &self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        now: Timestamp,
    ) -> Answer<Option<Added>> {
        let mut writer = self.writer().await?;
        let added = curated::add(&mut writer, id, artifacts, now).await;
        committed(writer, added.map_err(repository_error)?).await
    }

    async fn remove_member(
        &self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> Answer<bool> {
        let mut writer = self.writer().await?;
        let removed = curated::remove(&mut writer, id, artifact, now).await;
        committed(writer, removed.map_err(repository_error)?).await
    }

    async fn purge_missing(&self, before: Timestamp) -> Answer<u64> {
        let mut writer = self.writer().await?;
        let purged = curated::purge(&mut writer, before).await;
        committed(writer, purged.map_err(repository_error)?).await
    }
}
