//! Artifacts that go in numbers: ordinary work is believed at once, and what may be a disk out of reach,
//! or a save that is not finished, is not.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    sync::Arc,
};

use poem::http::Method;
use serde_json::json;

use crate::{
    alive::{follow, until},
    changes::on_both,
    house::{Backend, House, entry, managed, skill},
};

/// How many saves a test makes; a longer run sets the variable.
const SAVES: &str = "LARDER_TEST_SAVES";

/// Serves a plain directory with a marketplace of 30 skills, a group of 12 and one more.
async fn marketplace(backend: Backend) -> House {
    let files = Arc::new(tempfile::tempdir().unwrap());
    let write = |path: String| crate::house::write(files.path(), &path, skill("A skill."));
    (0..30).for_each(|n| write(format!("plain/plugins/marketplaces/m/skills/m{n}/SKILL.md")));
    (0..12).for_each(|n| write(format!("plain/tree/groupb/skills/g{n}/SKILL.md")));
    write("plain/skills/one/SKILL.md".to_owned());
    House::open(&files, backend).await
}

async fn what_ordinary_work_removes_from_a_plain_directory_is_believed(backend: Backend) {
    let house = marketplace(backend).await;
    let plain = house.files.path().join("plain");
    fs::remove_dir_all(plain.join("plugins")).unwrap();
    let report = house.refresh("plain").await;
    assert_eq!((&report["status"], &report["removed"]), (&json!("completed"), &json!(30)));

    fs::rename(plain.join("tree/groupb"), plain.join("tree/groupc")).unwrap();
    let report = house.refresh("plain").await;
    assert_eq!(report["status"], "completed", "{report}");
    let page = house.get("artifacts?limit=200").await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 13);
    for item in items {
        let id = item["id"].as_str().unwrap();
        let content = house.send(Method::GET, &format!("artifacts/{id}/content"), None, None).await;
        assert_eq!(content.status, 200, "{id}");
    }

    for directory in ["tree", "skills"] {
        fs::remove_dir_all(plain.join(directory)).unwrap();
    }
    let report = house.refresh("plain").await;
    assert_eq!((&report["status"], &report["removed"]), (&json!("completed"), &json!(13)));
    house.close().await;
}

async fn a_rollback_of_a_collection_is_believed(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 15);
    let house = House::open(&files, backend).await;
    managed(files.path(), "work", 2);
    for n in 2..15 {
        fs::remove_dir_all(files.path().join(format!("collections/work/skills/s{n}"))).unwrap();
    }
    let report = house.refresh("work").await;
    assert_eq!((&report["status"], &report["removed"]), (&json!("completed"), &json!(13)));
    house.close().await;
}

async fn entries_that_get_other_names_are_believed(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 15);
    let house = House::open(&files, backend).await;
    let path = files.path().join("collections/work/collection.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("name = \"s", "name = \"renamed-s")).unwrap();
    let report = house.refresh("work").await;
    assert_eq!((&report["status"], &report["removed"]), (&json!("completed"), &json!(15)));
    assert_eq!(report["created"], 15, "{report}");
    house.close().await;
}

async fn entries_that_go_while_their_files_stay_are_guarded_until_that_is_confirmed(
    backend: Backend,
) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 15);
    let house = House::open(&files, backend).await;
    house.write("collections/work/collection.toml", entry(0));
    let report = house.refresh("work").await;
    assert_eq!((&report["status"], &report["removed"]), (&json!("guarded"), &json!(0)));
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("their files are still there"), "{message}");

    let confirmed = "user-collections/work/refresh-cache?confirm_removals=14";
    let report = house.post(confirmed, &json!({})).await.is(200);
    assert_eq!((&report["status"], &report["removed"]), (&json!("completed"), &json!(14)));
    house.write("collections/work/collection.toml", "");
    assert_eq!(house.refresh("work").await["status"], "guarded", "all of them");
    house.close().await;
}

async fn a_save_that_truncates_the_manifest_first_never_shows_fewer_artifacts(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 12);
    let house = House::open(&files, backend).await;
    let watch = follow(&house).await;
    let path = files.path().join("collections/work/collection.toml");
    let text = fs::read_to_string(&path).unwrap();
    let saves: usize = env::var(SAVES).map_or(100, |saves| saves.parse().unwrap());
    let saving = tokio::task::spawn_blocking(move || {
        for save in 0..saves {
            // An editor that writes in pieces stops anywhere.
            let (first, second) = text.split_at(text.len() * (save % 10) / 10);
            let mut file = File::create(&path).unwrap();
            file.write_all(first.as_bytes()).unwrap();
            std::thread::yield_now();
            write!(file, "{second}\n# {save}\n").unwrap();
        }
    });
    while !saving.is_finished() {
        let page = house.get("user-collections/work/artifacts?limit=1").await;
        assert_eq!(page["page_info"]["total_count"], 12);
    }
    saving.await.unwrap();
    // What comes after the last save is followed as ever.
    house.write("collections/work/skills/s3/SKILL.md", skill("After the last save."));
    until(&house, "artifacts/skill:s3", |it| it["description"] == "After the last save.").await;
    let report = house.refresh("work").await;
    assert_eq!((&report["status"], &report["unchanged"]), (&json!("completed"), &json!(12)));
    watch.abort();
    house.close().await;
}

on_both! {
    what_ordinary_work_removes_from_a_plain_directory_is_believed
    a_rollback_of_a_collection_is_believed
    entries_that_get_other_names_are_believed
    entries_that_go_while_their_files_stay_are_guarded_until_that_is_confirmed
    a_save_that_truncates_the_manifest_first_never_shows_fewer_artifacts
}
