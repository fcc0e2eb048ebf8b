//! Values and pure rules: no I/O, nothing asynchronous, no clock.

pub mod artifact;
pub mod caller;
pub mod change;
pub mod collection;
pub mod curated;
pub mod cursor;
pub mod delta;
pub mod deployment;
pub mod disks;
pub mod edit;
pub mod facets;
pub mod freshness;
pub mod gauges;
pub mod guard;
pub mod id;
pub mod new_artifact;
pub mod page;
pub mod query;
pub mod read_order;
pub mod report;
pub mod revision;
pub mod text;
pub mod watching;
pub mod writing;

/// A moment in UTC, in whole microseconds: the finest step that both databases keep.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
