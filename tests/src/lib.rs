//! Helpers that the test binaries share.

pub mod database;
pub mod writes;
