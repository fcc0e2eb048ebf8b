//! One refresh of one source: scan, judge, apply, report.

use std::{pin::pin, sync::Arc, time::Duration};

use super::{Begun, Error, Event, Larder, RefreshOptions, chain};
use crate::{
    domain::{
        collection::RegisteredSource,
        delta::{Delta, Known},
        guard::{self, Loss},
        id::SourceName,
        report::{Issue, IssueKind, RefreshScope, RefreshStatus, SourceReport, Summary},
    },
    ports::{Scan, ScanOptions, SourceError},
};

/// How long a scan may take: far longer than that of any disk that answers.
const LONGEST_SCAN: Duration = Duration::from_mins(10);
/// How long a run may keep others out. One whose disk does not answer takes no turn away from them.
const LONGEST_TURN: Duration = Duration::from_secs(30);

impl Larder {
    /// Refreshes a source from its files. A source that cannot be read, or that the guard stops,
    /// gives a report that says so; an error means that the database failed and nothing changed.
    pub(super) async fn run_refresh(
        &self,
        name: &SourceName,
        options: RefreshOptions,
    ) -> Result<SourceReport, Error> {
        let turn = self.scans.acquire().await.map_err(|_| Error::Interrupted)?;
        let mut run = pin!(self.run_in_turn(name, options));
        if let Some(outcome) = self.within(LONGEST_TURN, run.as_mut()).await {
            return outcome;
        }
        tracing::warn!(source = %name, "its refresh takes long: others go on beside it");
        drop(turn);
        run.await
    }

    /// The lease is a connection of its own, so no more of them are open than there are turns, and
    /// runs that take long.
    async fn run_in_turn(
        &self,
        name: &SourceName,
        options: RefreshOptions,
    ) -> Result<SourceReport, Error> {
        let started = self.begin();
        let _lease = self.ports.cache.lease(name).await?;
        let Some(registered) = self.registered_source(name).await? else {
            let message = "the configuration no longer covers this source".to_owned();
            let issue = Issue::of_source(IssueKind::Failed, message);
            return Ok(self.stopped(name, RefreshStatus::Failed, issue, started));
        };
        if let Some(due) = options.if_due
            && registered.verified_at != due.verified_at
            && !self.is_due(name, due.by).await?
        {
            // Another process was faster.
            return Ok(SourceReport::untouched(name.clone(), started.at));
        }
        let collection = registered.home.clone();
        self.tell(Event::RefreshStarted { collection: collection.clone() });
        let outcome = self.scan_and_apply(&registered, options, started).await;
        let summary = match &outcome {
            Ok(report) => Summary::of([report]),
            Err(error) => Summary::failed(error.to_string()),
        };
        self.ports.metrics.refreshed(RefreshScope::Source, &summary, self.since(started));
        let (status, duration_ms) = (summary.status, self.took(started));
        self.tell(Event::RefreshFinished { collection, status, duration_ms });
        outcome
    }

    async fn scan_and_apply(
        &self,
        registered: &RegisteredSource,
        options: RefreshOptions,
        started: Begun,
    ) -> Result<SourceReport, Error> {
        let name = &registered.source.name;
        tracing::debug!(source = %name, force = options.force, "refresh begins");
        self.catch_up().await?;
        let order = self.next_order().await?;
        let known = Arc::new(self.ports.cache.known(name).await?);
        let scan = self.scan(registered, &known, options).await;
        let mut report = match self.judge(registered, &known, scan, options, started) {
            Ok(scan) => {
                let (delta, mut report) = self
                    .reconcile(registered, known, scan, order, options.force, started.at)
                    .await?;
                let applied = self.ports.cache.apply(delta).await?;
                report.counts.removed = applied.removed;
                report.counts.hidden = applied.hidden;
                report.counts.returned = applied.returned;
                report
            }
            Err(report) => report,
        };
        report.duration_ms = self.took(started);
        // In a transaction of its own, since the time that the other one took is part of it.
        let note = Delta::new(name.clone(), order, self.now());
        let note = Delta { report: Some(report.clone()), ..note };
        if let Err(error) = self.ports.cache.apply(note).await {
            tracing::warn!(source = %name, error = chain(&error), "the report could not be kept");
        }
        self.log(&report);
        self.note_outcome(&report);
        Ok(report)
    }

    /// Ends writes that were cut off, and scans a source. One whose disk does not answer is given up, so that the others get their
    /// turns: the thread that waits for it is left behind.
    async fn scan(
        &self,
        registered: &RegisteredSource,
        known: &Arc<Known>,
        options: RefreshOptions,
    ) -> Result<Scan, SourceError> {
        let how = ScanOptions {
            manifest_hash: registered.manifest_hash.clone().filter(|_| !options.force),
            force: options.force,
            pace: options.pace,
        };
        let source = &registered.source;
        let scan = async {
            if let Err(error) = self.ports.writer.tidy(source, self.policy.trash).await {
                let name = &source.name;
                tracing::warn!(source = %name, error = chain(&error), "an unfinished write stays");
            }
            self.ports.source.scan(source, Arc::clone(known), how).await
        };
        self.within(LONGEST_SCAN, scan).await.unwrap_or_else(|| {
            let cause = "its files could not be read in ten minutes".into();
            Err(SourceError::Aborted { source_name: source.name.clone(), cause })
        })
    }

    pub(super) async fn registered_source(
        &self,
        name: &SourceName,
    ) -> Result<Option<RegisteredSource>, Error> {
        let all = self.ports.cache.registered().await?;
        Ok(all.into_iter().find(|known| known.source.name == *name))
    }

    /// The scan, if it may change the cache; else the report that says why not.
    fn judge(
        &self,
        registered: &RegisteredSource,
        known: &Known,
        scan: Result<Scan, SourceError>,
        options: RefreshOptions,
        started: Begun,
    ) -> Result<Scan, SourceReport> {
        let name = &registered.source.name;
        let scan = scan.map_err(|error| {
            tracing::warn!(source = %name, error = chain(&error), "scan failed");
            let issue = Issue::of_source(IssueKind::Failed, error.to_string());
            let issue = match error {
                SourceError::Manifest { file, line, .. } => {
                    Issue { path: file.to_owned(), line, ..issue }
                }
                _ => issue,
            };
            self.stopped(name, RefreshStatus::Failed, issue, started)
        })?;
        let paths = scan.gone.iter().filter_map(|id| Some(known.get(id)?.path.as_str()));
        let loss = Loss {
            root: scan.root,
            known: known.len(),
            gone: &paths.collect::<Vec<_>>(),
            still_there: scan.still_there,
            before: registered.disks.as_ref(),
            now: &scan.disks,
            doubt: scan.doubt.as_deref(),
            trusted: registered.verified_at.is_some(),
        };
        match guard::objection(&loss, options.confirm_removals) {
            None => Ok(scan),
            Some(why) => {
                let issue = Issue::of_source(IssueKind::Guarded, why);
                Err(self.stopped(name, RefreshStatus::Guarded, issue, started))
            }
        }
    }

    /// The report of a refresh that changed nothing.
    fn stopped(
        &self,
        source: &SourceName,
        status: RefreshStatus,
        issue: Issue,
        started: Begun,
    ) -> SourceReport {
        SourceReport {
            status,
            issues: vec![issue],
            issues_total: 1,
            duration_ms: self.took(started),
            ..SourceReport::untouched(source.clone(), started.at)
        }
    }
}
