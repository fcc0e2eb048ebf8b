//! Collections and how fresh they are.

use larder::{
    app::CollectionStats,
    domain::{
        Timestamp,
        artifact::Health,
        collection::{Collection, CollectionKind as DomainKind},
        page::CollectionPage,
        report::SourceReport,
        text,
    },
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::{Moment, Nullable, PageInfo, report::RefreshStatus};
use crate::cursor;

/// Where a collection's artifacts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum CollectionKind {
    /// Every artifact of every configured source collection.
    Default,
    /// All of one source collection.
    Mirror,
    /// What a person put together.
    Curated,
}

/// How the last refresh of a source went.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
pub(crate) struct LastRefresh {
    /// Which source collection.
    pub source_collection: String,
    /// How it ended.
    pub status: RefreshStatus,
    /// When it began.
    pub started_at: Moment,
    /// How long it took.
    pub duration_ms: u64,
    /// How many errors there were.
    pub errors_total: u64,
    /// Why it did not complete.
    pub problem: Nullable<String>,
}

impl From<SourceReport> for LastRefresh {
    fn from(report: SourceReport) -> Self {
        let status = RefreshStatus::from(report.status);
        let first = report.issues.into_iter().next().map(|issue| issue.message);
        Self {
            source_collection: report.source.to_string(),
            status,
            started_at: Moment(report.started_at),
            duration_ms: report.duration_ms,
            errors_total: report.issues_total,
            problem: first.filter(|_| status != RefreshStatus::Completed).into(),
        }
    }
}

/// A collection.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
#[oai(rename = "UserCollection", example)]
pub(crate) struct UserCollection {
    /// Its id.
    pub id: String,
    /// Its name, unique.
    pub name: String,
    /// What it is for.
    pub description: Nullable<String>,
    /// Where its artifacts come from.
    pub kind: CollectionKind,
    /// The source collection that a mirror shows.
    pub source_collection: Nullable<String>,
    /// Who made a curated collection.
    pub created_by: Nullable<String>,
    /// Whether the configuration no longer covers a mirror's source collection.
    pub detached: bool,
    /// How many artifacts it holds.
    pub artifact_count: u64,
    /// One higher with every change of its rows.
    pub generation: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When its rows last changed.
    pub updated_at: Moment,
    /// The last refresh of its source, or of any source for a collection of several.
    pub last_refresh: Nullable<LastRefresh>,
}

impl From<Collection> for UserCollection {
    fn from(collection: Collection) -> Self {
        Self {
            id: collection.id.to_string(),
            name: collection.name,
            description: collection.description.into(),
            kind: match collection.kind {
                DomainKind::Default => CollectionKind::Default,
                DomainKind::Mirror => CollectionKind::Mirror,
                DomainKind::Curated => CollectionKind::Curated,
            },
            source_collection: collection.source.map(|source| source.to_string()).into(),
            created_by: collection.created_by.into(),
            detached: collection.detached,
            artifact_count: collection.artifact_count,
            generation: collection.generation,
            created_at: Moment(collection.created_at),
            updated_at: Moment(collection.updated_at),
            last_refresh: collection.last_report.map(LastRefresh::from).into(),
        }
    }
}

impl Example for UserCollection {
    fn example() -> Self {
        Self {
            id: "work".into(),
            name: "work".into(),
            description: Nullable(None),
            kind: CollectionKind::Mirror,
            source_collection: Nullable(Some("work".into())),
            created_by: Nullable(None),
            detached: false,
            artifact_count: 241,
            generation: 8,
            created_at: Moment(Timestamp::UNIX_EPOCH),
            updated_at: Moment(Timestamp::UNIX_EPOCH),
            last_refresh: Nullable(None),
        }
    }
}

/// A page of collections, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
#[oai(rename = "UserCollectionList", example)]
pub(crate) struct CollectionList {
    /// The collections of this page.
    pub items: Vec<UserCollection>,
    /// Where the page stands.
    pub page_info: PageInfo,
}

impl CollectionList {
    /// The page reached with a cursor or, `first`, without one.
    pub(crate) fn new(page: CollectionPage, first: bool) -> Self {
        let cursor = |collection: Option<&Collection>| {
            Nullable(collection.map(|it| cursor::encode(&(text::sort_key(&it.name), &it.id))))
        };
        Self {
            page_info: PageInfo {
                has_next_page: page.has_next,
                has_previous_page: !first,
                start_cursor: cursor(page.collections.first()),
                end_cursor: cursor(page.collections.last()),
                total_count: page.total_count,
            },
            items: page.collections.into_iter().map(Into::into).collect(),
        }
    }
}

impl Example for CollectionList {
    fn example() -> Self {
        Self { items: vec![UserCollection::example()], page_info: PageInfo::example() }
    }
}

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
        }
    }
}
