//! The time of a test.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{domain::Timestamp, ports::Clock};

/// A clock that stands still until it is set or advanced.
#[derive(Debug)]
pub struct FakeClock(watch::Sender<Timestamp>);

impl FakeClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Shows another moment from now on.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }

    /// Goes forward.
    ///
    /// # Panics
    /// At the end of the calendar.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }

    /// How many sleep until a later moment.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.0.receiver_count()
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let mut hands = self.0.subscribe();
        let until = *hands.borrow_and_update() + duration;
        // The sender is this clock, which is borrowed here.
        let _ = hands.wait_for(|now| *now >= until).await;
    }
}
