use std::fs;

use larder::domain::caller::Scope;

use super::{layers::Origin, *};

fn load(environment: &Environment, config: Option<&str>, flags: Flags) -> Settings {
    Settings::load(environment, config, flags).map_err(|error| error.to_string()).unwrap()
}

fn flag(key: &'static str, name: &'static str, text: &str) -> Flags {
    vec![(key, name, FlagValue::One(text.to_owned()))]
}

fn environment_with(variables: &[(&str, &str)]) -> Environment {
    Environment::of(&[&[("HOME", "/nonexistent/ada")], variables].concat())
}

#[test]
fn the_defaults_are_complete_and_valid() {
    let settings = load(&environment_with(&[]), None, Vec::new());
    assert_eq!(settings.bind.to_string(), "127.0.0.1:7373");
    assert_eq!(settings.policy.ttl, TimeToLive::default());
    assert_eq!(
        settings.database.to_string(),
        "sqlite:///nonexistent/ada/.local/share/larder/larder.db"
    );
    assert!(settings.url.is_none() && settings.warnings.is_empty());
    for (key, _) in keys::KEYS {
        assert!(key == "server.url" || settings.layers.has(key), "{key}");
    }
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("larder.toml");
    let text = "[server]\nbind = \"127.0.0.1:1\"\n[cache]\nttl = \"1m\"\n[log]\nformat = \"json\"";
    fs::write(&file, text).unwrap();
    let environment =
        environment_with(&[("LARDER_SERVER_BIND", "127.0.0.1:2"), ("LARDER_CACHE_TTL", "2m")]);
    let settings = load(&environment, file.to_str(), flag("server.bind", "--bind", "127.0.0.1:3"));
    assert_eq!(settings.bind.port(), 3);
    assert_eq!(settings.policy.ttl.default, Duration::from_mins(2));
    assert_eq!(settings.log_format, LogFormat::Json);

    let described: Vec<_> = settings.layers.described().collect();
    for expected in [
        "server.bind = \"127.0.0.1:3\" (--bind)".to_owned(),
        "cache.ttl = \"2m\" (LARDER_CACHE_TTL)".to_owned(),
        format!("log.format = \"json\" ({} line 6)", file.display()),
        "database.max_connections = 8 (the default)".to_owned(),
    ] {
        assert!(described.contains(&expected), "{expected} in {described:#?}");
    }
}

#[test]
fn the_usual_file_is_read_when_there_is_one() {
    let config = tempfile::tempdir().unwrap();
    let environment = environment_with(&[("XDG_CONFIG_HOME", config.path().to_str().unwrap())]);
    assert_eq!(load(&environment, None, Vec::new()).bind.port(), 7373);
    fs::create_dir(config.path().join("larder")).unwrap();
    fs::write(config.path().join("larder/larder.toml"), "server.bind = \"[::1]:9\"").unwrap();
    assert_eq!(load(&environment, None, Vec::new()).bind.to_string(), "[::1]:9");
}

#[test]
fn every_key_of_the_file_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("larder.toml");
    fs::write(&file, include_str!("every_key.toml")).unwrap();
    let settings = load(&environment_with(&[]), file.to_str(), Vec::new());

    let below = |name: &str| directory.path().join(name);
    assert_eq!(settings.sources.collections, [below("shelves"), "/nonexistent/ada/c".into()]);
    assert_eq!(settings.sources.directories[0].path, below("agents"));
    assert_eq!(settings.policy.ttl.by_collection["work"], Duration::from_mins(5));
    assert_eq!(settings.url.as_deref(), Some("https://larder.example.org"));
    assert_eq!(settings.trusted_proxies.len(), 2);
    assert_eq!(settings.auth.tokens[0].scope, Scope::Admin);
    assert!(settings.auth.metrics_need_read && settings.warnings.is_empty());
    for (key, _) in keys::KEYS {
        let origin = settings.layers.origin(key);
        assert!(matches!(origin, Origin::File { .. }), "{key} is missing from every_key.toml");
    }
    let described = settings.layers.described().collect::<String>();
    assert!(!described.contains("0f0f"), "{described}");
}

/// What becomes of serving on that address with a configuration file of this text.
fn reach(address: &str, text: &str) -> (Result<(), String>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("larder.toml");
    fs::write(&file, text).unwrap();
    let environment = environment_with(&[("LARDER_SERVER_BIND", address)]);
    let settings = load(&environment, file.to_str(), Vec::new());
    (settings.check_reach().map_err(|error| error.to_string()), settings.warnings)
}

#[test]
fn only_loopback_addresses_are_served_without_tokens() {
    for address in ["127.0.0.1:0", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"]
    {
        assert_eq!(reach(address, ""), (Ok(()), Vec::new()), "{address}");
    }
    for address in ["0.0.0.0:1", "[::]:1", "192.168.1.4:1"] {
        let refused = reach(address, "").0.unwrap_err();
        assert!(refused.starts_with("server.bind: "), "{address}: {refused}");
        assert!(refused.contains("larder token new"), "{refused}");
    }
}

#[test]
fn with_tokens_every_address_is_served_and_a_missing_url_is_told() {
    let sha256 = "0f".repeat(32);
    let token = format!("auth.tokens = [{{name = 'a', scopes = ['read'], sha256 = '{sha256}'}}]\n");
    let (served, warnings) = reach("0.0.0.0:1", &token);
    assert_eq!(served, Ok(()));
    assert!(warnings[0].starts_with("server.url is not set"), "{warnings:?}");
    let named = format!("{token}[server]\nurl = 'https://larder.example'");
    assert_eq!(reach("0.0.0.0:1", &named), (Ok(()), Vec::new()));
    assert_eq!(reach("127.0.0.1:1", &token), (Ok(()), Vec::new()));
}

#[test]
fn the_key_for_records_is_in_the_data_directory_or_beside_the_database() {
    let settings = load(&environment_with(&[]), None, Vec::new());
    let expected = "/nonexistent/ada/.local/share/larder/journal.key";
    assert_eq!(settings.journal_key().unwrap(), Path::new(expected));
    let homeless = |database: &str| {
        let environment = Environment::of(&[
            ("LARDER_DATABASE_URL", database),
            ("LARDER_COLLECTIONS", "/nonexistent/collections"),
        ]);
        load(&environment, None, Vec::new()).journal_key()
    };
    let beside = homeless("sqlite:///srv/a b/larder.db");
    assert_eq!(beside.unwrap(), Path::new("/srv/a b/journal.key"));
    assert_eq!(homeless("postgres://larder@localhost/larder"), None);
}
