//! What a committed change did to collections.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::id::CollectionId;

/// A collection whose rows have changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CollectionChange {
    /// Which collection.
    pub collection: CollectionId,
    /// Its new generation.
    pub generation: u64,
    /// Visible rows that were not there before.
    pub created: u64,
    /// Visible rows that were written anew, whether or not they say something else. An invalidation
    /// writes none.
    pub updated: u64,
    /// Rows that are visible no more.
    pub removed: u64,
}

/// The rows of one collection that a transaction has touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Touched {
    written: u64,
    removed: u64,
}

/// The collections that a transaction has touched, by id: kept while it goes on, to tell at its end
/// what it did. Which of the written rows are new follows from how many there were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TouchedCollections(BTreeMap<String, Touched>);

impl TouchedCollections {
    /// So many rows of a collection were made or changed.
    pub fn write(&mut self, collection: &str, rows: u64) {
        self.of(collection).written += rows;
    }

    /// So many rows of a collection were removed or hidden.
    pub fn remove(&mut self, collection: &str, rows: u64) {
        self.of(collection).removed += rows;
    }

    /// So many of the rows that were removed have others in their place.
    pub fn replace(&mut self, collection: &str, rows: u64) {
        let touched = self.of(collection);
        touched.removed = touched.removed.saturating_sub(rows);
        touched.written += rows;
    }

    /// Something of a collection's rows was changed that nobody counts.
    pub fn touch(&mut self, collection: &str) {
        self.of(collection);
    }

    /// With what another part of the transaction has touched.
    pub fn add(&mut self, other: Self) {
        for (collection, Touched { written, removed }) in other.0 {
            let own = self.of(&collection);
            own.written += written;
            own.removed += removed;
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their ids, in byte order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What became of one of them, which had so many visible rows before and has so many now.
    fn change(
        &self,
        collection: CollectionId,
        generation: u64,
        before: u64,
        after: u64,
    ) -> CollectionChange {
        let Touched { written, removed } =
            self.0.get(collection.as_str()).copied().unwrap_or_default();
        let created = (after + removed).saturating_sub(before).min(written);
        CollectionChange { collection, generation, created, updated: written - created, removed }
    }

    /// What became of all of them, by id: of how many visible rows each had before, and of its new
    /// generation and how many it has now.
    #[must_use]
    pub fn changes(
        &self,
        before: &HashMap<CollectionId, u64>,
        after: impl IntoIterator<Item = (CollectionId, u64, u64)>,
    ) -> Vec<CollectionChange> {
        let change = |(id, generation, after)| {
            let before = before.get(&id).copied().unwrap_or_default();
            self.change(id, generation, before, after)
        };
        let mut changes: Vec<_> = after.into_iter().map(change).collect();
        changes.sort();
        changes
    }

    fn of(&mut self, collection: &str) -> &mut Touched {
        self.0.entry(collection.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_rows_are_those_by_which_there_are_more() {
        let id = || CollectionId::default_collection();
        let mut touched = TouchedCollections::default();
        touched.write("default", 5);
        touched.remove("default", 2);
        let change = touched.change(id(), 7, 10, 11);
        assert_eq!((change.created, change.updated, change.removed), (3, 2, 2));
        assert_eq!(change.generation, 7);
    }

    #[test]
    fn what_is_touched_alone_is_changed_by_no_row() {
        let mut touched = TouchedCollections::default();
        touched.touch("default");
        let change = touched.change(CollectionId::default_collection(), 1, 4, 4);
        assert_eq!((change.created, change.updated, change.removed), (0, 0, 0));
    }
}
