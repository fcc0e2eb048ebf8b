use std::{fs, os::unix::fs::PermissionsExt};

use crate::binary::{Home, Outcome};

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
    for part in [FILE, "started again", "Authorization: Bearer"] {
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
    let me: serde_json::Value = serde_json::from_str(&me).unwrap();
    assert_eq!((&me["name"], &me["scopes"]), (&"ada".into(), &["read"].into()));
    assert!(me["expires_at"].is_string(), "{me}");
    assert_eq!(server.get_as(&format!("{bearer}x"), "/api/v1/me").0, 401);
    assert_eq!(server.post("/api/v1/user-collections/refresh-cache").0, 401);
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
