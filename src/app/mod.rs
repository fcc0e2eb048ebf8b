//! The use cases, one file each. [`Larder`] holds the ports; each file adds what it offers.

mod artifact;
mod catalog;
mod curated;
mod deploy;
mod edit;
mod ending;
mod error;
mod events;
mod freshness;
mod gauges;
mod keeper;
mod lane;
mod pending;
mod readiness;
mod reconcile;
mod refresh;
mod refresh_log;
mod saved;
mod source_refresh;
#[cfg(test)]
mod tests;
mod trouble;
mod watch;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, RwLock, Semaphore, broadcast, watch as channel};

pub use self::{
    catalog::View,
    edit::{CacheState, Saved, Trashed},
    error::{Error, chain},
    events::{Event, Events},
    freshness::{CollectionStats, SourceStats},
    keeper::{KeeperState, KeeperStatus, Sweep},
    readiness::Readiness,
    refresh::{RefreshOptions, StillDue},
    trouble::Trouble,
    watch::Watched,
};
use self::{lane::Lane, pending::PendingWrites, refresh_log::Logged};
use crate::{
    domain::{Timestamp, freshness::TimeToLive, gauges::Counted, id::SourceName},
    ports::{
        ArtifactDeployer, ArtifactSource, ArtifactWriter, CacheRepository, Clock, MetricsSink,
    },
};

/// How many sources are read at the same time: enough to keep a disk busy, few enough to leave the
/// processors to requests.
const CONCURRENT_SCANS: usize = 2;

/// The longest time that is slept at once.
const SLICE: Duration = Duration::from_secs(30);

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
    registering: Arc<tokio::sync::Mutex<()>>,
    /// When a miss last caused a scan of a plain source.
    scanned_for_miss: Mutex<HashMap<SourceName, Timestamp>>,
    pending: PendingWrites,
    filled: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
    /// What was last logged of each source.
    logged: Mutex<HashMap<SourceName, Logged>>,
    /// Sources that cannot be refreshed.
    troubles: Mutex<HashMap<SourceName, Trouble>>,
    /// Wakes the keeper when the refreshes of a source have ended: it may have to try again.
    refreshed: Notify,
    keeper: Mutex<KeeperStatus>,
    watched: Mutex<BTreeMap<SourceName, Watched>>,
    /// Goes up when others than before were registered.
    sources_changed: channel::Sender<u64>,
    refreshes: broadcast::Sender<Event>,
    counted: Mutex<Option<Counted>>,
    /// Read by whatever must not be cut off, written by who waits for all of it.
    working: Arc<RwLock<()>>,
    ending: channel::Sender<bool>,
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
            registering: Arc::default(),
            scanned_for_miss: Mutex::default(),
            pending: PendingWrites::default(),
            filled: AtomicBool::new(false),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            logged: Mutex::default(),
            troubles: Mutex::default(),
            refreshed: Notify::new(),
            keeper: Mutex::default(),
            watched: Mutex::default(),
            sources_changed: channel::Sender::default(),
            refreshes: broadcast::Sender::new(events::UNREAD),
            counted: Mutex::default(),
            working: Arc::default(),
            ending: channel::Sender::default(),
        })
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

    /// Waits until that moment. In slices: a machine that was suspended has slept without the clock.
    pub async fn sleep_until(&self, moment: Timestamp) {
        while let Ok(left) = (moment - self.now()).to_std()
            && !left.is_zero()
        {
            self.ports.clock.sleep(left.min(SLICE)).await;
        }
    }

    /// What work answers; nothing if it takes longer than that, and is given up.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            answer = work => Some(answer),
            () = self.ports.clock.sleep(limit) => None,
        }
    }

    /// The time since then.
    fn since(&self, started: Timestamp) -> Duration {
        (self.now() - started).to_std().unwrap_or_default()
    }

    /// Milliseconds since then.
    fn took(&self, started: Timestamp) -> u64 {
        u64::try_from(self.since(started).as_millis()).unwrap_or(u64::MAX)
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

/// Up to a tenth less than a duration, at random: what begins together, such as several processes,
/// need not come together each time.
fn jittered(duration: Duration) -> Duration {
    let thousandths = u32::try_from(RandomState::new().hash_one(()) % 1_000).unwrap_or_default();
    duration.saturating_sub(duration / 10_000 * thousandths)
}
