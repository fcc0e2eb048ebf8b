//! What has a value at a moment, and is not counted up.

use std::collections::BTreeMap;

use super::{Timestamp, freshness::Census, report::RefreshStatus, watching::WatchMode};

/// How busy the connections to the database are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// In use at the moment.
    pub in_use: u32,
    /// Open, and waiting for something to do.
    pub idle: u32,
    /// Open at the most, by the configuration.
    pub limit: u32,
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

/// When the keeper did what, or will; `None`: not yet, or not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeeperTimes {
    /// When the last sweep began that went through.
    pub last_success: Option<Timestamp>,
    /// When the next one begins; in the past while it goes on.
    pub next_run: Option<Timestamp>,
    /// When something went wrong last.
    pub last_error: Option<Timestamp>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// Now.
    pub now: Timestamp,
    /// What the cache held when the database last answered; `None` if it never did.
    pub counted: Option<Counted>,
    /// What the keeper does.
    pub keeper: KeeperTimes,
    /// How many sources are watched in which mode.
    pub watched: BTreeMap<WatchMode, u64>,
    /// How many sources this process cannot refresh, by how their last refresh ended.
    pub troubled: BTreeMap<RefreshStatus, u64>,
    /// Writes of files that the cache could not follow yet.
    pub pending_writes: u64,
    /// Clients that follow the events.
    pub listeners: u64,
    /// How busy the connections to the database are.
    pub connections: Connections,
}
