//! One refresh of one source: scan, compare, apply, report.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{Error, Event, Larder, RefreshOptions, chain};
use crate::{
    domain::{
        Timestamp,
        artifact::{Artifact, Health, Metadata},
        collection::RegisteredSource,
        delta::{Delta, Known, KnownArtifact, Verified},
        guard,
        id::{ArtifactId, CollectionId, SourceName},
        report::{
            Counts, Issue, IssueKind, MAX_ISSUES, RefreshScope, RefreshStatus, SourceReport,
            Summary,
        },
    },
    ports::{Scan, ScanOptions, SourceError},
};

impl Larder {
    /// Refreshes a source from its files. A source that cannot be read, or that the guard stops,
    /// gives a report that says so; an error means that the database failed and nothing changed.
    pub(super) async fn run_refresh(
        &self,
        name: &SourceName,
        options: RefreshOptions,
    ) -> Result<SourceReport, Error> {
        let started = self.now();
        // The lease is a connection of its own, so no more of them than scans may be open.
        let _permit = self.scans.acquire().await.map_err(|_| Error::Interrupted)?;
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
            return Ok(SourceReport::untouched(name.clone(), started));
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
        started: Timestamp,
    ) -> Result<SourceReport, Error> {
        let name = &registered.source.name;
        if let Err(error) = self.ports.writer.tidy(&registered.source, self.policy.trash).await {
            tracing::warn!(source = %name, error = chain(&error), "an unfinished write stays");
        }
        tracing::debug!(source = %name, force = options.force, "refresh begins");
        self.catch_up().await?;
        let known = Arc::new(self.ports.cache.known(name).await?);
        let scan = self.scan(registered, &known, options).await;
        let mut report = match self.judge(registered, &known, scan, options, started) {
            Ok(scan) => {
                let (delta, mut report) =
                    self.reconcile(registered, known, scan, options.force, started).await?;
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
        let note = Delta { report: Some(report.clone()), ..Delta::new(name.clone(), self.now()) };
        if let Err(error) = self.ports.cache.apply(note).await {
            tracing::warn!(source = %name, error = chain(&error), "the report could not be kept");
        }
        self.log(&report);
        self.note_outcome(&report);
        Ok(report)
    }

    /// Scans a source. One whose disk does not answer is given up, so that the others get their
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
        tokio::select! {
            scan = self.ports.source.scan(&registered.source, Arc::clone(known), how) => scan,
            () = self.ports.clock.sleep(LONGEST_SCAN) => Err(SourceError::Aborted {
                source_name: registered.source.name.clone(),
                cause: "its files could not be read in ten minutes".into(),
            }),
        }
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
        started: Timestamp,
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
        let objection = guard::objection(
            scan.root,
            known.len() as u64,
            scan.gone.len() as u64,
            options.confirm_removals,
            registered.verified_at.is_some(),
        );
        match objection {
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
        started: Timestamp,
    ) -> SourceReport {
        SourceReport {
            status,
            issues: vec![issue],
            issues_total: 1,
            duration_ms: self.took(started),
            ..SourceReport::untouched(source.clone(), started)
        }
    }

    /// Turns what was found into what changes.
    async fn reconcile(
        &self,
        registered: &RegisteredSource,
        known: Arc<Known>,
        scan: Scan,
        force: bool,
        started: Timestamp,
    ) -> Result<(Delta, SourceReport), Error> {
        let mut delta = Delta::new(registered.source.name.clone(), self.now());
        let (known, scan, mut outcome) = aside(known.len(), move || {
            let outcome = Outcome::of_untouched(&known, &scan);
            (known, scan, outcome)
        })
        .await?;
        for artifact in scan.read {
            let before = known.get(&artifact.id);
            let mut artifact = clean(artifact);
            outcome.count(&artifact, before);
            if let Some(before) = before.filter(|before| !force && is_same(before, &artifact)) {
                delta.recheck(artifact, before);
                continue;
            }
            if artifact.health == Health::Broken && before.is_some() {
                let last = self.last_metadata(&registered.home, &artifact.id).await?;
                artifact.keep_last_good(last);
            }
            delta.upserts.push(artifact);
        }
        outcome.counts.skipped = scan.issues.len() as u64;
        outcome.issues.extend(scan.issues);
        delta.removals = scan.gone;
        delta.removed_before = scan.started_at;
        delta.verified = Some(Verified { at: scan.started_at, manifest_hash: scan.manifest_hash });
        aside(known.len(), move || drop(known)).await?;
        Ok((delta, outcome.into_report(&registered.source.name, started)))
    }

    /// What the cache has of an artifact now.
    pub(super) async fn last_metadata(
        &self,
        home: &CollectionId,
        id: &ArtifactId,
    ) -> Result<Metadata, Error> {
        let row = self.ports.cache.artifact(home, id).await?;
        Ok(row.map(|row| row.artifact.metadata).unwrap_or_default())
    }
}

/// How long a scan may take: far longer than that of any disk that answers.
const LONGEST_SCAN: Duration = Duration::from_mins(10);

/// So many rows are too many to go through on a thread that answers requests: it takes milliseconds.
const MANY: usize = 1_000;

/// Runs work on a thread that may block, if there are many rows to it.
async fn aside<T: Send + 'static>(
    rows: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if rows <= MANY {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work ended by a panic");
        Error::Interrupted
    })
}

/// Without what no row may hold.
pub(super) fn clean(mut artifact: Artifact) -> Artifact {
    artifact.metadata = artifact.metadata.cleaned();
    artifact
}

/// Whether nothing that a row has of an artifact has changed since the last read.
pub(super) fn is_same(before: &KnownArtifact, now: &Artifact) -> bool {
    before.revision == now.revision
        && before.health == now.health
        && before.updated_at == now.updated_at
        && before.path == now.path
}

/// Counts and issues while they are gathered.
#[derive(Default)]
struct Outcome {
    counts: Counts,
    issues: Vec<Issue>,
}

impl Outcome {
    /// Of the known artifacts that the scan neither read again nor missed.
    fn of_untouched(known: &Known, scan: &Scan) -> Self {
        let touched: HashSet<&ArtifactId> =
            scan.read.iter().map(|artifact| &artifact.id).chain(&scan.gone).collect();
        let mut outcome = Self::default();
        for (id, artifact) in known.iter().filter(|(id, _)| !touched.contains(id)) {
            outcome.counts.unchanged += 1;
            outcome.counts.count_health(artifact.health);
            if artifact.health == Health::Broken {
                outcome.issues.push(Issue {
                    artifact_id: Some(id.clone()),
                    path: artifact.path.clone(),
                    kind: IssueKind::Broken,
                    message: artifact.problem.clone().unwrap_or_default(),
                    line: artifact.problem_line,
                });
            }
        }
        outcome
    }

    fn count(&mut self, artifact: &Artifact, before: Option<&KnownArtifact>) {
        match before {
            None => self.counts.created += 1,
            Some(before)
                if before.revision == artifact.revision && before.health == artifact.health =>
            {
                self.counts.unchanged += 1;
            }
            Some(_) => self.counts.updated += 1,
        }
        self.counts.count_health(artifact.health);
        self.issues.extend(artifact.breakage());
    }

    fn into_report(mut self, source: &SourceName, started_at: Timestamp) -> SourceReport {
        let issues_total = self.issues.len() as u64;
        self.issues.sort_by(|a, b| a.path.cmp(&b.path));
        self.issues.truncate(MAX_ISSUES);
        SourceReport {
            source: source.clone(),
            status: RefreshStatus::Completed,
            counts: self.counts,
            issues: self.issues,
            issues_total,
            started_at,
            duration_ms: 0,
        }
    }
}
