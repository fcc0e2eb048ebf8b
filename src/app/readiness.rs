//! From start to ready.

use std::sync::{Arc, atomic::Ordering};

use super::{Error, Larder, RefreshOptions};

/// Whether requests can be answered.
#[derive(Debug, Clone)]
pub enum Readiness {
    /// They can.
    Ready,
    /// The empty cache is being filled.
    Filling,
    /// The database does not do its part.
    Unavailable(Error),
}

impl Larder {
    /// Makes the cache agree with the files. An empty cache is filled before Larder calls itself
    /// ready; a filled one is served at once, and verified meanwhile. Trouble is logged: whatever
    /// is served after it, a later refresh can mend.
    pub async fn start(self: &Arc<Self>) {
        let started = self.now();
        if let Err(error) = self.populate().await {
            let cause = &error as &dyn std::error::Error;
            tracing::error!(error = cause, "the cache could not be brought up to date");
        }
        // Also after trouble: what is not there yet, misses and refreshes will bring.
        self.filled.store(true, Ordering::Release);
        tracing::info!(duration_ms = self.took(started), "population ends");
    }

    async fn populate(self: &Arc<Self>) -> Result<(), Error> {
        let sources = self.register_sources().await?;
        let filled = sources.is_empty() || sources.iter().any(|known| known.verified_at.is_some());
        self.filled.store(filled, Ordering::Release);
        tracing::info!(sources = sources.len(), empty = !filled, "population begins");
        self.refresh_sources(&sources, RefreshOptions::default()).await?;
        Ok(())
    }

    /// Whether requests can be answered now.
    pub async fn readiness(&self) -> Readiness {
        match self.ports.cache.check().await {
            Err(error) => Readiness::Unavailable(error.into()),
            Ok(()) if !self.filled.load(Ordering::Acquire) => Readiness::Filling,
            Ok(()) => Readiness::Ready,
        }
    }
}
