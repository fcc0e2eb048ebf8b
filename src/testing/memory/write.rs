//! Registering, applying and invalidating.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    curated::Followed,
    tables::{KeptCollection, KeptSource, Row, Tables},
};
use crate::domain::{
    Timestamp,
    change::CollectionChange,
    collection::{CollectionKind, RegisteredSource, Source},
    delta::{Applied, Delta, Recheck, Scope, Verified},
    id::{ArtifactId, CollectionId, SourceName},
    read_order::ReadOrder,
    report::SourceReport,
};

/// Every collection's visible rows at one moment.
pub(super) type Snapshot = BTreeMap<CollectionId, BTreeMap<ArtifactId, Row>>;

impl Tables {
    pub(super) fn register(
        &mut self,
        sources: &[Source],
        now: Timestamp,
    ) -> (Vec<RegisteredSource>, Vec<CollectionChange>) {
        let before = self.snapshot();
        let default = CollectionId::default_collection();
        self.make_collection(&default, CollectionKind::Default, None, now);
        let stays = |kept: &&mut KeptSource| sources.iter().any(|it| it.name == kept.source.name);
        for kept in self.sources.values_mut().filter(|kept| !stays(kept)) {
            kept.attached = false;
            if kept.lives_in_default() {
                // Its rows go with it, so what was verified of them means nothing any more.
                kept.verified = None;
                kept.manifest_hash = None;
                kept.disks = None;
            }
        }
        for source in sources {
            self.attach(source, now);
        }
        let touched = self.settle_all(now).changed;
        let told = self.bump(touched, &before, now);
        let kept = sources.iter().filter_map(|source| self.sources.get(&source.name));
        (kept.map(KeptSource::registered).collect(), told)
    }

    fn attach(&mut self, source: &Source, now: Timestamp) {
        if let Some(kept) = self.sources.get_mut(&source.name) {
            kept.attached = true;
            if kept.source.root != source.root {
                kept.verified = None;
                kept.manifest_hash = None;
                kept.disks = None;
                for collection in self.collections.values_mut() {
                    let rows = collection.rows.values_mut();
                    rows.filter(|row| row.source == source.name)
                        .for_each(|row| row.artifact.fingerprint = None);
                }
            }
            kept.source = source.clone();
            return;
        }
        let home = self.new_home(&source.name);
        self.make_collection(&home, CollectionKind::Mirror, Some(&source.name), now);
        let kept = KeptSource {
            source: source.clone(),
            home,
            attached: true,
            verified: None,
            manifest_hash: None,
            disks: None,
            last_report: None,
        };
        self.sources.insert(source.name.clone(), kept);
    }

    /// Where the rows of a source seen for the first time shall live.
    fn new_home(&self, source: &SourceName) -> CollectionId {
        if source.as_str() == SourceName::DEFAULT {
            return CollectionId::default_collection();
        }
        CollectionId::of_mirror(source)
            .find(|id| self.collection(id.as_str()).is_none())
            .expect("there is always another number")
    }

    fn make_collection(
        &mut self,
        id: &CollectionId,
        kind: CollectionKind,
        source: Option<&SourceName>,
        now: Timestamp,
    ) {
        self.collections.entry(id.clone()).or_insert_with(|| KeptCollection {
            name: id.as_str().to_owned(),
            description: None,
            created_by: None,
            kind,
            source: source.cloned(),
            generation: 0,
            created_at: now,
            updated_at: now,
            rows: BTreeMap::new(),
        });
    }

    pub(super) fn next_order(&mut self, now: Timestamp) -> ReadOrder {
        self.last_order = ReadOrder::after(self.last_order, now);
        self.last_order
    }

    pub(super) fn apply(&mut self, delta: Delta) -> Applied {
        let Some(kept) = self.sources.get_mut(&delta.source).filter(|kept| kept.attached) else {
            return Applied::default();
        };
        let order = delta.order;
        kept.take_note(order, delta.verified, delta.report);
        let home = kept.home.clone();

        let before = self.snapshot();
        let mut touched = BTreeSet::new();
        let mut confirmed = delta.confirmed;
        for artifact in delta.upserts {
            let recheck = Recheck::of(&artifact);
            let row = Row {
                source: delta.source.clone(),
                artifact,
                order,
                invalidated: None,
                missing_since: None,
            };
            let stored = self.put(&home, row, delta.anew, delta.now);
            if stored.is_none() {
                confirmed.push(recheck);
            }
            touched.extend(stored);
        }
        let mut removed = 0;
        for id in delta.removals {
            let row = self.row(&home, &id);
            if row.is_some_and(|row| row.source == delta.source && row.order < order) {
                self.rows_mut(&home).remove(&id);
                removed += 1;
                touched.insert(id);
            }
        }

        let mut followed = Followed::default();
        if !touched.is_empty() {
            followed.changed.insert(home.clone());
        }
        for id in &touched {
            self.settle(id, home == CollectionId::default_collection(), delta.now, &mut followed);
        }
        for recheck in delta.rechecks.iter().chain(&confirmed) {
            self.recheck(&home, &delta.source, order, recheck);
        }
        for confirmed in &confirmed {
            followed.changed.extend(self.confirm(&delta.source, order, confirmed));
        }
        let Followed { changed, hidden, returned } = followed;
        Applied { removed, hidden, returned, changes: self.bump(changed, &before, delta.now) }
    }

    /// Makes or replaces a row of a home; answers which, unless what stands there is as new or says
    /// the same.
    fn put(
        &mut self,
        home: &CollectionId,
        mut row: Row,
        anew: bool,
        now: Timestamp,
    ) -> Option<ArtifactId> {
        let id = row.artifact.id.clone();
        let old = self.row(home, &id);
        let own = old.filter(|old| old.source == row.source);
        if own.is_some_and(|own| own.order >= row.order) {
            return None;
        }
        let made_at = own.and_then(|own| own.artifact.added_at).unwrap_or(now);
        row.artifact.added_at.get_or_insert(made_at);
        row.invalidated = old.and_then(|old| old.invalidated);
        if !anew && own.is_some_and(|own| own.says_the_same(&row, row.artifact.read_at)) {
            return None;
        }
        self.rows_mut(home).insert(id.clone(), row);
        Some(id)
    }

    /// Stores the fingerprint alone: what a reader sees stays as it is.
    fn recheck(
        &mut self,
        home: &CollectionId,
        source: &SourceName,
        order: ReadOrder,
        recheck: &Recheck,
    ) {
        let row = self.rows_mut(home).get_mut(&recheck.id);
        if let Some(row) = row.filter(|row| is_meant(row, source, order, recheck)) {
            row.artifact.fingerprint.clone_from(&recheck.fingerprint);
        }
    }

    /// Makes an artifact's invalidated rows valid; answers which collections hold them.
    fn confirm(
        &mut self,
        source: &SourceName,
        order: ReadOrder,
        confirmed: &Recheck,
    ) -> Vec<CollectionId> {
        let mut changed = Vec::new();
        for (collection, kept) in &mut self.collections {
            let row = kept.rows.get_mut(&confirmed.id);
            let invalidated =
                row.filter(|row| row.is_invalidated() && row.invalidated < Some(order));
            if let Some(row) = invalidated.filter(|row| is_meant(row, source, order, confirmed)) {
                row.order = order;
                row.artifact.read_at = confirmed.read_at;
                changed.push(collection.clone());
            }
        }
        changed
    }

    /// Gives `default` the row of that id that the homes ask for, unless the row changed there
    /// already; if it did, curated collections follow.
    fn settle(
        &mut self,
        id: &ArtifactId,
        changed_already: bool,
        now: Timestamp,
        followed: &mut Followed,
    ) {
        if self.settle_in_default(id) || changed_already {
            followed.changed.insert(CollectionId::default_collection());
            self.follow(id, now, followed);
        }
    }

    /// Answers whether that changed it.
    fn settle_in_default(&mut self, id: &ArtifactId) -> bool {
        let default = CollectionId::default_collection();
        let before = self.row(&default, id).cloned();
        let at_home = |row: &Row| {
            self.sources
                .get(&row.source)
                .is_some_and(|kept| kept.attached && kept.lives_in_default())
        };
        if before.as_ref().is_some_and(at_home) {
            // The source `default` wins every contest.
            return false;
        }
        let mut mirrors = self.attached().into_iter().filter(|kept| !kept.lives_in_default());
        let winner = mirrors.find_map(|kept| self.row(&kept.home, id)).cloned();
        // A row that is replaced hands its invalidation on, so that it outlives a scan that began
        // before it; one that is gone takes it along.
        let replaced = before.as_ref().filter(|row| self.stands_at_home(row));
        let invalidated = replaced.and_then(|row| row.invalidated);
        let after = winner.map(|row| Row { invalidated: row.invalidated.max(invalidated), ..row });
        let same = match (&before, &after) {
            (Some(before), Some(after)) => before.looks_like(after),
            (before, after) => before.is_none() && after.is_none(),
        };
        if same {
            return false;
        }
        let rows = self.rows_mut(&default);
        match after {
            Some(row) => rows.insert(id.clone(), row),
            None => rows.remove(id),
        };
        true
    }

    fn stands_at_home(&self, row: &Row) -> bool {
        let source = self.sources.get(&row.source).filter(|kept| kept.attached);
        source.is_some_and(|kept| self.row(&kept.home, &row.artifact.id).is_some())
    }

    /// [`Self::settle`] for every id there is, after sources came or went.
    fn settle_all(&mut self, now: Timestamp) -> Followed {
        let ids = self.collections.values().flat_map(|kept| kept.rows.keys().cloned());
        let ids: BTreeSet<ArtifactId> = ids.collect();
        let mut followed = Followed::default();
        for id in &ids {
            self.settle(id, false, now, &mut followed);
        }
        followed
    }

    pub(super) fn invalidate(
        &mut self,
        scope: &Scope,
        order: ReadOrder,
        now: Timestamp,
    ) -> (u64, Vec<CollectionChange>) {
        let concerns = |collection: &CollectionId, id: &ArtifactId, row: &Row| match scope {
            Scope::Artifact(one, artifact) => one == collection && artifact == id,
            Scope::Collection(one) => one == collection,
            Scope::Source(source) => row.source == *source,
        };
        let before = self.snapshot();
        let (mut marked, mut touched) = (0, BTreeSet::new());
        for (collection, kept) in &mut self.collections {
            let mut changed = false;
            let shown = kept.rows.iter_mut().filter(|(_, row)| row.missing_since.is_none());
            for (_, row) in shown.filter(|(id, row)| concerns(collection, id, row)) {
                marked += 1;
                let before = row.is_invalidated();
                row.invalidated = row.invalidated.max(Some(order));
                changed |= row.is_invalidated() != before;
            }
            if changed {
                touched.insert(collection.clone());
            }
        }
        (marked, self.bump(touched, &before, now))
    }

    fn rows_mut(&mut self, collection: &CollectionId) -> &mut BTreeMap<ArtifactId, Row> {
        &mut self.collections.get_mut(collection).expect("a home is a collection").rows
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.collections.iter().map(|(id, kept)| (id.clone(), shown(&kept.rows))).collect()
    }

    /// Raises the generations of collections that have changed since then.
    pub(super) fn bump(
        &mut self,
        touched: impl IntoIterator<Item = CollectionId>,
        before: &Snapshot,
        now: Timestamp,
    ) -> Vec<CollectionChange> {
        let nothing = BTreeMap::new();
        let mut changes = Vec::new();
        for collection in touched {
            let kept = self.collections.get_mut(&collection).expect("it is there to be changed");
            kept.generation += 1;
            kept.updated_at = now;
            let was = before.get(&collection).unwrap_or(&nothing);
            let is = shown(&kept.rows);
            let is_new = |id: &&ArtifactId| !was.contains_key(*id);
            let differs = |(id, row): &(&ArtifactId, &Row)| {
                was.get(*id).is_some_and(|before| !before.looks_like(row))
            };
            changes.push(CollectionChange {
                collection,
                generation: kept.generation,
                created: is.keys().filter(is_new).count() as u64,
                updated: is.iter().filter(differs).count() as u64,
                removed: was.keys().filter(|id| !is.contains_key(*id)).count() as u64,
            });
        }
        changes
    }
}

impl KeptSource {
    fn take_note(
        &mut self,
        order: ReadOrder,
        verified: Option<Verified>,
        report: Option<SourceReport>,
    ) {
        let is_later = self.verified.is_none_or(|(last, _)| last < order);
        if let Some(verified) = verified.filter(|_| is_later) {
            self.verified = Some((order, verified.at));
            self.manifest_hash = verified.manifest_hash;
            self.disks = Some(verified.disks);
        }
        self.last_report = report.map(|report| (order, report)).or(self.last_report.take());
    }
}

/// Those that are not hidden.
fn shown(rows: &BTreeMap<ArtifactId, Row>) -> BTreeMap<ArtifactId, Row> {
    let shown = rows.iter().filter(|(_, row)| row.missing_since.is_none());
    shown.map(|(id, row)| (id.clone(), row.clone())).collect()
}

/// Whether a row is still what was read again.
fn is_meant(row: &Row, source: &SourceName, order: ReadOrder, recheck: &Recheck) -> bool {
    row.source == *source && row.artifact.revision == recheck.revision && row.order < order
}
