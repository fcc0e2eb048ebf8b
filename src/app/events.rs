//! Live updates: what happens to the cache, told to whoever listens.

use std::collections::HashMap;

use tokio::sync::broadcast::{self, error::RecvError};

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
    /// The generation of every collection: at the beginning, when the collections are others, and
    /// whenever changes may have gone by unseen.
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
    /// The generations told at once that no change has passed yet: what had been on its way then is
    /// in them, and would be told as if it went backwards.
    told: HashMap<CollectionId, u64>,
    notices: broadcast::Receiver<CacheNotice>,
    refreshes: broadcast::Receiver<Event>,
}

impl Larder {
    /// What happens from now on, the present generations first.
    pub async fn events(&self) -> Result<Events, Error> {
        // Listening comes first: a change between the two is told at least once.
        let mut events = Events {
            first: None,
            told: HashMap::new(),
            notices: self.ports.cache.notices(),
            refreshes: self.refreshes.subscribe(),
        };
        events.first = Some(self.generations(&mut events.told).await?);
        Ok(events)
    }

    /// The next event; `None` when the listener was too slow, when the database does not answer, or
    /// when Larder ends.
    pub async fn next_event(&self, events: &mut Events) -> Option<Event> {
        if let Some(first) = events.first.take() {
            return Some(first);
        }
        loop {
            tokio::select! {
                notice = events.notices.recv() => match notice {
                    Ok(CacheNotice::Changed(change)) if events.knows(&change) => {}
                    Ok(CacheNotice::Changed(change)) => {
                        return Some(Event::CollectionChanged(change));
                    }
                    // One commit may change more collections than are kept for a listener.
                    Ok(CacheNotice::Collections | CacheNotice::Missed)
                    | Err(RecvError::Lagged(_)) => {
                        return self.generations(&mut events.told).await.ok();
                    }
                    Err(RecvError::Closed) => return None,
                },
                event = events.refreshes.recv() => return event.ok(),
                () = self.ended() => return None,
            }
        }
    }

    /// Tells what this process does.
    pub(super) fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.refreshes.send(event);
    }

    /// All generations, which from now on are told.
    async fn generations(&self, told: &mut HashMap<CollectionId, u64>) -> Result<Event, Error> {
        let collections = self.every_collection().await?.into_iter();
        let all: Vec<_> = collections.map(|it| (it.id, it.generation)).collect();
        *told = all.iter().cloned().collect();
        Ok(Event::Generations(all))
    }
}

impl Events {
    /// Whether a change was told already, with all generations.
    fn knows(&mut self, change: &CollectionChange) -> bool {
        let told = self.told.get(&change.collection);
        let is_known = told.is_some_and(|generation| change.generation <= *generation);
        if !is_known {
            self.told.remove(&change.collection);
        }
        is_known
    }
}
