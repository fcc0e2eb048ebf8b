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
    domain::{
        Timestamp, freshness::TimeToLive, gauges::Counted, id::SourceName, read_order::ReadOrder,
    },
    ports::{
        ArtifactDeployer, ArtifactSource, ArtifactWriter, CacheRepository, Clock, MetricsSink,
        RepositoryError,
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
    /// When a miss last caused a scan of a plain source, by the monotonic clock.
    scanned_for_miss: Mutex<HashMap<SourceName, Duration>>,
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

    /// The wall clock that the use cases go by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The clock that durations are measured by: see [`Clock::monotonic`].
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.ports.clock.monotonic()
    }

    /// The order of the look at files that begins now.
    async fn next_order(&self) -> Result<ReadOrder, RepositoryError> {
        self.ports.cache.next_order(self.now()).await
    }

    /// Where measurements go.
    #[must_use]
    pub fn metrics(&self) -> &dyn MetricsSink {
        &*self.ports.metrics
    }

    /// Waits until so much time has passed. In slices, since the time in which the machine is
    /// suspended counts and ends no sleep.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.monotonic() + duration;
        while let Some(left) = until.checked_sub(self.monotonic())
            && !left.is_zero()
        {
            self.ports.clock.sleep(left.min(SLICE)).await;
        }
    }

    /// Waits until the wall clock shows that moment. In slices, since the wall clock may be set.
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

    /// Work that begins now.
    fn begin(&self) -> Begun {
        Begun { at: self.now(), monotonic: self.monotonic() }
    }

    /// The time since then.
    fn since(&self, begun: Begun) -> Duration {
        self.monotonic().saturating_sub(begun.monotonic)
    }

    /// Milliseconds since then.
    fn took(&self, started: Begun) -> u64 {
        u64::try_from(self.since(started).as_millis()).unwrap_or(u64::MAX)
    }

    /// One read request was answered.
    fn count_read(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        self.ports.metrics.cache_read(hit);
    }
}

/// When some work began.
#[derive(Debug, Clone, Copy)]
struct Begun {
    /// By the wall clock, for people.
    at: Timestamp,
    /// By the clock that durations are measured by.
    monotonic: Duration,
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
