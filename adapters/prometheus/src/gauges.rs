//! Values of the moment.

use std::sync::atomic::AtomicU64;

use larder::domain::{Timestamp, gauges::Gauges, id::ArtifactKind};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

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
type Seconds = Family<[(&'static str, &'static str); 0], Gauge<f64, AtomicU64>>;

/// The gauges. One that nobody has measured yet is not told at all: nothing is not nought.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    stale: Labelled<0>,
    artifacts: Labelled<2>,
    oldest_sync_age: Seconds,
    keeper_last_success: Seconds,
    watcher_mode: Labelled<1>,
    connections: Labelled<1>,
}

impl Registered {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        registry.register(
            "stale_artifacts",
            "Artifacts that are invalidated, or older than the TTL",
            gauges.stale.clone(),
        );
        registry.register(
            "artifacts",
            "Artifacts by type and by how well they could be read",
            gauges.artifacts.clone(),
        );
        registry.register_with_unit(
            "oldest_sync_age",
            "How long ago the artifact was read that was read longest ago",
            Unit::Seconds,
            gauges.oldest_sync_age.clone(),
        );
        registry.register_with_unit(
            "keeper_last_success_timestamp",
            "When the last sweep began that went through",
            Unit::Seconds,
            gauges.keeper_last_success.clone(),
        );
        registry.register(
            "watcher_mode",
            "Sources that are watched by events, by polling, or not at all",
            gauges.watcher_mode.clone(),
        );
        registry.register(
            "database_connections",
            "Open connections to the database",
            gauges.connections.clone(),
        );
        gauges
    }

    pub(crate) fn set(&self, now: &Gauges) {
        for (mode, sources) in &now.watched {
            self.watcher_mode.get_or_create(&[("mode", mode.as_str())]).set(whole(*sources));
        }
        for (state, count) in [("in_use", now.connections.in_use), ("idle", now.connections.idle)] {
            self.connections.get_or_create(&[("state", state)]).set(count.into());
        }
        if let Some(at) = now.keeper_last_success {
            self.keeper_last_success.get_or_create(&[]).set(seconds(at, Timestamp::UNIX_EPOCH));
        }
        let Some(counted) = &now.counted else { return };
        self.stale.get_or_create(&[]).set(whole(counted.stale));
        self.oldest_sync_age.clear();
        if let Some(oldest) = counted.oldest_sync {
            self.oldest_sync_age.get_or_create(&[]).set(seconds(now.now, oldest));
        }
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

#[expect(clippy::cast_precision_loss, reason = "microseconds are exact for two centuries")]
fn seconds(to: Timestamp, from: Timestamp) -> f64 {
    (to - from).num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6
}
