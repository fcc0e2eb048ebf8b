//! The real time, for what is tested against it.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long is waited between two looks at something that tells nobody when it changes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Time since a moment.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to count now.
    #[expect(clippy::disallowed_methods, reason = "processes live in the real time")]
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Whether something comes true in that time.
pub fn within(patience: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    while !is_true() {
        if watch.elapsed() > patience {
            return false;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    true
}
