//! Live updates, as Server-Sent Events.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, BoxStream, StreamExt};
use larder::{
    app::{Events, Larder},
    domain::Timestamp,
};
use poem::web::{Data, sse};
use poem_openapi::{OpenApi, payload::EventStream};
use tokio::sync::mpsc;

use super::Tag;
use crate::{
    access::Presented,
    dto::LiveEvent,
    problem::{Kind, Problem},
    refused::{Nothing, Refused},
    state::State,
    token::Tokens,
};

/// A comment is sent after so much silence, so that proxies keep the connection open and a client
/// notices when it is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Events that wait for a client.
const UNREAD: usize = 64;

/// A client that takes none of them for so long is dropped. One change may be an event of hundreds of
/// collections, which come faster than any connection takes them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Live updates.
#[derive(Default)]
pub(crate) struct EventsApi;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Service")]
impl EventsApi {
    /// Follow what happens
    ///
    /// Server-Sent Events: at first `generations`, the generation of every collection; then
    /// `collection-changed`, whoever changed it, `refresh-started` and `refresh-finished`, and a
    /// comment every 15 s. `generations` comes again when collections were made, changed or deleted,
    /// when there are other sources, and when changes may have gone by unseen. The stream ends for a
    /// client that does not keep up: it connects again.
    #[oai(path = "/events", method = "get", operation_id = "streamEvents")]
    async fn events(
        &self,
        shared: Data<&Arc<State>>,
        presented: Data<&Presented>,
    ) -> Result<EventStream<BoxStream<'static, LiveEvent>>, Refused<Nothing>> {
        let Ok(place) = Arc::clone(&shared.listeners).try_acquire_owned() else {
            let detail = "Too many clients follow the events already.";
            return Err(Problem::new(Kind::Unavailable, detail).retry_after(60).into());
        };
        let events = shared.larder.events().await?;
        let (sender, received) = mpsc::channel(UNREAD);
        let listener = Listener { larder: Arc::clone(&shared.larder), events, sender };
        let (presented, tokens) = (presented.0.clone(), shared.tokens.clone());
        tokio::spawn(async move {
            listener.follow(&presented, &tokens).await;
            drop(place);
        });
        let next = async |mut events: mpsc::Receiver<LiveEvent>| {
            let event = events.recv().await?;
            Some((event, events))
        };
        let stream = stream::unfold(received, next).boxed();
        Ok(EventStream::new(stream).keep_alive(HEARTBEAT).to_event(|event| {
            let data = serde_json::to_string(&event).unwrap_or_default();
            sse::Event::message(data).event_type(event.name())
        }))
    }
}

/// One client's events, on their way to its connection.
struct Listener {
    larder: Arc<Larder>,
    events: Events,
    sender: mpsc::Sender<LiveEvent>,
}

impl Listener {
    /// Hands on what happens until the client leaves, does not keep up, or its token is refused.
    async fn follow(mut self, presented: &Presented, tokens: &Tokens) {
        let larder = Arc::clone(&self.larder);
        tokio::select! {
            () = self.hand_on() => {}
            () = refused(&larder, presented, tokens) => {}
        }
    }

    async fn hand_on(&mut self) {
        loop {
            let event = tokio::select! {
                event = self.larder.next_event(&mut self.events) => event,
                () = self.sender.closed() => None,
            };
            // A connection that takes nothing any more is not polled: nobody else would notice.
            let Some(event) = event else { return };
            tokio::select! {
                sent = self.sender.send(event.into()) => if sent.is_err() { return },
                () = self.larder.sleep(PATIENCE) => return,
            }
        }
    }
}

/// Waits until the token expires or is revoked, or until one is needed where none was presented.
async fn refused(larder: &Larder, presented: &Presented, tokens: &Tokens) {
    tokio::select! {
        () = tokens.revoked(presented.0.as_ref()) => {}
        () = expired(larder, presented.expires()) => {}
    }
}

async fn expired(larder: &Larder, until: Option<Timestamp>) {
    match until {
        Some(moment) => larder.sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
