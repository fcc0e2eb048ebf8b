//! Stand-ins for adapters, for tests: a clock that is set by hand and a repository in memory.

use std::sync::Mutex;

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
    ///
    /// # Panics
    /// When a thread panicked while it held the clock.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().expect("the clock's lock") = now;
    }

    /// Goes forward.
    ///
    /// # Panics
    /// When a thread panicked while it held the clock, or at the end of the calendar.
    pub fn advance(&self, by: std::time::Duration) {
        let mut now = self.0.lock().expect("the clock's lock");
        *now += by;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("the clock's lock")
    }
}
