//! The ports' operations, and where the transaction of each begins and ends.

use async_trait::async_trait;
use larder::{
    domain::{
        Timestamp,
        artifact::CollectionArtifact,
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
use tokio::sync::broadcast;

use crate::{
    PostgresRepository, apply, collections, curated, error::repository_error, facets, invalidate,
    known, lease, order, page, shadowed, sources, stats,
};

type Answer<T> = Result<T, RepositoryError>;

#[async_trait]
impl CacheReader for PostgresRepository {
    async fn collection(&self, id_or_name: &str) -> Answer<Option<Collection>> {
        self.read("collection", |mut reader| async move {
            collections::find(&mut reader, id_or_name).await
        })
        .await
    }

    async fn collections(&self, query: &CollectionQuery) -> Answer<CollectionPage> {
        self.read(
            "collections",
            |mut reader| async move { collections::page(&mut reader, query).await },
        )
        .await
    }

    async fn page(
        &self,
        collection: &CollectionId,
        query: &ArtifactQuery,
    ) -> Answer<Option<ArtifactPage>> {
        self.read(
            "page",
            |mut reader| async move { page::page(&mut reader, collection, query).await },
        )
        .await
    }

    async fn facets(&self, collection: &CollectionId, filter: &Filter) -> Answer<Option<Facets>> {
        self.read("facets", |mut reader| async move {
            facets::facets(&mut reader, collection, filter).await
        })
        .await
    }

    async fn artifact(
        &self,
        collection: &CollectionId,
        id: &ArtifactId,
    ) -> Answer<Option<CollectionArtifact>> {
        self.read("artifact", |mut reader| async move {
            page::artifact(&mut reader, collection, id).await
        })
        .await
    }

    async fn memberships(&self, source: &SourceName, id: &ArtifactId) -> Answer<Vec<CollectionId>> {
        self.read("memberships", |mut reader| async move {
            collections::holding(&mut reader, source, id).await
        })
        .await
    }

    async fn shadowed(&self) -> Answer<(Vec<Shadowed>, u64)> {
        self.read("shadowed", |mut reader| async move { shadowed::shadowed(&mut reader).await })
            .await
    }
}

#[async_trait]
impl CacheFreshness for PostgresRepository {
    async fn stats(&self, collection: &CollectionId, fresh: FreshRange) -> Answer<CacheStats> {
        self.read("stats", |mut reader| async move {
            stats::stats(&mut reader, collection, fresh).await
        })
        .await
    }

    async fn stale_sources(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
    ) -> Answer<Vec<StaleSource>> {
        self.read("stale_sources", |mut reader| async move {
            stats::stale_sources(&mut reader, collection, fresh).await
        })
        .await
    }

    async fn stale_rows(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
        after: Option<&StaleRow>,
        limit: Limit,
    ) -> Answer<Vec<StaleRow>> {
        self.read("stale_rows", |mut reader| async move {
            stats::stale_rows(&mut reader, collection, fresh, after, limit).await
        })
        .await
    }

    async fn census(&self) -> Answer<Vec<Census>> {
        self.read("census", |mut reader| async move { stats::census(&mut reader).await }).await
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
        let mut writer = self.begin().await?;
        let outcome = sources::register(&mut writer, given, now).await;
        self.commit("register", writer, outcome.map(|(registered, _)| registered)).await
    }

    async fn registered(&self) -> Answer<Vec<RegisteredSource>> {
        self.read("registered", |mut reader| async move { sources::registered(&mut reader).await })
            .await
    }

    async fn known(&self, source: &SourceName) -> Answer<Known> {
        self.read("known", |mut reader| async move { known::known(&mut reader, source).await })
            .await
    }

    async fn known_at(&self, source: &SourceName, paths: &[String]) -> Answer<Known> {
        self.read("known_at", |mut reader| async move {
            known::known_at(&mut reader, source, paths).await
        })
        .await
    }

    async fn lease(&self, source: &SourceName) -> Answer<Lease> {
        let connection = lease::lease(&self.options, source).await.map_err(repository_error)?;
        Ok(Box::new(connection))
    }

    async fn next_order(&self, now: Timestamp) -> Answer<ReadOrder> {
        self.read("next_order", |mut writer| async move { order::next(&mut writer, now).await })
            .await
    }

    async fn apply(&self, delta: Delta) -> Answer<Applied> {
        let mut writer = self.begin().await?;
        let applied = apply::apply(&mut writer, delta).await;
        self.commit("apply", writer, applied).await
    }

    async fn invalidate(&self, scope: &Scope, order: ReadOrder, now: Timestamp) -> Answer<u64> {
        let mut writer = self.begin().await?;
        let outcome = invalidate::invalidate(&mut writer, scope, order, now).await;
        self.commit("invalidate", writer, outcome.map(|(rows, _)| rows)).await
    }

    fn notices(&self) -> broadcast::Receiver<CacheNotice> {
        self.listener.subscribe(&self.options)
    }

    async fn check(&self) -> Answer<()> {
        self.failures.note("check", self.probe().await)
    }

    fn last_failure(&self) -> Option<RepositoryError> {
        self.failures.any()
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
        let mut writer = self.begin().await?;
        let naming = curated::create(&mut writer, id, new, created_by, now).await;
        self.commit("create_collection", writer, naming).await
    }

    async fn change_collection(&self, id: &CollectionId, edit: &CollectionEdit) -> Answer<Naming> {
        let mut writer = self.begin().await?;
        let naming = curated::change(&mut writer, id, edit).await;
        self.commit("change_collection", writer, naming).await
    }

    async fn delete_collection(&self, id: &CollectionId) -> Answer<bool> {
        let mut writer = self.begin().await?;
        let deleted = curated::delete(&mut writer, id).await;
        self.commit("delete_collection", writer, deleted).await
    }

    async fn add_members(
        &self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        order: ReadOrder,
        now: Timestamp,
    ) -> Answer<Option<Added>> {
        let mut writer = self.begin().await?;
        let added = curated::add(&mut writer, id, artifacts, order, now).await;
        self.commit("add_members", writer, added).await
    }

    async fn remove_member(
        &self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> Answer<bool> {
        let mut writer = self.begin().await?;
        let removed = curated::remove(&mut writer, id, artifact, now).await;
        self.commit("remove_member", writer, removed).await
    }

    async fn purge_missing(&self, before: Timestamp) -> Answer<u64> {
        let mut writer = self.begin().await?;
        let purged = curated::purge(&mut writer, before).await;
        self.commit("purge_missing", writer, purged).await
    }
}
