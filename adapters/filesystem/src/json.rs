//! JSON values: the secrets in them, and the way to one of them.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// What stands for a secret.
const MASK: &str = "***";

/// Keys whose values are secrets, whatever they are.
const SECRET_KEYS: [&str; 2] = ["env", "headers"];

/// Masks every value under `env` and `headers`, at any depth; their keys are kept.
pub(crate) fn mask(value: &mut Value) {
    match value {
        Value::Object(map) => mask_map(map),
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

/// [`mask`] on a map.
pub(crate) fn mask_map(map: &mut Map<String, Value>) {
    for (key, value) in map {
        if SECRET_KEYS.iter().any(|secret| key.eq_ignore_ascii_case(secret)) {
            mask_all(value);
        } else {
            mask(value);
        }
    }
}

fn mask_all(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(mask_all),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Null => {}
        secret => *secret = Value::String(MASK.to_owned()),
    }
}

/// Masks texts that were not understood and may hold a secret: what was read leniently can have
/// kept a whole structure as one text.
pub(crate) fn mask_texts(value: &mut Value) {
    match value {
        Value::String(text) if names_secrets(text) => MASK.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(mask_texts),
        Value::Object(map) => map.values_mut().for_each(mask_texts),
        _ => {}
    }
}

fn names_secrets(text: &str) -> bool {
    static MARKS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let marks = |key| [format!("{key}:"), format!("{key}\":"), format!("{key}':")];
        SECRET_KEYS.into_iter().flat_map(marks).collect()
    });
    let text = text.to_lowercase().replace(' ', "");
    MARKS.iter().any(|mark| text.contains(mark.as_str()))
}

/// One key of a map as a step of a JSON pointer (RFC 6901, section 3).
pub(crate) fn pointer_step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Cuts a path into the file and the JSON pointer behind it, if there is one.
pub(crate) fn split_pointer(path: &str) -> (&str, Option<&str>) {
    const END: &str = ".json#/";
    match path.find(END) {
        Some(at) => (&path[..at + ".json".len()], Some(&path[at + ".json#".len()..])),
        None => (path, None),
    }
}

/// Whether a file is JSON, by its name.
pub(crate) fn is_json(path: &str) -> bool {
    path.len() >= 5
        && path.is_char_boundary(path.len() - 5)
        && path[path.len() - 5..].eq_ignore_ascii_case(".json")
}

/// Parses a file; the error says what is wrong, and the line. What is not UTF-8 is replaced.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, (String, u32)> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    serde_json::from_str(text).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        let message = error.to_string();
        let what = message.split_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        (format!("the file is not valid JSON ({what})"), line)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_under_env_and_headers_are_masked_at_any_depth() {
        let mut value = json!({"a": [{"env": {"TOKEN": "s", "N": 1}}],
            "Headers": ["Authorization: s"], "env": "s", "command": "npx"});
        mask(&mut value);
        assert_eq!(
            value,
            json!({"a": [{"env": {"TOKEN": "***", "N": "***"}}],
                "Headers": ["***"], "env": "***", "command": "npx"})
        );
    }

    #[test]
    fn a_text_that_may_hold_a_structure_with_secrets_is_masked() {
        let mut value =
            json!({"mcpServers": "x:\n  env:\n    TOKEN: s", "b": "{\"env\" : 1}", "c": "env"});
        mask_texts(&mut value);
        assert_eq!(value, json!({"mcpServers": "***", "b": "***", "c": "env"}));
    }

    #[test]
    fn a_pointer_leads_to_a_key_with_any_name() {
        let step = pointer_step("a/b~c");
        assert_eq!(step, "/a~1b~0c");
        assert_eq!(json!({"a/b~c": 1}).pointer(&step), Some(&json!(1)));
        let path = "x/.mcp.json#/mcpServers/a";
        assert_eq!(split_pointer(path), ("x/.mcp.json", Some("/mcpServers/a")));
        assert_eq!(split_pointer("c#/SKILL.md"), ("c#/SKILL.md", None));
    }

    #[test]
    fn nesting_has_a_limit() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let (message, line) = parse(deep.as_bytes()).unwrap_err();
        assert_eq!(
            (message.as_str(), line),
            ("the file is not valid JSON (recursion limit exceeded)", 1)
        );
    }
}
