//! The time of a test.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{domain::Timestamp, ports::Clock};

/// A clock that stands still until it is set or advanced.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Shows another moment from now on.
    pub fn set(&self, now: Timestamp) {
        *self.hands() = now;
    }

    /// Goes forward.
    ///
    /// # Panics
    /// At the end of the calendar.
    pub fn advance(&self, by: Duration) {
        *self.hands() += by;
    }

    fn hands(&self) -> MutexGuard<'_, Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.hands()
    }
}
