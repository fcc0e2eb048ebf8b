//! The keeper in a real process.

use serde_json::Value;

use crate::binary::{Home, Server};

/// Enough for a sweep to take a moment.
const ARTIFACTS: usize = 2_000;

/// Rows live for a second, so that the keeper looks every half second and always finds all of them.
fn serve(home: &Home) -> Server {
    home.write(
        ".config/larder/larder.toml",
        "[cache]\nttl = \"1s\"\nsweep_every = \"1s\"\nwatch = false\n",
    );
    for n in 0..ARTIFACTS {
        home.write(&format!("files/skills/s{n}/SKILL.md"), "---\nname: s\ndescription: d\n---\n");
    }
    let server = home.serve(&["--directory", "files=~/files"]);
    server.ready();
    server
}

fn stats(server: &Server) -> Value {
    let (status, text) = server.get("/api/v1/user-collections/cache-stats");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_server_ends_cleanly_in_the_middle_of_a_sweep() {
    let home = Home::new();
    let server = serve(&home);
    let mut events = server.events();
    assert!(events.any(|line| line == "event: refresh-finished"), "sweeps come by themselves");
    assert_eq!(stats(&server)["keeper"]["state"], "running");
    // Whatever else is told: the next sweep begins.
    assert!(events.any(|line| line == "event: refresh-started"));
    let (status, log) = server.end_and_tell("TERM");
    assert_eq!(status.code(), Some(0));
    assert_eq!(events.last().as_deref(), Some(""), "who listens is let go");
    let trouble: Vec<_> = log.iter().filter(|entry| entry["level"] != "INFO").collect();
    assert!(trouble.is_empty(), "{trouble:#?}");
}

#[test]
fn what_a_sweep_finds_is_in_the_api() {
    let home = Home::new();
    let server = serve(&home);
    let mut events = server.events();
    home.write("files/skills/s7/SKILL.md", "---\nname: s\ndescription: swept\n---\n");
    assert!(events.any(|line| line.contains("collection-changed") && line.contains("data:")));
    let (_, artifact) = server.get("/api/v1/artifacts/skill:s7");
    assert!(artifact.contains("\"description\":\"swept\""), "{artifact}");
    assert_eq!(stats(&server)["sources"][0]["watch"], "off");
}
