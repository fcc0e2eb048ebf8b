//! The hexagon: the middle of Larder, which knows what a cached artifact is and when it is stale.
//!
//! - [`domain`]: values and pure rules.
//! - [`ports`]: what the middle needs from outside, as traits that adapters implement.
//! - [`app`]: the use cases, built on the ports alone.
//! - `testing` (feature `testing`): a fake clock and an in-memory repository.

pub mod app;
pub mod domain;
pub mod ports;
#[cfg(feature = "testing")]
pub mod testing;
