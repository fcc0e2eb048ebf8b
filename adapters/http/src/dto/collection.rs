//! Collections and how fresh they are.

use larder::domain::{
    Timestamp,
    collection::{Collection, CollectionKind as DomainKind},
    page::CollectionPage,
    report::SourceReport,
    text,
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::{Moment, Nullable, PageInfo, report::RefreshStatus};
use crate::cursor;

/// Where a collection's artifacts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum CollectionKind {
    /// Every artifact of every configured source collection.
    Default,
    /// All of one source collection.
    Mirror,
    /// What a person put together.
    Curated,
}

/// How the last refresh of a source went.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
pub(crate) struct LastRefresh {
    /// Which source collection.
    pub source_collection: String,
    /// How it ended.
    pub status: RefreshStatus,
    /// When it began.
    pub started_at: Moment,
    /// How long it took.
    pub duration_ms: u64,
    /// How many errors there were.
    pub errors_total: u64,
    /// Why it did not complete.
    pub problem: Nullable<String>,
}

impl From<SourceReport> for LastRefresh {
    fn from(report: SourceReport) -> Self {
        let status = RefreshStatus::from(report.status);
        let first = report.issues.into_iter().next().map(|issue| issue.message);
        Self {
            source_collection: report.source.to_string(),
            status,
            started_at: Moment(report.started_at),
            duration_ms: report.duration_ms,
            errors_total: report.issues_total,
            problem: first.filter(|_| status != RefreshStatus::Completed).into(),
        }
    }
}

/// A collection.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
#[oai(rename = "UserCollection", example)]
pub(crate) struct UserCollection {
    /// Its id.
    pub id: String,
    /// Its name, unique.
    pub name: String,
    /// What it is for.
    pub description: Nullable<String>,
    /// Where its artifacts come from.
    pub kind: CollectionKind,
    /// The source collection that a mirror shows.
    pub source_collection: Nullable<String>,
    /// Who made a curated collection.
    pub created_by: Nullable<String>,
    /// Whether the configuration no longer covers a mirror's source collection.
    pub detached: bool,
    /// How many artifacts it holds.
    pub artifact_count: u64,
    /// One higher with every change of its rows.
    pub generation: u64,
    /// When it was made.
    pub created_at: Moment,
    /// When its rows last changed.
    pub updated_at: Moment,
    /// The last refresh of its source, or of any source for a collection of several.
    pub last_refresh: Nullable<LastRefresh>,
}

impl From<Collection> for UserCollection {
    fn from(collection: Collection) -> Self {
        Self {
            id: collection.id.to_string(),
            name: collection.name,
            description: collection.description.into(),
            kind: match collection.kind {
                DomainKind::Default => CollectionKind::Default,
                DomainKind::Mirror => CollectionKind::Mirror,
                DomainKind::Curated => CollectionKind::Curated,
            },
            source_collection: collection.source.map(|source| source.to_string()).into(),
            created_by: collection.created_by.into(),
            detached: collection.detached,
            artifact_count: collection.artifact_count,
            generation: collection.generation,
            created_at: Moment(collection.created_at),
            updated_at: Moment(collection.updated_at),
            last_refresh: collection.last_report.map(LastRefresh::from).into(),
        }
    }
}

impl Example for UserCollection {
    fn example() -> Self {
        Self {
            id: "work".into(),
            name: "work".into(),
            description: Nullable(None),
            kind: CollectionKind::Mirror,
            source_collection: Nullable(Some("work".into())),
            created_by: Nullable(None),
            detached: false,
            artifact_count: 241,
            generation: 8,
            created_at: Moment(Timestamp::UNIX_EPOCH),
            updated_at: Moment(Timestamp::UNIX_EPOCH),
            last_refresh: Nullable(None),
        }
    }
}

/// A page of collections, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
#[oai(rename = "UserCollectionList", example)]
pub(crate) struct CollectionList {
    /// The collections of this page.
    pub items: Vec<UserCollection>,
    /// Where the page stands.
    pub page_info: PageInfo,
}

impl CollectionList {
    /// The page reached with a cursor or, `first`, without one.
    pub(crate) fn new(page: CollectionPage, first: bool) -> Self {
        let cursor = |collection: Option<&Collection>| {
            Nullable(collection.map(|it| cursor::encode(&(text::sort_key(&it.name), &it.id))))
        };
        Self {
            page_info: PageInfo {
                has_next_page: page.has_next,
                has_previous_page: !first,
                start_cursor: cursor(page.collections.first()),
                end_cursor: cursor(page.collections.last()),
                total_count: page.total_count,
            },
            items: page.collections.into_iter().map(Into::into).collect(),
        }
    }
}

impl Example for CollectionList {
    fn example() -> Self {
        Self { items: vec![UserCollection::example()], page_info: PageInfo::example() }
    }
}
