//! Answers of the repository that hold several rows.

use super::{artifact::CollectionArtifact, collection::Collection};

/// A page of artifacts, read together with its collection's state: all of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactPage {
    /// The rows, in the order of the sort whichever way the page was reached.
    pub rows: Vec<CollectionArtifact>,
    /// Whether rows follow the last one (or, on an empty page, the cursor).
    pub has_next: bool,
    /// Whether rows precede the first one (or, on an empty page, the cursor).
    pub has_previous: bool,
    /// How many rows pass the filter.
    pub total_count: u64,
    /// The collection's generation at that moment.
    pub generation: u64,
}

/// A page of collections.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionPage {
    /// The collections, by name.
    pub collections: Vec<Collection>,
    /// Whether more follow.
    pub has_next: bool,
    /// How many there are in all that match the search.
    pub total_count: u64,
}
