//! The repository under test, with short forms of what nearly every case asks of it.

use std::{ops::Deref, sync::Arc};

use larder::{
    domain::{
        Timestamp,
        artifact::{Artifact, CollectionArtifact},
        collection::{Collection, RegisteredSource, Source},
        delta::{Applied, Delta, Scope, Verified},
        disks::Disks,
        freshness::{CacheStats, FreshRange},
        id::CollectionId,
        page::ArtifactPage,
        query::{ArtifactQuery, Filter, Limit},
        read_order::ReadOrder,
    },
    ports::{CacheRepository, RepositoryError},
    testing::{
        MemoryRepository, artifact_id, at, collection_id, limit, order, source, source_name,
    },
};
use larder_tests::database::{Backend, Database};

/// When rows and collections are made, unless a case says otherwise.
pub(crate) fn now() -> Timestamp {
    at(1_000)
}

/// A repository without any source, and what has to go with it.
pub(crate) struct Cache {
    repository: Arc<dyn CacheRepository>,
    database: Option<Database>,
}

impl Deref for Cache {
    type Target = Arc<dyn CacheRepository>;

    fn deref(&self) -> &Self::Target {
        &self.repository
    }
}

impl Cache {
    #[expect(clippy::unused_async, reason = "the cases open every backend alike")]
    pub(crate) async fn memory() -> Self {
        Self { repository: Arc::new(MemoryRepository::new()), database: None }
    }

    pub(crate) async fn sqlite() -> Self {
        Self::on(Backend::Sqlite).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::on(Backend::Postgres).await
    }

    async fn on(backend: Backend) -> Self {
        let database = Database::new(backend).await;
        Self { repository: database.migrated().await, database: Some(database) }
    }

    /// What is behind the repository.
    pub(crate) fn database(&self) -> &Database {
        self.database.as_ref().expect("the fake has none")
    }

    pub(crate) async fn close(self) {
        drop(self.repository);
        if let Some(database) = self.database {
            database.remove().await;
        }
    }

    pub(crate) async fn register_all(
        &self,
        sources: &[Source],
        now: Timestamp,
    ) -> Vec<RegisteredSource> {
        self.repository.register(sources, now).await.unwrap()
    }

    /// Registers sources of these names.
    pub(crate) async fn register(&self, names: &[&str]) -> Vec<RegisteredSource> {
        let sources: Vec<Source> = names.iter().map(|name| source(name)).collect();
        self.register_all(&sources, now()).await
    }

    /// Stores artifacts of a source, in the order that a right clock gives to the last of them.
    pub(crate) async fn put(
        &self,
        source: &str,
        upserts: impl IntoIterator<Item = Artifact>,
    ) -> Applied {
        let upserts: Vec<Artifact> = upserts.into_iter().collect();
        let read_at = upserts.iter().map(|artifact| artifact.read_at).max();
        let order = read_at.map_or_else(ReadOrder::default, order_at);
        self.apply(Delta { order, upserts, ..delta(source) }).await.unwrap()
    }

    /// Removes artifacts of a source that a scan begun then found gone.
    pub(crate) async fn remove(
        &self,
        source: &str,
        ids: &[&str],
        removed_before: Timestamp,
    ) -> Applied {
        let removals = ids.iter().map(|id| artifact_id(id)).collect();
        let order = order_at(removed_before);
        self.apply(Delta { order, removals, ..delta(source) }).await.unwrap()
    }

    /// Says that a source was scanned as a whole.
    pub(crate) async fn verify(&self, source: &str, at: Timestamp) -> Applied {
        let verified = Some(Verified { at, manifest_hash: None, disks: Disks::default() });
        self.apply(Delta { order: order_at(at), verified, ..delta(source) }).await.unwrap()
    }

    /// Invalidates rows in the order that a right clock gives at that moment.
    pub(crate) async fn invalidate(
        &self,
        scope: &Scope,
        at: Timestamp,
    ) -> Result<u64, RepositoryError> {
        self.repository.invalidate(scope, order_at(at), at).await
    }

    /// Counts a collection's rows; those synced then or earlier are stale.
    pub(crate) async fn stats(
        &self,
        collection: &CollectionId,
        cutoff: Timestamp,
    ) -> Result<CacheStats, RepositoryError> {
        self.repository.stats(collection, since(cutoff)).await
    }

    pub(crate) async fn invalidate_collection(&self, collection: &str, at: Timestamp) -> u64 {
        self.invalidate(&Scope::Collection(collection_id(collection)), at).await.unwrap()
    }

    pub(crate) async fn collection_of(&self, id: &str) -> Collection {
        self.collection(id).await.unwrap().expect("the collection exists")
    }

    pub(crate) async fn generation(&self, collection: &str) -> u64 {
        self.collection_of(collection).await.generation
    }

    pub(crate) async fn row(&self, collection: &str, id: &str) -> Option<CollectionArtifact> {
        self.artifact(&collection_id(collection), &artifact_id(id)).await.unwrap()
    }

    /// What makes a collection's row fresh.
    pub(crate) async fn synced_at(&self, collection: &str, id: &str) -> Option<Timestamp> {
        self.row(collection, id).await.expect("the row exists").synced_at
    }

    /// What a row of a collection says that it is for.
    pub(crate) async fn description(&self, collection: &str, id: &str) -> Option<String> {
        self.row(collection, id).await?.artifact.metadata.description
    }

    pub(crate) async fn page_of(&self, collection: &str, query: &ArtifactQuery) -> ArtifactPage {
        let collection = CollectionId::new(collection).unwrap();
        self.page(&collection, query).await.unwrap().expect("the collection exists")
    }

    /// The ids of a collection's rows by name, at most 200.
    pub(crate) async fn ids(&self, collection: &str) -> Vec<String> {
        self.found(collection, Filter::default()).await
    }

    /// The ids of the rows that pass a filter, by name, at most 200. Their count must agree.
    pub(crate) async fn found(&self, collection: &str, filter: Filter) -> Vec<String> {
        let query = ArtifactQuery { filter, limit: limit(Limit::MAX), ..ArtifactQuery::default() };
        let page = self.page_of(collection, &query).await;
        if !page.has_next {
            assert_eq!(page.total_count, page.rows.len() as u64, "{:?}", query.filter);
        }
        ids_of(&page)
    }
}

/// A change of nothing of that source, made now in the order of a look at `at(0)`.
pub(crate) fn delta(source: &str) -> Delta {
    Delta::new(source_name(source), order(0), now())
}

/// The order that a look at that moment gets where every clock is right.
pub(crate) fn order_at(at: Timestamp) -> ReadOrder {
    ReadOrder::after(ReadOrder::default(), at)
}

/// The range that ends at no moment: rows synced at the cutoff or earlier are stale.
pub(crate) fn since(cutoff: Timestamp) -> FreshRange {
    FreshRange { after: cutoff, ..FreshRange::ALWAYS }
}

pub(crate) fn ids_of(page: &ArtifactPage) -> Vec<String> {
    page.rows.iter().map(|row| row.artifact.id.to_string()).collect()
}
