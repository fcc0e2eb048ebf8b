//! The time of a test.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{domain::Timestamp, ports::Clock};

/// A clock that stands still until it is set, advanced or stepped.
#[derive(Debug)]
pub struct FakeClock(watch::Sender<Hands>);

#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: Timestamp,
    monotonic: Duration,
}

impl FakeClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(watch::Sender::new(Hands { wall: now, monotonic: Duration::ZERO }))
    }

    /// Lets time pass until the wall clock shows this moment. An earlier one is a step back.
    pub fn set(&self, now: Timestamp) {
        self.0.send_modify(|hands| {
            hands.monotonic += (now - hands.wall).to_std().unwrap_or_default();
            hands.wall = now;
        });
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// At the end of the calendar.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|hands| {
            hands.monotonic += by;
            hands.wall += by;
        });
    }

    /// Sets the wall clock forward or back by this, while no time passes.
    ///
    /// # Panics
    /// Beyond the calendar.
    pub fn step(&self, by: chrono::Duration) {
        self.0.send_modify(|hands| hands.wall += by);
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
        self.0.borrow().wall
    }

    fn monotonic(&self) -> Duration {
        self.0.borrow().monotonic
    }

    async fn sleep(&self, duration: Duration) {
        let mut hands = self.0.subscribe();
        let until = hands.borrow_and_update().monotonic + duration;
        // The sender is this clock, which is borrowed here.
        let _ = hands.wait_for(|hands| hands.monotonic >= until).await;
    }
}
