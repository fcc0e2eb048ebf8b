//! The use cases on a scripted source and a repository in memory.

mod concurrency;
mod curated;
mod events;
mod freshness;
mod gauges;
mod keeping;
mod misses;
mod refreshing;
mod starting;
mod stepping;
mod watching;
mod writing;

use std::{sync::Arc, time::Duration};

use super::{Larder, Policy, Ports, RefreshOptions};
use crate::{
    domain::{
        artifact::CollectionArtifact, caller::Caller, id::SourceName, report::CollectionReport,
    },
    ports::{CacheReader, artifact_deployer::MockArtifactDeployer, metrics_sink::MockMetricsSink},
    testing::{
        FakeClock, MemoryRepository, ScriptedSource, artifact_id, at, collection_id, source,
        source_name,
    },
};

/// Larder on stand-ins, with one managed source `work`.
struct House {
    larder: Arc<Larder>,
    files: Arc<ScriptedSource>,
    cache: Arc<MemoryRepository>,
    clock: Arc<FakeClock>,
    work: SourceName,
}

impl House {
    fn new() -> Self {
        Self::with_policy(Policy::default())
    }

    fn indifferent() -> MockMetricsSink {
        let mut metrics = MockMetricsSink::new();
        metrics.expect_cache_read().return_const(());
        metrics.expect_refreshed().return_const(());
        metrics.expect_written().return_const(());
        metrics
    }

    fn with_policy(policy: Policy) -> Self {
        Self::with(Self::indifferent(), policy)
    }

    fn with_metrics(metrics: MockMetricsSink) -> Self {
        Self::with(metrics, Policy::default())
    }

    fn with(metrics: MockMetricsSink, policy: Policy) -> Self {
        let clock = Arc::new(FakeClock::at(at(100)));
        let files = Arc::new(ScriptedSource::new(clock.clone()));
        let cache = Arc::new(MemoryRepository::new());
        files.cover(source("work"));
        let ports = Ports {
            source: files.clone(),
            writer: files.clone(),
            deployer: Arc::new(MockArtifactDeployer::new()),
            cache: cache.clone(),
            metrics: Arc::new(metrics),
            clock: clock.clone(),
        };
        let larder = Larder::new(ports, policy);
        Self { larder, files, cache, clock, work: source_name("work") }
    }

    /// Another source.
    fn cover(&self, name: &str) -> SourceName {
        self.files.cover(source(name));
        source_name(name)
    }

    fn tick(&self) {
        self.clock.advance(Duration::from_secs(10));
    }

    async fn refresh(&self) -> CollectionReport {
        self.refresh_with(RefreshOptions::default()).await
    }

    async fn refresh_with(&self, options: RefreshOptions) -> CollectionReport {
        self.larder.refresh_collection(&Caller::local(), "default", options).await.unwrap()
    }

    async fn row(&self, id: &str) -> Option<CollectionArtifact> {
        self.cache.artifact(&collection_id("default"), &artifact_id(id)).await.unwrap()
    }

    async fn description(&self, id: &str) -> Option<String> {
        self.row(id).await?.artifact.metadata.description
    }
}

/// Lets all other tasks go on until something is so.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to that");
}
