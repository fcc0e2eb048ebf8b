//! Nobody asks for a refresh: what changes in the files is in the API before long.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    changes::on_both,
    house::{Backend, House, entry, managed, skill},
};

/// Far longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves three managed skills and a plain one, and follows what happens to them.
async fn open(backend: Backend) -> (House, JoinHandle<()>) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 3);
    crate::house::write(files.path(), "plain/skills/p/SKILL.md", skill("Plain."));
    let house = House::open(&files, backend).await;
    let watch = follow(&house).await;
    (house, watch)
}

/// Follows the files from now on.
pub(crate) async fn follow(house: &House) -> JoinHandle<()> {
    let larder = Arc::clone(&house.larder);
    let watch = tokio::spawn(async move { larder.watch().await });
    until(house, "user-collections/cache-stats", |stats| {
        let sources = stats["sources"].as_array().unwrap();
        sources.iter().all(|source| source["watch"] == "events")
    })
    .await;
    watch
}

/// Asks again and again until the answer is as it should be.
pub(crate) async fn until(house: &House, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let asking = async {
        loop {
            let answer = house.send(poem::http::Method::GET, path, None, None).await;
            last = answer.json();
            if is_so(&last) {
                return last.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await.ok();
    answer.unwrap_or_else(|| panic!("{path} never came to be as it should: {last}"))
}

async fn until_described(house: &House, id: &str, text: &str) {
    until(house, &format!("artifacts/{id}"), |artifact| artifact["description"] == text).await;
}

fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).current_dir(directory).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

async fn an_edit_by_any_tool_is_seen(backend: Backend) {
    let (house, watch) = open(backend).await;
    let root = house.files.path().join("collections/work");
    house.write("collections/work/skills/s0/SKILL.md", skill("Saved in place."));
    until_described(&house, "skill:s0", "Saved in place.").await;

    fs::write(root.join("skills/s1/.SKILL.md.tmp"), skill("Renamed over it.")).unwrap();
    fs::rename(root.join("skills/s1/.SKILL.md.tmp"), root.join("skills/s1/SKILL.md")).unwrap();
    until_described(&house, "skill:s1", "Renamed over it.").await;

    run(
        house.files.path(),
        "sed",
        &["-i", "s/^description:.*/description: By sed./", "plain/skills/p/SKILL.md"],
    );
    until_described(&house, "skill:p", "By sed.").await;

    let manifest = fs::read_to_string(root.join("collection.toml")).unwrap();
    fs::write(root.join("collection.toml"), manifest + &entry(7)).unwrap();
    house.write("collections/work/skills/s7/SKILL.md", skill("Added by hand."));
    until_described(&house, "skill:s7", "Added by hand.").await;
    watch.abort();
    house.close().await;
}

async fn what_goes_is_gone_and_what_comes_is_there(backend: Backend) {
    let (house, watch) = open(backend).await;
    let plain = house.files.path().join("plain");
    house.write("plain/skills/q/SKILL.md", skill("Another."));
    until_described(&house, "skill:q", "Another.").await;
    fs::rename(plain.join("skills/q"), plain.join("skills/r")).unwrap();
    until(&house, "artifacts?limit=200", |page| {
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        ids.contains(&&json!("skill:r")) && !ids.contains(&&json!("skill:q"))
    })
    .await;

    managed(house.files.path(), "late", 2);
    until(&house, "user-collections/late", |late| late["artifact_count"] == 2).await;
    house.write("collections/late/skills/s0/SKILL.md", skill("In the new collection."));
    until(&house, "artifacts/skill:s0?collection=late", |artifact| {
        artifact["description"] == "In the new collection."
    })
    .await;
    watch.abort();
    house.close().await;
}

async fn a_collection_that_is_replaced_as_a_whole_is_seen(backend: Backend) {
    let (house, watch) = open(backend).await;
    let collections = house.files.path().join("collections");
    managed(&collections, "aside", 2);
    let aside = collections.join("collections/aside");
    crate::house::write(&aside, "skills/s1/SKILL.md", skill("Of the new one."));
    fs::rename(collections.join("work"), house.files.path().join("old")).unwrap();
    fs::rename(&aside, collections.join("work")).unwrap();
    until(&house, "artifacts/skill:s1?collection=work", |artifact| {
        artifact["description"] == "Of the new one."
    })
    .await;
    until(&house, "user-collections/work", |work| work["artifact_count"] == 2).await;
    house.write("collections/work/skills/s1/SKILL.md", skill("And it is watched."));
    until(&house, "artifacts/skill:s1?collection=work", |artifact| {
        artifact["description"] == "And it is watched."
    })
    .await;
    watch.abort();
    house.close().await;
}

async fn a_checkout_of_a_thousand_files_ends_in_a_right_cache(backend: Backend) {
    let (house, watch) = open(backend).await;
    let plain = house.files.path().join("plain");
    let git = |arguments: &[&str]| {
        let own =
            ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        run(&plain, "git", &[&own[..], arguments].concat());
    };
    let write_all = |text: &str| {
        for n in 0..1_000 {
            house.write(&format!("plain/skills/c{n}/SKILL.md"), skill(&format!("{text} {n}")));
        }
    };
    git(&["init", "-q", "-b", "one"]);
    write_all("one");
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    git(&["checkout", "-qb", "two"]);
    write_all("two");
    git(&["rm", "-rq", "skills/p"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "two"]);
    for branch in ["one", "two"] {
        git(&["checkout", "-q", branch]);
        let count = if branch == "one" { 1_001 } else { 1_000 };
        let found = format!("user-collections/plain/artifacts?limit=1&q={branch}");
        until(&house, &found, |page| page["page_info"]["total_count"] == 1_000).await;
        until(&house, "user-collections/plain", |plain| plain["artifact_count"] == count).await;
    }
    let report = house.refresh("plain").await;
    assert_eq!(
        (&report["created"], &report["updated"], &report["removed"]),
        (&0.into(), &0.into(), &0.into())
    );
    watch.abort();
    house.close().await;
}

async fn an_edit_through_the_api_makes_no_second_change(backend: Backend) {
    let (house, watch) = open(backend).await;
    let saved = house
        .put("artifacts/skill:s0/metadata", Some("*"), &json!({"description": "By the API."}))
        .await;
    saved.is(200);
    let generation = house.get("user-collections/work").await["generation"].clone();
    // What is told after it is followed after it.
    house.write("collections/work/skills/s1/SKILL.md", skill("Later."));
    until_described(&house, "skill:s1", "Later.").await;
    let after = house.get("user-collections/work").await["generation"].clone();
    assert_eq!(after.as_u64().unwrap(), generation.as_u64().unwrap() + 1);
    watch.abort();
    house.close().await;
}

on_both! {
    an_edit_by_any_tool_is_seen
    what_goes_is_gone_and_what_comes_is_there
    a_collection_that_is_replaced_as_a_whole_is_seen
    a_checkout_of_a_thousand_files_ends_in_a_right_cache
    an_edit_through_the_api_makes_no_second_change
}
