//! What was written and deleted before.

use larder::{
    app::Trashed,
    domain::{revision::Revision, writing::HistoryEntry},
};
use poem_openapi::{Object, types::Example};
use serde::Serialize;

use super::{CacheState, EXAMPLE_REVISION, Moment, Nullable};

/// A deleted artifact that can be restored.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct TrashItem {
    /// Names it in `POST /artifacts/trash/{trash_id}/restore`.
    pub trash_id: String,
    /// `type:name`.
    pub artifact_id: String,
    /// The collection that it comes back to.
    pub collection: String,
    /// The path of its main file, relative to its source collection.
    pub path: String,
    /// When it was deleted. It is kept for 30 days, unless the server is set up otherwise.
    pub deleted_at: Moment,
    /// By whom.
    pub deleted_by: String,
}

impl From<Trashed> for TrashItem {
    fn from(Trashed { collection, item }: Trashed) -> Self {
        Self {
            trash_id: item.id,
            artifact_id: item.artifact.to_string(),
            collection: collection.to_string(),
            path: item.path,
            deleted_at: Moment(item.deleted_at),
            deleted_by: item.deleted_by,
        }
    }
}

impl Example for TrashItem {
    fn example() -> Self {
        Self {
            trash_id: "01KE8ZQ4T0V6J7M3N9P2R5S8XW".into(),
            artifact_id: "skill:pdf".into(),
            collection: "work".into(),
            path: "skills/pdf/SKILL.md".into(),
            deleted_at: Moment::example(),
            deleted_by: "local".into(),
        }
    }
}

/// What became of a deleted artifact.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct DeletedArtifact {
    #[serde(flatten)]
    #[oai(flatten)]
    pub item: TrashItem,
    /// Whether the cache has followed.
    pub cache: CacheState,
}

impl Example for DeletedArtifact {
    fn example() -> Self {
        Self { item: TrashItem::example(), cache: CacheState::Current }
    }
}

/// What can be restored, the latest first.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct TrashList {
    /// The deleted artifacts.
    pub items: Vec<TrashItem>,
    /// How many there are in all.
    pub total_count: u64,
}

impl Example for TrashList {
    fn example() -> Self {
        Self { items: vec![TrashItem::example()], total_count: 1 }
    }
}

/// One write of an artifact.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct HistoryItem {
    /// Unique; it sorts by time.
    pub id: String,
    /// `edit`, `create`, `delete`, `restore` or `sync`.
    pub operation: String,
    /// When.
    pub at: Moment,
    /// By whom.
    pub by: String,
    /// The fields that an edit changed.
    pub fields: Vec<String>,
    /// The revision before; null where there was nothing.
    pub revision_before: Nullable<String>,
    /// The revision after; null where nothing is left.
    pub revision_after: Nullable<String>,
}

impl From<HistoryEntry> for HistoryItem {
    fn from(entry: HistoryEntry) -> Self {
        let text = |revision: Option<Revision>| Nullable(revision.map(|it| it.to_string()));
        Self {
            id: entry.id,
            operation: entry.operation.as_str().to_owned(),
            at: Moment(entry.at),
            by: entry.by,
            fields: entry.fields.iter().map(|field| field.as_str().to_owned()).collect(),
            revision_before: text(entry.revision_before),
            revision_after: text(entry.revision_after),
        }
    }
}

/// The last 50 writes of an artifact through Larder, the latest first.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct HistoryList {
    /// The writes.
    pub items: Vec<HistoryItem>,
}

impl Example for HistoryList {
    fn example() -> Self {
        let item = HistoryItem {
            id: "01KE8ZQ4T0V6J7M3N9P2R5S8XW".into(),
            operation: "edit".into(),
            at: Moment::example(),
            by: "local".into(),
            fields: vec!["description".into(), "tags".into()],
            revision_before: Nullable(Some(EXAMPLE_REVISION.into())),
            revision_after: Nullable(Some(EXAMPLE_REVISION.chars().rev().collect())),
        };
        Self { items: vec![item] }
    }
}
