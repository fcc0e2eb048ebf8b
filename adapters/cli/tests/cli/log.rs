use std::{
    fs::{self, File},
    net::TcpListener,
    process::Stdio,
};

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
