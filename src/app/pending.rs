//! What the database could not take when files had been written.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{Larder, chain, lock};
use crate::{
    domain::{
        artifact::Artifact,
        id::{ArtifactId, SourceName},
    },
    ports::RepositoryError,
};

/// An artifact whose files were written, and which the cache must look at.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) source: SourceName,
    pub(super) id: ArtifactId,
    pub(super) path: String,
    /// The artifact as the write left it; `None` after a deletion.
    pub(super) left: Option<Artifact>,
}

impl Write {
    /// A write that left this artifact.
    pub(super) fn left(source: &SourceName, artifact: &Artifact) -> Self {
        let (id, path) = (artifact.id.clone(), artifact.path.clone());
        Self { source: source.clone(), id, path, left: Some(artifact.clone()) }
    }
}

/// Writes that wait for the database.
#[derive(Default)]
pub(super) struct PendingWrites {
    /// In the order in which the files were written.
    writes: Mutex<Vec<Write>>,
    /// Whether there are any: what every read asks first.
    any: AtomicBool,
    /// Held while they are given to the database; when that failed last, by the monotonic clock.
    turn: tokio::sync::Mutex<Option<Duration>>,
}

impl PendingWrites {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.writes).len()
    }
}

impl Larder {
    /// Keeps a write for the time when the database answers.
    pub(super) fn keep_pending(&self, write: Write) {
        lock(&self.pending.writes).push(write);
        self.pending.any.store(true, Ordering::Release);
    }

    /// Gives the database what it could not take before, as the files are by now. Every use case
    /// that reads rows begins with it, so that nobody sees rows from before a write that has
    /// succeeded. A database that can be read and not be written keeps no reader away.
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
        let asked = self.monotonic();
        let mut failed = self.pending.turn.lock().await;
        if failed.is_some_and(|at| at > asked) {
            // Whoever waited for a turn must not wait for the database all over again.
            return Err(RepositoryError::Unavailable("it has just not answered".into()));
        }
        loop {
            let next = lock(&self.pending.writes).first().cloned();
            let Some(write) = next else { return Ok(()) };
            match self.look_at_pending(&write).await {
                Ok(()) => {}
                Err(error @ (RepositoryError::Unavailable(_) | RepositoryError::InUse(_))) => {
                    *failed = Some(self.monotonic());
                    return Err(error);
                }
                Err(error @ RepositoryError::Unwritable { .. }) => return Err(error),
                Err(error) => {
                    tracing::error!(error = chain(&error), "a change of the cache was refused");
                }
            }
            let mut pending = lock(&self.pending.writes);
            pending.remove(0);
            self.pending.any.store(!pending.is_empty(), Ordering::Release);
        }
    }

    /// A source that is no longer registered takes no change.
    async fn look_at_pending(&self, write: &Write) -> Result<(), RepositoryError> {
        let registered = self.ports.cache.registered().await?;
        match registered.iter().find(|known| known.source.name == write.source) {
            Some(known) => self.look_again(known, write).await,
            None => Ok(()),
        }
    }
}
