//! How fresh a collection is, and who sees to it.

use larder::{
    app::{CollectionStats, KeeperStatus, SourceStats},
    domain::artifact::Health,
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::{Moment, Nullable, collection::LastRefresh, report::RefreshStatus};

/// How many artifacts are in which state of health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Object)]
pub(crate) struct HealthCounts {
    /// Read as their format asks.
    pub ok: u64,
    /// Read leniently.
    pub recovered: u64,
    /// Not readable.
    pub broken: u64,
}

/// Whether the keeper, which refreshes what goes stale, does its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum KeeperState {
    /// It is switched off.
    Off,
    /// It does.
    Running,
    /// It has stopped, or hangs.
    Stopped,
}

/// What the keeper of this process says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
pub(crate) struct Keeper {
    /// Whether it does its work.
    pub state: KeeperState,
    /// When its last sweep began that went through.
    pub last_run_at: Nullable<Moment>,
    /// How long that took.
    pub last_run_ms: Nullable<u64>,
    /// When the next sweep begins; in the past while it goes on.
    pub next_run_at: Nullable<Moment>,
    /// What went wrong last.
    pub last_error: Nullable<String>,
    /// When that was.
    pub last_error_at: Nullable<Moment>,
}

impl From<KeeperStatus> for Keeper {
    fn from(status: KeeperStatus) -> Self {
        use larder::app::KeeperState as State;
        let (last_error_at, last_error) = status.last_error.unzip();
        Self {
            state: match status.state {
                State::Off => KeeperState::Off,
                State::Running => KeeperState::Running,
                State::Stopped => KeeperState::Stopped,
            },
            last_run_at: status.last_run.as_ref().map(|run| Moment(run.started_at)).into(),
            last_run_ms: status.last_run.map(|run| run.duration_ms).into(),
            next_run_at: status.next_run_at.map(Moment).into(),
            last_error: last_error.into(),
            last_error_at: last_error_at.map(Moment).into(),
        }
    }
}

/// How changes of a source's files become known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum WatchMode {
    /// The file system tells.
    Events,
    /// It does not: the source is scanned every few seconds.
    Poll,
    /// Not at all: the TTL alone bounds how old the rows get.
    Off,
}

/// One source collection, as this process sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
pub(crate) struct SourceFreshness {
    /// Its name.
    pub source_collection: String,
    /// The collection that shows all of it.
    pub collection_id: String,
    /// When the last scan of the whole began that succeeded.
    pub verified_at: Nullable<Moment>,
    /// How it is watched.
    pub watch: WatchMode,
    /// Why the file system does not tell.
    pub watch_reason: Nullable<String>,
    /// Why it is not refreshed, when it is not: it is guarded, or cannot be read. Its artifacts may
    /// be older than the TTL.
    pub status: Nullable<RefreshStatus>,
    /// The reason, as the report of its last refresh gives it.
    pub problem: Nullable<String>,
    /// How many refreshes have ended so, one after the other.
    pub failures: u32,
    /// When the keeper tries again at the earliest.
    pub next_try_at: Nullable<Moment>,
}

impl From<SourceStats> for SourceFreshness {
    fn from(stats: SourceStats) -> Self {
        use larder::domain::watching::WatchMode as Mode;
        let SourceStats { source, watched, trouble } = stats;
        Self {
            source_collection: source.source.name.to_string(),
            collection_id: source.home.to_string(),
            verified_at: source.verified_at.map(Moment).into(),
            watch: match watched.mode {
                Mode::Events => WatchMode::Events,
                Mode::Poll => WatchMode::Poll,
                Mode::Off => WatchMode::Off,
            },
            watch_reason: watched.reason.into(),
            status: trouble.as_ref().map(|it| RefreshStatus::from(it.status)).into(),
            failures: trouble.as_ref().map_or(0, |it| it.failures),
            next_try_at: trouble.as_ref().map(|it| Moment(it.next_try_at)).into(),
            problem: trouble.map(|it| it.problem).into(),
        }
    }
}

/// How fresh a collection is.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
#[oai(rename = "CacheStats", example)]
pub(crate) struct CacheStats {
    /// The collection counted.
    pub collection_id: String,
    /// Its artifacts.
    pub total_artifacts: u64,
    /// Those younger than the TTL.
    pub fresh_count: u64,
    /// Those that are older, or invalidated.
    pub stale_count: u64,
    /// The stale ones of a hundred, to two decimals; 0 of none.
    pub percentage_stale: f64,
    /// The age of the oldest row; null without any.
    pub oldest_sync_age_seconds: Nullable<u64>,
    /// The TTL that was counted by.
    pub ttl_seconds: u64,
    /// The share of read requests since the start that the cache answered alone, between 0 and 1;
    /// null before the first.
    pub hit_rate: Nullable<f64>,
    /// By health.
    pub by_health: HealthCounts,
    /// The last refresh of its source, or of any source for a collection of several.
    pub last_refresh: Nullable<LastRefresh>,
    /// Who refreshes what goes stale.
    pub keeper: Keeper,
    /// The source collections that its artifacts come from, or may come from.
    pub sources: Vec<SourceFreshness>,
}

impl From<CollectionStats> for CacheStats {
    fn from(stats: CollectionStats) -> Self {
        let counts = &stats.counts;
        let by = |health| counts.by_health.get(&health).copied().unwrap_or(0);
        let age = counts.oldest_sync.map(|at| (stats.now - at).num_seconds());
        Self {
            collection_id: stats.collection.id.to_string(),
            total_artifacts: counts.total,
            fresh_count: counts.total - counts.stale,
            stale_count: counts.stale,
            percentage_stale: percentage(counts.stale, counts.total),
            oldest_sync_age_seconds: age.map(|age| u64::try_from(age).unwrap_or(0)).into(),
            ttl_seconds: stats.ttl.as_secs(),
            hit_rate: stats.hit_rate.into(),
            by_health: HealthCounts {
                ok: by(Health::Ok),
                recovered: by(Health::Recovered),
                broken: by(Health::Broken),
            },
            last_refresh: stats.collection.last_report.map(LastRefresh::from).into(),
            keeper: stats.keeper.into(),
            sources: stats.sources.into_iter().map(Into::into).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more than 52 bits")]
fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 10_000.0).round() / 100.0 }
}

impl Example for CacheStats {
    fn example() -> Self {
        Self {
            collection_id: "default".into(),
            total_artifacts: 400,
            fresh_count: 398,
            stale_count: 2,
            percentage_stale: 0.5,
            oldest_sync_age_seconds: Nullable(Some(1_812)),
            ttl_seconds: 1_800,
            hit_rate: Nullable(Some(0.998)),
            by_health: HealthCounts { ok: 371, recovered: 28, broken: 1 },
            last_refresh: Nullable(None),
            keeper: KeeperStatus::default().into(),
            sources: Vec::new(),
        }
    }
}
