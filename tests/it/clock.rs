//! A wall clock that was two days ahead when the cache was filled, and that is set right afterwards.

use std::{fs, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    changes::on_both,
    house::{Backend, House, managed, skill},
};

const AHEAD: Duration = Duration::from_hours(48);

/// Three skills, read while the clock was ahead.
async fn set_right(backend: Backend) -> House {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 3);
    let house = House::open_ahead(&files, backend, AHEAD).await;
    house.set_clock_right();
    house
}

async fn description(house: &House, id: &str) -> String {
    let row = house.get(&format!("artifacts/{id}")).await;
    row["description"].as_str().unwrap().to_owned()
}

async fn edits_of_any_program_are_shown(backend: Backend) {
    let house = set_right(backend).await;
    house.write("collections/work/skills/s0/SKILL.md", skill("Edited with an editor."));
    house.refresh("work").await;
    assert_eq!(description(&house, "skill:s0").await, "Edited with an editor.");

    let row = house.get("artifacts/skill:s1").await;
    let revision = row["revision"].as_str().unwrap();
    let body = json!({"description": "Edited through the API."});
    let put = house.put("artifacts/skill:s1/metadata", Some(revision), &body).await;
    assert_eq!(put.is(200)["cache"], "current");
    let row = house.get("artifacts/skill:s1").await;
    assert_eq!(row["description"], "Edited through the API.");
    // The revision that GET shows is the one that PUT takes.
    let revision = row["revision"].as_str().unwrap();
    let body = json!({"description": "Edited again."});
    house.put("artifacts/skill:s1/metadata", Some(revision), &body).await.is(200);
    assert_eq!(description(&house, "skill:s1").await, "Edited again.");
    house.close().await;
}

async fn what_is_deleted_goes(backend: Backend) {
    let house = set_right(backend).await;
    house.delete("artifacts/skill:s0").await.is(200);
    house.send(poem::http::Method::GET, "artifacts/skill:s0", None, None).await.is(404);
    let manifest = house.files.path().join("collections/work/collection.toml");
    fs::write(manifest, "[collection]\nname = \"work\"\n").unwrap();
    let refresh = "user-collections/work/refresh-cache?confirm_removals=2";
    let report = house.send(poem::http::Method::POST, refresh, None, None).await.is(200);
    assert_eq!(report["removed"], 2);
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], 0);
    house.close().await;
}

async fn rows_from_the_future_say_that_they_are_stale_and_are_read_again(backend: Backend) {
    let house = set_right(backend).await;
    let stats = "user-collections/cache-stats";
    assert_eq!(house.get(stats).await["stale_count"], 3);
    assert_eq!(house.get("artifacts/skill:s0").await["stale"], true);
    let page = "user-collections/work/artifacts";
    let etag = house.etag(page).await;
    house.refresh("work").await;
    assert_eq!(house.get(stats).await["stale_count"], 0);
    assert_eq!(house.get("artifacts/skill:s0").await["stale"], false);
    assert_ne!(house.etag(page).await, etag, "a page shows when its rows were verified");
    house.close().await;
}

on_both! {
    edits_of_any_program_are_shown
    what_is_deleted_goes
    rows_from_the_future_say_that_they_are_stale_and_are_read_again
}
