//! From start to ready.

use std::sync::{Arc, atomic::Ordering};

use super::{Error, KeeperState, Larder, RefreshOptions};
use crate::{
    domain::{
        collection::RegisteredSource,
        report::{Counts, Issue},
    },
    ports::Pace,
};

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
        let started = self.now();
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

    /// Whether requests can be answered now.
    pub async fn readiness(&self) -> Readiness {
        // Whoever asks whether all is well makes it so: other processes read the same rows.
        let checked = match self.catch_up().await {
            Ok(()) => self.ports.cache.check().await,
            away => away,
        };
        match checked {
            Err(error) => Readiness::Unavailable(error.into()),
            Ok(()) if !self.filled.load(Ordering::Acquire) => Readiness::Filling,
            Ok(()) if self.keeper_status().state == KeeperState::Stopped => {
                Readiness::KeeperStopped
            }
            Ok(()) => Readiness::Ready,
        }
    }
}
