//! Helpers that the test binaries share.

pub mod cluster;
pub mod database;
mod faults;
pub mod outage;
pub mod reach;
pub mod server;
pub mod soak;
pub mod stopwatch;
pub mod writes;
