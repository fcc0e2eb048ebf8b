//! Who changes things through the API: editors, curators, and who refreshes.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    Scene,
    files::{BETA, SOURCES, any_name, description, id},
};
use crate::server::{Answer, Server};

/// A curated collection as its curator remembers it.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// What it certainly holds.
    pub(crate) members: BTreeSet<String>,
    /// What it may hold: the server was killed while it was asked.
    pub(crate) perhaps: BTreeSet<String>,
}

/// Curated collections by id.
pub(crate) type Shelves = BTreeMap<String, Shelf>;

/// So many curated collections one curator has at most.
const SHELVES: usize = 4;

/// Edits, creates, deletes and reads single artifacts.
pub(super) fn edit(scene: &Scene, server: &Server, mut dice: Rng) {
    while scene.goes_on() {
        let (name, source) = (any_name(&mut dice), SOURCES[dice.usize(..SOURCES.len())]);
        let of = if dice.bool() { "default" } else { source };
        let artifact = id(&name);
        let (what, answer) = match dice.u8(..20) {
            0..9 => {
                let path = format!("artifacts/{artifact}/metadata?collection={of}");
                let body = json!({ "description": description(&mut dice) });
                ("edit", server.ask("PUT", &path, Some(&body)))
            }
            9..12 => {
                let body = json!({
                    "type": "skill", "name": name, "description": description(&mut dice),
                    "collection": BETA,
                });
                ("create", server.ask("POST", "artifacts", Some(&body)))
            }
            12..15 => {
                let path = format!("artifacts/{artifact}?collection={BETA}");
                ("delete", server.ask("DELETE", &path, None))
            }
            15..18 => {
                let path = format!("artifacts/{artifact}?collection={of}");
                ("read", server.ask("GET", &path, None))
            }
            _ => {
                let path = format!("artifacts/{artifact}/refresh-cache?collection={of}");
                ("refresh of one", server.ask("POST", &path, None))
            }
        };
        if let Some(answer) = &answer {
            // Files that others change meanwhile may be gone, be there already, or be changed again.
            let is_fine = matches!(answer.status, 200 | 201 | 204 | 404 | 409 | 412)
                || is_a_lost_race(answer);
            scene.count(what, is_fine && answer.status < 300);
            scene.faults.judge(is_fine, || format!("{what} of {artifact} in {of}: {answer:?}"));
        }
        thread::sleep(Duration::from_millis(dice.u64(..15)));
    }
}

/// Another writer was at the same files, or took them away before or after they were written.
fn is_a_lost_race(answer: &Answer) -> bool {
    let text = |key: &str| answer.body[key].as_str().unwrap_or_default();
    match answer.status {
        422 => text("detail").contains("files missing"),
        503 => {
            text("type").ends_with(":busy") || text("detail").starts_with("The files were written")
        }
        _ => false,
    }
}

/// Makes, fills, empties and deletes curated collections; answers what it left.
pub(super) fn curate(scene: &Scene, server: &Server, number: usize, mut dice: Rng) -> Shelves {
    let mut shelves = Shelves::new();
    for count in 0.. {
        if !scene.goes_on() {
            break;
        }
        let one = dice.choice(shelves.keys().cloned().collect::<Vec<_>>());
        match (one, dice.u8(..12)) {
            (None, _) => make(scene, server, &format!("shelf {number} {count}"), &mut shelves),
            (_, 0) if shelves.len() < SHELVES => {
                make(scene, server, &format!("shelf {number} {count}"), &mut shelves);
            }
            (Some(one), 0 | 1) => {
                shelves.remove(&one);
                let path = format!("user-collections/{one}");
                done(scene, "delete a shelf", server.ask("DELETE", &path, None));
            }
            (Some(one), 2) => {
                let body = json!({ "name": format!("shelf {number} {count}, renamed") });
                let path = format!("user-collections/{one}");
                done(scene, "rename a shelf", server.ask("PUT", &path, Some(&body)));
            }
            (Some(one), 3) => {
                let path = format!("user-collections/{one}/refresh-cache");
                done(scene, "refresh a shelf", server.ask("POST", &path, None));
            }
            (Some(one), 4..8) => {
                let shelf = shelves.entry(one.clone()).or_default();
                fill(scene, server, &one, shelf, &mut dice);
            }
            (Some(one), _) => {
                let shelf = shelves.entry(one.clone()).or_default();
                empty(scene, server, &one, shelf, &mut dice);
            }
        }
        thread::sleep(Duration::from_millis(dice.u64(..40)));
    }
    shelves
}

fn make(scene: &Scene, server: &Server, name: &str, shelves: &mut Shelves) {
    let answer = server.ask("POST", "user-collections", Some(&json!({ "name": name })));
    if let Some(body) = done(scene, "make a shelf", answer) {
        shelves.insert(body["id"].as_str().unwrap_or_default().to_owned(), Shelf::default());
    }
}

fn fill(scene: &Scene, server: &Server, one: &str, shelf: &mut Shelf, dice: &mut Rng) {
    let ids: BTreeSet<String> = (0..dice.usize(1..8)).map(|_| id(&any_name(dice))).collect();
    let path = format!("user-collections/{one}/artifacts");
    let answer = server.ask("POST", &path, Some(&json!({ "artifact_ids": ids })));
    let Some(body) = done(scene, "fill a shelf", answer) else {
        shelf.perhaps.extend(ids);
        return;
    };
    for list in ["added", "already_present"] {
        let ids = body[list].as_array().into_iter().flatten().filter_map(Value::as_str);
        shelf.members.extend(ids.map(str::to_owned));
    }
}

fn empty(scene: &Scene, server: &Server, one: &str, shelf: &mut Shelf, dice: &mut Rng) {
    let Some(member) = dice.choice(shelf.members.iter().cloned().collect::<Vec<_>>()) else {
        return;
    };
    let path = format!("user-collections/{one}/artifacts/{member}");
    shelf.members.remove(&member);
    if done(scene, "take from a shelf", server.ask("DELETE", &path, None)).is_none() {
        shelf.perhaps.insert(member);
    }
}

/// The body of an answer that must be a success: only its curator changes a shelf.
fn done(scene: &Scene, what: &'static str, answer: Option<Answer>) -> Option<Value> {
    let answer = answer?;
    let is_fine = matches!(answer.status, 200..=299);
    scene.count(what, is_fine);
    scene.faults.judge(is_fine, || format!("{what}: {answer:?}"));
    is_fine.then_some(answer.body)
}

/// Refreshes everything, or one collection.
pub(super) fn refresh(scene: &Scene, server: &Server, mut dice: Rng) {
    while scene.goes_on() {
        let collection = dice.choice(["default", "alpha", "beta", "plain"]).unwrap_or_default();
        let path = if dice.bool() {
            "user-collections/refresh-cache".to_owned()
        } else {
            format!("user-collections/{collection}/refresh-cache")
        };
        if let Some(answer) = server.ask("POST", &path, None) {
            let is_fine = answer.status == 200;
            scene.count("refresh", is_fine);
            scene.faults.judge(is_fine, || format!("{path}: {answer:?}"));
        }
        thread::sleep(Duration::from_millis(dice.u64(..300)));
    }
}
