//! What the API answers, as types. Each is made from the domain's, and says in its schema what its
//! serde form is.

mod artifact;
mod collection;
mod curated;
mod deploying;
mod editing;
mod event;
mod freshness;
mod me;
mod moment;
mod nullable;
mod past;
mod report;

pub(crate) use artifact::{ArtifactDetail, ArtifactList, FacetList, Freshness};
pub(crate) use collection::{CollectionList, UserCollection};
pub(crate) use curated::{ArtifactsAdded, ArtifactsToAdd, CollectionChange, NewCollectionBody};
pub(crate) use deploying::{
    DeployRequest, DeploymentList, SyncRequest, TransferReport, UndeployRequest,
};
pub(crate) use editing::{CacheState, MetadataChange, NewArtifactBody, SavedArtifact};
pub(crate) use event::LiveEvent;
pub(crate) use freshness::CacheStats;
pub(crate) use me::Me;
use moment::Moment;
pub(crate) use nullable::Nullable;
pub(crate) use past::{DeletedArtifact, HistoryList, TrashItem, TrashList};
pub(crate) use report::{BatchReport, RefreshReport};

use larder::domain::artifact::Health as DomainHealth;
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

/// A revision, for examples.
pub(crate) const EXAMPLE_REVISION: &str =
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

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

impl Example for PageInfo {
    fn example() -> Self {
        Self {
            has_next_page: true,
            has_previous_page: false,
            start_cursor: Nullable(Some("eyJ2Ijp7Im4iOiJhIn0".to_owned())),
            end_cursor: Nullable(Some("eyJ2Ijp7Im4iOiJ6In0".to_owned())),
            total_count: 241,
        }
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::ToJSON;

    use super::{artifact::Item, *};
    use crate::problem::Problem;

    /// Answers are written by serde and described by poem-openapi: both must mean the same.
    #[track_caller]
    fn agree<T: Serialize + ToJSON>(value: &T) {
        assert_eq!(Some(serde_json::to_value(value).unwrap()), value.to_json());
    }

    #[test]
    fn the_serde_form_and_the_schema_of_every_answer_agree() {
        agree(&Item::example());
        agree(&ArtifactList::example());
        agree(&ArtifactDetail::example());
        agree(&FacetList::example());
        agree(&UserCollection::example());
        agree(&CollectionList::example());
        agree(&CacheStats::example());
        agree(&ArtifactsAdded::example());
        agree(&RefreshReport::example());
        agree(&BatchReport::example());
        agree(&Problem::example());
        agree(&SavedArtifact::example());
        agree(&DeletedArtifact::example());
        agree(&TrashList::example());
        agree(&HistoryList::example());
        agree(&TransferReport::example());
        agree(&DeploymentList::example());
        agree(&Me::example());
        agree(&Problem::invalid("limit", "it must be 1 to 200").retry_after(1));
    }
}
