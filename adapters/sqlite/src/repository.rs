//! The ports' operations, and where the transaction of each begins and ends.

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
use tokio::sync::{Mutex, broadcast};

use crate::{
    SqliteRepository, apply, collections, curated, facets, invalidate, known, order, page,
    shadowed, sources, stats,
};

type Answer<T> = Result<T, RepositoryError>;

/// A delta with more rows than this fills the writer's cache, which the next small one has no use
/// for.
const MANY: usize = 1_000;

impl SqliteRepository {
    /// The turns of a source's refreshes: no other process has the file, so it is enough to keep this
    /// one's apart.
    fn turn(&self, source: &SourceName) -> Arc<Mutex<()>> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(leases.entry(source.clone()).or_default())
    }
}

#[async_trait]
impl CacheReader for SqliteRepository {
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
impl CacheFreshness for SqliteRepository {
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
        let mut writer = self.begin(&mut connection).await?;
        let outcome = sources::register(&mut writer, given, now).await;
        let outcome =
            outcome.map(|(registered, changes, are_others)| ((registered, are_others), changes));
        let (registered, are_others) = self.commit("register", writer, outcome).await?;
        if are_others {
            self.notify_of_collections();
        }
        Ok(registered)
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
        Ok(Box::new(self.turn(source).lock_owned().await))
    }

    async fn next_order(&self, now: Timestamp) -> Answer<ReadOrder> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let order = order::next(&mut writer, now).await;
        self.commit_no_rows("next_order", writer, order).await
    }

    async fn apply(&self, delta: Delta) -> Answer<Applied> {
        let large = delta.upserts.len() > MANY;
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let outcome = apply::apply(&mut writer, delta).await.map(|applied| {
            let changes = applied.changes.clone();
            (applied, changes)
        });
        let applied = self.commit("apply", writer, outcome).await?;
        if large {
            // Whatever comes of it, the change is made.
            drop(sqlx::raw_sql("PRAGMA shrink_memory").execute(&mut *connection).await);
        }
        Ok(applied)
    }

    async fn invalidate(&self, scope: &Scope, order: ReadOrder, now: Timestamp) -> Answer<u64> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let outcome = invalidate::invalidate(&mut writer, scope, order, now).await;
        self.commit("invalidate", writer, outcome).await
    }

    fn notices(&self) -> broadcast::Receiver<CacheNotice> {
        self.notices.subscribe()
    }

    async fn check(&self) -> Answer<()> {
        self.failures.note("check", self.probe().await)
    }

    fn last_failure(&self) -> Option<RepositoryError> {
        self.failures.any()
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
        let mut writer = self.begin(&mut connection).await?;
        let naming = curated::create(&mut writer, id, new, created_by, now).await;
        self.commit_naming("create_collection", writer, naming).await
    }

    async fn change_collection(&self, id: &CollectionId, edit: &CollectionEdit) -> Answer<Naming> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let naming = curated::change(&mut writer, id, edit).await;
        self.commit_naming("change_collection", writer, naming).await
    }

    async fn delete_collection(&self, id: &CollectionId) -> Answer<bool> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let deleted = curated::delete(&mut writer, id).await;
        let deleted = self.commit_no_rows("delete_collection", writer, deleted).await?;
        if deleted {
            self.notify_of_collections();
        }
        Ok(deleted)
    }

    async fn add_members(
        &self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        order: ReadOrder,
        now: Timestamp,
    ) -> Answer<Option<Added>> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let outcome = curated::add(&mut writer, id, artifacts, order, now).await.map(|added| {
            added.map_or((None, Vec::new()), |(added, changes)| (Some(added), changes))
        });
        self.commit("add_members", writer, outcome).await
    }

    async fn remove_member(
        &self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> Answer<bool> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let outcome = curated::remove(&mut writer, id, artifact, now).await;
        self.commit("remove_member", writer, outcome).await
    }

    async fn purge_missing(&self, before: Timestamp) -> Answer<u64> {
        let mut connection = self.writer().await?;
        let mut writer = self.begin(&mut connection).await?;
        let purged = curated::purge(&mut writer, before).await;
        self.commit_no_rows("purge_missing", writer, purged).await
    }
}
