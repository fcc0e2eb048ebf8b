//! The time.

use std::sync::Arc;

use crate::domain::Timestamp;

/// Tells the time. The one way to it, so that a test can set it.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, in whole microseconds. Two calls may give the same moment.
    fn now(&self) -> Timestamp;
}

/// Milliseconds from `start` until now; 0 when the clock went backwards.
#[must_use]
pub fn elapsed_ms(clock: &Arc<dyn Clock>, start: Timestamp) -> u64 {
    u64::try_from((clock.now() - start).num_milliseconds()).unwrap_or(0)
}
