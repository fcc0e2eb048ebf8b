//! The use cases, one file each. [`Larder`] holds the ports; each file adds what it offers.

mod artifact;
mod catalog;
mod curated;
mod deploy;
mod edit;
mod error;
mod lane;
mod readiness;
mod refresh;
mod saved;
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
    time::Duration,
};

use tokio::sync::Semaphore;

use self::lane::Lane;
pub use self::{
    catalog::View,
    edit::{CacheState, Saved, Trashed},
    error::{Error, chain},
    readiness::Readiness,
    refresh::RefreshOptions,
    stats::CollectionStats,
};
use crate::{
    domain::{Timestamp, delta::Delta, freshness::TimeToLive, id::SourceName},
    ports::{
        ArtifactDeployer, ArtifactSource, ArtifactWriter, CacheRepository, Clock, MetricsSink,
    },
};

/// How many sources are read at the same time: enough to keep a disk busy, few enough to leave the
/// processors to requests.
const CONCURRENT_SCANS: usize = 2;

/// The ports that the use cases are built on.
#[derive(Clone)]
pub struct Ports {
    /// Where artifacts come from.
    pub source: Arc<dyn ArtifactSource>,
    /// Where they are written.
    pub writer: Arc<dyn ArtifactWriter>,
    /// How they come into projects.
    pub deployer: Arc<dyn ArtifactDeployer>,
    /// The database.
    pub cache: Arc<dyn CacheRepository>,
    /// What is counted.
    pub metrics: Arc<dyn MetricsSink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a person decides about Larder's ways.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How old rows may get.
    pub ttl: TimeToLive,
    /// Directories that projects must lie in to be deployed to through the API.
    pub deploy_roots: Vec<String>,
    /// How long deleted artifacts are kept.
    pub trash: Duration,
    /// How often the keeper looks for what is stale; `None`: never.
    pub sweep_every: Option<Duration>,
    /// Whether files are watched for changes.
    pub watch: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: TimeToLive::default(),
            deploy_roots: Vec::new(),
            trash: Duration::from_hours(30 * 24),
            sweep_every: Some(Duration::from_mins(5)),
            watch: true,
        }
    }
}

/// Larder itself.
pub struct Larder {
    ports: Ports,
    policy: Policy,
    lanes: Mutex<HashMap<SourceName, Lane>>,
    scans: Semaphore,
    /// Held while the sources are discovered and registered: what was found earlier must not be
    /// registered later.
    registering: tokio::sync::Mutex<()>,
    /// When a miss last caused a scan of a plain source.
    scanned_for_miss: Mutex<HashMap<SourceName, Timestamp>>,
    /// What the database could not take when files had been written, in order.
    pending: Mutex<Vec<Delta>>,
    has_pending: AtomicBool,
    catching_up: tokio::sync::Mutex<()>,
    filled: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Larder {
    /// Larder on these ports.
    #[must_use]
    pub fn new(ports: Ports, policy: Policy) -> Arc<Self> {
        Arc::new(Self {
            ports,
            policy,
            lanes: Mutex::default(),
            scans: Semaphore::new(CONCURRENT_SCANS),
            registering: tokio::sync::Mutex::default(),
            scanned_for_miss: Mutex::default(),
            pending: Mutex::default(),
            has_pending: AtomicBool::new(false),
            catching_up: tokio::sync::Mutex::default(),
            filled: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    /// How old rows may get.
    #[must_use]
    pub fn ttl(&self) -> &TimeToLive {
        &self.policy.ttl
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
