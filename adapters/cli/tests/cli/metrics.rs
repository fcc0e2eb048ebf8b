//! What is measured, and what the documents for an operator make of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::binary::{Home, Server, until};

/// Sweeps so often that a test sees it, and leaves what changes to the sweeps.
const SETTINGS: &str = "collections = [\"~/shelves\"]\n\
                        [cache]\nttl = \"2s\"\nsweep_every = \"1s\"\nwatch = false\n";
const MANIFEST: &str = "[collection]\nname = \"work\"\nversion = \"1.0.0\"\n\
                        created = \"2026-01-05T10:00:00\"\nupdated = \"2026-01-05T10:00:00\"\n";

/// A server that has done everything of which something is measured.
pub(crate) fn used(home: &Home) -> Server {
    home.write(".config/larder/larder.toml", SETTINGS);
    let manifest = home.write("shelves/work/collection.toml", MANIFEST);
    let server = home.serve(&[]);
    server.ready();
    let agent =
        json!({ "type": "agent", "name": "a", "description": "It is one.", "body": "A.\n" });
    let (status, text) = server.post_json("/api/v1/artifacts", &agent);
    assert_eq!(status, 201, "{text}");
    assert_eq!(server.get("/api/v1/artifacts?limit=5").0, 200);
    assert_eq!(server.get("/api/v1/artifacts/agent:missing").0, 404);
    until("a sweep goes through", || told(&server, "larder_keeper_last_success"));
    std::fs::write(manifest, "[collection").unwrap();
    until("a sweep meets a broken source", || told(&server, "larder_keeper_last_error"));
    server
}

fn told(server: &Server, name: &str) -> Option<()> {
    server.get("/metrics").1.contains(name).then_some(())
}

/// The types of the metrics in a text, by name.
fn families(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

/// The metrics that a document names, whatever it says of them.
fn names(document: &str) -> BTreeSet<&str> {
    let words = document.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("larder_")).collect()
}

/// The metric that a series of that name belongs to.
fn family<'a>(series: &'a str, families: &BTreeMap<&str, &str>) -> Option<&'a str> {
    let of_histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|suffix| series.strip_suffix(suffix))
        .find(|name| families.get(name) == Some(&"histogram"));
    of_histogram.or_else(|| families.contains_key(series).then_some(series))
}

#[test]
fn the_documents_name_every_metric_and_no_other() {
    let home = Home::new();
    let (_, text) = used(&home).get("/metrics");
    let measured = families(&text);
    let mut documented = BTreeSet::new();
    for (document, content) in [
        ("alerts.yml", include_str!("../../../../docs/alerts.yml")),
        ("alerts_test.yml", include_str!("../../../../docs/alerts_test.yml")),
        ("dashboard.json", include_str!("../../../../docs/dashboard.json")),
        ("operating.md", include_str!("../../../../docs/operating.md")),
    ] {
        for name in names(content) {
            let family = family(name, &measured);
            documented.insert(family.unwrap_or_else(|| panic!("{document}: {name} in\n{text}")));
        }
    }
    assert_eq!(documented, measured.into_keys().collect());
}
