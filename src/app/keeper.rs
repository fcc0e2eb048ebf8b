//! The keeper: a task that refreshes what is stale, or will be before it looks again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{Error, Larder, RefreshOptions, StillDue, chain, freshness::Due, jittered, lock};
use crate::{
    domain::{
        Timestamp,
        artifact::CollectionArtifact,
        freshness::{FreshRange, is_worth_a_scan},
        id::{ArtifactId, SourceName},
        query::Limit,
        report::{RefreshStatus, Summary},
    },
    ports::Pace,
};

/// How soon a sweep that failed is made up for; each further time twice as long, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// A sweep waits no longer for one source than until the next sweep, but so long at least.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(10);
/// By how much a sweep may be late before the keeper counts as stopped.
const LONGEST_DELAY: Duration = Duration::from_mins(10);

/// Whether the keeper does its work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeeperState {
    /// Nobody wants it, or it is still to begin.
    #[default]
    Off,
    /// It does.
    Running,
    /// It has ended without having been asked to, or hangs.
    Stopped,
}

impl KeeperState {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

/// One look at everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// Sources that were refreshed.
    pub refreshed: u64,
    /// Sources that were due and could not be refreshed, or are left alone for a while.
    pub skipped: u64,
}

/// What the keeper says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeeperStatus {
    /// Whether it does its work.
    pub state: KeeperState,
    /// The last sweep that went through.
    pub last_run: Option<Sweep>,
    /// When the next one begins; in the past while it goes on.
    pub next_run_at: Option<Timestamp>,
    /// The same by the monotonic clock, which decides.
    next_run: Option<Duration>,
    /// What went wrong last, and when: the database, or a source.
    pub last_error: Option<(Timestamp, String)>,
}

impl Larder {
    /// Sweeps again and again, until Larder ends. Answers at once if the keeper is switched off.
    pub async fn keep(self: &Arc<Self>) {
        let Some(every) = self.sweep_interval() else { return };
        let _alive = Alive::begin(self);
        tracing::info!(?every, "the keeper begins");
        let mut pause = jittered(every);
        let mut failures = 0;
        loop {
            let next = self.monotonic() + pause;
            {
                let mut keeper = lock(&self.keeper);
                keeper.next_run_at = Some(self.now() + pause);
                keeper.next_run = Some(next);
            }
            tokio::select! {
                () = self.rest_until(next) => {}
                () = self.ended() => return,
            }
            let larder = Arc::clone(self);
            // In a task of its own, since a panic in it must not end the keeper.
            let sweep = tokio::spawn(async move { larder.sweep(every).await });
            let outcome = tokio::select! {
                outcome = sweep => outcome.unwrap_or(Err(Error::Interrupted)),
                () = self.ended() => return,
            };
            pause = match outcome {
                Ok(sweep) => {
                    failures = 0;
                    lock(&self.keeper).last_run = Some(sweep);
                    jittered(every)
                }
                Err(error) => {
                    tracing::error!(error = chain(&error), "a sweep failed");
                    self.note_error(error.to_string());
                    failures += 1;
                    jittered(retry(failures).min(every))
                }
            };
        }
    }

    /// Sleeps until the next sweep. Meanwhile sources that could not be refreshed are tried again
    /// when their time has come: the change that somebody waits for may be in them.
    async fn rest_until(self: &Arc<Self>, next: Duration) {
        loop {
            let wake = self.next_try().map_or(next, |next_try| next_try.min(next));
            tokio::select! {
                () = self.sleep(wake.saturating_sub(self.monotonic())) => {}
                () = self.refreshed.notified() => continue,
            }
            if self.monotonic() >= next {
                return;
            }
            self.try_again().await;
        }
    }

    /// Refreshes the sources whose next try is due.
    async fn try_again(self: &Arc<Self>) {
        let mut tries = JoinSet::new();
        for source in self.due_tries() {
            let larder = Arc::clone(self);
            tries.spawn(async move {
                if let Err(error) = larder.try_source(&source).await {
                    larder.note_trouble(&source, RefreshStatus::Failed, error.to_string());
                }
            });
        }
        while tries.join_next().await.is_some() {}
    }

    async fn try_source(self: &Arc<Self>, name: &SourceName) -> Result<(), Error> {
        let Some(source) = self.registered_source(name).await? else {
            lock(&self.troubles).remove(name);
            return Ok(());
        };
        self.sweep_source(&Due::unscanned(&source), self.now(), SHORTEST_PATIENCE).await?;
        Ok(())
    }

    /// What the keeper says of itself.
    #[must_use]
    pub fn keeper_status(&self) -> KeeperStatus {
        let mut status = lock(&self.keeper).clone();
        let late = status.next_run.is_some_and(|next| self.monotonic() > next + LONGEST_DELAY);
        if status.state == KeeperState::Running && late {
            status.state = KeeperState::Stopped;
        }
        status
    }

    /// How often the keeper looks: as configured, and twice within the shortest TTL, which it could
    /// not hold otherwise.
    pub(super) fn sweep_interval(&self) -> Option<Duration> {
        Some(self.policy.sweep_every?.min(self.policy.ttl.shortest() / 2))
    }

    /// Looks at everything once.
    async fn sweep(self: &Arc<Self>, every: Duration) -> Result<Sweep, Error> {
        let started = self.begin();
        let started_at = started.at;
        self.register_sources().await?;
        let last = lock(&self.keeper).last_run.as_ref().map_or(0, |run| run.duration_ms);
        // What goes stale before the next sweep has come to it is due in this one.
        let horizon = started_at + every + Duration::from_millis(last);
        let mut sweep = Sweep { started_at, duration_ms: 0, refreshed: 0, skipped: 0 };
        let mut sources = JoinSet::new();
        for due in self.due(horizon).await? {
            let larder = Arc::clone(self);
            sources.spawn(async move { larder.sweep_source(&due, horizon, every).await });
        }
        while let Some(swept) = sources.join_next().await {
            let refreshed = swept.unwrap_or(Err(Error::Interrupted))?;
            *(if refreshed { &mut sweep.refreshed } else { &mut sweep.skipped }) += 1;
        }
        self.purge_missing().await?;
        sweep.duration_ms = self.took(started);
        tracing::debug!(
            refreshed = sweep.refreshed,
            skipped = sweep.skipped,
            duration_ms = sweep.duration_ms,
            "swept"
        );
        Ok(sweep)
    }

    /// Refreshes a source, or what is invalidated of it; answers whether that was possible. Only a
    /// database that does not answer at all is an error: the next source would fare no better.
    async fn sweep_source(
        self: &Arc<Self>,
        due: &Due,
        horizon: Timestamp,
        every: Duration,
    ) -> Result<bool, Error> {
        let name = &due.source.source.name;
        // One that took too long is not waited for again before it has ended.
        let hangs = lock(&self.troubles).contains_key(name) && lock(&self.lanes).contains_key(name);
        if hangs || !self.rest_of(name).is_zero() || *self.ending.borrow() {
            return Ok(false);
        }
        let few = usize::try_from(due.rows).is_ok_and(|rows| !is_worth_a_scan(rows));
        let run = async {
            if due.invalidated_alone && few {
                let (larder, due) = (Arc::clone(self), due.clone());
                return self.detached(async move { larder.reload(&due).await }).await;
            }
            let due = StillDue { by: horizon, verified_at: due.source.verified_at };
            let (pace, if_due) = (Pace::Gentle, Some(due));
            let options = RefreshOptions { pace, if_due, ..RefreshOptions::default() };
            let report = self.enqueue(name, options).outcome().await?;
            Ok(Summary::of([&*report]))
        };
        let outcome = self
            .within(every.max(SHORTEST_PATIENCE), run)
            .await
            .unwrap_or_else(|| Ok(Summary::failed("its refresh takes very long".to_owned())));
        let problem = match outcome {
            Ok(summary) if summary.status == RefreshStatus::Completed => return Ok(true),
            Ok(summary) => summary.issues.first().map(|issue| issue.message.clone()),
            Err(error) => {
                self.ports.cache.check().await?;
                tracing::error!(source = %name, error = chain(&error), "a source was not swept");
                Some(error.to_string())
            }
        };
        let problem = problem.unwrap_or_default();
        if self.rest_of(name).is_zero() {
            // It did not come to a report: the others must not wait for it again and again.
            self.note_trouble(name, RefreshStatus::Failed, problem.clone());
        }
        self.note_error(format!("source {name}: {problem}"));
        Ok(false)
    }

    /// Reads the invalidated artifacts of a source again, one by one.
    async fn reload(self: &Arc<Self>, due: &Due) -> Result<Summary, Error> {
        let mut rows: BTreeMap<ArtifactId, CollectionArtifact> = BTreeMap::new();
        for collection in &due.collections {
            let limit = Limit::default();
            let mut after = None;
            loop {
                let (cache, fresh) = (&self.ports.cache, FreshRange::ALWAYS);
                let batch = cache.stale_rows(collection, fresh, after.as_ref(), limit).await?;
                let Some(last) = batch.last() else { break };
                after = Some(last.clone());
                for stale in batch.iter().filter(|stale| stale.source == due.source.source.name) {
                    if let Some(row) = cache.artifact(collection, &stale.id).await? {
                        rows.insert(stale.id.clone(), row);
                    }
                }
            }
        }
        self.refresh_rows(&rows.into_values().collect::<Vec<_>>()).await
    }

    pub(super) fn note_error(&self, message: String) {
        lock(&self.keeper).last_error = Some((self.now(), message));
    }
}

fn retry(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
}

/// As long as this lives the keeper runs.
struct Alive<'a>(&'a Larder);

impl<'a> Alive<'a> {
    fn begin(larder: &'a Larder) -> Self {
        lock(&larder.keeper).state = KeeperState::Running;
        Self(larder)
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        let asked_to = *self.0.ending.borrow();
        let state = if asked_to { KeeperState::Off } else { KeeperState::Stopped };
        lock(&self.0.keeper).state = state;
    }
}
