//! Values of the moment.

use larder::domain::{Timestamp, gauges::Gauges, id::ArtifactKind};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use crate::measured::Measured;

/// The kinds that have a label of their own: a manifest may make up any number of others.
const KINDS: [&str; 6] = [
    ArtifactKind::SKILL,
    ArtifactKind::AGENT,
    ArtifactKind::COMMAND,
    ArtifactKind::HOOK,
    ArtifactKind::MCP,
    ArtifactKind::COMPOSITE,
];
/// The label of all other kinds.
const OTHER: &str = "other";

type Labelled<const N: usize> = Family<[(&'static str, &'static str); N], Gauge>;

/// The gauges. One that nobody has measured yet is not told at all: nothing is not nought.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    stale: Measured<u64>,
    artifacts: Labelled<2>,
    oldest_sync_age: Measured<f64>,
    keeper_last_success: Measured<f64>,
    keeper_next_run: Measured<f64>,
    keeper_last_error: Measured<f64>,
    watcher_mode: Labelled<1>,
    troubled_sources: Labelled<1>,
    pending_writes: Measured<u64>,
    events_clients: Measured<u64>,
    connections: Labelled<1>,
    connections_limit: Measured<u32>,
}

impl Registered {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        gauges.register_cache(registry);
        gauges.register_keeping(registry);
        gauges.register_service(registry);
        gauges
    }

    fn register_cache(&self, registry: &mut Registry) {
        registry.register(
            "stale_artifacts",
            "Artifacts that are invalidated, or older than the TTL",
            self.stale.clone(),
        );
        registry.register(
            "artifacts",
            "Artifacts by type and by how well they could be read",
            self.artifacts.clone(),
        );
        registry.register_with_unit(
            "oldest_sync_age",
            "How long ago the artifact was read that was read longest ago",
            Unit::Seconds,
            self.oldest_sync_age.clone(),
        );
        registry.register(
            "troubled_sources",
            "Sources that this process cannot refresh, by how their last refresh ended",
            self.troubled_sources.clone(),
        );
        registry.register(
            "pending_writes",
            "Writes of files that the cache could not follow yet",
            self.pending_writes.clone(),
        );
    }

    fn register_keeping(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "keeper_last_success_timestamp",
            "When the last sweep began that went through",
            Unit::Seconds,
            self.keeper_last_success.clone(),
        );
        registry.register_with_unit(
            "keeper_next_run_timestamp",
            "When the next sweep begins; in the past while it goes on",
            Unit::Seconds,
            self.keeper_next_run.clone(),
        );
        registry.register_with_unit(
            "keeper_last_error_timestamp",
            "When a sweep, or a source in it, last failed",
            Unit::Seconds,
            self.keeper_last_error.clone(),
        );
        registry.register(
            "watcher_mode",
            "Sources that are watched by events, by polling, or not at all",
            self.watcher_mode.clone(),
        );
    }

    fn register_service(&self, registry: &mut Registry) {
        registry.register(
            "events_clients",
            "Clients that follow the events",
            self.events_clients.clone(),
        );
        registry.register(
            "database_connections",
            "Open connections to the database",
            self.connections.clone(),
        );
        registry.register(
            "database_connections_limit",
            "Connections to the database that may be open",
            self.connections_limit.clone(),
        );
    }

    pub(crate) fn set(&self, now: &Gauges) {
        for (mode, sources) in &now.watched {
            self.watcher_mode.get_or_create(&[("mode", mode.as_str())]).set(whole(*sources));
        }
        for (status, sources) in &now.troubled {
            self.troubled_sources
                .get_or_create(&[("status", status.as_str())])
                .set(whole(*sources));
        }
        self.pending_writes.set(Some(now.pending_writes));
        self.events_clients.set(Some(now.listeners));
        for (state, count) in [("in_use", now.connections.in_use), ("idle", now.connections.idle)] {
            self.connections.get_or_create(&[("state", state)]).set(count.into());
        }
        self.connections_limit.set(Some(now.connections.limit));
        self.keeper_last_success.set(now.keeper.last_success.map(unix));
        self.keeper_next_run.set(now.keeper.next_run.map(unix));
        self.keeper_last_error.set(now.keeper.last_error.map(unix));
        let Some(counted) = &now.counted else { return };
        self.stale.set(Some(counted.stale));
        self.oldest_sync_age.set(counted.oldest_sync.map(|oldest| seconds(now.now, oldest)));
        // A kind or a state that nothing is in any more has no value.
        self.artifacts.clear();
        for group in &counted.census {
            let kind = KINDS.into_iter().find(|kind| *kind == group.kind.as_str()).unwrap_or(OTHER);
            let labels = [("type", kind), ("health", group.health.as_str())];
            self.artifacts.get_or_create(&labels).inc_by(whole(group.rows));
        }
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unix(at: Timestamp) -> f64 {
    seconds(at, Timestamp::UNIX_EPOCH)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds are exact for two centuries")]
fn seconds(to: Timestamp, from: Timestamp) -> f64 {
    (to - from).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6
}
