//! How Larder comes to its end: nothing new begins, and what runs is waited for.

use std::sync::Arc;

use super::{Error, Larder};

impl Larder {
    /// From now on the keeper, the watcher and live updates come to their ends.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Waits for what runs: refreshes, edits and whatever else must not be cut off. Nothing of the
    /// kind begins any more.
    pub async fn finish(&self) {
        self.end();
        // Never let go of: whoever comes later finds it closed.
        std::mem::forget(self.working.write().await);
    }

    /// Waits until Larder is to end.
    pub(super) async fn ended(&self) {
        // The sender is part of this value.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// Runs work in a task of its own, which goes on when the caller leaves.
    pub(super) async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        // Nobody gets in once somebody waits for all to be out.
        let working = Arc::clone(&self.working).try_read_owned().map_err(|_| Error::Ending)?;
        let work = async move {
            let _working = working;
            work.await
        };
        tokio::spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "work ended by a panic");
            Err(Error::Interrupted)
        })
    }
}
