//! The use cases on a scripted source and a repository in memory.

mod concurrency;
mod curated;
mod misses;
mod refreshing;
mod starting;
mod writing;

use std::{sync::Arc, time::Duration};

use super::{Larder, Policy, Ports, RefreshOptions};
use crate::{
    domain::{artifact::CollectionArtifact, id::SourceName, report::CollectionReport},
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
        let mut metrics = MockMetricsSink::new();
        metrics.expect_cache_read().return_const(());
        metrics.expect_source_refreshed().return_const(());
        metrics.expect_written().return_const(());
        Self::with_metrics(metrics)
    }

    fn with_metrics(metrics: MockMetricsSink) -> Self {
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
        let larder = Larder::new(ports, Policy::default());
        Self { larder, files, cache, clock, work: source_name("work") }
    }

    fn tick(&self) {
        self.clock.advance(Duration::from_secs(10));
    }

    async fn refresh(&self) -> CollectionReport {
        self.refresh_with(RefreshOptions::default()).await
    }

    async fn refresh_with(&self, options: RefreshOptions) -> CollectionReport {
        self.larder.refresh_collection("default", options).await.unwrap()
    }

    async fn row(&self, id: &str) -> Option<CollectionArtifact> {
        self.cache.artifact(&collection_id("default"), &artifact_id(id)).await.unwrap()
    }

    async fn description(&self, id: &str) -> Option<String> {
        self.row(id).await?.artifact.metadata.description
    }
}
