//! Live updates: what happens to the cache, told to whoever listens.

use tokio::sync::broadcast;

use super::{Error, Larder};
use crate::{
    domain::{change::CollectionChange, id::CollectionId, report::RefreshStatus},
    ports::CacheNotice,
};

/// Events of this process that wait for a slow listener.
pub(super) const UNREAD: usize = 256;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The generation of every collection: at the beginning, and whenever changes may have gone by
    /// unseen.
    Generations(Vec<(CollectionId, u64)>),
    /// A collection's rows have changed, by this process or another one.
    CollectionChanged(CollectionChange),
    /// This process has begun to refresh a source.
    RefreshStarted {
        /// The source's collection.
        collection: CollectionId,
    },
    /// This process has refreshed a source.
    RefreshFinished {
        /// The source's collection.
        collection: CollectionId,
        /// How it ended.
        status: RefreshStatus,
        /// How long it took.
        duration_ms: u64,
    },
}

/// One listener's events. Nobody waits for it: one that does not keep up comes to its end.
pub struct Events {
    first: Option<Event>,
    notices: broadcast::Receiver<CacheNotice>,
    refreshes: broadcast::Receiver<Event>,
}

impl Larder {
    /// What happens from now on, the present generations first.
    pub async fn events(&self) -> Result<Events, Error> {
        // Listening comes first: a change between the two is told twice, and never not at all.
        let mut events = Events {
            first: None,
            notices: self.ports.cache.notices(),
            refreshes: self.refreshes.subscribe(),
        };
        events.first = Some(self.generations().await?);
        Ok(events)
    }

    /// The next event; `None` when the listener was too slow, when the database does not answer, or
    /// when Larder ends.
    pub async fn next_event(&self, events: &mut Events) -> Option<Event> {
        if let Some(first) = events.first.take() {
            return Some(first);
        }
        tokio::select! {
            notice = events.notices.recv() => match notice.ok()? {
                CacheNotice::Changed(change) => Some(Event::CollectionChanged(change)),
                CacheNotice::Missed => self.generations().await.ok(),
            },
            event = events.refreshes.recv() => event.ok(),
            () = self.ended() => None,
        }
    }

    /// Tells what this process does.
    pub(super) fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.refreshes.send(event);
    }

    async fn generations(&self) -> Result<Event, Error> {
        let collections = self.every_collection().await?.into_iter();
        Ok(Event::Generations(collections.map(|it| (it.id, it.generation)).collect()))
    }
}
