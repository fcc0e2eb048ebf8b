//! The committed spec is the code's, and every operation in it is complete.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the right answer")]

use serde_json::Value;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/larder.json");

fn operations(spec: &Value) -> Vec<(String, &Value)> {
    let paths = spec["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    all.collect()
}

#[test]
fn the_committed_spec_is_the_codes() {
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == larder_http::spec(),
        "openapi/larder.json differs from the code: run `make openapi` and commit the result"
    );
}

#[test]
fn every_operation_has_an_id_a_tag_a_summary_and_documented_statuses() {
    let spec: Value = serde_json::from_str(&larder_http::spec()).unwrap();
    let operations = operations(&spec);
    assert!(operations.len() >= 15, "only {} operations", operations.len());
    let mut ids = Vec::new();
    for (name, operation) in &operations {
        ids.push(operation["operationId"].as_str().unwrap_or_else(|| panic!("{name}: no id")));
        assert!(operation["tags"][0].is_string(), "{name}: no tag");
        assert!(operation["summary"].is_string(), "{name}: no summary");
        let responses = operation["responses"].as_object().unwrap();
        for status in ["400", "403", "422", "500", "503"] {
            let content = &responses[status]["content"];
            assert!(content["application/problem+json"].is_object(), "{name}: {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{name}: {}", parameter["name"]);
        }
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an operation id stands twice");
}

#[test]
fn every_path_stands_once_with_all_of_its_operations() {
    let spec = larder_http::spec();
    let paths: Value = serde_json::from_str(&spec).unwrap();
    for path in paths["paths"].as_object().unwrap().keys() {
        // A parser keeps the last of several keys, so they are counted in the text.
        assert_eq!(spec.matches(&format!("\n    \"{path}\": {{")).count(), 1, "{path}");
    }
    let collection = &paths["paths"]["/api/v1/user-collections/{collection_id}"];
    let methods: Vec<&String> = collection.as_object().unwrap().keys().collect();
    assert_eq!(methods, ["delete", "get", "put"]);
}
