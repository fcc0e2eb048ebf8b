//! From start to ready.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Error, KeeperState, Larder, RefreshOptions};
use crate::{
    domain::{
        collection::RegisteredSource,
        report::{Counts, Issue},
    },
    ports::{Pace, RepositoryError},
};

/// How long the database may take to show that it works: less than a probe of an operator waits.
const LONGEST_CHECK: Duration = Duration::from_millis(1_500);

fn unanswered() -> Result<(), RepositoryError> {
    Err(RepositoryError::Unavailable("a check of it took too long".into()))
}

/// Whether requests can be answered.
#[derive(Debug, Clone)]
pub enum Readiness {
    /// They can.
    Ready,
    /// The empty cache is being filled.
    Filling,
    /// The database does not do its part.
    Unavailable(Error),
    /// Nobody keeps the cache fresh any more.
    KeeperStopped,
}

impl Larder {
    /// Makes the cache agree with the files. An empty cache is filled before Larder calls itself
    /// ready; a filled one is served at once, and verified meanwhile. Trouble with a source is in
    /// its report; an error means that the database failed, and that this is worth another try.
    pub async fn start(self: &Arc<Self>) -> Result<(), Error> {
        let sources = self.take_stock().await?;
        self.populate(&sources).await
    }

    /// Finds the sources, and out whether the cache has been filled before.
    pub(super) async fn take_stock(self: &Arc<Self>) -> Result<Vec<RegisteredSource>, Error> {
        let sources = self.register_sources().await?;
        let filled = sources.is_empty() || sources.iter().any(|known| known.verified_at.is_some());
        self.filled.store(filled, Ordering::Release);
        tracing::info!(sources = sources.len(), empty = !filled, "population begins");
        Ok(sources)
    }

    /// Scans all sources; then the cache is filled. Nobody waits for a source that was scanned before.
    pub(super) async fn populate(
        self: &Arc<Self>,
        sources: &[RegisteredSource],
    ) -> Result<(), Error> {
        let started = self.begin();
        let options = |known: &RegisteredSource| {
            let is_new = known.verified_at.is_none();
            let pace = if is_new { Pace::Swift } else { Pace::Gentle };
            RefreshOptions { pace, ..RefreshOptions::default() }
        };
        let reports = self.refresh_sources(sources, options).await?;
        let Counts { created, updated, unchanged, removed, skipped, ok, recovered, broken, .. } =
            self.summary_of_all(&reports).await?.counts;
        for shadowed in self.ports.cache.shadowed().await?.0 {
            let Issue { path, message, .. } = Issue::of_shadowed(shadowed);
            tracing::warn!(path, reason = message, "shadowed");
        }
        tracing::info!(
            sources = sources.len(),
            created,
            updated,
            unchanged,
            removed,
            skipped,
            ok,
            recovered,
            broken,
            duration_ms = self.took(started),
            "population ends"
        );
        self.filled.store(true, Ordering::Release);
        self.warn_of_unused_ttls().await;
        Ok(())
    }

    /// Whether requests can be answered now. A database that takes longer than 1.5 s counts as
    /// unavailable.
    pub async fn readiness(&self) -> Readiness {
        match self.within(LONGEST_CHECK, self.check_database()).await.unwrap_or_else(unanswered) {
            Err(error) => Readiness::Unavailable(error.into()),
            Ok(()) if !self.filled.load(Ordering::Acquire) => Readiness::Filling,
            Ok(()) if self.keeper_status().state == KeeperState::Stopped => {
                Readiness::KeeperStopped
            }
            Ok(()) => Readiness::Ready,
        }
    }

    async fn check_database(&self) -> Result<(), RepositoryError> {
        // Other processes read the same rows, so pending changes are applied even if nobody reads here.
        self.apply_pending().await?;
        self.ports.cache.check().await?;
        self.ports.cache.last_failure().map_or(Ok(()), Err)
    }
}
