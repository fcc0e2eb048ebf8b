//! When a row is stale.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Timestamp,
    artifact::Health,
    collection::Collection,
    id::{ArtifactId, ArtifactKind, SourceName},
    read_order::ReadOrder,
};

/// How old `synced_at` may get before a row is stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeToLive {
    /// For every collection that has none of its own.
    pub default: Duration,
    /// By the id or name of a collection.
    pub by_collection: BTreeMap<String, Duration>,
}

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

/// The effective `synced_at` of fresh rows. Every other row is stale, and so is one without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshRange {
    /// A row synced at this moment or earlier has expired.
    pub after: Timestamp,
    /// A row synced later than this moment was read while the clock was ahead: nobody knows when.
    pub until: Timestamp,
}

impl FreshRange {
    /// The range in which only invalidated rows are stale.
    pub const ALWAYS: Self = Self { after: Timestamp::MIN_UTC, until: Timestamp::MAX_UTC };

    /// The range of a TTL, now.
    #[must_use]
    pub fn new(now: Timestamp, ttl: Duration) -> Self {
        Self::at(now, now, ttl)
    }

    /// The range of a TTL at a later moment, as far as it is known now.
    #[must_use]
    pub fn at(moment: Timestamp, now: Timestamp, ttl: Duration) -> Self {
        let after = chrono::Duration::from_std(ttl)
            .ok()
            .and_then(|ttl| moment.checked_sub_signed(ttl))
            .unwrap_or(Timestamp::MIN_UTC);
        Self { after, until: now }
    }

    /// Whether a row with this effective `synced_at` is fresh.
    #[must_use]
    pub fn contains(&self, synced_at: Option<Timestamp>) -> bool {
        synced_at.is_some_and(|at| self.after < at && at <= self.until)
    }
}

/// The order of a look at files, and the time that its reader's wall clock showed.
pub type Seen = (ReadOrder, Timestamp);

/// The effective `synced_at` of a row: none while it is invalidated, else the time of the later look
/// at its files, be it the row's own or the last scan of its source. Storage computes the same in
/// SQL.
#[must_use]
pub fn effective_synced_at(
    row: Seen,
    invalidated: Option<ReadOrder>,
    verified: Option<Seen>,
) -> Option<Timestamp> {
    if invalidated.is_some_and(|order| order >= row.0) {
        return None;
    }
    Some(verified.filter(|verified| verified.0 > row.0).unwrap_or(row).1)
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
        assert!(FreshRange::new(at(159), ttl).contains(Some(at(100))));
        assert!(!FreshRange::new(expires, ttl).contains(Some(at(100))));
        assert!(!FreshRange::ALWAYS.contains(None), "an invalidated row is always stale");
    }

    #[test]
    fn a_row_from_the_future_is_stale() {
        let ttl = Duration::from_mins(1);
        assert!(FreshRange::new(at(100), ttl).contains(Some(at(100))));
        assert!(!FreshRange::new(at(99), ttl).contains(Some(at(100))));
        assert!(!FreshRange::at(at(150), at(99), ttl).contains(Some(at(100))));
    }

    #[test]
    fn an_invalidation_holds_until_a_later_read() {
        let (order, seen) =
            (ReadOrder::stored, |order, second| (ReadOrder::stored(order), at(second)));
        assert_eq!(effective_synced_at(seen(5, 5), Some(order(5)), Some(seen(9, 9))), None);
        assert_eq!(effective_synced_at(seen(6, 6), Some(order(5)), None), Some(at(6)));
        assert_eq!(effective_synced_at(seen(6, 6), None, Some(seen(9, 9))), Some(at(9)));
    }

    #[test]
    fn the_later_look_counts_although_its_clock_was_behind() {
        let (ahead, right) = ((ReadOrder::stored(6), at(900)), (ReadOrder::stored(7), at(9)));
        assert_eq!(effective_synced_at(ahead, None, Some(right)), Some(at(9)));
        assert_eq!(effective_synced_at(right, None, Some(ahead)), Some(at(9)));
    }
}
