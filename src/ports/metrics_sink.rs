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

/// Why the server closes an HTTP connection before its client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client did not finish the header of a request.
    HeaderTimeout,
    /// The client had no request for too long.
    IdleTimeout,
    /// The client did not read a response.
    WriteTimeout,
    /// The connection had waited longest when another client needed its place.
    Limit,
}

impl CloseReason {
    /// All reasons.
    pub const ALL: [Self; 4] =
        [Self::HeaderTimeout, Self::IdleTimeout, Self::WriteTimeout, Self::Limit];

    /// The word for it in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HeaderTimeout => "header_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::Limit => "limit",
        }
    }
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

    /// The number of open HTTP connections has changed, or their limit was set.
    fn http_connections(&self, open: usize, limit: usize);

    /// The server closed an HTTP connection before its client did.
    fn http_connection_closed(&self, reason: CloseReason);

    /// All that was measured so far, and these values of the moment, as text for a scraper.
    fn exposition(&self, format: Exposition, gauges: &Gauges) -> String;
}
