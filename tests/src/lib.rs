//! Helpers that the test binaries share.

pub mod database;
pub mod server;
pub mod soak;
pub mod stopwatch;
pub mod writes;
