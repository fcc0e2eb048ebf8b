//! More connections than the server may open files.

use std::{io::Write as _, net::TcpStream, process::Command};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::binary::{Home, Server};

/// Files that the server may open.
const OPEN_FILES: u32 = 1024;
const CONNECTIONS: u64 = 1200;

/// Lets this process open that many files more than the connections.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let needed = CONNECTIONS + 1000;
    let current = limit.current.map(|current| current.max(needed));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
}

#[test]
fn more_idle_connections_than_open_files_keep_nobody_from_being_served() {
    allow_open_files();
    let home = Home::new();
    home.write("notes/agents/a.md", "---\nname: a\ndescription: It is one.\n---\nA.\n");
    let mut shell = Command::new("sh");
    let start = format!("ulimit -n {OPEN_FILES}; exec \"$0\" \"$@\"");
    shell.args(["-c", &start, env!("CARGO_BIN_EXE_larder")]);
    shell.args(["serve", "--bind", "127.0.0.1:0", "--directory", "notes=~/notes"]);
    shell.current_dir(home.path()).env_clear().env("HOME", home.path());
    let server = Server::start(shell, "message", "serving");
    server.ready();

    let mut connections = Vec::new();
    for number in 0..CONNECTIONS {
        let mut connection = TcpStream::connect(server.listens()).unwrap();
        if number % 2 == 0 {
            // The server may have closed it before, which is as well.
            let _ = connection.write_all(b"GET /half-a-li");
        }
        connections.push(connection);
        if number % 100 == 99 {
            assert_eq!(server.get("/api/v1/artifacts").0, 200, "with {number} connections");
        }
    }
    home.write("notes/agents/b.md", "---\nname: b\ndescription: It is another.\n---\nB.\n");
    let (status, report) = server.post("/api/v1/user-collections/notes/refresh-cache?force=true");
    assert_eq!(status, 200, "{report}");
    assert!(report.contains(r#""status":"completed""#), "{report}");
    let (_, metrics) = server.get("/metrics");
    assert!(metrics.contains("larder_http_connections_limit 768\n"), "{metrics}");
    let open = metrics.lines().find_map(|line| line.strip_prefix("larder_http_connections "));
    assert!(open.is_some_and(|open| open.parse::<u64>().unwrap() <= 768), "{metrics}");

    let (status, log) = server.end_and_tell("TERM");
    assert_eq!(status.code(), Some(0), "{log:#?}");
    let warnings: Vec<_> = log.iter().filter(|line| line["level"] == "WARN").collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert_eq!(warnings[0]["limit"], 768);
}
