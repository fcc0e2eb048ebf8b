//! Frontmatter: the YAML block at the head of a Markdown file, read strictly where that works and
//! leniently where it does not, because the programs that use these files read them so, too.

mod edit;
mod fields;
mod lines;
mod quote;
mod split;
mod strict;

use std::borrow::Cow;

use larder::domain::artifact::{Health, Problem};
use serde_json::{Map, Value};

pub(crate) use edit::{Unsafe, edit, scalar, supplies};
pub(crate) use fields::{first_paragraph, is_column, metadata, text_of};
pub(crate) use lines::key_of;
pub(crate) use split::split;

/// Longest frontmatter, in bytes. Real ones have at most a few KiB.
const MAX_BLOCK_BYTES: usize = 64 * 1024;

/// Keys whose values are texts as written, never numbers or booleans.
const TEXT_KEYS: [&str; 10] = [
    "allowed-tools",
    "author",
    "description",
    "keywords",
    "license",
    "metadata",
    "name",
    "tags",
    "tools",
    "version",
];

/// Keys that a description which runs on cannot hold: a line that begins with one begins a new
/// value.
const KEYS: [&str; 35] = [
    "agent",
    "allowed-tools",
    "argument-hint",
    "arguments",
    "author",
    "background",
    "color",
    "compatibility",
    "context",
    "description",
    "disable-model-invocation",
    "disallowed-tools",
    "disallowedTools",
    "effort",
    "hooks",
    "initialPrompt",
    "isolation",
    "keywords",
    "license",
    "maxTurns",
    "mcpServers",
    "memory",
    "metadata",
    "model",
    "name",
    "paths",
    "permissionMode",
    "shell",
    "skills",
    "tags",
    "title",
    "tools",
    "user-invocable",
    "version",
    "when_to_use",
];

/// What the frontmatter of a file says.
#[derive(Debug, PartialEq)]
pub(crate) struct Frontmatter<'a> {
    /// Its keys; `None` when the file has none.
    pub(crate) values: Option<Map<String, Value>>,
    /// What follows it.
    pub(crate) body: &'a str,
    pub(crate) health: Health,
    pub(crate) problem: Option<Problem>,
}

/// Reads the frontmatter of a Markdown file; never fails.
pub(crate) fn read(file: &str) -> Frontmatter<'_> {
    let parts = split(file);
    let ok = Frontmatter { values: None, body: parts.body, health: Health::Ok, problem: None };
    let Some(block) = parts.block else { return ok };
    let line = block.first_line;
    let flawed = |health, message: String, line| Frontmatter {
        values: Some(Map::new()),
        body: parts.body,
        health,
        problem: Some(Problem { message, line: Some(line) }),
    };
    if !block.closed {
        let fits = block.text.len() <= MAX_BLOCK_BYTES;
        let values = if fits { lines::parse(block.text) } else { Map::new() };
        // A rule at the head of a text is no frontmatter.
        if values.is_empty() {
            return Frontmatter { body: file.strip_prefix('\u{feff}').unwrap_or(file), ..ok };
        }
        let message = "the frontmatter has no closing line of ---; it was read up to the first \
                       blank line";
        let flawed = flawed(Health::Recovered, message.to_owned(), line.saturating_sub(1));
        return Frontmatter { values: Some(values), ..flawed };
    }
    if block.text.len() > MAX_BLOCK_BYTES {
        let message = format!("the frontmatter is longer than {} KiB", MAX_BLOCK_BYTES / 1024);
        return flawed(Health::Broken, message, line);
    }
    let text = with_line_feeds(block.text);
    let rejected = match strict::parse(&text) {
        Ok(values) => return Frontmatter { values: Some(values), ..ok },
        Err(rejected) => rejected,
    };
    let line = rejected.line.map_or(line, |at| line.saturating_add(at).saturating_sub(1));
    let why = format!("the frontmatter is not valid YAML ({})", rejected.message);
    let recovered = lenient(&text);
    if recovered.is_empty() {
        return flawed(Health::Broken, format!("{why}, and nothing of it can be read"), line);
    }
    let flawed = flawed(Health::Recovered, format!("{why}; it was read leniently"), line);
    Frontmatter { values: Some(recovered), ..flawed }
}

/// What can be had of a text that YAML rejects.
fn lenient(text: &str) -> Map<String, Value> {
    let quoted = quote::quoted(text).and_then(|quoted| strict::parse(&quoted).ok());
    quoted.unwrap_or_else(|| lines::parse(text))
}

fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(file: &str) -> (Health, Option<u32>, Value) {
        let read = read(file);
        let line = read.problem.and_then(|problem| problem.line);
        (read.health, line, read.values.map_or(Value::Null, Value::Object))
    }

    #[test]
    fn valid_yaml_is_ok() {
        let file = "---\r\nname: x\r\ndescription: >-\r\n  a\r\n  b\r\n---\r\n";
        assert_eq!(told(file), (Health::Ok, None, json!({"name": "x", "description": "a b"})));
        assert_eq!(told("# Title\n"), (Health::Ok, None, Value::Null));
        assert_eq!(told("---\n---\n"), (Health::Ok, None, json!({})));
    }

    #[test]
    fn a_value_that_needs_quotes_is_recovered_with_its_line() {
        let file = "\n---\nname: x\ndescription: Use when: y\n---\n";
        let values = json!({"name": "x", "description": "Use when: y"});
        assert_eq!(told(file), (Health::Recovered, Some(4), values));
    }

    #[test]
    fn what_cannot_be_quoted_is_read_line_by_line() {
        let file = "---\nname: x\ndescription: Says: a\n  b: c\nmodel: opus\n---\n";
        let (health, _, values) = told(file);
        assert_eq!(health, Health::Recovered);
        assert_eq!(values, json!({"name": "x", "description": "Says: a\nb: c", "model": "opus"}));
    }

    #[test]
    fn duplicate_keys_are_recovered() {
        assert_eq!(told("---\nname: a\nname: b\n---\n").0, Health::Recovered);
    }

    #[test]
    fn what_holds_no_key_is_broken() {
        assert_eq!(told("---\n: [\n---\n"), (Health::Broken, Some(2), json!({})));
        let long = format!("---\nname: x\ndescription: {}\n---\n", "y".repeat(MAX_BLOCK_BYTES));
        assert_eq!(told(&long).0, Health::Broken);
    }

    #[test]
    fn bombs_and_long_lines_end_soon() {
        let deep = format!("---\nname: x\na: {}\n---\n", "[".repeat(10_000));
        assert_eq!(told(&deep).0, Health::Recovered);
        let long = format!("---\nname: x\n---\n{}", "z".repeat(130_000));
        assert_eq!(told(&long).0, Health::Ok);
    }

    #[test]
    fn an_unclosed_block_is_recovered_and_a_rule_is_none() {
        let (health, line, values) = told("---\nname: x\n\nbody\n");
        assert_eq!((health, line, values), (Health::Recovered, Some(1), json!({"name": "x"})));
        assert_eq!(told("---\n\nJust text\n"), (Health::Ok, None, Value::Null));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(---\n)?(\\PC|\n|: |- ){0,200}(\n---\n)?") {
            let _ = read(&text);
        }

        #[test]
        fn a_quoted_text_comes_back_as_it_was(text in "\\PC{0,80}") {
            let file = format!("---\ndescription: {}\n---\n", Value::String(text.clone()));
            let (health, _, values) = told(&file);
            prop_assert_eq!(health, Health::Ok);
            prop_assert_eq!(values, json!({ "description": text }));
        }
    }
}
