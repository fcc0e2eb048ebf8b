//! Files change under the cache: by an editor, a shell, an unmounted disk.

use std::{fs, sync::Arc};

use crate::house::{Backend, House, entry, managed, skill};

async fn open(backend: Backend, skills: usize) -> House {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", skills);
    House::open(&files, backend).await
}

async fn an_edit_a_deletion_and_a_break(backend: Backend) {
    let house = open(backend, 3).await;
    let page = "user-collections/work/artifacts";
    let etag = house.etag(page).await;

    house.write("collections/work/skills/s0/SKILL.md", skill("Edited with an editor."));
    let report = house.refresh("work").await;
    assert_eq!((&report["updated"], &report["unchanged"]), (&1.into(), &2.into()), "{report}");
    assert_eq!(house.get(page).await["items"][0]["description"], "Edited with an editor.");
    assert_ne!(house.etag(page).await, etag);

    fs::remove_dir_all(house.files.path().join("collections/work/skills/s1")).unwrap();
    let report = house.refresh("work").await;
    assert_eq!(report["errors"][0]["message"], "files missing");
    let missing = house.get("artifacts/skill:s1").await;
    assert_eq!(
        (&missing["health"], &missing["problem"]),
        (&"broken".into(), &"files missing".into())
    );
    assert_eq!(missing["description"], "The skill 1.", "the last good metadata");

    house.write(
        "collections/work/collection.toml",
        format!("[collection]\nname = \"work\"\n{}{}", entry(0), entry(2)),
    );
    let report = house.refresh("work").await;
    assert_eq!(report["removed"], 1, "{report}");

    house.write("collections/work/skills/s2/SKILL.md", "---\n{{{{\n: : [\n---\n");
    house.refresh("work").await;
    let broken = house.get("artifacts/skill:s2").await;
    assert_eq!(broken["health"], "broken");
    assert_eq!(broken["description"], "The skill 2.");
    house.close().await;
}

async fn a_root_that_is_gone_is_guarded(backend: Backend) {
    let house = open(backend, 3).await;
    let root = house.files.path().join("collections/work");
    let away = house.files.path().join("away");
    fs::rename(&root, &away).unwrap();
    let report = house.refresh("default").await;
    assert_eq!((&report["status"], &report["removed"]), (&"guarded".into(), &0.into()));
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], 3, "reads go on");

    house.larder.start().await.unwrap();
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], 3, "also after a start");

    fs::rename(&away, &root).unwrap();
    let report = house.refresh("default").await;
    assert_eq!((&report["status"], &report["unchanged"]), (&"completed".into(), &3.into()));
    house.close().await;
}

async fn a_manifest_that_does_not_parse_keeps_the_rows_and_marks_the_collection(backend: Backend) {
    let house = open(backend, 2).await;
    managed(house.files.path(), "other", 1);
    house.write("collections/work/collection.toml", "[collection\n");
    house.refresh("default").await;
    let work = house.get("user-collections/work").await;
    assert_eq!(
        (&work["artifact_count"], &work["last_refresh"]["status"]),
        (&2.into(), &"failed".into())
    );
    assert!(work["last_refresh"]["problem"].as_str().unwrap().contains("collection.toml"));
    assert_eq!(house.get("user-collections/other").await["artifact_count"], 1, "others refresh");
    house.close().await;
}

macro_rules! on_both {
    ($($case:ident)+) => {
        mod sqlite { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(super::Backend::Sqlite).await; }
        )+ }
        mod postgres { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(super::Backend::Postgres).await; }
        )+ }
    };
}
pub(crate) use on_both;

on_both! {
    an_edit_a_deletion_and_a_break
    a_root_that_is_gone_is_guarded
    a_manifest_that_does_not_parse_keeps_the_rows_and_marks_the_collection
}
