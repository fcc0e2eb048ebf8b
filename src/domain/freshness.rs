//! When a row is stale.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Timestamp,
    artifact::Health,
    collection::Collection,
    id::{ArtifactId, ArtifactKind, SourceName},
};

/// How old `synced_at` may get before a row is stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeToLive {
    /// For every collection that has none of its own.
    pub default: Duration,
    /// By the id or name of a collection.
    pub by_collection: BTreeMap<String, Duration>,
}

/// The cutoff by which only invalidated rows are stale: nothing else is as old.
pub const ONLY_INVALIDATED: Timestamp = Timestamp::MIN_UTC;

/// Most artifacts of a source that are read one by one.
const MOST_READ_SINGLY: usize = 20;

/// Whether so many artifacts of a source are read by a scan of it, rather than one by one.
#[must_use]
pub fn is_worth_a_scan(artifacts: usize) -> bool {
    artifacts > MOST_READ_SINGLY
}

impl Default for TimeToLive {
    /// 30 minutes.
    fn default() -> Self {
        Self { default: Duration::from_mins(30), by_collection: BTreeMap::new() }
    }
}

impl TimeToLive {
    /// The collection's own, or the one for all.
    #[must_use]
    pub fn of(&self, collection: &Collection) -> Duration {
        let own = self.by_collection.get(collection.id.as_str());
        own.or_else(|| self.by_collection.get(&collection.name)).copied().unwrap_or(self.default)
    }

    /// The names that no collection has: one is misspelt, or its collection is still to come.
    pub fn unused(&self, collections: &[Collection]) -> impl Iterator<Item = &str> {
        let is_meant =
            |name: &String| collections.iter().any(|it| it.id.as_str() == name || it.name == *name);
        self.by_collection.keys().filter(move |name| !is_meant(name)).map(String::as_str)
    }

    /// The shortest of all.
    #[must_use]
    pub fn shortest(&self) -> Duration {
        self.by_collection.values().copied().chain([self.default]).min().unwrap_or(self.default)
    }
}

/// When a row synced then goes stale; `None` when that lies beyond the calendar.
#[must_use]
pub fn expires_at(synced_at: Timestamp, ttl: Duration) -> Option<Timestamp> {
    synced_at.checked_add_signed(chrono::Duration::from_std(ttl).ok()?)
}

/// Rows whose effective `synced_at` is this or earlier are stale now.
#[must_use]
pub fn cutoff(now: Timestamp, ttl: Duration) -> Timestamp {
    chrono::Duration::from_std(ttl)
        .ok()
        .and_then(|ttl| now.checked_sub_signed(ttl))
        .unwrap_or(Timestamp::MIN_UTC)
}

/// Whether a row with this effective `synced_at` is stale.
#[must_use]
pub fn is_stale(synced_at: Option<Timestamp>, cutoff: Timestamp) -> bool {
    synced_at.is_none_or(|at| at <= cutoff)
}

/// The effective `synced_at` of a row: none while it is invalidated, else the later of its own and
/// its source's `verified_at`. Storage computes the same in SQL.
#[must_use]
pub fn effective_synced_at(
    synced_at: Option<Timestamp>,
    invalidated_at: Option<Timestamp>,
    verified_at: Option<Timestamp>,
) -> Option<Timestamp> {
    let own = synced_at?;
    if invalidated_at.is_some_and(|at| at >= own) {
        return None;
    }
    Some(verified_at.map_or(own, |verified| verified.max(own)))
}

/// How fresh a collection is, by counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheStats {
    /// Visible rows.
    pub total: u64,
    /// Those among them that are stale.
    pub stale: u64,
    /// The oldest effective `synced_at`; `None` without rows, or when all are invalidated.
    pub oldest_sync: Option<Timestamp>,
    /// Rows by health, every state listed.
    pub by_health: BTreeMap<Health, u64>,
}

/// The stale rows of one collection that come from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleSource {
    /// Which source.
    pub source: SourceName,
    /// How many rows are stale.
    pub rows: u64,
    /// Those among them that are invalidated.
    pub invalidated: u64,
    /// The oldest effective `synced_at` among them; `None` when all are invalidated.
    pub oldest_sync: Option<Timestamp>,
}

/// A stale row. Rows are ordered by when they were synced, the invalidated ones first, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StaleRow {
    /// The effective `synced_at`; `None` while it is invalidated.
    pub synced_at: Option<Timestamp>,
    /// Which artifact.
    pub id: ArtifactId,
    /// The source that it comes from.
    pub source: SourceName,
}

/// How many artifacts of `default` are of one kind and in one state of health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// The kind.
    pub kind: ArtifactKind,
    /// The state of health.
    pub health: Health,
    /// Rows, never 0.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_row_is_stale_from_the_very_moment_it_expires() {
        let ttl = Duration::from_mins(1);
        let expires = expires_at(at(100), ttl).unwrap();
        assert!(!is_stale(Some(at(100)), cutoff(at(159), ttl)));
        assert!(is_stale(Some(at(100)), cutoff(expires, ttl)));
        assert!(is_stale(None, cutoff(at(0), ttl)), "an invalidated row is always stale");
    }

    #[test]
    fn an_invalidation_holds_until_a_later_read() {
        assert_eq!(effective_synced_at(Some(at(5)), Some(at(5)), Some(at(9))), None);
        assert_eq!(effective_synced_at(Some(at(6)), Some(at(5)), None), Some(at(6)));
        assert_eq!(effective_synced_at(Some(at(6)), None, Some(at(9))), Some(at(9)));
        assert_eq!(effective_synced_at(None, None, Some(at(9))), None);
    }
}
