//! Live updates.

use larder::{app::Event, domain::change::CollectionChange as DomainChange};
use poem_openapi::{Object, Union};
use serde::Serialize;

use super::report::RefreshStatus;

/// A collection and its generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct CollectionGeneration {
    /// Which collection.
    pub collection_id: String,
    /// Its generation: one higher with every change of its rows.
    pub generation: u64,
}

/// The generation of every collection: the first event, and again when collections were made, changed
/// or deleted, when there are other sources, and whenever changes may have gone by unseen. Load the
/// list of collections again, and each collection of which you have seen another generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct Generations {
    /// Every collection, by name.
    pub collections: Vec<CollectionGeneration>,
}

/// A collection's rows have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct CollectionChanged {
    /// Which collection.
    pub collection_id: String,
    /// Its new generation.
    pub generation: u64,
    /// Artifacts that are new in it.
    pub created: u64,
    /// Artifacts that were read or written anew, whether or not they say something else.
    pub updated: u64,
    /// Artifacts that are no longer in it.
    pub removed: u64,
}

impl From<DomainChange> for CollectionChanged {
    fn from(change: DomainChange) -> Self {
        let DomainChange { collection, generation, created, updated, removed } = change;
        Self { collection_id: collection.to_string(), generation, created, updated, removed }
    }
}

/// The server has begun to refresh a source collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct RefreshStarted {
    /// The collection that shows it.
    pub collection_id: String,
}

/// The server has refreshed a source collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct RefreshFinished {
    /// The collection that shows it.
    pub collection_id: String,
    /// How it ended.
    pub status: RefreshStatus,
    /// How long it took.
    pub duration_ms: u64,
}

/// One event; its `type` is the event's name in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Union)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[oai(discriminator_name = "type")]
pub(crate) enum LiveEvent {
    /// All generations.
    #[oai(mapping = "generations")]
    Generations(Generations),
    /// A change.
    #[oai(mapping = "collection-changed")]
    CollectionChanged(CollectionChanged),
    /// A refresh begins.
    #[oai(mapping = "refresh-started")]
    RefreshStarted(RefreshStarted),
    /// A refresh has ended.
    #[oai(mapping = "refresh-finished")]
    RefreshFinished(RefreshFinished),
}

impl LiveEvent {
    /// The event's name in the stream.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Generations(_) => "generations",
            Self::CollectionChanged(_) => "collection-changed",
            Self::RefreshStarted(_) => "refresh-started",
            Self::RefreshFinished(_) => "refresh-finished",
        }
    }
}

impl From<Event> for LiveEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Generations(collections) => {
                let collections = collections.into_iter().map(|(id, generation)| {
                    CollectionGeneration { collection_id: id.to_string(), generation }
                });
                Self::Generations(Generations { collections: collections.collect() })
            }
            Event::CollectionChanged(change) => Self::CollectionChanged(change.into()),
            Event::RefreshStarted { collection } => {
                Self::RefreshStarted(RefreshStarted { collection_id: collection.to_string() })
            }
            Event::RefreshFinished { collection, status, duration_ms } => {
                let (collection_id, status) = (collection.to_string(), status.into());
                Self::RefreshFinished(RefreshFinished { collection_id, status, duration_ms })
            }
        }
    }
}
