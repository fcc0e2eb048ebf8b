use std::{
    fs::{self, File},
    net::TcpListener,
    process::Stdio,
};

use serde_json::{Value, json};

use crate::binary::{Home, Server, until};

/// Waits until the watcher has seen that text.
#[track_caller]
fn shows(server: &Server, description: &str) {
    until(description, || {
        let (_, page) = server.get("/api/v1/artifacts");
        page.contains(description).then_some(())
    });
}

#[test]
fn a_server_works_on_when_nobody_reads_its_log() {
    let home = Home::new();
    let skill = |text: &str| format!("---\nname: a\ndescription: {text}\n---\n");
    let file = home.write("mine/skills/a/SKILL.md", &skill("First."));
    let mut server = home.serve(&["--directory=mine=mine"]);
    server.ready();
    server.leave_log();
    for text in ["Second.", "Third.", "Fourth."] {
        fs::write(&file, skill(text)).unwrap();
        shows(&server, text);
    }
    assert_eq!(server.post("/api/v1/user-collections/refresh-cache").0, 200);
    assert_eq!(server.end("TERM").code(), Some(0));
}

#[test]
fn a_log_on_a_full_disk_stops_nothing() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = home.larder(&["serve", "--bind", &free]);
    command.env("LARDER_LOG", "trace").stdout(Stdio::null());
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut process = command.stderr(full).spawn().unwrap();
    let url = format!("http://{free}/readyz");
    until("an answer", || {
        assert!(process.try_wait().unwrap().is_none(), "it has ended");
        ureq::get(&url).call().ok()
    });
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn an_issue_that_lasts_is_logged_once() {
    let home = Home::new();
    home.write("mine/skills/a/SKILL.md", "---\nname: a\n---\n");
    home.write("mine/skills/b/SKILL.md/file", "");
    let server = home.serve(&["--directory=mine=mine"]);
    server.ready();
    let refresh = || assert_eq!(server.post("/api/v1/user-collections/refresh-cache").0, 200);
    refresh();
    home.write("mine/skills/c/SKILL.md/file", "");
    refresh();
    refresh();
    let (_, log) = server.end_and_tell("TERM");
    let warnings = |path: &str| {
        let is_it = |line: &&Value| {
            line["message"] == "refresh issue" && line["level"] == "WARN" && line["path"] == path
        };
        log.iter().filter(is_it).count()
    };
    assert_eq!((warnings("skills/b/SKILL.md"), warnings("skills/c/SKILL.md")), (1, 1), "{log:#?}");
}

#[test]
fn a_write_is_one_line_with_what_who_and_the_revisions() {
    let home = Home::new();
    home.write("shelf/one/collection.toml", "[collection]\nname = \"one\"\n");
    let server = home.serve(&["--collections=shelf"]);
    server.ready();
    let new = json!({ "type": "agent", "name": "helper", "description": "Helps." });
    let (status, answer) = server.post_json("/api/v1/artifacts", &new);
    assert_eq!(status, 201, "{answer}");
    let (_, log) = server.end_and_tell("TERM");
    let written: Vec<_> = log.iter().filter(|line| line["message"] == "written").collect();
    let [line] = written[..] else { panic!("{log:#?}") };
    for (key, value) in [("artifact", "agent:helper"), ("operation", "create"), ("by", "local")] {
        assert_eq!(line[key], value, "{line}");
    }
    assert!(line["revision_after"].is_string() && line["revision_before"].is_null(), "{line}");
    assert!(line.to_string().contains("\"source\":\"one\""), "{line}");
}
