use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;

use crate::binary::{Home, Outcome, Server, until};

const FILE: &str = ".config/larder/larder.toml";

impl Home {
    fn token(&self, arguments: &[&str]) -> Outcome {
        self.run(&[&["token", "new"], arguments].concat())
    }
}

/// The token that a run printed, and nothing else.
#[track_caller]
fn printed(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let token = outcome.stdout.strip_suffix('\n').unwrap();
    assert!(token.starts_with("larder_") && token.len() == 50, "{token}");
    assert!(!outcome.stderr.contains(token));
    token.to_owned()
}

#[test]
fn a_token_opens_what_its_scope_allows_once_the_server_is_started() {
    let home = Home::new();
    let outcome = home.token(&["--name", "ada", "--scope", "read", "--expires", "30d"]);
    let token = printed(&outcome);
    for part in [FILE, "within seconds", "Authorization: Bearer"] {
        assert!(outcome.stderr.contains(part), "{part:?} in {}", outcome.stderr);
    }
    let text = fs::read_to_string(home.path().join(FILE)).unwrap();
    assert!(!text.contains(&token) && text.contains("scopes = [\"read\"]"), "{text}");
    let mode = fs::metadata(home.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let server = home.serve(&[]);
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.get("/api/v1/me").0, 401);
    let bearer = format!("Bearer {token}");
    let (status, me) = server.get_as(&bearer, "/api/v1/me");
    assert_eq!(status, 200, "{me}");
    let me: Value = serde_json::from_str(&me).unwrap();
    assert_eq!((&me["name"], &me["scopes"]), (&"ada".into(), &["read"].into()));
    assert!(me["expires_at"].is_string(), "{me}");
    assert_eq!(server.get_as(&format!("{bearer}x"), "/api/v1/me").0, 401);
    assert_eq!(server.post("/api/v1/user-collections/refresh-cache").0, 401);
}

#[test]
fn a_running_server_accepts_a_new_token_and_refuses_a_revoked_one() {
    let home = Home::new();
    let ada = format!("Bearer {}", printed(&home.token(&["--name=ada", "--scope=read"])));
    let server = home.serve(&[]);
    let status = |bearer: &str| server.get_as(bearer, "/api/v1/me").0;
    assert_eq!(status(&ada), 200);

    let bob = format!("Bearer {}", printed(&home.token(&["--name=bob", "--scope=write"])));
    until("the new token is accepted", || (status(&bob) == 200).then_some(()));
    let listed = home.run(&["token", "list"]).stdout;
    assert_eq!(listed, "ada  read   never expires\nbob  write  never expires\n");

    assert_eq!(home.run(&["token", "revoke", "ada"]).code, Some(0));
    until("the revoked token is refused", || (status(&ada) == 401).then_some(()));
    assert_eq!(status(&bob), 200);
    home.run(&["token", "revoke", "ada"]).failed(1, &["no token \"ada\"", "token list"]);
    assert_eq!(home.run(&["token", "revoke", "bob"]).code, Some(0));
    until("the last token is refused", || (status(&bob) == 401).then_some(()));
    assert_eq!(server.get("/api/v1/me").0, 401, "it does not open up");
}

#[test]
fn the_environment_gives_tokens_and_a_hangup_reads_the_file_again() {
    let home = Home::new();
    let mut command = home.larder(&["serve", "--bind=127.0.0.1:0", "--config=here.toml"]);
    home.write("here.toml", "");
    // The SHA-256 of "abc".
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let tokens = format!("[{{ name = 'ci', scopes = ['read'], sha256 = '{sha256}' }}]");
    command.env("LARDER_AUTH_TOKENS", tokens);
    let server = Server::start(command, "message", "serving");
    assert_eq!(server.get("/api/v1/me").0, 401);
    assert_eq!(server.get_as("Bearer abc", "/api/v1/me").0, 200);
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-s", "HUP", &id]).status().unwrap().success());
    let log = {
        until("an answer after the hangup", || (server.get("/healthz").0 == 200).then_some(()));
        server.end_and_tell("TERM").1
    };
    let is_reload = |line: &Value| line["message"] == "the access tokens were read again";
    assert!(log.iter().any(is_reload), "{log:#?}");
}

#[test]
fn tokens_open_other_addresses() {
    let home = Home::new();
    let refused = home.run(&["serve", "--bind", "0.0.0.0:0"]);
    refused.failed(2, &["server.bind", "larder token new"]);
    printed(&home.token(&["--name=ada", "--scope=admin"]));
    let server = home.serve_on("0.0.0.0:0", &[]);
    assert_eq!(server.get("/api/v1/artifacts").0, 401);
}

#[test]
fn what_is_in_the_file_stays_as_it_is() {
    let home = Home::new();
    let text = "# Mine.\n[cache]\n  ttl = '5m' # soon\n\n[[auth.tokens]] # the first\nname = 'bob'\n\
                scopes = ['read']\nsha256 = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f'\n";
    home.write("here.toml", text);
    let ask = ["--config=here.toml", "--name=ada", "--scope=write", "--scope=read"];
    printed(&home.token(&ask));
    let written = fs::read_to_string(home.path().join("here.toml")).unwrap();
    let added = written.strip_prefix(text).unwrap();
    assert!(added.starts_with("\n[[auth.tokens]]\nname = \"ada\"\n"), "{added}");
    assert!(added.contains("scopes = [\"read\", \"write\"]\n"), "{added}");
    assert!(!home.path().join(".config").exists());

    home.token(&ask).failed(2, &["auth.tokens", "two tokens have the name \"ada\"", "here.toml"]);
    assert_eq!(fs::read_to_string(home.path().join("here.toml")).unwrap(), written);
}

#[test]
fn a_file_that_is_not_valid_is_told_by_its_line_and_left_alone() {
    let home = Home::new();
    for (text, part) in [
        ("\n[server\n", "line 2"),
        ("[log]\ncolour = 1\n", "line 2"),
        ("\n\nauth.tokens = 3", "line 3"),
    ] {
        home.write(FILE, text);
        home.token(&["--name=ada", "--scope=read"]).failed(2, &["larder.toml", part]);
        assert_eq!(fs::read_to_string(home.path().join(FILE)).unwrap(), text);
    }
}

#[test]
fn what_makes_no_token_is_refused() {
    let home = Home::new();
    for (name, expires, part) in [
        ("", "30d", "name"),
        ("local", "30d", "local"),
        ("a\nb", "30d", "name"),
        ("ada", "soon", "2027-01-01T00:00:00Z"),
        ("ada", "2020-01-01T00:00:00Z", "is over"),
    ] {
        let asked = ["--name", name, "--scope", "read", "--expires", expires];
        home.token(&asked).failed(2, &[part]);
    }
    for wrong in [&["--name=ada"][..], &["--scope=read"], &["--name=ada", "--scope=root"]] {
        assert_eq!(home.token(wrong).code, Some(2), "{wrong:?}");
    }
    assert!(!home.path().join(".config").exists());
}
