//! A curated collection over real files: its members are edited, go, and come back.

use std::{fs, sync::Arc};

use poem::http::Method;
use serde_json::{Value, json};

use crate::{
    changes::on_both,
    house::{Backend, House, entry, managed, skill},
};

/// Three skills, two of which are in the collection `mine`.
async fn curated(backend: Backend) -> House {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 3);
    let house = House::open(&files, backend).await;
    house.post("user-collections", &json!({"name": "mine"})).await.is(201);
    let added = add(&house, &["skill:s0", "skill:s1"]).await;
    assert_eq!(added["added"], json!(["skill:s0", "skill:s1"]));
    house
}

async fn add(house: &House, ids: &[&str]) -> Value {
    house.post("user-collections/mine/artifacts", &json!({"artifact_ids": ids})).await.is(200)
}

async fn members(house: &House) -> Vec<String> {
    let page = house.get("user-collections/mine/artifacts?tag=x").await;
    let items = page["items"].as_array().unwrap();
    let count = house.get("user-collections/mine").await["artifact_count"].clone();
    assert_eq!(count, items.len(), "every count agrees");
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn manifest(skills: &[usize]) -> String {
    let entries: String = skills.iter().map(|n| entry(*n)).collect();
    format!("[collection]\nname = \"work\"\n{entries}")
}

async fn a_member_is_edited_through_its_collection(backend: Backend) {
    let house = curated(backend).await;
    let body = json!({"description": "Edited in mine."});
    let edited =
        house.put("artifacts/skill:s0/metadata?collection=mine", Some("*"), &body).await.is(200);
    assert_eq!(edited["source_collection"], "work");
    assert_eq!(edited["collections"].as_array().unwrap().len(), 3);
    for collection in ["mine", "work", "default"] {
        let row = house.get(&format!("artifacts/skill:s0?collection={collection}")).await;
        assert_eq!(row["description"], "Edited in mine.", "{collection}");
    }
    let file = house.files.path().join("collections/work/skills/s0/SKILL.md");
    assert!(fs::read_to_string(file).unwrap().contains("description: Edited in mine."));
    house.close().await;
}

async fn a_member_whose_files_go_is_hidden_and_comes_back_with_them(backend: Backend) {
    let house = curated(backend).await;
    house.write("collections/work/collection.toml", manifest(&[1, 2]));
    let report = house.refresh("default").await;
    assert_eq!((&report["removed"], &report["hidden"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(members(&house).await, ["skill:s1"]);
    let gone = house.send(Method::GET, "artifacts/skill:s0?collection=mine", None, None).await;
    gone.problem(404, "not-found");
    assert_eq!(add(&house, &["skill:s0"]).await["already_present"], json!(["skill:s0"]));

    house.write("collections/work/skills/s0/SKILL.md", skill("Back again."));
    house.write("collections/work/collection.toml", manifest(&[0, 1, 2]));
    let report = house.refresh("mine").await;
    assert_eq!(report["returned"], 0, "a curated collection refreshes the members that it shows");
    let report = house.refresh("work").await;
    assert_eq!((&report["created"], &report["returned"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(members(&house).await, ["skill:s0", "skill:s1"]);
    let back = house.get("artifacts/skill:s0?collection=mine").await;
    assert_eq!(back["description"], "Back again.");
    house.close().await;
}

async fn a_member_that_is_deleted_and_restored_is_a_member_again(backend: Backend) {
    let house = curated(backend).await;
    let deleted = house.delete("artifacts/skill:s0?collection=mine").await.is(200);
    assert_eq!(members(&house).await, ["skill:s1"]);
    let restore = format!("artifacts/trash/{}/restore", deleted["trash_id"].as_str().unwrap());
    house.send(Method::POST, &restore, None, None).await.is(200);
    assert_eq!(members(&house).await, ["skill:s0", "skill:s1"]);
    house.close().await;
}

async fn new_members_show_what_their_files_say_now(backend: Backend) {
    let house = curated(backend).await;
    house.write("collections/work/skills/s2/SKILL.md", skill("Edited with an editor."));
    house.write("plain/commands/old.md", "Do it.\n");
    // The plain directory is a source from now on.
    house.refresh("default").await;
    house.write("collections/work/skills/s4/SKILL.md", skill("The latest."));
    house.write("collections/work/collection.toml", manifest(&[0, 1, 2, 4]));
    house.write("plain/commands/new.md", "Do it.\n");
    let added = add(&house, &["skill:s2", "skill:s4", "command:new", "skill:s9"]).await;
    assert_eq!(added["not_found"], json!(["skill:s9"]), "{added}");
    let s2 = house.get("artifacts/skill:s2?collection=mine").await;
    assert_eq!(
        (&s2["description"], &s2["stale"]),
        (&json!("Edited with an editor."), &json!(false))
    );
    assert_eq!(house.get("artifacts/skill:s4").await["description"], "The latest.");
    house.close().await;
}

async fn a_collection_of_many_is_filled_at_once(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 1_000);
    let house = House::open(&files, backend).await;
    house.post("user-collections", &json!({"name": "mine"})).await.is(201);
    let ids: Vec<String> = (0..1_000).map(|n| format!("skill:s{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(add(&house, &ids).await["added"].as_array().unwrap().len(), 1_000);
    let stats = house.get("user-collections/cache-stats?collection_id=mine").await;
    assert_eq!((&stats["total_artifacts"], &stats["stale_count"]), (&json!(1_000), &json!(0)));
    house.close().await;
}

on_both! {
    a_member_is_edited_through_its_collection
    a_member_whose_files_go_is_hidden_and_comes_back_with_them
    a_member_that_is_deleted_and_restored_is_a_member_again
    new_members_show_what_their_files_say_now
    a_collection_of_many_is_filled_at_once
}
