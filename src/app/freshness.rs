//! How fresh the cache is: what is stale, how much of it, and what makes rows stale at once.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::atomic::Ordering,
    time::Duration,
};

use super::{Error, KeeperStatus, Larder, Trouble, Watched};
use crate::domain::{
    Timestamp,
    collection::{Collection, RegisteredSource},
    delta::Scope,
    freshness::{CacheStats, FreshRange, StaleRow, StaleSource},
    id::{CollectionId, SourceName},
    query::Limit,
    watching::WatchMode,
};

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
    /// What the keeper says of itself.
    pub keeper: KeeperStatus,
    /// The sources that the collection is made of, or may be.
    pub sources: Vec<SourceStats>,
}

/// What an operator sees of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStats {
    /// The source.
    pub source: RegisteredSource,
    /// How it is watched.
    pub watched: Watched,
    /// What keeps it from being fresh.
    pub trouble: Option<Trouble>,
}

/// A source that has to be refreshed.
#[derive(Debug, Clone)]
pub(super) struct Due {
    pub(super) source: RegisteredSource,
    /// The oldest effective `synced_at` of its stale rows; `None` when one is invalidated, or when
    /// the source was never scanned.
    pub(super) oldest: Option<Timestamp>,
    /// Its stale rows, in all collections.
    pub(super) rows: u64,
    /// Whether nothing but invalidations makes them stale.
    pub(super) invalidated_alone: bool,
    /// The collections that have stale rows of it.
    pub(super) collections: Vec<CollectionId>,
}

impl Larder {
    /// How old a collection's rows may get.
    #[must_use]
    pub fn ttl(&self, collection: &Collection) -> Duration {
        self.policy.ttl.of(collection)
    }

    /// The same of a collection of which only the id is known.
    pub async fn ttl_of(&self, collection: &CollectionId) -> Result<Duration, Error> {
        let ttl = &self.policy.ttl;
        if ttl.by_collection.is_empty() {
            return Ok(ttl.default);
        }
        Ok(self.ttl(&self.collection(collection.as_str()).await?))
    }

    /// Tells which names that the configuration gives a TTL are no collection's.
    pub(super) async fn warn_of_unused_ttls(&self) {
        let ttl = &self.policy.ttl;
        if ttl.by_collection.is_empty() {
            return;
        }
        // Whoever has no answer has nothing to warn of.
        let Ok(collections) = self.every_collection().await else { return };
        for name in ttl.unused(&collections) {
            tracing::warn!(name, "cache.ttl_by_collection names a collection that is not there");
        }
    }

    /// Counts a collection's fresh and stale rows, by its own TTL unless another is given.
    pub async fn stats(
        &self,
        id_or_name: &str,
        ttl: Option<Duration>,
    ) -> Result<CollectionStats, Error> {
        let collection = self.collection(id_or_name).await?;
        let ttl = ttl.unwrap_or_else(|| self.ttl(&collection));
        let now = self.now();
        let fresh = FreshRange::new(now, ttl);
        let counts = self.ports.cache.stats(&collection.id, fresh).await?;
        let sources = self.source_stats(&collection).await?;
        let (keeper, hit_rate) = (self.keeper_status(), self.hit_rate());
        Ok(CollectionStats { collection, counts, ttl, now, hit_rate, keeper, sources })
    }

    async fn source_stats(&self, collection: &Collection) -> Result<Vec<SourceStats>, Error> {
        let (watched, troubles) = (self.watched(), self.troubles());
        let unwatched = || Watched { mode: WatchMode::Off, reason: None };
        let registered = self.ports.cache.registered().await?.into_iter();
        let own = registered.filter(|known| {
            collection.source.as_ref().is_none_or(|source| *source == known.source.name)
        });
        let told = own.map(|source| SourceStats {
            watched: watched.get(&source.source.name).cloned().unwrap_or_else(unwatched),
            trouble: troubles.get(&source.source.name).cloned(),
            source,
        });
        Ok(told.collect())
    }

    /// A batch of a collection's stale rows, the oldest first, from behind `after` on.
    pub async fn stale_rows(
        &self,
        id_or_name: &str,
        after: Option<&StaleRow>,
        limit: Limit,
    ) -> Result<Vec<StaleRow>, Error> {
        let collection = self.collection(id_or_name).await?;
        let fresh = FreshRange::new(self.now(), self.ttl(&collection));
        Ok(self.ports.cache.stale_rows(&collection.id, fresh, after, limit).await?)
    }

    /// Makes rows stale, whatever their age, and answers how many. The next read of an artifact, the
    /// next sweep and the next refresh load them again.
    pub async fn invalidate(&self, scope: &Scope) -> Result<u64, Error> {
        let order = self.next_order().await?;
        Ok(self.ports.cache.invalidate(scope, order, self.now()).await?)
    }

    /// The sources that have rows which are stale at that moment, the oldest first; those that were
    /// never scanned before all others.
    pub(super) async fn due(&self, moment: Timestamp) -> Result<Vec<Due>, Error> {
        let mut due: BTreeMap<SourceName, Due> = BTreeMap::new();
        let registered = self.ports.cache.registered().await?;
        for source in registered.iter().filter(|known| known.verified_at.is_none()) {
            due.insert(source.source.name.clone(), Due::unscanned(source));
        }
        for collection in self.every_collection().await? {
            let fresh = FreshRange::at(moment, self.now(), self.ttl(&collection));
            for stale in self.ports.cache.stale_sources(&collection.id, fresh).await? {
                // Nobody can refresh a source that is no longer covered.
                let Some(source) = registered.iter().find(|it| it.source.name == stale.source)
                else {
                    continue;
                };
                match due.entry(stale.source.clone()) {
                    Entry::Vacant(entry) => {
                        entry.insert(Due::of(source, &collection.id, &stale));
                    }
                    Entry::Occupied(mut entry) => entry.get_mut().add(&collection.id, &stale),
                }
            }
        }
        let mut due: Vec<_> = due.into_values().collect();
        due.sort_by_key(|due| due.oldest);
        Ok(due)
    }

    /// Whether a source has rows that are stale at that moment.
    pub(super) async fn is_due(
        &self,
        source: &SourceName,
        moment: Timestamp,
    ) -> Result<bool, Error> {
        Ok(self.due(moment).await?.iter().any(|due| due.source.source.name == *source))
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    fn hit_rate(&self) -> Option<f64> {
        let hits = self.hits.load(Ordering::Relaxed);
        let all = hits + self.misses.load(Ordering::Relaxed);
        (all > 0).then(|| hits as f64 / all as f64)
    }
}

impl Due {
    pub(super) fn unscanned(source: &RegisteredSource) -> Self {
        let (source, collections) = (source.clone(), Vec::new());
        Self { source, oldest: None, rows: 0, invalidated_alone: false, collections }
    }

    fn of(source: &RegisteredSource, collection: &CollectionId, stale: &StaleSource) -> Self {
        Self {
            source: source.clone(),
            oldest: stale.oldest_sync.filter(|_| stale.invalidated == 0),
            rows: stale.rows,
            invalidated_alone: stale.rows == stale.invalidated,
            collections: vec![collection.clone()],
        }
    }

    fn add(&mut self, collection: &CollectionId, stale: &StaleSource) {
        let Self { oldest, rows, invalidated_alone, .. } =
            Self::of(&self.source, collection, stale);
        self.oldest = self.oldest.min(oldest);
        self.rows += rows;
        self.invalidated_alone &= invalidated_alone;
        self.collections.push(collection.clone());
    }
}
