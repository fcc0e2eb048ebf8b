//! What is counted and measured.

use std::time::Duration;

use crate::domain::{
    gauges::Gauges,
    report::{RefreshScope, Summary},
    writing::Operation,
};

/// The forms in which metrics are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// `OpenMetrics` 1.0 text.
    OpenMetrics,
    /// Prometheus's classic text format, version 0.0.4.
    Classic,
}

/// Takes measurements; never fails and never waits.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait MetricsSink: Send + Sync {
    /// One read request was answered: from the cache alone (a hit), or not.
    fn cache_read(&self, hit: bool);

    /// A source, or a part of it, was refreshed.
    fn refreshed(&self, scope: RefreshScope, summary: &Summary, duration: Duration);

    /// Files were written; `pending` when the cache could not follow yet.
    fn written(&self, operation: Operation, pending: bool);

    /// One HTTP request was answered. `operation` is an operation id of the spec, or a fixed word:
    /// never a raw path, so that the number of series is bounded.
    fn http_request(&self, operation: &str, status: u16, duration: Duration);

    /// All that was measured so far, and these values of the moment, as text for a scraper.
    fn exposition(&self, format: Exposition, gauges: &Gauges) -> String;
}
