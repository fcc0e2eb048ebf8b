//! Live updates, as Server-Sent Events.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, BoxStream, StreamExt};
use larder::app::{Events, Larder};
use poem::web::{Data, sse};
use poem_openapi::{OpenApi, payload::EventStream};
use tokio::sync::OwnedSemaphorePermit;

use super::Tag;
use crate::{
    dto::LiveEvent,
    problem::{Kind, Problem},
    refused::{Nothing, Refused},
    state::State,
};

/// A comment is sent after so much silence, so that proxies keep the connection open and a client
/// notices when it is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Live updates.
#[derive(Default)]
pub(crate) struct EventsApi;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Service")]
impl EventsApi {
    /// Follow what happens
    ///
    /// Server-Sent Events: at first `generations`, the generation of every collection; then
    /// `collection-changed`, whoever changed it, `refresh-started` and `refresh-finished`, and a
    /// comment every 15 s. `generations` comes again when changes may have gone by unseen. The stream
    /// ends for a client that does not keep up: it connects again.
    #[oai(path = "/events", method = "get", operation_id = "streamEvents")]
    async fn events(
        &self,
        shared: Data<&Arc<State>>,
    ) -> Result<EventStream<BoxStream<'static, LiveEvent>>, Refused<Nothing>> {
        let Ok(place) = Arc::clone(&shared.listeners).try_acquire_owned() else {
            let detail = "Too many clients follow the events already.";
            return Err(Problem::new(Kind::Unavailable, detail).retry_after(60).into());
        };
        let events = shared.larder.events().await?;
        let listener = Listener { larder: Arc::clone(&shared.larder), events, _place: place };
        let stream = stream::unfold(listener, Listener::next).boxed();
        Ok(EventStream::new(stream).keep_alive(HEARTBEAT).to_event(|event| {
            let data = serde_json::to_string(&event).unwrap_or_default();
            sse::Event::message(data).event_type(event.name())
        }))
    }
}

struct Listener {
    larder: Arc<Larder>,
    events: Events,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    async fn next(mut self) -> Option<(LiveEvent, Self)> {
        let event = self.larder.next_event(&mut self.events).await?;
        Some((event.into(), self))
    }
}
