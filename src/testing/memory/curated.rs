//! Curated collections: making them, keeping their members, and how they follow `default`.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::{KeptCollection, Row, Tables};
use crate::domain::{
    Timestamp,
    change::CollectionChange,
    collection::CollectionKind,
    curated::{Added, CollectionEdit, Naming, NewCollection},
    id::{ArtifactId, CollectionId},
    read_order::ReadOrder,
};

/// What a change did beyond the rows of a home.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) changed: BTreeSet<CollectionId>,
    pub(super) hidden: u64,
    pub(super) returned: u64,
}

impl Tables {
    pub(super) fn create_collection(
        &mut self,
        id: &CollectionId,
        new: &NewCollection,
        created_by: Option<&str>,
        now: Timestamp,
    ) -> Naming {
        if self.is_taken(new.name.as_str(), None) {
            return Naming::Taken;
        }
        let kept = KeptCollection {
            name: new.name.as_str().to_owned(),
            description: new.purpose.as_deref().map(str::to_owned),
            created_by: created_by.map(str::to_owned),
            kind: CollectionKind::Curated,
            source: None,
            generation: 0,
            created_at: now,
            updated_at: now,
            rows: BTreeMap::new(),
        };
        self.collections.insert(id.clone(), kept);
        Naming::Done
    }

    pub(super) fn change_collection(&mut self, id: &CollectionId, edit: &CollectionEdit) -> Naming {
        if edit.name.as_ref().is_some_and(|name| self.is_taken(name.as_str(), Some(id))) {
            return Naming::Taken;
        }
        let Some(kept) = self.curated_mut(id) else { return Naming::Unknown };
        if let Some(name) = &edit.name {
            name.as_str().clone_into(&mut kept.name);
        }
        if let Some(purpose) = &edit.purpose {
            kept.description = purpose.as_deref().map(str::to_owned);
        }
        Naming::Done
    }

    /// Whether a collection other than that one has the name or the id.
    fn is_taken(&self, name: &str, own: Option<&CollectionId>) -> bool {
        let mut others = self.collections.iter().filter(|(id, _)| Some(*id) != own);
        others.any(|(id, kept)| id.as_str() == name || kept.name == name)
    }

    pub(super) fn delete_collection(&mut self, id: &CollectionId) -> bool {
        let Some(kept) = self.collections.get(id) else { return false };
        let source = kept.source.clone().filter(|_| kept.kind == CollectionKind::Mirror);
        let is_empty = kept.shown().next().is_none();
        let unneeded =
            source.filter(|name| is_empty || self.sources.get(name).is_some_and(|it| !it.attached));
        if kept.kind != CollectionKind::Curated && unneeded.is_none() {
            return false;
        }
        if let Some(source) = unneeded {
            self.sources.remove(&source);
        }
        self.collections.remove(id).is_some()
    }

    pub(super) fn add_members(
        &mut self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        order: ReadOrder,
        now: Timestamp,
    ) -> Option<(Added, Vec<CollectionChange>)> {
        let snapshot = self.snapshot();
        let default = self.collections.get(&CollectionId::default_collection());
        let default = default.map(|kept| kept.rows.clone()).unwrap_or_default();
        let kept = self.curated_mut(id)?;
        let before: BTreeSet<_> = kept.rows.keys().cloned().collect();
        for artifact in artifacts.iter().filter(|artifact| !before.contains(artifact)) {
            if let Some(row) = default.get(artifact) {
                let mut row = Row { invalidated: row.invalidated.max(Some(order)), ..row.clone() };
                row.artifact.added_at = Some(now);
                kept.rows.insert(artifact.clone(), row);
            }
        }
        let added = Added::sorted(
            artifacts,
            |artifact| kept.rows.contains_key(artifact) && !before.contains(artifact),
            |artifact| before.contains(artifact),
        );
        let touched = (!added.added.is_empty()).then(|| id.clone());
        Some((added, self.bump(touched, &snapshot, now)))
    }

    pub(super) fn remove_member(
        &mut self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> (bool, Vec<CollectionChange>) {
        let snapshot = self.snapshot();
        let removed = self.curated_mut(id).and_then(|kept| kept.rows.remove(artifact));
        let was_shown = removed.as_ref().is_some_and(|row| row.missing_since.is_none());
        let touched = was_shown.then(|| id.clone());
        (removed.is_some(), self.bump(touched, &snapshot, now))
    }

    pub(super) fn purge_missing(&mut self, before: Timestamp) -> u64 {
        let mut purged = 0;
        for kept in self.collections.values_mut() {
            let rows = kept.rows.len();
            kept.rows.retain(|_, row| row.missing_since.is_none_or(|since| since >= before));
            purged += (rows - kept.rows.len()) as u64;
        }
        purged
    }

    /// Gives the members of that id the values of `default`'s row, and hides them without one.
    pub(super) fn follow(&mut self, id: &ArtifactId, now: Timestamp, followed: &mut Followed) {
        let shown = self.row(&CollectionId::default_collection(), id).cloned();
        for (collection, kept) in &mut self.collections {
            let member = kept.rows.get_mut(id).filter(|_| kept.kind == CollectionKind::Curated);
            let Some(member) = member else { continue };
            match &shown {
                Some(shown) => {
                    followed.returned += u64::from(member.missing_since.is_some());
                    let invalidated = member.invalidated.max(shown.invalidated);
                    let added_at = member.artifact.added_at;
                    *member = Row { invalidated, ..shown.clone() };
                    member.artifact.added_at = added_at;
                }
                None if member.missing_since.is_some() => continue,
                None => {
                    followed.hidden += 1;
                    member.missing_since = Some(now);
                }
            }
            followed.changed.insert(collection.clone());
        }
    }

    fn curated_mut(&mut self, id: &CollectionId) -> Option<&mut KeptCollection> {
        self.collections.get_mut(id).filter(|kept| kept.kind == CollectionKind::Curated)
    }
}
