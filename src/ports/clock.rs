//! The time.

use crate::domain::Timestamp;

/// Tells the time. The one way to it, so that a test can set it.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, in whole microseconds. Two calls may give the same moment.
    fn now(&self) -> Timestamp;
}
