use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::binary::{Home, Server};

fn items(server: &Server, query: &str) -> Vec<Value> {
    let (status, body) = server.get(&format!("/api/v1/artifacts?limit=200{query}"));
    assert_eq!(status, 200, "{body}");
    let page: Value = serde_json::from_str(&body).unwrap();
    page["items"].as_array().unwrap().clone()
}

fn values(items: &[Value], field: &str) -> BTreeSet<String> {
    items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_demo_has_something_of_everything() {
    let home = Home::new();
    let server = home.serve(&["--demo"]);
    server.ready();
    let items = items(&server, "");
    assert_eq!(items.len(), 24, "{:?}", values(&items, "id"));
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        values(&items, "type"),
        set(&["skill", "agent", "command", "hook", "mcp", "composite"])
    );
    assert_eq!(values(&items, "health"), set(&["ok", "recovered", "broken"]));
    assert_eq!(values(&items, "source_collection"), set(&["pantry", "workshop"]));
}

#[test]
fn the_demo_keeps_to_itself_and_leaves_edits_alone() {
    let home = Home::new();
    home.write(".claude/commands/mine.md", "Mine.");
    let server = home.serve(&["--demo"]);
    let root = home.path().join(".local/share/larder/demo");
    assert_eq!(
        server.seen("the files of the demo are here, for you to edit")["path"],
        root.to_str().unwrap()
    );
    server.ready();
    assert!(!values(&items(&server, ""), "id").contains("command:claude:mine"));
    assert!(items(&server, "&q=mine").is_empty());
    assert_eq!(server.end("TERM").code(), Some(0));

    let edited = root.join("workshop/commands/explain.md");
    fs::write(&edited, "---\ndescription: Mine now\n---\n").unwrap();
    let server = home.serve(&["--demo"]);
    assert_eq!(fs::read_to_string(&edited).unwrap(), "---\ndescription: Mine now\n---\n");
    drop(server);
    assert!(!home.path().join(".local/share/larder/larder.db").exists());
}
