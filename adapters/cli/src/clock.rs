//! The time of the machine.

use std::time::Duration;

use async_trait::async_trait;
use larder::{domain::Timestamp, ports::Clock};

/// The machine's clocks.
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock that all others ask")]
    fn now(&self) -> Timestamp {
        let now = chrono::Utc::now();
        Timestamp::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// The kernel's `CLOCK_BOOTTIME`, which counts suspension; elsewhere the clock of the standard
    /// library, which may not.
    fn monotonic(&self) -> Duration {
        #[cfg(target_os = "linux")]
        let elapsed = {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Duration::try_from(time).unwrap_or_default()
        };
        #[cfg(not(target_os = "linux"))]
        let elapsed = {
            static BEGINNING: std::sync::LazyLock<std::time::Instant> =
                std::sync::LazyLock::new(std::time::Instant::now);
            BEGINNING.elapsed()
        };
        elapsed
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_goes_on() {
        let before = SystemClock.monotonic();
        while SystemClock.monotonic() == before {}
        assert!(SystemClock.monotonic() > before);
    }

    #[test]
    fn the_time_has_whole_microseconds() {
        assert_eq!(SystemClock.now().timestamp_subsec_nanos() % 1_000, 0);
    }
}
