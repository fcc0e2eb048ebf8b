//! Sources that cannot be refreshed, and when they are tried again.

use std::{collections::HashMap, time::Duration};

use super::{Larder, jittered, lock};
use crate::domain::{
    Timestamp,
    id::SourceName,
    report::{RefreshStatus, SourceReport},
};

/// How long a source rests after its first failure; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_secs(30);
/// The longest rest: what was mended is seen half an hour later at the latest, without a refresh.
const LONGEST_REST: Duration = Duration::from_mins(30);

/// Why a source is not fresh, whatever its TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// How its last refresh ended: guarded or failed.
    pub status: RefreshStatus,
    /// Why, as its report says.
    pub problem: String,
    /// How many refreshes have ended so, one after the other.
    pub failures: u32,
    /// When the keeper tries again at the earliest. Whoever asks for a refresh does not wait.
    pub next_try_at: Timestamp,
    /// The same by the monotonic clock, which decides.
    rests_until: Duration,
}

impl Larder {
    /// What keeps sources from being fresh, as far as this process has seen it.
    #[must_use]
    pub fn troubles(&self) -> HashMap<SourceName, Trouble> {
        lock(&self.troubles).clone()
    }

    /// Remembers how a refresh ended.
    pub(super) fn note_outcome(&self, report: &SourceReport) {
        if report.status == RefreshStatus::Completed {
            lock(&self.troubles).remove(&report.source);
            return;
        }
        let problem = report.issues.first().map(|issue| match issue.line {
            Some(line) => format!("{} (line {line})", issue.message),
            None => issue.message.clone(),
        });
        self.note_trouble(&report.source, report.status, problem.unwrap_or_default());
    }

    /// Remembers that a source could not be refreshed, and why.
    pub(super) fn note_trouble(&self, source: &SourceName, status: RefreshStatus, problem: String) {
        let mut troubles = lock(&self.troubles);
        let before = troubles.get(source).map_or(0, |trouble| trouble.failures);
        let rest = jittered(rest(before));
        let trouble = Trouble {
            status,
            problem,
            failures: before + 1,
            next_try_at: self.now() + rest,
            rests_until: self.monotonic() + rest,
        };
        troubles.insert(source.clone(), trouble);
    }

    /// When a source is to be tried again, by the monotonic clock, if any is. A refresh that still runs is waited for.
    pub(super) fn next_try(&self) -> Option<Duration> {
        let (troubles, lanes) = (self.troubles(), lock(&self.lanes));
        let idle = troubles.iter().filter(|(source, _)| !lanes.contains_key(*source));
        idle.map(|(_, trouble)| trouble.rests_until).min()
    }

    /// The sources that are to be tried again now.
    pub(super) fn due_tries(&self) -> Vec<SourceName> {
        let now = self.monotonic();
        let due = self.troubles().into_iter().filter(|(_, trouble)| trouble.rests_until <= now);
        due.map(|(source, _)| source).collect()
    }

    /// How long a source is still to be left alone; nothing when it is not.
    pub(super) fn rest_of(&self, source: &SourceName) -> Duration {
        let until = lock(&self.troubles).get(source).map(|trouble| trouble.rests_until);
        until.map_or(Duration::ZERO, |until| until.saturating_sub(self.monotonic()))
    }
}

/// The rest after so many failures and one more.
fn rest(failures: u32) -> Duration {
    FIRST_REST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_doubles_up_to_half_an_hour() {
        assert_eq!([rest(0), rest(1), rest(2)].map(|rest| rest.as_secs()), [30, 60, 120]);
        assert_eq!([rest(6), rest(u32::MAX)], [LONGEST_REST; 2]);
    }
}
