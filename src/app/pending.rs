//! What the database could not take when files had been written.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use super::{Larder, chain, lock};
use crate::{
    domain::{Timestamp, delta::Delta},
    ports::RepositoryError,
};

/// Changes that wait for the database.
#[derive(Default)]
pub(super) struct PendingWrites {
    /// In the order in which the files were written.
    deltas: Mutex<Vec<Delta>>,
    /// Whether there are any: what every read asks first.
    any: AtomicBool,
    /// Held by who gives them to the database; when that failed last.
    turn: tokio::sync::Mutex<Option<Timestamp>>,
}

impl PendingWrites {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.deltas).len()
    }
}

impl Larder {
    /// Keeps a change for the time when the database answers.
    pub(super) fn keep_pending(&self, delta: Delta) {
        lock(&self.pending.deltas).push(delta);
        self.pending.any.store(true, Ordering::Release);
    }

    /// Applies pending changes. Every use case that reads rows begins with it, so that nobody sees
    /// rows from before a write that has succeeded. A database that can be read and not be written
    /// keeps no reader away.
    pub(super) async fn catch_up(&self) -> Result<(), RepositoryError> {
        match self.apply_pending().await {
            Err(error @ RepositoryError::Unwritable { .. }) => {
                tracing::warn!(error = chain(&error), "the cache cannot follow a write yet");
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Applies pending changes, and fails while the database cannot take them. A change that it
    /// will never take is dropped, and left to the next scan.
    pub(super) async fn apply_pending(&self) -> Result<(), RepositoryError> {
        if !self.pending.any.load(Ordering::Acquire) {
            return Ok(());
        }
        let asked = self.now();
        let mut failed = self.pending.turn.lock().await;
        if failed.is_some_and(|at| at > asked) {
            // Whoever waited for a turn must not wait for the database all over again.
            return Err(RepositoryError::Unavailable("it has just not answered".into()));
        }
        loop {
            let next = lock(&self.pending.deltas).first().cloned();
            let Some(delta) = next else { return Ok(()) };
            match self.ports.cache.apply(delta).await {
                Ok(_) => {}
                Err(error @ (RepositoryError::Unavailable(_) | RepositoryError::InUse(_))) => {
                    *failed = Some(self.now());
                    return Err(error);
                }
                Err(error @ RepositoryError::Unwritable { .. }) => return Err(error),
                Err(error) => {
                    tracing::error!(error = chain(&error), "a change of the cache was refused");
                }
            }
            let mut pending = lock(&self.pending.deltas);
            pending.remove(0);
            self.pending.any.store(!pending.is_empty(), Ordering::Release);
        }
    }
}
