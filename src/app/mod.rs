//! The use cases, one file each. [`Larder`] holds the ports; each file adds what it offers.

mod artifact;
mod catalog;
mod error;
mod lane;
mod readiness;
mod refresh;
mod source_refresh;
mod stats;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::Semaphore;

use self::lane::Lane;
pub use self::{
    catalog::View,
    error::{Error, chain},
    readiness::Readiness,
    refresh::RefreshOptions,
    stats::CollectionStats,
};
use crate::{
    domain::{Timestamp, freshness::TimeToLive, id::SourceName},
    ports::{ArtifactSource, CacheRepository, Clock, MetricsSink},
};

/// How many sources are read at the same time: enough to keep a disk busy, few enough to leave the
/// processors to requests.
const CONCURRENT_SCANS: usize = 2;

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
    lanes: Mutex<HashMap<SourceName, Lane>>,
    scans: Semaphore,
    /// Held while the sources are discovered and registered: what was found earlier must not be
    /// registered later.
    registering: tokio::sync::Mutex<()>,
    /// When a miss last caused a scan of a plain source.
    scanned_for_miss: Mutex<HashMap<SourceName, Timestamp>>,
    filled: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Larder {
    /// Larder on these ports.
    #[must_use]
    pub fn new(ports: Ports, ttl: TimeToLive) -> Arc<Self> {
        Arc::new(Self {
            ports,
            ttl,
            lanes: Mutex::default(),
            scans: Semaphore::new(CONCURRENT_SCANS),
            registering: tokio::sync::Mutex::default(),
            scanned_for_miss: Mutex::default(),
            filled: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// How old rows may get.
    #[must_use]
    pub fn ttl(&self) -> &TimeToLive {
        &self.ttl
    }

    /// The time, by the clock that the use cases go by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Where measurements go.
    #[must_use]
    pub fn metrics(&self) -> &dyn MetricsSink {
        &*self.ports.metrics
    }

    /// Milliseconds since then.
    fn took(&self, started: Timestamp) -> u64 {
        u64::try_from((self.now() - started).num_milliseconds()).unwrap_or(0)
    }

    /// One read request was answered.
    fn count_read(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        self.ports.metrics.cache_read(hit);
    }
}

/// Locks what no code that panics holds: a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs work in a task of its own, which goes on when the caller leaves.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "work ended by a panic");
        Err(Error::Interrupted)
    })
}
