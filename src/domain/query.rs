//! What a page of a collection is asked for.

use serde::{Deserialize, Serialize};

use super::{
    artifact::{CollectionArtifact, Health},
    cursor::{Cursor, SortValue},
    freshness::FreshRange,
    id::ArtifactKind,
    text,
};

/// How many rows a page holds: 1 to 200, 50 unless asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The largest page.
    pub const MAX: u32 = 200;

    /// A limit between 1 and [`Limit::MAX`].
    #[must_use]
    pub fn new(limit: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

/// The order of a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sort {
    /// By sort key, then id, ascending.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// The most recently changed file first; what has no file last; ties by id, descending.
    #[serde(rename = "-updated_at")]
    UpdatedAt,
    /// By [`Search::rank`], then sort key, then id, ascending. Needs a search.
    #[serde(rename = "relevance")]
    Relevance,
}

impl Sort {
    /// Whether larger values come first. The id follows the same direction, so that one comparison
    /// of row values selects what comes after a cursor.
    #[must_use]
    pub fn descending(self) -> bool {
        self == Self::UpdatedAt
    }

    /// The place of a row in this order.
    #[must_use]
    pub fn value_of(self, row: &CollectionArtifact, search: Option<&Search>) -> SortValue {
        let name = row.artifact.id.name();
        match self {
            Self::Name => SortValue::Name(text::sort_key(name)),
            Self::UpdatedAt => SortValue::UpdatedAt(
                row.artifact.updated_at.map_or(i64::MIN, |at| at.timestamp_micros()),
            ),
            Self::Relevance => SortValue::Relevance(
                search.map_or(2, |search| search.rank(name)),
                text::sort_key(name),
            ),
        }
    }
}

/// A full-text search over name, display name, description, author and tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Search {
    /// The whole text, as a sort key: what a name must equal to be found first.
    pub name: String,
    /// The words, in the text's order, never empty. Every one must be there, the last one as the
    /// beginning of a word.
    pub words: Vec<String>,
}

impl Search {
    /// The search for that text; `None` when it holds no word, which excludes nothing.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let words = text::words(text);
        (!words.is_empty()).then(|| Self { name: text::sort_key(text.trim()), words })
    }

    /// How well a name fits: 0 it is the text, 1 every word is in it, 2 the rest. Storage must
    /// order rows by the same rule.
    #[must_use]
    pub fn rank(&self, name: &str) -> u8 {
        if text::sort_key(name) == self.name {
            return 0;
        }
        let of_name = text::words(name);
        let Some((last, others)) = self.words.split_last() else { return 2 };
        let whole = others.iter().all(|word| of_name.contains(word));
        let begun = of_name.iter().any(|word| word.starts_with(last.as_str()));
        if whole && begun { 1 } else { 2 }
    }
}

/// Which rows are wanted; conditions combine with AND.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// One of these kinds, if there are any: an artifact has only one.
    pub kinds: Vec<ArtifactKind>,
    /// All of these tags, compared exactly.
    pub tags: Vec<String>,
    /// This origin.
    pub origin: Option<String>,
    /// This state of health.
    pub health: Option<Health>,
    /// Only stale or only fresh rows.
    pub stale: Option<Staleness>,
    /// Found by this search.
    pub search: Option<Search>,
}

impl Filter {
    /// Whether every row passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A condition on a row's age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Staleness {
    /// Whether the stale rows are wanted, or the fresh ones.
    pub stale: bool,
    /// A row is fresh when its effective `synced_at` is in this range. It moves with the clock, so it
    /// is no part of what a cursor belongs to.
    #[serde(skip)]
    pub fresh: FreshRange,
}

/// From where a page goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Position {
    /// The first page.
    #[default]
    Start,
    /// The rows that follow a cursor.
    After(Cursor),
    /// The rows that precede a cursor, the nearest ones, in the order of the sort.
    Before(Cursor),
}

/// A page of artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactQuery {
    /// Which rows.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// How many at most.
    pub limit: Limit,
    /// From where.
    pub position: Position,
}

/// A page of collections, ordered by the sort key of their name, then id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionQuery {
    /// This text, already folded by [`text::sort_key`], must be a part of the folded name.
    pub search: Option<String>,
    /// How many at most.
    pub limit: Limit,
    /// The sort key and id of the last collection of the page before.
    pub after: Option<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relevance_puts_the_exact_name_first_then_names_that_hold_every_word() {
        let search = Search::new("Red gre").unwrap();
        assert_eq!(search.rank("red gre"), 0);
        assert_eq!(search.rank("tdd:red-green"), 1);
        assert_eq!(search.rank("green-red"), 1);
        assert_eq!(search.rank("redo-green"), 2, "only the last word may be a beginning");
        assert_eq!(search.rank("other"), 2);
    }

    #[test]
    fn a_search_without_a_word_is_none() {
        assert_eq!(Search::new(" \"-\" "), None);
    }

    #[test]
    fn a_page_has_a_limit() {
        assert_eq!(Limit::new(0), None);
        assert_eq!(Limit::new(201), None);
        assert_eq!(Limit::new(200).map(Limit::get), Some(200));
    }
}
