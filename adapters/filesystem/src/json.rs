//! JSON files: how they are parsed, and the way to one of their values.

use serde_json::Value;

/// One key of a map as a step of a JSON pointer (RFC 6901, section 3).
pub(crate) fn pointer_step(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Cuts a path into the JSON or TOML file and the JSON pointer behind it, if there is one.
pub(crate) fn split_pointer(path: &str) -> (&str, Option<&str>) {
    let ends = [".json#/", ".toml#/"].into_iter().filter_map(|end| path.find(end));
    match ends.min().map(|at| at + ".json".len()) {
        Some(end) => (&path[..end], Some(&path[end + 1..])),
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
    fn a_pointer_leads_to_a_key_with_any_name() {
        let step = pointer_step("a/b~c");
        assert_eq!(step, "/a~1b~0c");
        assert_eq!(json!({"a/b~c": 1}).pointer(&step), Some(&json!(1)));
        let path = "x/.mcp.json#/mcpServers/a";
        assert_eq!(split_pointer(path), ("x/.mcp.json", Some("/mcpServers/a")));
        assert_eq!(split_pointer("c#/SKILL.md"), ("c#/SKILL.md", None));
    }

    #[test]
    fn a_pointer_may_lead_into_the_manifest() {
        let split = split_pointer("collection.toml#/mcp_servers/a");
        assert_eq!(split, ("collection.toml", Some("/mcp_servers/a")));
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
