//! The time.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::Timestamp;

/// The wall clock, a monotonic clock, and waiting. The only way to each of them, so that a test can set
/// them.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall clock, in whole microseconds. It may be wrong, and it is set forward and back: it
    /// serves people, TTLs and expiry dates, and no other decision.
    fn now(&self) -> Timestamp;

    /// The time since some moment before this process began. It never goes back, also while the wall
    /// clock is set, and it counts the time in which the machine is suspended.
    fn monotonic(&self) -> Duration;

    /// Waits until so much monotonic time has passed; longer if the machine is suspended meanwhile.
    async fn sleep(&self, duration: Duration);
}
