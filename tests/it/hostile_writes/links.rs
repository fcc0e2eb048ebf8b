//! Links, within and out of what is served.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{SECRET, edit, files, open};

const CANNOT: [(u16, &str); 1] = [(422, "cannot-be-written")];

fn relink(target: impl AsRef<Path>, at: PathBuf) {
    if fs::symlink_metadata(&at).unwrap().is_dir() {
        fs::remove_dir_all(&at).unwrap();
    } else {
        fs::remove_file(&at).unwrap();
    }
    symlink(target, at).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_main_file_that_is_a_link_within_the_collection_is_written_through() {
    let files = files();
    let root = files.path().join("collections/work");
    fs::rename(root.join("skills/s0/SKILL.md"), root.join("shared.md")).unwrap();
    symlink("../../shared.md", root.join("skills/s0/SKILL.md")).unwrap();
    let house = open(&files).await;
    let before = house.snapshot();
    let edited = house.put("artifacts/skill:s0/metadata", Some("*"), &edit()).await.is(200);
    assert_eq!(edited["description"], "Edited.");
    let after = house.snapshot();
    let link = "collections/work/skills/s0/SKILL.md";
    assert_eq!(after[link], before[link], "the link is still one");
    let target = String::from_utf8_lossy(&after["collections/work/shared.md"]);
    assert!(target.contains("description: Edited.\n"), "{target}");

    house.delete("artifacts/skill:s0").await.is(200);
    let deleted = house.snapshot();
    assert_eq!(deleted["collections/work/shared.md"], after["collections/work/shared.md"]);
    assert!(!deleted.contains_key(link));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leaves_the_collection_is_not_written_through() {
    let files = files();
    let root = files.path().join("collections/work");
    relink(files.path().join(SECRET), root.join("skills/s0/SKILL.md"));
    relink("../../../outside/secret", root.join("skills/s1"));
    let house = open(&files).await;
    let before = house.snapshot();
    let project = json!({"project_path": files.path().join("projects/shop")});
    for id in ["skill:s0", "skill:s1"] {
        let answer = house.put(&format!("artifacts/{id}/metadata"), Some("*"), &edit()).await;
        house.refused(&answer, &CANNOT, &before, id);
        let answer = house.post(&format!("artifacts/{id}/deploy"), &project).await;
        house.refused(&answer, &CANNOT, &before, id);
    }
    for id in ["skill:s0", "skill:s1"] {
        house.delete(&format!("artifacts/{id}")).await.is(200);
        assert_eq!(house.snapshot()[SECRET], before[SECRET], "{id}");
        assert!(house.snapshot().contains_key("outside/secret"), "{id}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_behind_a_link_out_of_the_collection() {
    let files = files();
    let root = files.path().join("collections/work");
    symlink("../../outside", root.join("agents")).unwrap();
    symlink("../../outside/none", root.join("commands")).unwrap();
    let house = open(&files).await;
    let before = house.snapshot();
    for kind in ["agent", "command"] {
        let body = json!({"type": kind, "name": "a", "description": "d"});
        let answer = house.post("artifacts", &body).await;
        house.refused(&answer, &CANNOT, &before, kind);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn larders_own_directory_is_no_link_to_elsewhere() {
    let files = files();
    let root = files.path().join("collections/work");
    let house = open(&files).await;
    let new = json!({"type": "skill", "name": "a", "description": "d"});
    for target in ["../../outside", "skills", "nowhere", "/"] {
        symlink(target, root.join(".larder")).unwrap();
        let before = house.snapshot();
        let answer = house.put("artifacts/skill:s0/metadata", Some("*"), &edit()).await;
        house.refused(&answer, &CANNOT, &before, target);
        let answer = house.delete("artifacts/skill:s0").await;
        house.refused(&answer, &CANNOT, &before, target);
        let answer = house.post("artifacts", &new).await;
        house.refused(&answer, &CANNOT, &before, target);
        fs::remove_file(root.join(".larder")).unwrap();
    }
    // Its files are none either.
    for (name, target) in [
        ("lock", "../../../outside/secret/SKILL.md"),
        ("history.jsonl", "../../../outside/secret/SKILL.md"),
        ("staged", "../../../outside"),
        ("journal.json", "../../../outside/secret/SKILL.md"),
        ("journal.new", "../../../outside/secret/SKILL.md"),
        ("trash", "../../../outside"),
    ] {
        fs::create_dir_all(root.join(".larder")).unwrap();
        symlink(target, root.join(".larder").join(name)).unwrap();
        let outside = |house: &crate::house::House| {
            let mut files = house.snapshot();
            files.retain(|name, _| name.starts_with("outside"));
            files
        };
        let before = outside(&house);
        for answer in [
            house.put("artifacts/skill:s0/metadata", Some("*"), &json!({"author": name})).await,
            house.delete("artifacts/skill:s1").await,
        ] {
            assert!([200, 422].contains(&answer.status), "{name}: {}", answer.text);
            house.tells_no_place(&answer, name);
            assert_eq!(outside(&house), before, "{name}");
        }
        fs::remove_dir_all(root.join(".larder")).unwrap();
        crate::house::managed(files.path(), "work", 2);
        house.refresh("work").await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_deployed_behind_a_link_out_of_a_project() {
    let files = files();
    let house = open(&files).await;
    let shop = files.path().join("projects/shop");
    let project = json!({"project_path": shop, "strategy": "overwrite"});
    for (at, target) in [
        (".claude", "../../outside"),
        (".claude", "../../outside/none"),
        (".claude/skills", "../../../outside"),
        (".claude/skills/s0", "../../../../outside/secret"),
        (".claude/skills/s0/SKILL.md", "../../../../../outside/secret/SKILL.md"),
        (".claude/.larder-project", "../../../outside"),
        (".claude/.larder-deployed.toml", "../../../outside/secret/SKILL.md"),
    ] {
        let link = shop.join(at);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, &link).unwrap();
        let before = house.snapshot();
        let answer = house.post("artifacts/skill:s0/deploy", &project).await;
        house.refused(&answer, &CANNOT, &before, at);
        fs::remove_file(&link).unwrap();
        if at != ".claude" {
            fs::remove_dir_all(shop.join(".claude")).unwrap();
        }
    }
    house.close().await;
}
