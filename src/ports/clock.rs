//! The time.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::Timestamp;

/// Tells the time, and waits. The one way to both, so that a test can set it.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, in whole microseconds. Two calls may give the same moment.
    fn now(&self) -> Timestamp;

    /// Waits until so much time has passed.
    async fn sleep(&self, duration: Duration);
}
