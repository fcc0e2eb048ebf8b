//! The order of reads, which depends on no wall clock.

use super::Timestamp;

/// The place of one look at files among all looks that share a database. The database issues it
/// before the first file is opened; a later look has a greater one.
///
/// It is a hybrid logical clock (Kulkarni et al. 2014, "Logical Physical Clocks"): the wall clock in
/// microseconds, but at least one more than the last order that was issued. So it grows although a
/// wall clock is set back, and although processes with different clocks share the database. One
/// sequence serves all sources, because rows and their invalidations pass from one source to another
/// when another source wins an id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadOrder(i64);

impl ReadOrder {
    /// The order that the database holds as this number.
    #[must_use]
    pub fn stored(number: i64) -> Self {
        Self(number)
    }

    /// The order that follows the last one that was issued, by a wall clock that shows `now`.
    #[must_use]
    pub fn after(last: Self, now: Timestamp) -> Self {
        Self(now.timestamp_micros().max(last.0.saturating_add(1)))
    }

    /// The number that the database holds.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn orders_follow_a_right_clock_and_grow_under_a_wrong_one() {
        let ahead = ReadOrder::after(ReadOrder::default(), at(100));
        assert_eq!(ahead.number(), at(100).timestamp_micros());
        let set_back = ReadOrder::after(ahead, at(5));
        assert_eq!(set_back.number(), ahead.number() + 1);
        assert_eq!(ReadOrder::after(set_back, at(5)).number(), ahead.number() + 2);
        assert_eq!(ReadOrder::after(set_back, at(101)).number(), at(101).timestamp_micros());
    }
}
