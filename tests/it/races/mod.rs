//! Many clients and one foreign program write one artifact at the same time.
//!
//! - `clients`: who edits through the API; `foreign`: who saves the file with an editor.
//! - `judge`: what must be true of what they did.

mod clients;
mod foreign;
mod judge;

use std::{
    env, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use self::judge::Judge;
use crate::{
    changes::on_both,
    house::{Backend, House, managed},
};

/// The artifact that everybody writes.
const ARTIFACT: &str = "artifacts/skill:s0";
const FILE: &str = "collections/work/skills/s0/SKILL.md";

/// The collections that hold it.
const COLLECTIONS: [&str; 2] = ["default", "work"];

const CLIENTS: usize = 8;

/// The environment's name of how many seconds the race lasts.
const SECONDS: &str = "LARDER_TEST_RACE_SECONDS";

/// Without it: long enough for hundreds of edits, and short enough to be run every time.
const DEFAULT_SECONDS: u64 = 10;

/// How long the clients go on alone: the last write must be one that the cache hears of.
const ALONE: Duration = Duration::from_millis(300);

async fn open(backend: Backend) -> House {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 2);
    House::open(&files, backend).await
}

/// The artifact as each collection shows it, without what depends on when its row was written.
async fn rows(house: &House) -> Vec<Value> {
    let mut rows = Vec::new();
    for collection in COLLECTIONS {
        let mut row = house.get(&format!("{ARTIFACT}?collection={collection}")).await;
        let fields = row.as_object_mut().unwrap();
        fields.retain(|name, _| !["synced_at", "expires_at", "stale"].contains(&name.as_str()));
        rows.push(row);
    }
    rows
}

async fn nothing_is_lost_between_eight_clients_and_a_foreign_program(backend: Backend) {
    let seconds = env::var(SECONDS).ok().and_then(|text| text.parse().ok());
    let lasting = Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS));
    let house = Arc::new(open(backend).await);
    let start = (house.get(ARTIFACT).await, fs::read(house.files.path().join(FILE)).unwrap());

    let (saving, editing) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let path: PathBuf = house.files.path().join(FILE);
    let foreign = {
        let saving = Arc::clone(&saving);
        thread::spawn(move || foreign::save_again_and_again(&path, &saving))
    };
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(clients::edit_again_and_again(
            Arc::clone(&house),
            number,
            Arc::clone(&editing),
        ));
    }
    let refreshing =
        tokio::spawn(clients::refresh_again_and_again(Arc::clone(&house), Arc::clone(&editing)));
    sleep(lasting).await;
    saving.store(false, Ordering::Relaxed);
    let saves = tokio::task::spawn_blocking(|| foreign.join().unwrap()).await.unwrap();
    sleep(ALONE).await;
    editing.store(false, Ordering::Relaxed);
    let done = clients.join_all().await;
    refreshing.await.unwrap();

    let shown = rows(&house).await;
    let judge = Judge::new(&house, &start, &done, &saves);
    let (states, reverted) = judge.history();
    judge.file(&states, &shown[0]);
    judge.was_a_race();
    judge.leftovers();
    let told = house.get(&format!("{ARTIFACT}/history")).await;
    judge.told(&told);
    let path = "user-collections/default/refresh-cache?force=true";
    house.post(path, &json!({})).await.is(200);
    assert_eq!(shown, rows(&house).await, "a refresh finds nothing new");
    println!(
        "{backend:?}, {} s: {} edits accepted, {} refused; {} foreign saves, of which {reverted} \
         went over an edit that their program had not read; {} reads between an exchange and its \
         return",
        lasting.as_secs(),
        done.iter().map(|client| client.accepted.len()).sum::<usize>(),
        done.iter().map(|client| client.conflicts).sum::<usize>(),
        saves.saves.len(),
        saves.unsettled,
    );
    Arc::into_inner(house).unwrap().close().await;
}

async fn two_clients_that_edit_different_fields_both_succeed(backend: Backend) {
    let house = open(backend).await;
    let revision = async || house.get(ARTIFACT).await["revision"].as_str().unwrap().to_owned();
    let path = format!("{ARTIFACT}/metadata");
    let (first, second) = (json!({"author": "Ada"}), json!({"description": "Grace's."}));

    let seen_by_both = revision().await;
    house.put(&path, Some(&seen_by_both), &first).await.is(200);
    let lost = house.put(&path, Some(&seen_by_both), &second).await;
    let problem = lost.problem(412, "precondition-failed");
    assert_eq!(problem["current"]["author"], "Ada");
    let edited = house.put(&path, Some(&revision().await), &second).await.is(200);
    assert_eq!((&edited["author"], &edited["description"]), (&"Ada".into(), &"Grace's.".into()));
    for row in rows(&house).await {
        assert_eq!((&row["author"], &row["description"]), (&"Ada".into(), &"Grace's.".into()));
    }
    house.close().await;
}

on_both! {
    nothing_is_lost_between_eight_clients_and_a_foreign_program
    two_clients_that_edit_different_fields_both_succeed
}
