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

/// The metadata that these keys give, at the top level or else in `metadata`; all others are its
/// `extra`.
pub(crate) fn metadata(mut keys: Map<String, Value>) -> Metadata {
    let nested = keys.get("metadata").and_then(Value::as_object);
    let levels = || std::iter::once(&keys).chain(nested);
    let text = |key: &str| levels().find_map(|keys| keys.get(key).and_then(text_of));
    let list = |names: [&str; 2]| {
        let values = levels().flat_map(|keys| names.iter().filter_map(|name| keys.get(*name)));
        values.map(lists::items).find(|items| !items.is_empty()).unwrap_or_default()
    };
    let metadata = Metadata {
        display_name: keys.get("name").and_then(text_of),
        description: text("description"),
        author: text("author"),
        license: text("license"),
        version: text("version"),
        tags: list(["tags", "keywords"]),
        tools: list(["allowed-tools", "tools"]),
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
pub(crate) fn first_paragraph(body: &str) -> Option<String> {
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
        metadata(keys.as_object().unwrap().clone())
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
        let nested = json!({"author": "a", "version": "2", "tags": ["t"], "description": "d",
            "license": "MIT", "tools": "Read", "name": "n"});
        let metadata = of(&json!({"version": "1", "tags": [], "metadata": nested}));
        assert_eq!(metadata.author.as_deref(), Some("a"));
        assert_eq!(metadata.version.as_deref(), Some("1"));
        assert_eq!(metadata.description.as_deref(), Some("d"));
        assert_eq!(metadata.license.as_deref(), Some("MIT"));
        assert_eq!((metadata.tags, metadata.tools), (vec!["t".into()], vec!["Read".into()]));
        assert_eq!(metadata.display_name, None);
        assert_eq!(metadata.extra["metadata"], nested);
    }

    #[test]
    fn the_first_paragraph_is_neither_heading_nor_endless() {
        let body = "# Title\n\nFirst\nline.\n\nSecond.\n";
        assert_eq!(first_paragraph(body).as_deref(), Some("First line."));
        let long = "é".repeat(2_000);
        assert_eq!(first_paragraph(&long).unwrap().chars().count(), MAX_PARAGRAPH_CHARS);
        assert_eq!(first_paragraph("# a\n\n---\n"), None);
    }
}
