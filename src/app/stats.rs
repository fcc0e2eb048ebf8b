//! How fresh the cache is.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Error, Larder};
use crate::domain::{Timestamp, collection::Collection, freshness, freshness::CacheStats};

/// What an operator sees of a collection's freshness.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionStats {
    /// The collection counted.
    pub collection: Collection,
    /// The counts.
    pub counts: CacheStats,
    /// The TTL they were counted by.
    pub ttl: Duration,
    /// When they were counted.
    pub now: Timestamp,
    /// Read requests of this process answered from the cache alone, between 0 and 1; `None` before
    /// the first.
    pub hit_rate: Option<f64>,
}

impl Larder {
    /// Counts a collection's fresh and stale rows, by its own TTL unless another is given.
    pub async fn stats(
        &self,
        id_or_name: &str,
        ttl: Option<Duration>,
    ) -> Result<CollectionStats, Error> {
        let collection = self.collection(id_or_name).await?;
        let ttl = ttl.unwrap_or_else(|| self.policy.ttl.of(&collection.id));
        let now = self.now();
        let counts = self.ports.cache.stats(&collection.id, freshness::cutoff(now, ttl)).await?;
        Ok(CollectionStats { collection, counts, ttl, now, hit_rate: self.hit_rate() })
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    fn hit_rate(&self) -> Option<f64> {
        let hits = self.hits.load(Ordering::Relaxed);
        let all = hits + self.misses.load(Ordering::Relaxed);
        (all > 0).then(|| hits as f64 / all as f64)
    }
}
