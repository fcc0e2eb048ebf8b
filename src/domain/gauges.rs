//! What has a value at a moment, and is not counted up.

use std::collections::BTreeMap;

use super::{Timestamp, freshness::Census, watching::WatchMode};

/// How busy the connections to the database are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// In use at the moment.
    pub in_use: u32,
    /// Open, and waiting for something to do.
    pub idle: u32,
}

/// What the cache holds, as it was last counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Stale rows of `default`.
    pub stale: u64,
    /// The oldest effective `synced_at` among the rows of `default`.
    pub oldest_sync: Option<Timestamp>,
    /// The rows of `default` by kind and health.
    pub census: Vec<Census>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// Now.
    pub now: Timestamp,
    /// What the cache held when the database last answered; `None` if it never did.
    pub counted: Option<Counted>,
    /// When a sweep last went through.
    pub keeper_last_success: Option<Timestamp>,
    /// How many sources are watched in which mode.
    pub watched: BTreeMap<WatchMode, u64>,
    /// How busy the connections to the database are.
    pub connections: Connections,
}
