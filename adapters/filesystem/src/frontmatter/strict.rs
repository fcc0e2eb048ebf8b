//! YAML by the book, within limits.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::{
    DefaultMessageFormatter, DuplicateKeyPolicy, MergeKeyPolicy, MessageFormatter as _,
    NonFiniteFloatPolicy, Options,
};

use super::TEXT_KEYS;

/// Deepest nesting. Real frontmatter has five levels; the parser recurses.
const MAX_DEPTH: usize = 32;
/// Most values: each takes two bytes of the 64 KiB at least, and no real file has a thousand.
const MAX_NODES: usize = 20_000;
/// Most aliases, and most events that they stand for.
const MAX_ALIASES: usize = 64;
const MAX_ALIASED_EVENTS: usize = 1_000;

/// Why a text is no mapping of YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// In one line.
    pub(crate) message: String,
    /// The line of the text, from 1.
    pub(crate) line: Option<u32>,
}

/// Parses a mapping. Nothing at all is an empty one. Values of columns are texts as written
/// (`version: 1.0` is `"1.0"`), others are resolved.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, Rejected> {
    match serde_saphyr::from_str_with_options(text, options()).map_err(|error| reject(&error))? {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => as_written(text, map),
        _ => Err(Rejected { message: "it is not a list of keys and values".into(), line: None }),
    }
}

/// Puts the texts back that stand for numbers and booleans in the columns' values.
fn as_written(text: &str, map: Map<String, Value>) -> Result<Map<String, Value>, Rejected> {
    let resolved = |(key, value): (&String, &Value)| is_text_key(key) && has_resolved(value);
    if !map.iter().any(resolved) {
        return Ok(map);
    }
    let mut value = Value::Object(map);
    serde_saphyr::with_deserializer_from_str_with_options(text, options(), |yaml| {
        AsWritten { value: &mut value, top: true }.deserialize(yaml)
    })
    .map_err(|error| reject(&error))?;
    let Value::Object(map) = value else { unreachable!("an object stays an object") };
    Ok(map)
}

fn is_text_key(key: &str) -> bool {
    TEXT_KEYS.contains(&key)
}

fn has_resolved(value: &Value) -> bool {
    match value {
        Value::Number(_) | Value::Bool(_) => true,
        Value::Array(items) => items.iter().any(has_resolved),
        Value::Object(map) => map.values().any(has_resolved),
        Value::Null | Value::String(_) => false,
    }
}

fn options() -> Options {
    let mut options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    };
    options.alias_limits = serde_saphyr::alias_limits! {
        max_total_replayed_events: MAX_ALIASED_EVENTS,
        max_replay_stack_depth: 8,
    };
    options
}

fn reject(error: &serde_saphyr::Error) -> Rejected {
    let message = DefaultMessageFormatter.format_message(error);
    Rejected {
        message: message.lines().next().unwrap_or_default().chars().take(200).collect(),
        line: error.location().and_then(|at| u32::try_from(at.line()).ok()),
    }
}

/// Walks a document a second time, beside what the first time gave, and replaces what was resolved
/// by its text.
struct AsWritten<'a> {
    value: &'a mut Value,
    top: bool,
}

impl<'de> DeserializeSeed<'de> for AsWritten<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        match self.value {
            Value::Number(_) | Value::Bool(_) => {
                *self.value = Value::String(String::deserialize(yaml)?);
            }
            Value::Array(_) => yaml.deserialize_seq(self)?,
            Value::Object(_) => yaml.deserialize_map(self)?,
            Value::Null | Value::String(_) => drop(IgnoredAny::deserialize(yaml)?),
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for AsWritten<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was there before")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for value in self.value.as_array_mut().into_iter().flatten() {
            if items.next_element_seed(AsWritten { value, top: false })?.is_none() {
                break;
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            match self.value.get_mut(&key) {
                Some(value) if !self.top || is_text_key(&key) => {
                    entries.next_value_seed(AsWritten { value, top: false })?;
                }
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(text: &str) -> Value {
        Value::Object(parse(text).unwrap())
    }

    #[test]
    fn values_of_columns_stay_texts_and_others_are_resolved() {
        assert_eq!(
            parsed(
                "name: yes\nversion: 1.0\nlicense: 0755\ntags: [1.10, true, no]\neffort: 3\nbackground: true\nmetadata:\n  version: 2.0\n"
            ),
            json!({"name": "yes", "version": "1.0", "license": "0755",
                   "tags": ["1.10", "true", "no"], "effort": 3, "background": true,
                   "metadata": {"version": "2.0"}})
        );
    }

    #[test]
    fn a_rejected_text_gives_one_line_and_its_place() {
        let rejected = parse("name: x\ndescription: Use when: y\n").unwrap_err();
        assert_eq!(rejected.line, Some(2));
        assert!(!rejected.message.contains('\n'), "{}", rejected.message);
        assert!(parse("a: 1\na: 2\n").unwrap_err().message.contains("uplicate"));
        assert!(parse("- a\n").is_err());
        assert_eq!(parsed("# nothing\n"), json!({}));
    }

    #[test]
    fn bombs_are_refused() {
        let deep = format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse(&deep).is_err());
        let block: Vec<String> =
            (0..1_000).map(|level| format!("{}a:", " ".repeat(level))).collect();
        assert!(parse(&block.join("\n")).is_err());
        let laugh = |(name, of)| format!("{name}: &{name} [{}]", format!("*{of}, ").repeat(10));
        let laughs = ["ba", "cb", "dc", "ed", "fe"].map(|pair| laugh(pair.split_at(1)));
        let laughs = format!("a: &a [x, x, x, x, x]\n{}", laughs.join("\n"));
        assert!(parse(&laughs).is_err());
    }
}
