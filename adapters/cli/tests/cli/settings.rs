use crate::binary::{Home, outcome};

/// Runs `serve` with a file of that text and expects it to be refused.
fn refused(text: &str, parts: &[&str]) {
    let home = Home::new();
    home.write(".config/larder/larder.toml", text);
    let outcome = home.run(&["serve"]);
    outcome.failed(2, parts);
    outcome.failed(2, &["larder.toml line "]);
    assert!(
        !home.path().join(".local").exists(),
        "nothing is opened before the settings are right"
    );
}

#[test]
fn each_wrong_value_of_the_file_is_named_with_its_line() {
    for (section, setting, value) in [
        ("server", "bind", "\"nowhere\""),
        ("server", "url", "\"larder.example.org\""),
        ("server", "trusted_proxies", "[\"proxy\"]"),
        ("server", "cors_origins", "[\"https://example.org/page\"]"),
        ("database", "url", "\"mysql://db\""),
        ("database", "max_connections", "0"),
        ("cache", "ttl", "\"off\""),
        ("cache", "ttl_by_collection", "{ work = \"soon\" }"),
        ("cache", "sweep_every", "\"5 minutes\""),
        ("cache", "watch", "\"yes\""),
        ("cache", "pages_mib", "-1"),
        ("cache", "manifest_mib", "257"),
        ("cache", "request_timeout", "30"),
        ("cache", "trash", "\"\""),
        ("forge", "url", "\"ssh://forge\""),
        ("log", "format", "\"xml\""),
        ("rate_limit", "refresh_per_minute", "1.5"),
        ("rate_limit", "refresh_burst", "\"many\""),
        ("deploy", "roots", "\"~/projects\""),
        ("auth", "metrics", "\"closed\""),
        ("auth", "tokens", "[{ name = \"a\", scopes = [\"read\"], sha256 = \"secret\" }]"),
    ] {
        let text = format!("\n[{section}]\n{setting} = {value}\n");
        refused(&text, &[&format!("larder: {section}.{setting}: "), "line 3)"]);
    }
    refused("collections = \"one\"", &["larder: collections: ", "line 1)"]);
    refused("[[directories]]\nname = \"x\"\n", &["larder: directories: ", "`path`"]);
    refused(
        "[[directories]]\nname = \"x\"\npath = \"y\"\nkind = \"hook\"",
        &["larder: directories: ", "hook"],
    );
}

#[test]
fn an_unknown_key_of_the_file_is_named() {
    refused("[server]\nbnd = 1\n", &["server.bnd", "line 2", "bind"]);
    refused("colections = []", &["colections", "line 1", "collections"]);
    refused("[[auth.tokens]]\nnome = \"a\"", &["auth.tokens", "nome"]);
}

#[test]
fn a_file_that_is_not_toml_is_refused() {
    refused("[server\n", &["line 1"]);
}

#[test]
fn a_file_that_is_asked_for_must_exist() {
    let outcome = Home::new().run(&["serve", "--config", "missing.toml"]);
    outcome.failed(2, &["missing.toml", "--config"]);
}

#[test]
fn a_wrong_variable_is_named() {
    for (variable, value, setting) in [
        ("LARDER_SERVER_BIND", "7373", "server.bind"),
        ("LARDER_DATABASE_MAX_CONNECTIONS", "few", "database.max_connections"),
        ("LARDER_COLLECTIONS", "~ada/x", "collections"),
        ("LARDER_LOG", "larder=loud", "LARDER_LOG"),
    ] {
        let home = Home::new();
        outcome(home.larder(&["serve"]).env(variable, value)).failed(2, &[setting, variable]);
    }
}

#[test]
fn a_wrong_flag_is_named() {
    for (arguments, setting) in [
        (["--bind", "127.0.0.1"], "server.bind"),
        (["--database", "redis://x"], "database.url"),
        (["--collections", ""], "collections"),
        (["--directory", "/only/a/path"], "directories"),
        (["--directory", "x=/y,kind=hook"], "directories"),
    ] {
        let arguments = ["serve", arguments[0], arguments[1]];
        Home::new().run(&arguments).failed(2, &[setting, arguments[1]]);
    }
}

#[test]
fn a_password_is_in_no_error() {
    let home = Home::new();
    let outcome = home.run(&["serve", "--database", "postgres://ada:s3cret@[db/larder"]);
    outcome.failed(2, &["database.url"]);
    assert!(!outcome.stderr.contains("s3cret"), "{}", outcome.stderr);
}

#[test]
fn an_address_that_others_reach_is_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:0"] {
        let outcome = Home::new().run(&["serve", "--bind", address]);
        outcome.failed(2, &["server.bind", address, "loopback", "without access tokens"]);
    }
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let home = Home::new();
    let mut command = home.larder(&["migrate", "status"]);
    let outcome = outcome(command.env("LARDER_SEVRER_BIND", "x").env("LARDER_LOG", "warn"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("LARDER_SEVRER_BIND").count(), 1, "{}", outcome.stderr);
}

#[test]
fn where_each_setting_came_from_is_logged_without_secrets() {
    let home = Home::new();
    let sha256 = "ab".repeat(32);
    let token = format!("[[auth.tokens]]\nname='a'\nscopes=['read']\nsha256='{sha256}'");
    home.write("larder.toml", &format!("cache.ttl = '5m'\n{token}"));
    let mut command = home.larder(&[
        "migrate",
        "status",
        "--config=larder.toml",
        "--database=postgres://ada:s3cret@127.0.0.1:1/x",
    ]);
    let outcome =
        outcome(command.env("LARDER_LOG", "larder=debug").env("LARDER_CACHE_TRASH", "9d"));
    for part in ["larder.toml line 1)", "(LARDER_CACHE_TRASH)", "(--database)", "(the default)"] {
        assert!(outcome.stderr.contains(part), "{part:?} in {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("s3cret") && !outcome.stderr.contains(&sha256));
}
