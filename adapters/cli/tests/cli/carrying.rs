//! Curated collections are carried from one database to another.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use crate::binary::{Home, Outcome, Server, outcome};

const COLLECTIONS: &str = "/api/v1/user-collections";

/// A home with so many skills, and a server of them.
fn served(skills: usize) -> (Home, Server) {
    let home = Home::new();
    for n in 0..skills {
        let text = format!("---\nname: s{n}\ndescription: The skill {n}.\n---\n");
        home.write(&format!("files/skills/s{n}/SKILL.md"), &text);
    }
    let server = serve(&home);
    (home, server)
}

fn serve(home: &Home) -> Server {
    let server = home.serve(&["--directory", "files=~/files"]);
    server.ready();
    server
}

fn curate(server: &Server, name: &str, description: Option<&str>, ids: &[String]) {
    let body = json!({"name": name, "description": description});
    let (status, made) = server.post_json(COLLECTIONS, &body);
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    let path = format!("{COLLECTIONS}/{}/artifacts", made["id"].as_str().unwrap());
    for ids in ids.chunks(1_000) {
        let (status, added) = server.post_json(&path, &json!({"artifact_ids": ids}));
        assert_eq!(status, 200, "{added}");
    }
}

fn ids(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| format!("skill:s{n}")).collect()
}

fn ask(home: &Home, server: &Server, arguments: &[&str]) -> Command {
    home.larder(&[arguments, &["--server", &server.address()]].concat())
}

fn exported(home: &Home, server: &Server, arguments: &[&str]) -> Value {
    let outcome = outcome(&mut ask(home, server, &[&["export"], arguments].concat()));
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn import(home: &Home, server: &Server, export: &Value) -> Outcome {
    home.write("export.json", &export.to_string());
    outcome(&mut ask(home, server, &["import", "export.json"]))
}

#[test]
fn what_was_exported_is_back_after_the_database_was_deleted() {
    let (home, server) = served(1_201);
    curate(&server, "all of it", Some("Everything."), &ids(0..1_201));
    curate(&server, "Ünïcode & co", None, &ids(3..5));
    let export = exported(&home, &server, &[]);
    assert_eq!(export["version"], 1);
    let members = export["collections"][0]["artifact_ids"].as_array().unwrap();
    assert_eq!(members.len(), 1_201, "all pages");
    let expected = json!({
        "name": "Ünïcode & co", "description": null, "artifact_ids": ["skill:s3", "skill:s4"],
    });
    assert_eq!(export["collections"][1], expected);
    let one = exported(&home, &server, &["--collection", "Ünïcode & co"]);
    assert_eq!(one["collections"], json!([expected]));

    assert_eq!(server.end("TERM").code(), Some(0));
    fs::remove_dir_all(home.path().join(".local/share/larder")).unwrap();
    let server = serve(&home);
    assert_eq!(exported(&home, &server, &[])["collections"], json!([]));
    let outcome = import(&home, &server, &export);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\"all of it\": made; 1201 artifacts added, 0 there already"));
    assert_eq!(exported(&home, &server, &[]), export);

    let again = import(&home, &server, &export);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(again.stderr.contains("\"all of it\": there already; 0 artifacts added, 1201 there"));
    assert_eq!(exported(&home, &server, &[]), export, "a second import changes nothing");
}

#[test]
fn what_cannot_be_imported_is_named_and_the_rest_is_imported() {
    let (home, server) = served(2);
    curate(&server, "mine", Some("Kept."), &ids(0..1));
    let export = json!({"version": 1, "collections": [
        {"name": "files", "description": null, "artifact_ids": ids(0..1)},
        {"name": "mine", "description": "Another.", "artifact_ids": ids(0..3)},
        {"name": "a\nb", "description": null, "artifact_ids": []},
        {"name": "new", "description": "New.", "artifact_ids": []},
    ]});
    let outcome = import(&home, &server, &export);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
    let told: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(told.len(), 6, "{told:#?}");
    assert!(told[0].starts_with("\"files\": not imported: The name"), "{}", told[0]);
    assert_eq!(told[1], "\"mine\": there already; 1 artifacts added, 1 there already");
    assert_eq!(told[2], "\"mine\": not found: skill:s2");
    assert!(told[3].starts_with("\"a\\nb\": not imported: name: it may"), "{}", told[3]);
    assert!(told[5].starts_with("larder: 2 collections failed, and 1 artifacts"), "{}", told[5]);
    let collections = exported(&home, &server, &[])["collections"].clone();
    let mine = json!({"name": "mine", "description": "Kept.", "artifact_ids": ids(0..2)});
    let new = json!({"name": "new", "description": "New.", "artifact_ids": []});
    assert_eq!(collections, json!([mine, new]));
}

#[test]
fn an_import_waits_where_the_server_asks_for_it() {
    let (home, server) = served(1);
    assert_eq!(server.end("TERM").code(), Some(0));
    home.write(".config/larder/larder.toml", "[rate_limit]\nrefresh_burst = 1\n");
    let server = serve(&home);
    let named = |name| json!({"name": name, "description": null, "artifact_ids": ids(0..1)});
    let export = json!({"version": 1, "collections": [named("one"), named("two")]});
    let outcome = import(&home, &server, &export);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(exported(&home, &server, &[]), export);
}

#[test]
fn an_export_can_be_piped_into_an_import() {
    let (home, server) = served(1);
    let mut import = ask(&home, &server, &["import", "-"]);
    import.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut process = import.spawn().unwrap();
    let export = json!({"version": 1, "collections": [
        {"name": "mine", "description": null, "artifact_ids": ids(0..1)},
    ]});
    process.stdin.take().unwrap().write_all(export.to_string().as_bytes()).unwrap();
    assert!(process.wait_with_output().unwrap().status.success());
    assert_eq!(exported(&home, &server, &[]), export);
}

#[test]
fn without_a_server_it_is_told_how_to_start_one() {
    let home = Home::new();
    let parts = ["http://127.0.0.1:1", "larder serve", "--server"];
    home.run(&["export", "--server", "http://127.0.0.1:1"]).failed(1, &parts);
    home.write("larder.toml", "[server]\nbind = \"0.0.0.0:1\"\n");
    home.run(&["export", "--config", "larder.toml"]).failed(1, &parts[..2]);
    home.run(&["export", "--server", "larder"]).failed(2, &["server.url", "--server"]);
}

#[test]
fn the_token_is_sent_and_a_refusal_is_told_in_the_servers_words() {
    const REFUSAL: &str = "{\"detail\": \"Nobody has that token.\"}";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let length = REFUSAL.len();
        let answer = format!("HTTP/1.1 401 No\r\ncontent-length: {length}\r\n\r\n{REFUSAL}");
        (&stream).write_all(answer.as_bytes()).unwrap();
        head
    });
    let home = Home::new();
    let mut export = home.larder(&["export", "--server", &server]);
    let outcome = outcome(export.env("LARDER_TOKEN", "s3cret"));
    outcome.failed(1, &["Nobody has that token.", "LARDER_TOKEN"]);
    assert!(!outcome.stderr.contains("s3cret"));
    let head = asked.join().unwrap();
    assert!(head.contains(&"authorization: Bearer s3cret".to_owned()), "{head:?}");
}

#[test]
fn a_collection_or_a_file_that_is_none_is_one_line() {
    let (home, server) = served(1);
    let run = |arguments: &[&str]| outcome(&mut ask(&home, &server, arguments));
    run(&["export", "--collection", "files"]).failed(1, &["no curated collection \"files\""]);
    run(&["import", "missing.json"]).failed(1, &["missing.json cannot be read"]);
    home.write("odd.json", "{\"version\": 1, \"collections\": [{}]}");
    run(&["import", "odd.json"])
        .failed(1, &["odd.json is not what `larder export` writes", "name"]);
    home.write("new.json", "{\"version\": 2, \"collections\": []}");
    run(&["import", "new.json"]).failed(1, &["new.json has version 2"]);
}
