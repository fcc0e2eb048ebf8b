//! Lists that people write as one text.

use serde_json::Value;

/// The items of a list written as YAML list, as a text separated by commas or spaces, or as a map
/// whose values say whether the key counts. In order, each once.
pub(crate) fn items(value: &Value) -> Vec<String> {
    let mut items = Vec::new();
    collect(value, &mut items);
    distinct(items)
}

fn collect(value: &Value, items: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => items.push(value.to_string()),
        Value::String(text) => items.extend(split(text)),
        Value::Array(list) => list.iter().for_each(|item| collect_item(item, items)),
        Value::Object(map) => {
            let counts = |value: &Value| *value != Value::Bool(false) && value != "false";
            items.extend(map.iter().filter(|(_, value)| counts(value)).map(|(key, _)| key.clone()));
        }
    }
}

/// One item of a YAML list. `- Bash(git log: *)` is a map to YAML, and one item to its author.
fn collect_item(item: &Value, items: &mut Vec<String>) {
    match item {
        Value::String(text) => items.push(text.trim().to_owned()),
        Value::Object(map) => items.extend(map.iter().map(|(key, value)| match value {
            Value::String(text) => format!("{key}: {text}"),
            _ => key.clone(),
        })),
        other => collect(other, items),
    }
}

/// Without repetitions and empty items, the first of each kept.
pub(crate) fn distinct(items: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    items.into_iter().filter(|item| !item.is_empty() && seen.insert(item.clone())).collect()
}

/// Splits at commas and line ends, or, where there are none, at spaces; never inside parentheses,
/// so that `Bash(git log:*), Read` has two items.
fn split(text: &str) -> Vec<String> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let separator = |c: char| c == ',' || c == '\n';
    let items = if split_outside(text, separator).len() > 1 {
        split_outside(text, separator)
    } else {
        split_outside(text, char::is_whitespace)
    };
    items.into_iter().map(bare).map(str::to_owned).collect()
}

fn split_outside(text: &str, separator: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 && separator(c) => {
                items.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items
}

/// Without the dash of a list and without quotes.
fn bare(item: &str) -> &str {
    let item = item.trim();
    let item = item.strip_prefix("- ").unwrap_or(item).trim();
    let inner = |quote| item.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(item)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_split_at_commas_else_at_spaces_and_never_inside_parentheses() {
        let tools = ["Bash(git log:*, -n 1)", "Read"];
        assert_eq!(items(&json!("Bash(git log:*, -n 1), Read")), tools);
        assert_eq!(items(&json!("Bash(git log:*, -n 1) Read")), tools);
        assert_eq!(items(&json!("Read, Write,, Read")), ["Read", "Write"]);
        assert_eq!(items(&json!("machine learning, ai")), ["machine learning", "ai"]);
        assert_eq!(items(&json!("Bash(git")), ["Bash(git"]);
    }

    #[test]
    fn a_flow_list_that_became_a_text_is_split_again() {
        assert_eq!(items(&json!("[a, \"b\", 'c d']")), ["a", "b", "c d"]);
        assert_eq!(items(&json!("- a\n- b")), ["a", "b"]);
    }

    #[test]
    fn a_list_and_a_map_are_taken_as_they_are() {
        assert_eq!(items(&json!(["a b", "c, d", 1, null])), ["a b", "c, d", "1"]);
        assert_eq!(items(&json!([{"Bash(git log": "*)"}])), ["Bash(git log: *)"]);
        assert_eq!(items(&json!({"read": "true", "write": false})), ["read"]);
        assert!(items(&json!(null)).is_empty());
    }
}
