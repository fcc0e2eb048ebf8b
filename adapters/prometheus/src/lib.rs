//! [`MetricsSink`] on prometheus-client.
//!
//! | metric | labels |
//! |---|---|
//! | `larder_cache_hits_total`, `larder_cache_misses_total` | |
//! | `larder_refresh_duration_seconds` | `outcome` (`completed`, `guarded`, `failed`), `scope` (`artifact`, `files`, `source`) |
//! | `larder_refresh_artifacts_total` | `outcome` (`created`, `updated`, `unchanged`, `removed`, `skipped`) |
//! | `larder_refresh_errors_total` | `kind`: an [`IssueKind`]'s word, or `unlisted` |
//! | `larder_writes_total` | `operation` (`edit`, `create`, …), `cache` (`current`, `pending`) |
//! | `larder_http_request_duration_seconds` | `operation`, `status` (`2xx`, …) |
//! | `larder_http_connections`, `larder_http_connections_limit` | |
//! | `larder_http_connections_closed_total` | `reason` (`header_timeout`, `idle_timeout`, `write_timeout`, `limit`) |
//! | `larder_build_info` | `version` |
//! | `larder_stale_artifacts`, `larder_oldest_sync_age_seconds` | |
//! | `larder_artifacts` | `type` (a kind that Larder knows, or `other`), `health` |
//! | `larder_troubled_sources` | `status` (`guarded`, `failed`) |
//! | `larder_pending_writes` | |
//! | `larder_keeper_last_success_timestamp_seconds`, `…_next_run_…`, `…_last_error_…` | |
//! | `larder_watcher_mode` | `mode` (`events`, `poll`, `off`): how many sources are watched so |
//! | `larder_database_connections` | `state` (`in_use`, `idle`) |
//! | `larder_database_connections_limit`, `larder_events_clients` | |
//!
//! No label holds the name of a source, of a collection or of an artifact, so the number of series
//! does not grow with what Larder serves.
//!
//! [`IssueKind`]: larder::domain::report::IssueKind

mod classic;
mod gauges;
mod measured;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use larder::{
    domain::{
        gauges::Gauges,
        report::{RefreshScope, Summary},
        writing::Operation,
    },
    ports::{CloseReason, Exposition, MetricsSink},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::gauges::Registered;

/// Upper bounds of a refresh's duration in seconds: from nothing to do in a small source to the
/// first read of some 100,000 artifacts.
const REFRESH_BUCKETS: [f64; 11] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

/// Upper bounds of a request's duration in seconds: from a page in memory to the default timeout.
const REQUEST_BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// The `kind` under which issues are counted that a report counts and does not list.
const UNLISTED: &str = "unlisted";

/// Pairs of a label's name and value.
type Labels<const N: usize> = [(&'static str, &'static str); N];
type RequestLabels = (Labels<1>, [(&'static str, String); 1]);
type Timings<L> = Family<L, Histogram, fn() -> Histogram>;

/// All that Larder counts and measures, in memory since the process began.
#[derive(Debug)]
pub struct Prometheus {
    registry: Registry,
    hits: Counter,
    misses: Counter,
    refreshes: Timings<Labels<2>>,
    refreshed_artifacts: Family<Labels<1>, Counter>,
    refresh_errors: Family<Labels<1>, Counter>,
    writes: Family<Labels<2>, Counter>,
    requests: Timings<RequestLabels>,
    connections: Gauge,
    connections_limit: Gauge,
    closed_connections: Family<Labels<1>, Counter>,
    gauges: Mutex<Registered>,
}

impl Prometheus {
    /// Nothing counted yet; `version` is that of the build, for `larder_build_info`.
    #[must_use]
    pub fn new(version: &str) -> Self {
        let mut registry = Registry::with_prefix("larder");
        let gauges = Mutex::new(Registered::new(&mut registry));
        let mut metrics = Self {
            registry,
            gauges,
            hits: Counter::default(),
            misses: Counter::default(),
            refreshes: Family::new_with_constructor(|| Histogram::new(REFRESH_BUCKETS)),
            refreshed_artifacts: Family::default(),
            refresh_errors: Family::default(),
            writes: Family::default(),
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            connections: Gauge::default(),
            connections_limit: Gauge::default(),
            closed_connections: Family::default(),
        };
        metrics.register(version);
        metrics
    }

    fn register(&mut self, version: &str) {
        let build = Family::<[(&str, String); 1], Gauge>::default();
        build.get_or_create(&[("version", version.to_owned())]).set(1);

        let registry = &mut self.registry;
        registry.register("build_info", "Always 1; its label tells the running version", build);
        registry.register(
            "cache_hits",
            "Read requests answered from the cache alone",
            self.hits.clone(),
        );
        registry.register(
            "cache_misses",
            "Read requests that had to read an artifact's files",
            self.misses.clone(),
        );
        registry.register_with_unit(
            "refresh_duration",
            "How long a refresh took, of one source or of a part of it",
            Unit::Seconds,
            self.refreshes.clone(),
        );
        registry.register(
            "refresh_artifacts",
            "How artifacts fared in refreshes",
            self.refreshed_artifacts.clone(),
        );
        registry.register(
            "refresh_errors",
            "Trouble with single artifacts or whole sources in refreshes",
            self.refresh_errors.clone(),
        );
        registry.register(
            "writes",
            "Writes of files, and whether the cache could follow at once",
            self.writes.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long the answer to one HTTP request took",
            Unit::Seconds,
            self.requests.clone(),
        );
        self.register_connections();
    }

    fn register_connections(&mut self) {
        for reason in CloseReason::ALL {
            let _ = self.closed_connections.get_or_create(&[("reason", reason.as_str())]);
        }
        let registry = &mut self.registry;
        registry.register("http_connections", "Open HTTP connections", self.connections.clone());
        registry.register(
            "http_connections_limit",
            "HTTP connections that may be open",
            self.connections_limit.clone(),
        );
        registry.register(
            "http_connections_closed",
            "HTTP connections that the server closed before their clients did",
            self.closed_connections.clone(),
        );
    }
}

impl MetricsSink for Prometheus {
    fn cache_read(&self, hit: bool) {
        if hit { &self.hits } else { &self.misses }.inc();
    }

    fn refreshed(&self, scope: RefreshScope, summary: &Summary, duration: Duration) {
        let labels = [("outcome", summary.status.as_str()), ("scope", scope.as_str())];
        self.refreshes.get_or_create(&labels).observe(duration.as_secs_f64());

        let counts = &summary.counts;
        for (outcome, count) in [
            ("created", counts.created),
            ("updated", counts.updated),
            ("unchanged", counts.unchanged),
            ("removed", counts.removed),
            ("skipped", counts.skipped),
        ] {
            self.refreshed_artifacts.get_or_create(&[("outcome", outcome)]).inc_by(count);
        }

        for issue in &summary.issues {
            self.refresh_errors.get_or_create(&[("kind", issue.kind.as_str())]).inc();
        }
        let unlisted = summary.issues_total.saturating_sub(summary.issues.len() as u64);
        if unlisted > 0 {
            self.refresh_errors.get_or_create(&[("kind", UNLISTED)]).inc_by(unlisted);
        }
    }

    fn written(&self, operation: Operation, pending: bool) {
        let cache = if pending { "pending" } else { "current" };
        let labels = [("operation", operation.as_str()), ("cache", cache)];
        self.writes.get_or_create(&labels).inc();
    }

    fn http_request(&self, operation: &str, status: u16, duration: Duration) {
        let labels = ([("status", status_class(status))], [("operation", operation.to_owned())]);
        self.requests.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    fn http_connections(&self, open: usize, limit: usize) {
        self.connections.set(open.try_into().unwrap_or(i64::MAX));
        self.connections_limit.set(limit.try_into().unwrap_or(i64::MAX));
    }

    fn http_connection_closed(&self, reason: CloseReason) {
        self.closed_connections.get_or_create(&[("reason", reason.as_str())]).inc();
    }

    fn exposition(&self, format: Exposition, gauges: &Gauges) -> String {
        // Held until all is told: what another scraper is told must not come between.
        let measured = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        measured.set(gauges);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String does not fail");
        match format {
            Exposition::OpenMetrics => text,
            Exposition::Classic => classic::from_open_metrics(&text),
        }
    }
}

fn status_class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        500..=599 => "5xx",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
