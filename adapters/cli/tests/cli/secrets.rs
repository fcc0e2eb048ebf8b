//! A marker at every place where people keep secrets is in nothing that leaves the files.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
};

use larder_tests::database::{Backend, Database};
use serde_json::{Value, json};

use crate::binary::{Home, Server, until};

/// What every secret of the test holds; a number behind it says which one it is.
const MARKER: &str = "Zq7mK2pX9vL4";

/// Files whose every `@` with a number is a secret.
const FILES: [(&str, &str); 12] = [
    (
        "files/.mcp.json",
        r#"{"mcpServers": {
  "args": {"command": "npx", "args": ["mcp-remote", "--api-key", "@100", "--api-key=@101",
    "--header", "Authorization: Bearer @102", "-H", "X-Own: @103", "-e", "NAME=@104",
    "https://h/mcp?token=@105", "https://u:@106@h/", "postgresql://u:@107@db/x", "-u", "bob:@108"]},
  "keys": {"type": "http", "url": "https://u:@110@h/mcp?api_key=@111", "env": {"A": "@112"},
    "environment": {"A": "@113"}, "headers": {"X": "@114"}, "http_headers": {"X": "@115"},
    "headersHelper": "helper @116", "Authorization": "@117", "bearer_token": "@118",
    "apiKey": "@119", "api_key": "@120", "oauth": {"clientId": "c", "clientSecret": "@121"},
    "env_vars": ["A=@122"], "description": "Needs ghp_@123abcdefghij01234567, or none."},
  "shell": {"command": "API_KEY=@130 npx x --token @131 -u bob:@132 'Authorization: Basic @133'"}
}}"#,
    ),
    (
        "files/settings.json",
        r#"{"env": {"A": "@140"}, "apiKeyHelper": "echo @141", "hooks": {"Stop": [{"hooks": [
  {"type": "command", "command": "curl -H \"Authorization: Bearer @142\" https://u:@143@h"},
  {"type": "http", "url": "https://h?key=@144", "headers": {"X": "@145"}}]}]}}"#,
    ),
    (
        "files/plugin/.claude-plugin/plugin.json",
        r#"{"name": "plugin", "description": "Uses glpat-@150abcdefgh", "author": {"name": "https://u:@151@h"},
  "keywords": ["xoxb-123456-@152"], "repository": "https://@153@h/r",
  "mcpServers": {"db": {"command": "db", "args": ["--password", "@154"], "env": {"A": "@155"}}}}"#,
    ),
    ("files/broken/.mcp.json", r#"{"mcpServers": {"x": {"env": {"A": "@160" "@161"}}}}"#),
    ("files/broken/hooks/hooks.json", r#"{"hooks": @162}"#),
    (
        "files/skills/whole/SKILL.md",
        "---\nname: whole\ndescription: Uses sk-proj-@170abcdefghij for all.\n\
         author: https://u:@171@h\ntags: [ghp_@172abcdefghij01234567, plain]\n\
         api_key: '@173'\nenv:\n  A: '@174'\nheaders: {X: '@175'}\nmcpServers:\n  - db:\n      \
         command: db --token @176\n      args:\n        - --api-key\n        - '@177'\n      env:\n\
         \x20       A: |\n          @178\nhooks:\n  Stop:\n    - hooks:\n        - type: command\n\
         \x20         command: curl -H \"X-Api-Key: @179\" https://h\n---\n# Title\n\n\
         First ghp_@180abcdefghij01234567.\n\n```sh\ncurl https://bob:@181x9y8z7@h\n\
         run --token @182x9y8z7 # Bearer @183x9y8z7\n```\n",
    ),
    (
        "files/agents/paragraph.md",
        "---\nname: paragraph\ntools: Bash(curl -H \"Authorization: Bearer @190\")\n---\n\n\
         Send xoxb-123456-@191 first.\n",
    ),
    (
        "files/agents/lenient.md",
        "---\nname: lenient\ndescription: Read it: so\nmcpServers:\n  db: a: b\n    env:\n      \
         A: @200\n    headers: {X: @201}\nenv:\n- name: A\n  value: @202\n---\nBody.\n",
    ),
    ("files/commands/broken.md", "---\n: [\nenv:\n  A: @210\n---\nBody.\n"),
    (
        "collections/work/collection.toml",
        "[collection]\nname = \"work\"\nversion = \"1.0.0\"\n\n[[artifacts]]\nname = \"listed\"\n\
         type = \"skill\"\npath = \"skills/listed\"\norigin = \"github\"\n\
         source = \"https://u:@220@h/r\"\ntags = [\"ghp_@221abcdefghij01234567\"]\n\n\
         [artifacts.metadata]\nauthor = \"https://u:@222@h\"\n\n[artifacts.metadata.extra]\n\
         env = { A = \"@223\" }\ntoken = \"@224\"\n\n[[artifacts]]\nname = \"db\"\ntype = \"mcp\"\n\
         path = \"mcp/db.json\"\norigin = \"local\"\n\n[[artifacts]]\nname = \"rules\"\n\
         type = \"rule_file\"\npath = \"rules.yaml\"\norigin = \"local\"\n\n\
         [[mcp_servers]]\nname = \"x\"\nrepo = \"https://u:@225@h/x\"\n\
         env_vars = { A = \"@226\" }\n",
    ),
    (
        "collections/work/skills/listed/SKILL.md",
        "---\nname: listed\nenv:\n  A: '@230'\n---\nBody.\n",
    ),
    (
        "collections/work/mcp/db.json",
        r#"{"command": "db", "args": ["--connection", "postgresql://u:@240@db/x"], "env": {"A": "@241"}}"#,
    ),
];

/// A home with the files, and all secrets in them.
fn home() -> (Home, BTreeSet<String>) {
    let home = Home::new();
    let mut secrets = BTreeSet::new();
    let mut write = |path: &str, text: &str| {
        let mut parts = text.split('@');
        let mut file = parts.next().unwrap().to_owned();
        for part in parts {
            // What is no number is the `@` of a URL.
            match part.get(..3).filter(|number| number.bytes().all(|c| c.is_ascii_digit())) {
                Some(number) => {
                    file.extend([MARKER, part]);
                    secrets.insert(format!("{MARKER}{number}"));
                }
                None => file.extend(["@", part]),
            }
        }
        let path = home.write(path, &file);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    for (path, text) in FILES {
        write(path, text);
    }
    write("collections/work/rules.yaml", "api_key: @250\nurl: https://u:@251@h\nenv:\n  A: @252\n");
    fs::create_dir_all(home.path().join("projects/shop")).unwrap();
    (home, secrets)
}

/// Which secrets a text holds.
fn leaks(what: &str, text: &str) -> Vec<String> {
    let found = text.match_indices(MARKER);
    let named = found.map(|(at, _)| {
        let number: String = text[at + MARKER.len()..].chars().take(3).collect();
        let line: String = text[..at].chars().rev().take_while(|c| *c != '\n').take(60).collect();
        let before: String = line.chars().rev().collect();
        format!("{what}: @{number} after {before:?}")
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The answers to every GET of the spec, for every artifact and collection.
fn read_all(server: &Server) -> Vec<String> {
    let mut found = Vec::new();
    let (_, page) = server.get("/api/v1/artifacts?limit=200");
    let page: Value = serde_json::from_str(&page).unwrap();
    let ids = page["items"].as_array().unwrap().iter();
    let ids: Vec<&str> = ids.map(|item| item["id"].as_str().unwrap()).collect();
    assert!(ids.len() >= 10, "{ids:?}");
    let spec: Value = serde_json::from_str(&server.get("/openapi.json").1).unwrap();
    for (path, operations) in spec["paths"].as_object().unwrap() {
        if operations.get("get").is_none() || path.ends_with("/events") {
            continue;
        }
        let of_collections =
            ["default", "files", "work"].map(|id| path.replace("{collection_id}", id));
        for path in BTreeSet::from(of_collections) {
            let of_artifacts = ids.iter().map(|id| path.replace("{artifact_id}", id));
            for path in of_artifacts.collect::<BTreeSet<_>>() {
                let (status, body) = server.get(&path);
                assert!(status == 200 || status == 404, "{path}: {status} {body}");
                found.extend(leaks(&path, &body));
            }
        }
    }
    found
}

/// The answers to every kind of change.
fn change_all(server: &Server, home: &Home) -> Vec<String> {
    let project = json!({"project_path": home.path().join("projects/shop")});
    let edit = json!({"license": "MIT"});
    let requests = [
        ("POST", "user-collections/refresh-cache", None),
        ("POST", "user-collections/work/refresh-cache?force=true", None),
        ("POST", "artifacts/skill:whole/refresh-cache", None),
        ("PUT", "artifacts/skill:whole/metadata", Some(&edit)),
        ("PUT", "artifacts/agent:lenient/metadata", Some(&edit)),
        ("PUT", "artifacts/command:broken/metadata", Some(&edit)),
        ("PUT", "artifacts/mcp:keys/metadata", Some(&edit)),
        ("PUT", "artifacts/skill:listed/metadata", Some(&edit)),
        ("POST", "artifacts/mcp:db/deploy?collection=work", Some(&project)),
        ("POST", "artifacts/skill:listed/deploy", Some(&project)),
        ("POST", "artifacts/hook:files/deploy", Some(&project)),
        ("DELETE", "artifacts/skill:listed", None),
        ("DELETE", "artifacts/mcp:db?collection=work", None),
    ];
    let mut found = Vec::new();
    for (method, path, body) in requests {
        let (status, answer) = server.ask(method, &format!("/api/v1/{path}"), body);
        assert!(status < 500, "{method} {path}: {status} {answer}");
        found.extend(leaks(&format!("{method} {path} ({status})"), &answer));
    }
    let stale = json!({"license": "MIT", "expected_revision": "0".repeat(64)});
    let path = "/api/v1/artifacts/agent:paragraph/metadata";
    let (status, conflict) = server.ask("PUT", path, Some(&stale));
    assert_eq!(status, 409, "{conflict}");
    found.extend(leaks("conflict", &conflict));
    found
}

/// What a search for each secret finds.
fn search(server: &Server, secrets: &BTreeSet<String>) -> Vec<String> {
    let hits = |secret: &String| {
        let (status, page) = server.get(&format!("/api/v1/artifacts?q={secret}"));
        assert_eq!(status, 200);
        let page: Value = serde_json::from_str(&page).unwrap();
        (page["items"] != json!([])).then(|| format!("search: {secret}"))
    };
    secrets.iter().filter_map(hits).collect()
}

/// Files that hold a secret and that others may read.
fn readable(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            readable(&path, found);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("larder.db") || name == "history.jsonl" {
            found.extend(leaks(&name, &String::from_utf8_lossy(&bytes)));
        } else if String::from_utf8_lossy(&bytes).contains(MARKER) {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            if mode & 0o077 != 0 {
                found.push(format!("{} has the mode {mode:o}", path.display()));
            }
        }
    }
}

fn no_secret_leaves_the_files(backend: Backend) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(Database::new(backend));
    let (home, secrets) = home();
    let mut command = home.larder(&[
        "serve",
        "--bind=127.0.0.1:0",
        "--collections=collections",
        "--directory=files=files",
        "--database",
        database.url(),
    ]);
    command.env("LARDER_LOG", "trace").env("LARDER_DEPLOY_ROOTS", home.path().join("projects"));
    let server = Server::start(command, "message", "serving");
    until("the cache is filled", || (server.get("/readyz").0 == 200).then_some(()));
    let events = server.events();
    let events = thread::spawn(move || events.collect::<Vec<_>>().join("\n"));

    let mut found = read_all(&server);
    found.extend(search(&server, &secrets));
    found.extend(change_all(&server, &home));
    found.extend(read_all(&server));
    found.extend(leaks("export", &home.run(&["export", "--server", &server.address()]).stdout));
    let (_, report) = server.post("/api/v1/user-collections/refresh-cache");
    for id in ["mcp:args", "skill:whole"] {
        let is_told = report.contains("secret-in-clear") && report.contains(id);
        found.extend((!is_told).then(|| format!("{id} is not reported")));
    }
    let mut log = server.start_log().to_vec();
    log.extend(server.end_and_tell("TERM").1);
    let log: Vec<String> = log.iter().map(Value::to_string).collect();
    found.extend(leaks("log", &log.join("\n")));
    found.extend(leaks("events", &events.join().unwrap()));
    readable(home.path(), &mut found);
    for text in [MARKER, &MARKER.to_lowercase()] {
        found.extend(runtime.block_on(database.holds(text)).then(|| format!("database: {text}")));
    }
    runtime.block_on(database.remove());
    assert!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_secret_leaves_the_files_on_sqlite() {
    no_secret_leaves_the_files(Backend::Sqlite);
}

#[test]
fn no_secret_leaves_the_files_on_postgres() {
    no_secret_leaves_the_files(Backend::Postgres);
}
