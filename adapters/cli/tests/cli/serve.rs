use std::net::TcpListener;

use crate::binary::Home;

#[test]
fn a_server_answers_where_its_log_says_and_ends_when_it_is_asked_to() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        let server = home.serve(&[]);
        assert_eq!(server.get("/healthz").0, 200);
        assert_eq!(server.end(signal).code(), Some(0), "SIG{signal}");
        assert!(home.path().join(".local/share/larder/larder.db").exists());
    }
}

#[test]
fn metrics_tell_the_version() {
    let home = Home::new();
    let server = home.serve(&[]);
    let (status, text) = server.get("/metrics");
    assert_eq!(status, 200);
    let line = concat!("larder_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1");
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_database_has_one_server() {
    let home = Home::new();
    let server = home.serve(&[]);
    let holder = server.id().to_string();
    home.run(&["serve", "--bind", "127.0.0.1:0"]).failed(1, &["larder.db", &holder]);
    home.run(&["migrate", "down"]).failed(1, &["larder.db", &holder]);
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(home.run(&["migrate", "status"]).code, Some(0), "it is free again");
}

#[test]
fn a_port_in_use_is_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = Home::new().run(&["serve", "--bind", &address]);
    outcome.failed(1, &[&address, "server.bind", "in use"]);
}

#[test]
fn a_directory_that_gives_nothing_says_what_was_looked_for_and_the_likely_cure() {
    let home = Home::new();
    home.write("notes/one.md", "---\nname: one\n---\n");
    home.write("shelf/skills/a/SKILL.md", "---\nname: a\n---\n");
    let server =
        home.serve(&["--collections=shelf", "--directory=notes=notes", "--directory=again=notes"]);
    let warning = server.seen(
        "no sub-directory has a collection.toml: to serve the directory itself, \
                               give it to --directory NAME=PATH",
    );
    assert_eq!(warning["path"], home.path().join("shelf").to_str().unwrap());
    let twice = server.seen("it is configured twice: this entry is left out");
    assert_eq!(twice["path"], home.path().join("notes").to_str().unwrap());
    server.ready();
    let (_, report) = server.post("/api/v1/user-collections/notes/refresh-cache");
    for part in ["\"empty\"", "SKILL.md", "1 Markdown files lie elsewhere", "kind ="] {
        assert!(report.contains(part), "{part:?} in {report}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_a_warning() {
    let home = Home::new();
    let server = home.serve(&["--collections=~/missing"]);
    let warning = server.seen("there is no such directory");
    assert_eq!(warning["path"], home.path().join("missing").to_str().unwrap());
    assert_eq!(warning["setting"], "collections");
}
