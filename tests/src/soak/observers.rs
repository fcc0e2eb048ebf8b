//! Who looks on: no collection's generation ever goes backwards, whoever tells it.

use std::{collections::BTreeMap, thread, time::Duration};

use serde_json::Value;

use super::Scene;
use crate::server::Server;

/// How often the collections are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(30);

/// After so many events another stream is begun.
const EVENTS_OF_A_STREAM: u32 = 20;

/// The last generation of each collection that one observer was told.
#[derive(Default)]
struct Seen(BTreeMap<String, u64>);

impl Seen {
    /// Whether a collection has not gone backwards.
    fn tell(&mut self, id: &Value, generation: &Value) -> bool {
        let (id, generation) = (id.as_str().unwrap_or_default(), generation.as_u64());
        let last = self.0.entry(id.to_owned()).or_default();
        let goes_on = generation.is_some_and(|generation| generation >= *last);
        *last = generation.unwrap_or(*last);
        goes_on
    }
}

/// Asks for the collections again and again.
pub(super) fn poll(scene: &Scene, server: &Server) {
    let mut seen = Seen::default();
    while scene.goes_on() {
        if let Some(answer) = server.ask("GET", "user-collections?limit=200", None) {
            scene.count("poll", answer.status == 200);
            scene.faults.judge(answer.status == 200, || format!("a poll: {answer:?}"));
            for it in answer.body["items"].as_array().into_iter().flatten() {
                let goes_on = seen.tell(&it["id"], &it["generation"]);
                scene
                    .faults
                    .judge(goes_on, || format!("polled, a generation went backwards: {it}"));
            }
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Follows live updates, again whenever a stream ends, and now and then by another stream.
pub(super) fn follow(scene: &Scene, server: &Server) {
    let mut seen = Seen::default();
    while scene.goes_on() {
        let mut left = EVENTS_OF_A_STREAM;
        // The server may be down at the moment.
        let _ = server.follow(|event| {
            left -= 1;
            scene.count("event", true);
            let told = match event["type"].as_str() {
                Some("generations") => event["collections"].as_array().cloned(),
                Some("collection-changed") => Some(vec![event.clone()]),
                _ => None,
            };
            for it in told.into_iter().flatten() {
                let goes_on = seen.tell(&it["collection_id"], &it["generation"]);
                scene.faults.judge(goes_on, || format!("told, a generation went backwards: {it}"));
            }
            left > 0 && scene.goes_on()
        });
        thread::sleep(BETWEEN_LOOKS);
    }
}
