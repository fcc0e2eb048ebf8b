//! The last way to read frontmatter: line by line.

use serde_json::{Map, Value};

use super::{KEYS, strict};

/// `key: value` at the beginning of a line; the value is trimmed.
pub(crate) fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(word);
    let ends = value.is_empty() || value.starts_with([' ', '\t', '\r', '\n']);
    (is_key && ends).then(|| (key, value.trim()))
}

/// Reads every key with the lines that belong to it. Of a key that comes twice the first counts.
/// Inside a description only a known key begins a new one: dialogue lines (`user: …`) would
/// otherwise become keys.
pub(crate) fn parse(text: &str) -> Map<String, Value> {
    let mut map = Map::new();
    for (key, lines) in segments(text) {
        map.entry(key).or_insert_with(|| value_of(key, &lines));
    }
    map
}

/// Every key with its lines, line ends and all; conflict markers and what stands before the first
/// key belong to none.
pub(crate) fn segments(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut segments: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.split_inclusive('\n').filter(|line| !is_conflict_marker(line)) {
        let in_description = segments.last().is_some_and(|(key, _)| *key == "description");
        match key_of(line) {
            Some((key, _)) if !in_description || KEYS.contains(&key) => {
                segments.push((key, vec![line]));
            }
            _ => {
                if let Some((_, lines)) = segments.last_mut() {
                    lines.push(line);
                }
            }
        }
    }
    segments
}

/// Whether git left this line in a merge that nobody finished.
pub(crate) fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|marker| line.starts_with(marker))
}

/// The value as YAML, if these lines are YAML by themselves; else their text.
pub(crate) fn value_of(key: &str, lines: &[&str]) -> Value {
    if let Some(value) = yaml_of(key, lines) {
        return value;
    }
    let first = lines.first().and_then(|line| key_of(line)).map_or("", |(_, value)| value);
    let first = if is_block_indicator(first) { "" } else { unquoted(first) };
    let rest = lines.iter().skip(1).map(|line| line.trim());
    let text: Vec<&str> = std::iter::once(first).chain(rest).collect();
    Value::String(text.join("\n").trim().to_owned())
}

/// The value, if these lines are YAML by themselves.
pub(crate) fn yaml_of(key: &str, lines: &[&str]) -> Option<Value> {
    strict::parse(&lines.concat()).ok()?.remove(key)
}

/// `|` or `>`, with what may follow them in YAML.
fn is_block_indicator(value: &str) -> bool {
    value.starts_with(['|', '>']) && value[1..].chars().all(|c| "+-0123456789".contains(c))
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> Value {
        Value::Object(parse(text))
    }

    #[test]
    fn dialogue_inside_a_description_is_no_key() {
        let text =
            "name: x\ndescription: Use it. Examples:\nuser: 'do: it'\nContext: y\nmodel: opus\n";
        assert_eq!(
            parsed(text),
            json!({"name": "x", "description": "Use it. Examples:\nuser: 'do: it'\nContext: y", "model": "opus"})
        );
    }

    #[test]
    fn each_key_is_yaml_if_it_can_be() {
        let text =
            "description: a: b\ntags:\n  - x\n  - y\nversion: 1.0\nmetadata:\n  author: me\n";
        assert_eq!(
            parsed(text),
            json!({"description": "a: b", "tags": ["x", "y"], "version": "1.0",
                   "metadata": {"author": "me"}})
        );
    }

    #[test]
    fn the_first_of_two_equal_keys_counts() {
        assert_eq!(parsed("name: a\nname: b\n"), json!({"name": "a"}));
    }

    #[test]
    fn conflict_markers_are_passed_over() {
        let text =
            "name: x\n<<<<<<< HEAD\ndescription: ours\n=======\ndescription: theirs\n>>>>>>> b\n";
        assert_eq!(parsed(text), json!({"name": "x", "description": "ours"}));
    }

    #[test]
    fn a_text_without_keys_gives_nothing() {
        assert_eq!(parsed("just words\n: x\n"), json!({}));
    }
}
