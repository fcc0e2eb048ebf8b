//! Which keys supply a field.

use larder::domain::edit::{Change, Field};
use serde_json::{Map, Value};

use crate::{
    frontmatter::{metadata, text_of},
    lists,
};

/// What the reader takes for the value of a field: the change that would make no difference.
pub(super) fn supplied(keys: &Map<String, Value>, field: Field) -> Change {
    let metadata = metadata(keys.clone());
    let text = match field {
        Field::Tags if metadata.tags.is_empty() => None,
        Field::Tags => return Change::List(metadata.tags),
        Field::Description => metadata.description,
        Field::Author => metadata.author,
        Field::License => metadata.license,
        Field::Version => metadata.version,
    };
    text.map_or(Change::Clear, Change::Text)
}

/// The paths at which the keys supply a field; the first is the one that counts.
pub(super) fn supplying(keys: &Map<String, Value>, field: Field) -> Vec<Vec<&'static str>> {
    let supplies = |value: &Value| match field {
        Field::Tags => !lists::items(value).is_empty(),
        _ => text_of(value).is_some(),
    };
    let levels: [&[&str]; 2] = [&[], &["metadata"]];
    let paths = levels
        .iter()
        .flat_map(|level| names(field).iter().map(|name| [level, &[*name][..]].concat()));
    paths.filter(|path| get(keys, path).is_some_and(supplies)).collect()
}

/// The path at which to write a field: where it is supplied, else an empty key that waits for it,
/// else a new key. Of a map it is the `name`.
pub(super) fn target(keys: &Map<String, Value>, field: Field) -> Vec<&'static str> {
    let supplying = supplying(keys, field).into_iter().next();
    let mut path = supplying.unwrap_or_else(|| {
        let waiting = names(field).iter().find(|name| keys.contains_key(**name));
        vec![waiting.unwrap_or(&names(field)[0])]
    });
    let is_map = |path: &[&str]| {
        get(keys, path).and_then(Value::as_object).is_some_and(|map| !map.is_empty())
    };
    while field != Field::Tags && is_map(&path) {
        path.push("name");
    }
    path
}

/// The keys without what is at the path, and without the maps that it leaves empty.
pub(super) fn without(keys: &Map<String, Value>, path: &[&str]) -> Map<String, Value> {
    let mut keys = keys.clone();
    if let [first, rest @ ..] = path {
        let inner = keys.get(*first).and_then(Value::as_object).filter(|_| !rest.is_empty());
        match inner.map(|inner| without(inner, rest)) {
            Some(inner) if !inner.is_empty() => drop(keys.insert((*first).into(), inner.into())),
            _ => drop(keys.remove(*first)),
        }
    }
    keys
}

fn names(field: Field) -> &'static [&'static str] {
    match field {
        Field::Tags => &["tags", "keywords"],
        Field::Description => &["description"],
        Field::Author => &["author"],
        Field::License => &["license"],
        Field::Version => &["version"],
    }
}

fn get<'a>(keys: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(keys.get(*first)?, |value, key| value.get(key))
}
