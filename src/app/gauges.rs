//! What an operator reads off at one moment.

use std::{collections::BTreeMap, time::Duration};

use super::{Error, Larder, lock};
use crate::{
    domain::{
        freshness::FreshRange,
        gauges::{Connections, Counted, Gauges, KeeperTimes},
        id::CollectionId,
        report::RefreshStatus,
        watching::WatchMode,
    },
    ports::Exposition,
};

/// How long the database is waited for: a scraper waits ten seconds as a rule.
const COUNTING: Duration = Duration::from_secs(2);

impl Larder {
    /// Everything that was measured, as text for a scraper. A database that does not answer takes
    /// none of it away: what was counted last is told.
    pub async fn exposition(&self, format: Exposition) -> String {
        // Before counting takes some of them itself.
        let connections = self.ports.cache.connections();
        tokio::select! {
            counted = self.count() => match counted {
                Ok(counted) => *lock(&self.counted) = Some(counted),
                Err(error) => tracing::debug!(%error, "the cache could not be counted"),
            },
            () = self.ports.clock.sleep(COUNTING) => {
                tracing::debug!("the cache was not counted in time");
            }
        }
        self.ports.metrics.exposition(format, &self.gauges(connections))
    }

    fn gauges(&self, connections: Connections) -> Gauges {
        let mut watched: BTreeMap<_, _> = WatchMode::ALL.map(|mode| (mode, 0)).into();
        for source in self.watched().into_values() {
            *watched.entry(source.mode).or_default() += 1;
        }
        let mut troubled: BTreeMap<_, _> =
            [RefreshStatus::Guarded, RefreshStatus::Failed].map(|status| (status, 0)).into();
        for trouble in self.troubles().into_values() {
            *troubled.entry(trouble.status).or_default() += 1;
        }
        let keeper = self.keeper_status();
        Gauges {
            now: self.now(),
            counted: lock(&self.counted).clone(),
            keeper: KeeperTimes {
                last_success: keeper.last_run.map(|sweep| sweep.started_at),
                next_run: keeper.next_run_at,
                last_error: keeper.last_error.map(|(at, _)| at),
            },
            watched,
            troubled,
            pending_writes: self.pending.count() as u64,
            listeners: self.refreshes.receiver_count() as u64,
            connections,
        }
    }

    async fn count(&self) -> Result<Counted, Error> {
        let default = CollectionId::default_collection();
        let fresh = FreshRange::new(self.now(), self.ttl_of(&default).await?);
        let stats = self.ports.cache.stats(&default, fresh).await?;
        let census = self.ports.cache.census().await?;
        Ok(Counted { stale: stats.stale, oldest_sync: stats.oldest_sync, census })
    }
}
