//! The place between two rows of a page, which stays right while rows come and go.

use serde::{Deserialize, Serialize};

use super::{
    artifact::CollectionArtifact,
    id::{ArtifactId, CollectionId},
    query::{ArtifactQuery, Filter, Sort},
    revision::Revision,
};

/// The value of the sort at a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SortValue {
    /// The sort key of the name.
    #[serde(rename = "n")]
    Name(String),
    /// Microseconds since the epoch; `i64::MIN` for a row without a file.
    #[serde(rename = "u")]
    UpdatedAt(i64),
    /// The rank, then the sort key of the name.
    #[serde(rename = "r")]
    Relevance(u8, String),
}

impl SortValue {
    fn belongs_to(&self, sort: Sort) -> bool {
        matches!(
            (self, sort),
            (Self::Name(_), Sort::Name)
                | (Self::UpdatedAt(_), Sort::UpdatedAt)
                | (Self::Relevance(..), Sort::Relevance)
        )
    }
}

/// A row's place in one order of one collection under one filter. Its text form is the business of
/// whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The value of the sort at the row.
    #[serde(rename = "v")]
    pub value: SortValue,
    /// The row's artifact.
    #[serde(rename = "i")]
    pub id: ArtifactId,
    /// Says to which collection, filter and sort it belongs.
    #[serde(rename = "b")]
    binding: String,
}

impl Cursor {
    /// The cursor at a row of this query's page.
    #[must_use]
    pub fn at(row: &CollectionArtifact, collection: &CollectionId, query: &ArtifactQuery) -> Self {
        Self {
            value: query.sort.value_of(row, query.filter.search.as_ref()),
            id: row.artifact.id.clone(),
            binding: binding(collection, &query.filter, query.sort),
        }
    }

    /// Whether it was made for this collection, filter and sort.
    #[must_use]
    pub fn belongs_to(&self, collection: &CollectionId, filter: &Filter, sort: Sort) -> bool {
        self.value.belongs_to(sort) && self.binding == binding(collection, filter, sort)
    }
}

fn binding(collection: &CollectionId, filter: &Filter, sort: Sort) -> String {
    let text = serde_json::to_vec(&(collection, filter, sort)).unwrap_or_default();
    // 64 bits tell mistakes apart; a cursor is no secret and guards nothing.
    Revision::of(&[&text]).as_str()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::artifact::Health;

    #[test]
    fn a_cursor_belongs_to_its_collection_filter_and_sort_alone() {
        let here = CollectionId::new("work").unwrap();
        let filter = Filter { health: Some(Health::Ok), ..Filter::default() };
        let cursor = Cursor {
            value: SortValue::Name("a".into()),
            id: ArtifactId::parse("skill:a").unwrap(),
            binding: binding(&here, &filter, Sort::Name),
        };
        assert!(cursor.belongs_to(&here, &filter, Sort::Name));
        assert!(!cursor.belongs_to(&here, &filter, Sort::UpdatedAt));
        assert!(!cursor.belongs_to(&here, &Filter::default(), Sort::Name));
        assert!(!cursor.belongs_to(&CollectionId::default_collection(), &filter, Sort::Name));
    }
}
