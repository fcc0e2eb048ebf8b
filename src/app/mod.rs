//! The use cases, one file each.

use std::sync::Arc;

use crate::{
    domain::freshness::TimeToLive,
    ports::{ArtifactSource, CacheRepository, Clock, MetricsSink},
};

/// The ports that the use cases are built on.
#[derive(Clone)]
pub struct Ports {
    /// Where artifacts come from.
    pub source: Arc<dyn ArtifactSource>,
    /// The database.
    pub cache: Arc<dyn CacheRepository>,
    /// What is counted.
    pub metrics: Arc<dyn MetricsSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Larder itself.
pub struct Larder {
    ports: Ports,
    ttl: TimeToLive,
}

impl Larder {
    /// Larder on these ports.
    #[must_use]
    pub fn new(ports: Ports, ttl: TimeToLive) -> Arc<Self> {
        Arc::new(Self { ports, ttl })
    }
}
