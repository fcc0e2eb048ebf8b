//! One artifact: read from its files where the cache has none, or where somebody asks for it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Begun, Error, Larder, RefreshOptions, chain, lock, reconcile::clean};
use crate::{
    domain::{
        artifact::{Artifact, CollectionArtifact},
        caller::Caller,
        collection::{Collection, Layout, RegisteredSource, Source},
        delta::{Applied, Delta},
        id::{ArtifactId, CollectionId, SourceName},
        read_order::ReadOrder,
        report::{CollectionReport, Counts, RefreshScope, RefreshStatus, Summary},
    },
    ports::SourceError,
};

/// How often unknown ids may cause the scan of a plain source.
const MISS_SCAN_INTERVAL: Duration = Duration::from_secs(1);

/// Whether a plain source may be walked for one artifact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Yes: somebody asked for this refresh.
    Asked,
    /// Once a second: unknown ids must not cost a walk each.
    Throttled,
}

impl Larder {
    /// The row of an artifact: from the cache, or on a miss (no row, or an invalidated one) from
    /// the files.
    pub async fn artifact(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<CollectionArtifact, Error> {
        let collection = self.collection(id_or_name).await?;
        let row = self.ports.cache.artifact(&collection.id, id).await?;
        let hit = row.as_ref().is_some_and(|row| row.synced_at.is_some());
        self.count_read(hit);
        if let Some(row) = row.clone().filter(|_| hit) {
            return Ok(row);
        }
        match self.load_detached(&collection, id, row.clone(), Walk::Throttled).await {
            Ok(_) => {}
            // An old value is worth more to a reader than none; the row still says it is stale.
            Err(error) if row.is_some() => tracing::warn!(%id, %error, "a stale row was answered"),
            Err(error) => return Err(error),
        }
        self.row(&collection, id).await
    }

    /// Refreshes one artifact from its files.
    pub async fn refresh_artifact(
        self: &Arc<Self>,
        caller: &Caller,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<CollectionReport, Error> {
        let started = self.begin();
        let collection = self.refreshable(caller, id_or_name).await?;
        let row = self.ports.cache.artifact(&collection.id, id).await?;
        let had_row = row.is_some();
        let summary = self.load_detached(&collection, id, row, Walk::Asked).await?;
        if !had_row && summary.status == RefreshStatus::Completed {
            self.row(&collection, id).await?;
        }
        let duration_ms = self.took(started);
        self.collection_report(collection, summary, duration_ms).await
    }

    /// Refreshes the artifacts of rows that were just read: in one change for each source, however
    /// many they are.
    pub(super) async fn refresh_rows(
        self: &Arc<Self>,
        rows: &[CollectionArtifact],
    ) -> Result<Summary, Error> {
        let started = self.begin();
        let sources = self.ports.cache.registered().await?;
        let order = self.next_order().await?;
        let mut summary = Summary::default();
        let mut deltas: BTreeMap<SourceName, Delta> = BTreeMap::new();
        for row in rows {
            let Some(known) = sources.iter().find(|known| known.source.name == row.source) else {
                continue;
            };
            let (id, path) = (&row.artifact.id, Some(row.artifact.path.clone()));
            let Ok(Some(artifact)) = self.ports.source.read(&known.source, id, path).await else {
                summary = summary.and(self.load_from(known, id, Some(row), Walk::Asked).await?);
                continue;
            };
            let artifact = clean(artifact);
            summary = summary.and(compare(Some(&row.artifact), Some(&artifact)));
            let name = &known.source.name;
            let delta = deltas
                .entry(name.clone())
                .or_insert_with(|| Delta::new(name.clone(), order, self.now()));
            self.note_read(delta, &known.home, Some(row), artifact).await;
        }
        for delta in deltas.into_values() {
            summary.counts.returned += self.apply_known(delta).await?.returned;
        }
        self.ports.metrics.refreshed(RefreshScope::Artifact, &summary, self.since(started));
        Ok(summary)
    }

    /// The row of an artifact that the cache does not have, from its files.
    pub(super) async fn load_missing(
        self: &Arc<Self>,
        collection: &Collection,
        id: &ArtifactId,
    ) -> Result<CollectionArtifact, Error> {
        self.load_detached(collection, id, None, Walk::Throttled).await?;
        self.row(collection, id).await
    }

    async fn row(
        &self,
        collection: &Collection,
        id: &ArtifactId,
    ) -> Result<CollectionArtifact, Error> {
        self.ports.cache.artifact(&collection.id, id).await?.ok_or_else(|| Error::UnknownArtifact {
            collection: collection.id.clone(),
            id: id.clone(),
        })
    }

    async fn load_detached(
        self: &Arc<Self>,
        collection: &Collection,
        id: &ArtifactId,
        row: Option<CollectionArtifact>,
        walk: Walk,
    ) -> Result<Summary, Error> {
        let (larder, collection, id) = (Arc::clone(self), collection.clone(), id.clone());
        self.detached(async move { larder.load(&collection, &id, row.as_ref(), walk).await }).await
    }

    /// Loads an artifact from the first source of the collection that has it. A source that cannot
    /// be read does not keep the others from being asked.
    async fn load(
        self: &Arc<Self>,
        collection: &Collection,
        id: &ArtifactId,
        row: Option<&CollectionArtifact>,
        walk: Walk,
    ) -> Result<Summary, Error> {
        let sources = self.ports.cache.registered().await?;
        let eligible = |known: &&RegisteredSource| match row {
            Some(row) => known.source.name == row.source,
            None => collection.draws_from(&known.source.name),
        };
        let mut trouble = Summary::default();
        for known in sources.iter().filter(eligible) {
            let summary = self.load_from(known, id, row, walk).await?;
            if summary.counts != Counts::default() {
                return Ok(summary);
            }
            trouble = trouble.and(summary);
        }
        Ok(trouble)
    }

    /// Loads an artifact from a source. No counts at all: the source does not have it, or cannot be
    /// read, as the status then says.
    async fn load_from(
        self: &Arc<Self>,
        known: &RegisteredSource,
        id: &ArtifactId,
        row: Option<&CollectionArtifact>,
        walk: Walk,
    ) -> Result<Summary, Error> {
        let (source, started) = (&known.source, self.begin());
        let found = match self.read_in_order(source, id, row).await? {
            Ok(Some((order, artifact))) => {
                let summary = self.store(known, order, clean(artifact), row, started).await?;
                if row.is_none()
                    && matches!(self.ports.source.read(source, id, None).await, Ok(None))
                {
                    // It was deleted between the read and the row.
                    drop(self.enqueue(&source.name, RefreshOptions::default()));
                }
                return Ok(summary);
            }
            Ok(None) => true,
            Err(error) => {
                // Scans warn of the source's trouble; who reads must not fill the log with it.
                tracing::debug!(source = %source.name, %id, error = chain(&error), "a read failed");
                false
            }
        };
        // Only a scan may remove a row, since only a scan asks the mass-loss guard; only a scan finds
        // an artifact of a plain source whose path nobody knows; and a scan's report says best what
        // is wrong with a source that cannot be read.
        let by_scan = match walk {
            Walk::Asked => !found || row.is_some() || source.layout == Layout::Plain,
            Walk::Throttled => {
                found
                    && (row.is_some() || source.layout == Layout::Plain)
                    && self.may_scan_for_miss(&source.name)
            }
        };
        if !by_scan {
            return Ok(Summary::default());
        }
        let scan = self.enqueue(&source.name, RefreshOptions::default());
        if walk == Walk::Throttled && row.is_some() {
            // A reader does not wait for more than one artifact: it gets the row that is about to go.
            return Ok(Summary::default());
        }
        let report = scan.outcome().await?;
        if report.status != RefreshStatus::Completed {
            return Ok(Summary { counts: Counts::default(), ..Summary::of([&*report]) });
        }
        let after = self.ports.cache.artifact(&known.home, id).await?;
        Ok(compare(row.map(|row| &row.artifact), after.as_ref().map(|row| &row.artifact)))
    }

    /// Reads an artifact, and returns it with the order of that look. An artifact without a row is
    /// looked for first, so that an unknown id costs the database no write.
    async fn read_in_order(
        &self,
        source: &Source,
        id: &ArtifactId,
        row: Option<&CollectionArtifact>,
    ) -> Result<Result<Option<(ReadOrder, Artifact)>, SourceError>, Error> {
        let path = row.map(|row| row.artifact.path.clone());
        let read = || self.ports.source.read(source, id, path.clone());
        if row.is_none() {
            match read().await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Ok(None)),
                Err(error) => return Ok(Err(error)),
            }
        }
        let order = self.next_order().await?;
        Ok(read().await.map(|found| found.map(|artifact| (order, artifact))))
    }

    async fn store(
        self: &Arc<Self>,
        known: &RegisteredSource,
        order: ReadOrder,
        artifact: Artifact,
        row: Option<&CollectionArtifact>,
        started: Begun,
    ) -> Result<Summary, Error> {
        let mut summary = compare(row.map(|row| &row.artifact), Some(&artifact));
        let mut delta = Delta::new(known.source.name.clone(), order, self.now());
        self.note_read(&mut delta, &known.home, row, artifact).await;
        let applied = if row.is_some() {
            self.apply_known(delta).await?
        } else {
            self.ports.cache.apply(delta).await?
        };
        summary.counts.returned = applied.returned;
        self.ports.metrics.refreshed(RefreshScope::Artifact, &summary, self.since(started));
        Ok(summary)
    }

    /// Takes note of what was read for a row, or for none. One that was invalidated for nothing is
    /// confirmed; another one that is the same is written anew, with the time at which somebody asked
    /// for it.
    async fn note_read(
        &self,
        delta: &mut Delta,
        home: &CollectionId,
        row: Option<&CollectionArtifact>,
        artifact: Artifact,
    ) {
        let same = row.filter(|row| row.artifact.state() == artifact.state());
        if same.is_some_and(|row| row.synced_at.is_none()) {
            delta.recheck(&artifact, true);
            return;
        }
        delta.anew |= same.is_some();
        delta.upserts.push(self.fit(home, artifact).await);
    }

    /// Applies what was read again of rows that there were. A row that this makes was removed since,
    /// with its files: a scan finds out.
    pub(super) async fn apply_known(self: &Arc<Self>, delta: Delta) -> Result<Applied, Error> {
        let source = delta.source.clone();
        let applied = self.ports.cache.apply(delta).await?;
        if applied.changes.iter().any(|change| change.created > 0) {
            drop(self.enqueue(&source, RefreshOptions::default()));
        }
        Ok(applied)
    }

    fn may_scan_for_miss(&self, source: &SourceName) -> bool {
        let now = self.monotonic();
        let mut last = lock(&self.scanned_for_miss);
        let due = last.get(source).is_none_or(|at| now.saturating_sub(*at) >= MISS_SCAN_INTERVAL);
        if due {
            last.insert(source.clone(), now);
        }
        due
    }
}

/// What became of one artifact.
fn compare(before: Option<&Artifact>, after: Option<&Artifact>) -> Summary {
    let mut counts = Counts::default();
    match (before, after) {
        (None, None) => {}
        (None, Some(_)) => counts.created = 1,
        (Some(_), None) => counts.removed = 1,
        (Some(before), Some(after)) => counts.count_reread(&before.state(), &after.state()),
    }
    let mut summary = Summary { counts, ..Summary::default() };
    if let Some(after) = after {
        summary.counts.count_health(after.health);
        summary.issues.extend(after.issue());
        summary.issues_total = summary.issues.len() as u64;
    }
    summary
}
