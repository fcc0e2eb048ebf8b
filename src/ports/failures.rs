//! The failures of a repository that still count.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::RepositoryError;

/// How long damage or a wrong schema counts that no operation has met since. A load balancer sends an
/// instance that is not ready no request, so no operation would ever run there and succeed.
const COUNTED: Duration = Duration::from_mins(1);

/// The operations of a repository whose last run failed because of the database.
///
/// A database can answer a probe and still fail pages or refreshes, for example when one of its
/// pages is damaged. So readiness also depends on the operations that clients and refreshes ran.
#[derive(Debug, Default)]
pub struct Failures(Mutex<BTreeMap<&'static str, Failure>>);

#[derive(Debug)]
struct Failure {
    error: RepositoryError,
    at: Instant,
}

impl Failures {
    /// Records how an operation ended, and returns its outcome.
    pub fn note<T>(
        &self,
        operation: &'static str,
        outcome: Result<T, RepositoryError>,
    ) -> Result<T, RepositoryError> {
        match &outcome {
            Ok(_) => drop(self.failed().remove(operation)),
            // One refused statement is a defect of Larder, and says nothing about the database.
            Err(RepositoryError::Internal(_)) => {}
            Err(error) => {
                let failure = Failure { error: error.copied(), at: Instant::now() };
                self.failed().insert(operation, failure);
            }
        }
        outcome
    }

    /// Forgets the failures that a successful probe of reads and writes disproves. Damage and a
    /// wrong schema remain until the operation that met them succeeds, or for a minute.
    pub fn forget_passing(&self) {
        self.failed().retain(|_, Failure { error, at }| {
            let lasts = matches!(error, RepositoryError::Corrupt(_) | RepositoryError::Schema(_));
            lasts && at.elapsed() < COUNTED
        });
    }

    /// Whether a write failed because the database cannot be written.
    pub fn is_unwritable(&self) -> bool {
        self.failed().values().any(|it| matches!(it.error, RepositoryError::Unwritable { .. }))
    }

    /// One of the failures, if there are any.
    pub fn any(&self) -> Option<RepositoryError> {
        self.failed().values().next().map(|failure| failure.error.copied())
    }

    fn failed(&self) -> MutexGuard<'_, BTreeMap<&'static str, Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RepositoryError {
    /// The same error for another caller, with its cause as text.
    fn copied(&self) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unavailable(cause.to_string().into()),
            Self::InUse(holder) => Self::InUse(holder.clone()),
            Self::Unwritable { reason, cause } => {
                Self::Unwritable { reason, cause: cause.to_string().into() }
            }
            Self::Corrupt(cause) => Self::Corrupt(cause.to_string().into()),
            Self::Schema(text) => Self::Schema(text.clone()),
            Self::Internal(cause) => Self::Internal(cause.to_string().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(failures: &Failures, operation: &'static str, error: RepositoryError) {
        failures.note::<()>(operation, Err(error)).expect_err("the outcome is returned");
    }

    #[test]
    fn a_failed_operation_counts_until_it_succeeds() {
        let failures = Failures::default();
        fail(&failures, "page", RepositoryError::Corrupt("a page of the disk".into()));
        failures.note("facets", Ok(())).unwrap();
        failures.forget_passing();
        assert!(matches!(failures.any(), Some(RepositoryError::Corrupt(_))));
        failures.note("page", Ok(())).unwrap();
        assert!(failures.any().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn damage_that_nothing_met_for_a_minute_counts_no_longer() {
        let failures = Failures::default();
        fail(&failures, "page", RepositoryError::Corrupt("a page of the disk".into()));
        tokio::time::advance(COUNTED / 2).await;
        failures.forget_passing();
        assert!(failures.any().is_some());
        tokio::time::advance(COUNTED / 2).await;
        failures.forget_passing();
        assert!(failures.any().is_none());
    }

    #[test]
    fn a_successful_probe_ends_failures_that_pass_by_themselves() {
        let failures = Failures::default();
        let full = || RepositoryError::Unwritable { reason: "it is full", cause: "a test".into() };
        fail(&failures, "page", RepositoryError::Unavailable("it was away".into()));
        assert!(!failures.is_unwritable());
        fail(&failures, "apply", full());
        assert!(failures.is_unwritable());
        failures.forget_passing();
        assert!(failures.any().is_none());
    }

    #[test]
    fn a_defect_of_one_statement_is_no_failure_of_the_database() {
        let failures = Failures::default();
        fail(&failures, "page", RepositoryError::Internal("a defect".into()));
        assert!(failures.any().is_none());
    }
}
