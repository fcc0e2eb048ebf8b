//! Ids, names and paths that lead elsewhere.

use poem::http::Method;
use serde_json::json;

use super::{SECRET, edit, files, open};
use crate::house::{House, entry};

/// Not there, no id, or no text at all once it is decoded.
const NOWHERE: [(u16, &str); 3] = [(404, "not-found"), (422, "invalid"), (400, "bad-request")];

/// Ids, as they stand in a path.
fn ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "skill:..%2F..%2Foutside%2Fsecret",
        "skill:%2e%2e%2f%2e%2e%2f%2e%2e%2foutside%2fsecret",
        "skill:%252e%252e%252f%252e%252e%252foutside",
        "skill:%2e%2e",
        "skill:%2e",
        "skill:s0%2F..%2Fs1",
        "skill:s0%2FSKILL.md",
        "skill:%2Fetc%2Fpasswd",
        "skill:..%5C..%5Coutside",
        "skill:s0%00",
        "skill:%00",
        "skill:s0%0A",
        "skill:%EF%BC%8E%EF%BC%8E%EF%BC%8Foutside",
        "skill:%E2%80%A5%E2%88%95outside",
        "skill:%C0%AE%C0%AE%C0%AFoutside",
        "skill:%FF",
        "skill:S0",
        "skill:s0%20",
        "%2e%2e%2fskill:s0",
        "%2Fetc%2Fpasswd",
        "..%2F..%2Fetc",
        "skill",
        "skill:",
        "SKILL:s0",
    ]
    .map(str::to_owned)
    .to_vec();
    ids.push(format!("skill:{}", "x".repeat(300)));
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_leads_elsewhere_names_nothing() {
    let files = files();
    let house = open(&files).await;
    let before = house.snapshot();
    let project = files.path().join("projects/shop");
    let project = json!({"project_path": project});
    let body = edit();
    for id in ids() {
        for (method, operation, body) in [
            (Method::PUT, "/metadata", Some(&body)),
            (Method::DELETE, "", None),
            (Method::POST, "/deploy", Some(&project)),
            (Method::POST, "/undeploy", Some(&project)),
            (Method::POST, "/sync", Some(&project)),
            (Method::GET, "/history", None),
            (Method::GET, "/deployments", None),
            (Method::GET, "/content", None),
        ] {
            let path = format!("artifacts/{id}{operation}");
            let what = format!("{method} {path}");
            let answer = house.send(method, &path, Some("*"), body).await;
            house.refused(&answer, &NOWHERE, &before, &what);
        }
        let answer = house.post(&format!("artifacts/trash/{id}/restore"), &json!({})).await;
        house.refused(&answer, &NOWHERE, &before, &id);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_no_plain_word_creates_nothing() {
    let files = files();
    let house = open(&files).await;
    let before = house.snapshot();
    let long = "x".repeat(65);
    for name in [
        "../x",
        "..",
        ".",
        "a/b",
        "/x",
        "/etc/passwd",
        "%2e%2e",
        "%2e%2e%2fx",
        "%252e",
        "x\0",
        "\0",
        ".hidden",
        "x\n",
        "x\r\ny",
        "Upper",
        "größe",
        "．．／x",
        "a b",
        "a:b",
        "a\\b",
        "-a",
        "a-",
        "a--b",
        "a.md",
        "C:",
        "~",
        "$HOME",
        "`id`",
        "x\u{202e}y",
        "",
        " ",
        &long,
    ] {
        for kind in ["skill", "agent", "command"] {
            let body = json!({"type": kind, "name": name, "description": "d"});
            let answer = house.post("artifacts", &body).await;
            let problem = house.refused(&answer, &[(422, "invalid")], &before, name);
            assert_eq!(problem["errors"][0]["field"], "name", "{name:?}");
        }
    }
    for kind in ["hook", "mcp", "plugin", "../skill", "Skill", "skill\0", ""] {
        let body = json!({"type": kind, "name": "a", "description": "d"});
        let answer = house.post("artifacts", &body).await;
        let problem = house.refused(&answer, &[(422, "invalid")], &before, kind);
        assert_eq!(problem["errors"][0]["field"], "type", "{kind:?}");
    }
    for collection in ["../work", "..%2fwork", "/etc", "work\0", "nowhere"] {
        let body =
            json!({"type": "skill", "name": "a", "description": "d", "collection": collection});
        let answer = house.post("artifacts", &body).await;
        house.refused(&answer, &NOWHERE, &before, collection);
    }
    house.close().await;
}

/// A manifest entry of that path.
fn leading_to(house: &House, path: &str) {
    let manifest = "[collection]\nname = \"work\"\n".to_owned()
        + &entry(0)
        + &entry(1).replace("\"skills/s1\"", &format!("\"{path}\""));
    house.write("collections/work/collection.toml", manifest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_path_that_leads_out_is_neither_edited_nor_deleted_there() {
    let files = files();
    let house = open(&files).await;
    let absolute = files.path().join("outside/secret");
    let absolute = absolute.to_str().unwrap();
    for path in [
        "../../outside/secret",
        "../../outside/secret/SKILL.md",
        "skills/../../../outside/secret",
        absolute,
        "//etc",
        "skills/s1\\u0000/../../../../outside/secret",
        "..",
    ] {
        leading_to(&house, path);
        house.refresh("work").await;
        let before = house.snapshot();
        let answer = house.put("artifacts/skill:s1/metadata", Some("*"), &edit()).await;
        house.refused(&answer, &[(422, "cannot-be-written")], &before, path);
        let project = json!({"project_path": files.path().join("projects/shop")});
        let answer = house.post("artifacts/skill:s1/deploy", &project).await;
        house.refused(&answer, &[(422, "cannot-be-written")], &before, path);

        let deleted = house.delete("artifacts/skill:s1").await;
        assert_eq!(deleted.status, 200, "the entry goes: {path}: {}", deleted.text);
        // What the entry said itself is told.
        if path != absolute {
            house.tells_no_place(&deleted, path);
        }
        let after = house.snapshot();
        assert_eq!(after[SECRET], before[SECRET], "{path}");
        let own = |name: &&String| name.starts_with("collections/work/.larder");
        let mut left = after.keys().filter(|name| !own(name));
        assert!(left.all(|name| before.contains_key(name)), "nothing is new: {path}");
        assert!(before.keys().all(|name| after.contains_key(name)), "nothing is gone: {path}");
        assert!(
            !String::from_utf8_lossy(&after["collections/work/collection.toml"]).contains("s1")
        );
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_path_to_what_the_collection_needs_is_not_deleted() {
    let files = files();
    let house = open(&files).await;
    for path in [".", "./", "collection.toml", ".larder", ".larder/trash", "skills", "./skills/."] {
        leading_to(&house, path);
        house.refresh("work").await;
        let before = house.snapshot();
        let answer = house.delete("artifacts/skill:s1").await;
        house.refused(&answer, &[(422, "cannot-be-written")], &before, path);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_outside_the_roots_is_forbidden_whether_it_is_there_or_not() {
    let files = files();
    let house = open(&files).await;
    let root = files.path().join("projects");
    let root = root.to_str().unwrap();
    std::os::unix::fs::symlink("../outside/project", files.path().join("projects/link")).unwrap();
    let before = house.snapshot();
    let outside = files.path().join("outside/project");
    for path in [
        outside.to_str().unwrap(),
        &format!("{root}/../outside/project"),
        &format!("{root}/shop/../../outside/project"),
        &format!("{root}/link"),
        &format!("{root}/link/."),
        &format!("{root}s"),
        "/none",
        "/",
        "/etc",
        "/proc/self/cwd",
    ] {
        for operation in ["deploy", "undeploy", "sync"] {
            let path_of = format!("artifacts/skill:s0/{operation}");
            let answer = house.post(&path_of, &json!({"project_path": path})).await;
            house.refused(&answer, &[(403, "forbidden")], &before, path);
        }
    }
    for path in ["", "shop", "./shop", "../projects/shop", "~", &format!("{root}/shop\0")] {
        let answer = house.post("artifacts/skill:s0/deploy", &json!({"project_path": path})).await;
        house.refused(&answer, &[(422, "invalid")], &before, path);
    }
    for path in ["shop/README.md", "none", "%2e%2e/outside/project"] {
        let body = json!({"project_path": format!("{root}/{path}")});
        let answer = house.post("artifacts/skill:s0/deploy", &body).await;
        house.refused(&answer, &[(422, "cannot-be-written")], &before, path);
    }
    house.close().await;
}
