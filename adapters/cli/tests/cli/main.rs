//! The binary, run as a person or a script runs it.

#![expect(clippy::unwrap_used, reason = "where a helper fails, its test does")]

mod binary;
mod carrying;
mod crowd;
mod demo;
mod kill;
mod log;
mod metrics;
mod migrate;
mod prometheus;
mod secrets;
mod serve;
mod settings;
mod soak;
mod sweeps;
mod token;
mod usage;
