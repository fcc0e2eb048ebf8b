//! The ports' operations: which connection each has, and where its transaction begins and ends.

use async_trait::async_trait;
use larder::{
    domain::{
        Timestamp,
        artifact::CollectionArtifact,
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
use sqlx::{Postgres, Transaction, pool::PoolConnection};
use tokio::sync::broadcast;

use crate::{
    PostgresRepository, apply, collections, curated, error::repository_error, facets, invalidate,
    known, lease, migrate, page, shadowed, sources, stats,
};

type Answer<T> = Result<T, RepositoryError>;

impl PostgresRepository {
    async fn reader(&self) -> Answer<PoolConnection<Postgres>> {
        self.pool.acquire().await.map_err(repository_error)
    }

    async fn writer(&self) -> Answer<Transaction<'static, Postgres>> {
        self.pool.begin().await.map_err(repository_error)
    }
}

async fn committed<T>(transaction: Transaction<'static, Postgres>, answer: T) -> Answer<T> {
    transaction.commit().await.map_err(repository_error)?;
    Ok(answer)
}

#[async_trait]
impl CacheReader for PostgresRepository {
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
impl CacheFreshness for PostgresRepository {
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
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(0);
        let limit = self.pool.options().get_max_connections();
        Connections { in_use: self.pool.size().saturating_sub(idle), idle, limit }
    }
}

#[async_trait]
impl CacheRepository for PostgresRepository {
    async fn register(&self, given: &[Source], now: Timestamp) -> Answer<Vec<RegisteredSource>> {
        let mut writer = self.writer().await?;
        let (registered, _) =
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

    async fn known_at(&self, source: &SourceName, paths: &[String]) -> Answer<Known> {
        let mut reader = self.reader().await?;
        known::known_at(&mut reader, source, paths).await.map_err(repository_error)
    }

    async fn lease(&self, source: &SourceName) -> Answer<Lease> {
        let connection = lease::lease(&self.options, source).await.map_err(repository_error)?;
        Ok(Box::new(connection))
    }

    async fn apply(&self, delta: Delta) -> Answer<Applied> {
        let mut writer = self.writer().await?;
        let applied = apply::apply(&mut writer, delta).await.map_err(repository_error)?;
        committed(writer, applied).await
    }

    async fn invalidate(&self, scope: &Scope, at: Timestamp) -> Answer<u64> {
        let mut writer = self.writer().await?;
        let (rows, _) =
            invalidate::invalidate(&mut writer, scope, at).await.map_err(repository_error)?;
        committed(writer, rows).await
    }

    fn notices(&self) -> broadcast::Receiver<CacheNotice> {
        self.listener.subscribe(&self.options)
    }

    async fn check(&self) -> Answer<()> {
        let mut reader = self.reader().await?;
        migrate::check(&mut reader).await
    }
}

#[async_trait]
impl CuratedCollections for PostgresRepository {
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
