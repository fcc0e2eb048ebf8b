//! From keys and values to metadata.

use larder::domain::artifact::Metadata;
use serde_json::{Map, Value};

use crate::lists;

/// Longest description that is taken from a body, in characters.
const MAX_PARAGRAPH_CHARS: usize = 1_024;

/// Keys that have a column of their own, so that `extra` does not hold them.
const COLUMNS: [&str; 9] = [
    "allowed-tools",
    "author",
    "description",
    "keywords",
    "license",
    "name",
    "tags",
    "tools",
    "version",
];

/// Whether a key has a column of its own.
pub(crate) fn is_column(key: &str) -> bool {
    COLUMNS.contains(&key)
}

/// The metadata that these keys give; all others are its `extra`. Without a description the first
/// paragraph of `body` serves.
pub(crate) fn metadata(mut keys: Map<String, Value>, body: Option<&str>) -> Metadata {
    let nested = keys.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    let text = |keys: &Map<String, Value>, key: &str| keys.get(key).and_then(text_of);
    let list = |keys: &Map<String, Value>, names: &[&str]| {
        let lists = names.iter().filter_map(|key| keys.get(*key)).map(lists::items);
        lists.into_iter().find(|items| !items.is_empty()).unwrap_or_default()
    };
    let or_nested = |own: Vec<String>| if own.is_empty() { list(&nested, &["tags"]) } else { own };
    let metadata = Metadata {
        display_name: text(&keys, "name"),
        description: text(&keys, "description").or_else(|| body.and_then(first_paragraph)),
        author: text(&keys, "author").or_else(|| text(&nested, "author")),
        license: text(&keys, "license"),
        version: text(&keys, "version").or_else(|| text(&nested, "version")),
        tags: or_nested(list(&keys, &["tags", "keywords"])),
        tools: list(&keys, &["allowed-tools", "tools"]),
        extra: Map::new(),
    };
    keys.retain(|key, _| !is_column(key));
    Metadata { extra: keys, ..metadata }
}

/// A value as one text: a map is its `name`, a list its texts with commas between them.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Object(map) => text_of(map.get("name")?)?,
        Value::Array(items) => items.iter().filter_map(text_of).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

/// The first paragraph of a body; headings, rules and HTML comments are skipped.
fn first_paragraph(body: &str) -> Option<String> {
    let passed_over = |line: &&str| {
        line.is_empty()
            || line.starts_with('#')
            || line.starts_with("<!--")
            || line.chars().all(|c| "-*_= ".contains(c))
    };
    let lines = body.lines().map(str::trim).skip_while(passed_over);
    let paragraph: Vec<&str> =
        lines.take_while(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let text: String = paragraph.join(" ").chars().take(MAX_PARAGRAPH_CHARS).collect();
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(keys: &Value) -> Metadata {
        metadata(keys.as_object().unwrap().clone(), Some("# Title\n\nFirst\nline.\n\nSecond.\n"))
    }

    #[test]
    fn columns_are_taken_and_other_keys_are_extra() {
        let metadata = of(&json!({"name": "N", "description": " d ", "author": {"name": "A"},
            "license": "MIT", "version": "1.0", "keywords": ["k"], "tools": "Read, Write",
            "model": "opus"}));
        assert_eq!(metadata.display_name.as_deref(), Some("N"));
        assert_eq!(metadata.description.as_deref(), Some("d"));
        assert_eq!(metadata.author.as_deref(), Some("A"));
        assert_eq!(
            (metadata.tags, metadata.tools),
            (vec!["k".into()], vec!["Read".into(), "Write".into()])
        );
        assert_eq!(Value::Object(metadata.extra), json!({"model": "opus"}));
    }

    #[test]
    fn nested_metadata_fills_what_the_top_level_lacks() {
        let nested = json!({"author": "a", "version": "2", "tags": ["t"]});
        let metadata = of(&json!({"version": "1", "metadata": nested}));
        assert_eq!(metadata.author.as_deref(), Some("a"));
        assert_eq!(metadata.version.as_deref(), Some("1"));
        assert_eq!(metadata.tags, ["t"]);
        assert_eq!(metadata.extra["metadata"], nested);
    }

    #[test]
    fn a_missing_description_is_the_first_paragraph() {
        assert_eq!(of(&json!({})).description.as_deref(), Some("First line."));
        assert_eq!(of(&json!({"description": ""})).description.as_deref(), Some("First line."));
        let long = "é".repeat(2_000);
        assert_eq!(first_paragraph(&long).unwrap().chars().count(), MAX_PARAGRAPH_CHARS);
        assert_eq!(first_paragraph("# a\n\n---\n"), None);
    }
}
