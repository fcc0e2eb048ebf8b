//! The source on real files, through its port.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod descriptors;
mod discover;
mod hostile;
mod managed;
mod managed_times;
mod plain;
mod planted;
mod projects;
mod secrets;
mod skillmeat;
mod support;
mod watch;
mod writes;
