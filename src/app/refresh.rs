//! Refreshing: all sources, or those that a collection is made of.

use std::{sync::Arc, time::Duration};

use tokio::sync::OwnedMutexGuard;

use super::{Error, Larder};
use crate::{
    domain::{
        Timestamp,
        caller::Caller,
        collection::{Collection, CollectionKind, RegisteredSource, Source},
        cursor::Cursor,
        query::{ArtifactQuery, Limit, Position},
        report::{BatchReport, CollectionReport, Issue, SourceReport, Summary},
        watching::WatchMode,
    },
    ports::Pace,
};

/// How long the sources may be looked for: a few directories are listed.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// How a refresh is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RefreshOptions {
    /// Read every file again, changed or not.
    pub force: bool,
    /// How many removals are accepted of each source where the mass-loss guard would stop.
    pub confirm_removals: Option<u64>,
    /// How much of the machine it may take.
    pub pace: Pace,
    /// Only if the source is still due when no other process refreshes it any more.
    pub if_due: Option<StillDue>,
}

/// Why a source was found to be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StillDue {
    /// A row of it is stale by then.
    pub by: Timestamp,
    /// When it had last been scanned.
    pub verified_at: Option<Timestamp>,
}

impl Larder {
    /// Refreshes what a collection is made of: a mirror's source, every source for `default`, and
    /// a curated collection's members alone. Somebody else's curated collection is refused.
    pub async fn refresh_collection(
        self: &Arc<Self>,
        caller: &Caller,
        id_or_name: &str,
        options: RefreshOptions,
    ) -> Result<CollectionReport, Error> {
        let started = self.begin();
        let collection = self.refreshable(caller, id_or_name).await?;
        let summary = match (collection.kind, &collection.source) {
            (CollectionKind::Default, _) => {
                let sources = self.register_sources().await?;
                self.summary_of_all(&self.refresh_sources(&sources, |_| options).await?).await?
            }
            (CollectionKind::Mirror, Some(source)) if !collection.detached => {
                Summary::of([&*self.enqueue(source, options).outcome().await?])
            }
            (CollectionKind::Mirror, _) => Summary::failed(
                "the configuration no longer covers this collection's directory".to_owned(),
            ),
            (CollectionKind::Curated, _) => {
                let (larder, members) = (Arc::clone(self), collection.clone());
                let work = async move { larder.refresh_members(&members).await };
                self.detached(work).await?
            }
        };
        let duration_ms = self.took(started);
        self.collection_report(collection, summary, duration_ms).await
    }

    /// A collection that the caller may refresh.
    pub(super) async fn refreshable(
        &self,
        caller: &Caller,
        id_or_name: &str,
    ) -> Result<Collection, Error> {
        let collection = self.collection(id_or_name).await?;
        if collection.is_refreshed_by(caller) {
            Ok(collection)
        } else {
            Err(Error::NotYours(collection.name))
        }
    }

    /// Refreshes every source, looking for new ones first.
    pub async fn refresh_all(
        self: &Arc<Self>,
        options: RefreshOptions,
    ) -> Result<BatchReport, Error> {
        let started = self.begin();
        let sources = self.register_sources().await?;
        let reports = self.refresh_sources(&sources, |_| options).await?;
        let mut collections = Vec::with_capacity(reports.len());
        for (source, report) in sources.iter().zip(&reports) {
            let home = self.collection(source.home.as_str()).await?;
            let summary = Summary::of([&**report]);
            collections.push(self.collection_report(home, summary, report.duration_ms).await?);
        }
        Ok(BatchReport {
            summary: self.summary_of_all(&reports).await?,
            duration_ms: self.took(started),
            collections,
        })
    }

    /// Makes the cache know the sources that there are now.
    pub(super) async fn register_sources(self: &Arc<Self>) -> Result<Vec<RegisteredSource>, Error> {
        let larder = Arc::clone(self);
        self.detached(async move { larder.discover().await }).await
    }

    async fn discover(&self) -> Result<Vec<RegisteredSource>, Error> {
        let registered = self.ports.cache.registered().await?;
        let known: Vec<_> = registered.iter().map(|known| known.source.clone()).collect();
        let Some((_turn, sources)) = self.look_for_sources(&known).await? else {
            let message = "looking for sources takes very long: a disk does not answer";
            tracing::warn!("{message}");
            self.note_error(message.to_owned());
            return Ok(registered);
        };
        let registered = self.ports.cache.register(&sources, self.now()).await?;
        if !self.policy.watch {
            self.note_watched(&registered, WatchMode::Off);
        }
        if sources != known {
            self.sources_changed.send_modify(|times| *times += 1);
        }
        Ok(registered)
    }

    /// The sources that there are, and the right to register them; nothing if a disk does not answer.
    /// A look that hangs keeps its turn, or each one after it would hang as well, with a thread each.
    async fn look_for_sources(
        &self,
        known: &[Source],
    ) -> Result<Option<(OwnedMutexGuard<()>, Vec<Source>)>, Error> {
        let turn = Arc::clone(&self.registering).lock_owned();
        let Some(turn) = self.within(LONGEST_LOOK, turn).await else { return Ok(None) };
        let (source, known) = (Arc::clone(&self.ports.source), known.to_vec());
        let look = tokio::spawn(async move { (turn, source.discover(&known).await) });
        let found = self.within(LONGEST_LOOK, look).await;
        found.transpose().map_err(|_| Error::Interrupted)
    }

    /// Refreshes these sources at the same time; answers in their order. A source that fails to be
    /// read is a report; only the database can fail the whole.
    pub(super) async fn refresh_sources(
        self: &Arc<Self>,
        sources: &[RegisteredSource],
        options: impl Fn(&RegisteredSource) -> RefreshOptions,
    ) -> Result<Vec<Arc<SourceReport>>, Error> {
        let enqueue = |known: &RegisteredSource| self.enqueue(&known.source.name, options(known));
        let runs: Vec<_> = sources.iter().map(enqueue).collect();
        let mut reports = Vec::with_capacity(runs.len());
        for run in runs {
            reports.push(run.outcome().await?);
        }
        Ok(reports)
    }

    /// The reports of all sources as one, with what `default` leaves out of them.
    pub(super) async fn summary_of_all(
        &self,
        reports: &[Arc<SourceReport>],
    ) -> Result<Summary, Error> {
        let mut summary = Summary::of(reports.iter().map(AsRef::as_ref));
        let (shadowed, total) = self.ports.cache.shadowed().await?;
        summary.counts.skipped += total;
        summary.tell(shadowed.into_iter().map(Issue::of_shadowed), total);
        Ok(summary)
    }

    async fn refresh_members(self: &Arc<Self>, collection: &Collection) -> Result<Summary, Error> {
        let limit = Limit::new(Limit::MAX).unwrap_or_default();
        let mut query = ArtifactQuery { limit, ..ArtifactQuery::default() };
        let mut summary = Summary::default();
        while let Some(page) = self.ports.cache.page(&collection.id, &query).await? {
            summary = summary.and(self.refresh_rows(&page.rows).await?);
            match page.rows.last() {
                Some(last) if page.has_next => {
                    query.position = Position::After(Cursor::at(last, &collection.id, &query));
                }
                _ => break,
            }
        }
        Ok(summary)
    }

    pub(super) async fn collection_report(
        &self,
        collection: Collection,
        summary: Summary,
        duration_ms: u64,
    ) -> Result<CollectionReport, Error> {
        let generation = self.collection(collection.id.as_str()).await?.generation;
        Ok(CollectionReport { collection: collection.id, summary, duration_ms, generation })
    }
}
