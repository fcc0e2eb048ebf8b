//! What a scan found, turned into what changes: each artifact against the row that it had.

use std::{collections::HashSet, sync::Arc};

use super::{Error, Larder};
use crate::{
    domain::{
        Timestamp,
        artifact::{Artifact, Health, Metadata},
        collection::RegisteredSource,
        delta::{Delta, Known, KnownArtifact, Verified},
        id::{ArtifactId, CollectionId, SourceName},
        read_order::ReadOrder,
        report::{Counts, Issue, MAX_ISSUES, RefreshStatus, SourceReport},
    },
    ports::Scan,
};

/// So many rows are too many to go through on a thread that answers requests: it takes milliseconds.
const MANY: usize = 1_000;

impl Larder {
    /// Turns what was found into what changes.
    pub(super) async fn reconcile(
        &self,
        registered: &RegisteredSource,
        known: Arc<Known>,
        scan: Scan,
        order: ReadOrder,
        force: bool,
        started: Timestamp,
    ) -> Result<(Delta, SourceReport), Error> {
        let delta = Delta::new(registered.source.name.clone(), order, self.now());
        let rows = known.len() + scan.read.len();
        let (mut delta, outcome) = aside(rows, move || compare(&known, scan, force, delta)).await?;
        for &place in &outcome.broke {
            let artifact = &mut delta.upserts[place];
            let last = self.last_metadata(&registered.home, &artifact.id).await?;
            artifact.keep_last_good(last);
        }
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

/// Fills a delta with what a scan found, and counts it.
fn compare(known: &Known, scan: Scan, force: bool, mut delta: Delta) -> (Delta, Outcome) {
    let mut outcome = Outcome::of_untouched(known, &scan);
    delta.anew = force || scan.outdated;
    for artifact in scan.read {
        let before = known.get(&artifact.id);
        let artifact = clean(artifact);
        outcome.count(&artifact, before);
        if let Some(before) =
            before.filter(|before| !delta.anew && before.state() == artifact.state())
        {
            delta.recheck(&artifact, before.invalidated);
            continue;
        }
        if artifact.health == Health::Broken && before.is_some() {
            outcome.broke.push(delta.upserts.len());
        }
        delta.upserts.push(artifact);
    }
    outcome.counts.skipped = scan.issues.len() as u64;
    outcome.issues.extend(scan.issues);
    delta.removals = scan.gone;
    let Scan { started_at: at, manifest_hash, disks, .. } = scan;
    delta.verified = Some(Verified { at, manifest_hash, disks });
    (delta, outcome)
}

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

/// Counts and issues while they are gathered.
#[derive(Default)]
struct Outcome {
    counts: Counts,
    issues: Vec<Issue>,
    /// Which upserts are broken and had a row, whose metadata they keep.
    broke: Vec<usize>,
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
            outcome.issues.extend(artifact.issue(id));
        }
        outcome
    }

    fn count(&mut self, artifact: &Artifact, before: Option<&KnownArtifact>) {
        match before {
            None => self.counts.created += 1,
            Some(before) => self.counts.count_reread(&before.state(), &artifact.state()),
        }
        self.counts.count_health(artifact.health);
        self.issues.extend(artifact.issue());
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
