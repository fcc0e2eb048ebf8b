//! What the API answers, as types. Each is made from the domain's, and says in its schema what its
//! serde form is.

mod artifact;
mod collection;
mod moment;
mod nullable;
mod report;

pub(crate) use artifact::{ArtifactDetail, ArtifactList, FacetList, Freshness};
pub(crate) use collection::{CacheStats, CollectionList, UserCollection};
use moment::Moment;
pub(crate) use nullable::Nullable;
pub(crate) use report::{BatchReport, RefreshReport};

use larder::domain::artifact::Health as DomainHealth;
use poem_openapi::{Enum, Object};
use serde::Serialize;

/// How well an artifact's metadata could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum Health {
    /// As its format asks.
    Ok,
    /// Only by reading leniently; `problem` says why.
    Recovered,
    /// Not at all; the metadata is the last good one, if there was one.
    Broken,
}

impl From<DomainHealth> for Health {
    fn from(health: DomainHealth) -> Self {
        match health {
            DomainHealth::Ok => Self::Ok,
            DomainHealth::Recovered => Self::Recovered,
            DomainHealth::Broken => Self::Broken,
        }
    }
}

impl From<Health> for DomainHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Ok => Self::Ok,
            Health::Recovered => Self::Recovered,
            Health::Broken => Self::Broken,
        }
    }
}

/// Where a page stands among its neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct PageInfo {
    /// Whether a page follows: ask for it with `after=end_cursor`.
    pub has_next_page: bool,
    /// Whether a page precedes: ask for it with `before=start_cursor`.
    pub has_previous_page: bool,
    /// The place of the first item; null on an empty page.
    pub start_cursor: Nullable<String>,
    /// The place of the last item; null on an empty page.
    pub end_cursor: Nullable<String>,
    /// How many items there are on all pages.
    pub total_count: u64,
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::{Any, Example, ToJSON};
    use serde_json::Map;

    use super::{
        artifact::{Facet, Item},
        *,
    };
    use crate::problem::Problem;

    /// Answers are written by serde and described by poem-openapi: both must mean the same.
    #[track_caller]
    fn agree<T: Serialize + ToJSON>(value: &T) {
        assert_eq!(Some(serde_json::to_value(value).unwrap()), value.to_json());
    }

    fn page_info() -> PageInfo {
        PageInfo {
            has_next_page: true,
            has_previous_page: false,
            start_cursor: Nullable(Some("a".into())),
            end_cursor: Nullable(None),
            total_count: 1,
        }
    }

    #[test]
    fn the_serde_form_and_the_schema_of_every_answer_agree() {
        let item = Item::example();
        let facet = Facet { value: "x".into(), count: 2 };
        agree(&item);
        agree(&ArtifactList { items: vec![item.clone()], page_info: page_info(), generation: 1 });
        agree(&ArtifactDetail {
            item,
            extra: Any(Map::from_iter([("k".to_owned(), 1.into())])),
            editable: true,
            stale: false,
            collections: vec!["default".into()],
        });
        agree(&FacetList {
            types: vec![facet.clone()],
            tag: vec![facet],
            origin: Vec::new(),
            health: Vec::new(),
            generation: 1,
        });
        agree(&UserCollection::example());
        agree(&CollectionList { items: vec![UserCollection::example()], page_info: page_info() });
        agree(&CacheStats::example());
        agree(&RefreshReport::example());
        agree(&BatchReport {
            collections_refreshed: 1,
            artifacts_refreshed: 2,
            skipped: 0,
            errors_total: 0,
            errors: Vec::new(),
            duration_ms: 3,
            collections: vec![RefreshReport::example()],
        });
        agree(&Problem::example());
        agree(&Problem::invalid("limit", "it must be 1 to 200").retry_after(1));
    }
}
