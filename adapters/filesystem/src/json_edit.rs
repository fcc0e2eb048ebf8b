//! JSON files that others write as well: what is not changed stays as it is written.

use jsonc_parser::{
    ParseOptions,
    cst::{CstArray, CstInputValue, CstObject, CstRootNode},
};
use larder::ports::WriteError;
use serde_json::{Map, Value};

use crate::{json::pointer_step, write::hash};

/// A part of such a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A key, by the keys of the maps that it lies in; its own comes last.
    Key(Vec<String>),
    /// An item of a list `hooks.<event>`, known by its hash.
    Hook { event: String, hash: String },
}

impl Part {
    /// As it stands behind the file's name. A hook is named by the beginning of its hash.
    pub(crate) fn fragment(&self) -> String {
        match self {
            Self::Key(steps) => {
                let steps: String = steps.iter().map(|step| pointer_step(step)).collect();
                format!("#{steps}")
            }
            Self::Hook { event, hash } => {
                format!(
                    "#{}{}/{}",
                    pointer_step("hooks"),
                    pointer_step(event),
                    hash.get(..16).unwrap_or(hash)
                )
            }
        }
    }

    /// The part's value in a file.
    pub(crate) fn in_file<'a>(&self, file: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Key(steps) => steps.iter().try_fold(file, |value, step| value.get(step)),
            Self::Hook { event, hash } => {
                let items = file.get("hooks")?.get(event)?.as_array()?;
                items.iter().find(|item| hash_of(item) == *hash)
            }
        }
    }
}

/// The hash of a value, however it is written.
pub(crate) fn hash_of(value: &Value) -> String {
    hash(value.to_string().as_bytes())
}

/// The value of a file; comments are allowed, as the programs that share it allow them.
pub(crate) fn parse(text: &str, name: &str) -> Result<Value, WriteError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = tree(text, name)?;
    root.to_serde_value()
        .ok_or_else(|| WriteError::unfit(format!("{name} is empty: mend it first")))
}

fn tree(text: &str, name: &str) -> Result<CstRootNode, WriteError> {
    CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| {
        let message = format!("{name} is not valid JSON: mend it first ({})", error.kind());
        WriteError::Unfit { message, line: u32::try_from(error.line_display()).ok() }
    })
}

/// The file with parts set, or taken out where the value is `None`. Whatever else is in it keeps its
/// bytes; the result is parsed again and compared.
pub(crate) fn edit(
    text: Option<&str>,
    name: &str,
    changes: &[(Part, Option<Value>)],
) -> Result<String, WriteError> {
    let before = text.unwrap_or("{}\n");
    let mut expected = parse(before, name)?;
    let root = tree(before, name)?;
    let unfit = || {
        let what = "something else stands where a map or a list belongs";
        WriteError::unfit(format!("{name} cannot be edited: {what}"))
    };
    let object = root.object_value().ok_or_else(unfit)?;
    for (part, value) in changes {
        change(&object, part, value.as_ref()).ok_or_else(unfit)?;
        expect(&mut expected, part, value.as_ref()).ok_or_else(unfit)?;
    }
    let after = root.to_string();
    if parse(&after, name)? == expected {
        return Ok(after);
    }
    Err(WriteError::unfit(format!("{name} cannot be edited safely")))
}

/// `None` where something else stands than a map or a list.
fn change(object: &CstObject, part: &Part, value: Option<&Value>) -> Option<()> {
    match (part, value) {
        (Part::Key(steps), value) => {
            let (key, maps) = steps.split_last()?;
            let mut object = object.clone();
            for map in maps {
                object = match value {
                    Some(_) => object.object_value_or_create(map)?,
                    None => match object.object_value(map) {
                        Some(map) => map,
                        None => return Some(()),
                    },
                };
            }
            match (object.get(key), value) {
                (Some(property), Some(value)) => property.set_value(input(value)),
                (Some(property), None) => property.remove(),
                (None, Some(value)) => drop(object.append(key, input(value))),
                (None, None) => {}
            }
        }
        (Part::Hook { event, .. }, Some(value)) => {
            let hooks = object.object_value_or_create("hooks")?;
            hooks.array_value_or_create(event)?.append(input(value));
        }
        (Part::Hook { event, hash }, None) => {
            let hooks = object.object_value("hooks");
            let list = hooks.as_ref().and_then(|hooks| hooks.array_value(event));
            for item in list.iter().flat_map(CstArray::elements) {
                if item.to_serde_value().is_some_and(|value| hash_of(&value) == *hash) {
                    item.remove();
                }
            }
            // An event without hooks says nothing.
            if list.is_some_and(|list| list.elements().is_empty())
                && let Some(property) = hooks.and_then(|hooks| hooks.get(event))
            {
                property.remove();
            }
        }
    }
    Some(())
}

/// The same on a parsed value; `None` likewise.
fn expect(file: &mut Value, part: &Part, value: Option<&Value>) -> Option<()> {
    match (part, value) {
        (Part::Key(steps), Some(value)) => {
            let (key, maps) = steps.split_last()?;
            let empty = || Value::Object(Map::new());
            let map = maps.iter().try_fold(file, |map, step| {
                Some(map.as_object_mut()?.entry(step).or_insert_with(empty))
            })?;
            map.as_object_mut()?.insert(key.clone(), value.clone());
        }
        (Part::Key(steps), None) => {
            let (key, maps) = steps.split_last()?;
            let map = maps.iter().try_fold(file, |map, step| map.get_mut(step));
            if let Some(map) = map {
                map.as_object_mut()?.remove(key);
            }
        }
        (Part::Hook { event, .. }, Some(value)) => {
            let hooks = file.as_object_mut()?.entry("hooks");
            let hooks = hooks.or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
            let list = hooks.entry(event).or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()?.push(value.clone());
        }
        (Part::Hook { event, hash }, None) => {
            let hooks = file.get_mut("hooks").and_then(Value::as_object_mut);
            let Some(hooks) = hooks else { return Some(()) };
            let Some(items) = hooks.get_mut(event).and_then(Value::as_array_mut) else {
                return Some(());
            };
            items.retain(|item| hash_of(item) != *hash);
            if items.is_empty() {
                hooks.remove(event);
            }
        }
    }
    Some(())
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(truth) => CstInputValue::Bool(*truth),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(map) => CstInputValue::Object(
            map.iter().map(|(key, value)| (key.clone(), input(value))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(key: &str) -> Part {
        Part::Key(vec!["mcpServers".into(), key.into()])
    }

    #[test]
    fn a_key_is_set_and_removed_and_the_rest_keeps_its_bytes() {
        let text = "{\n    // mine\n    \"x\": [1,2],\n    \"mcpServers\": {\n        \"old\": {\"a\": 1.50}\n    }\n}\n";
        let set = edit(Some(text), "f", &[(key("new"), Some(json!({"command": "npx"})))]).unwrap();
        assert!(
            set.contains("// mine\n    \"x\": [1,2],") && set.contains("{\"a\": 1.50}"),
            "{set}"
        );
        let back = edit(Some(&set), "f", &[(key("new"), None)]).unwrap();
        assert_eq!(parse(&back, "f").unwrap(), parse(text, "f").unwrap());
        assert!(back.contains("\"x\": [1,2]"), "{back}");
        let made = edit(None, "f", &[(key("a"), Some(json!("v")))]).unwrap();
        assert_eq!(parse(&made, "f").unwrap(), json!({"mcpServers": {"a": "v"}}));
    }

    #[test]
    fn a_hook_is_one_item_of_its_events_list() {
        let item = json!({"matcher": "Edit", "hooks": [{"type": "command", "command": "fmt"}]});
        let part = Part::Hook { event: "PostToolUse".into(), hash: hash_of(&item) };
        let text = "{\"hooks\": {\"PostToolUse\": [{\"matcher\": \"Mine\"}]}, \"model\": \"opus\"}";
        let set = edit(Some(text), "f", &[(part.clone(), Some(item.clone()))]).unwrap();
        let value = parse(&set, "f").unwrap();
        assert_eq!(value["hooks"]["PostToolUse"], json!([{"matcher": "Mine"}, item]));
        assert_eq!(part.in_file(&value), Some(&item));
        let back = edit(Some(&set), "f", &[(part, None)]).unwrap();
        assert_eq!(parse(&back, "f").unwrap(), parse(text, "f").unwrap());
    }

    #[test]
    fn what_is_no_object_or_no_json_is_left_alone() {
        for text in [
            "[]",
            "{",
            "{\"mcpServers\": 3}",
            "{\"a\": 1, \"a\": ",
            "{\"mcpServers\": {}, \"mcpServers\": 3}",
        ] {
            let set = edit(Some(text), "f", &[(key("a"), Some(json!(1)))]);
            assert!(matches!(set, Err(WriteError::Unfit { .. })), "{text}");
        }
    }
}
