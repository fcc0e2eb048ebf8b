//! Editing the metadata that a JSON file gives of itself: a plugin's manifest above all.

use larder::{
    domain::{
        edit::{Change, Field},
        id::ArtifactKind,
    },
    ports::WriteError,
};
use serde_json::Value;

use super::{failure::Failure, target::Target};
use crate::{
    frontmatter,
    json::split_pointer,
    json_edit::{self, Part},
    lists,
};

/// The file with these fields changed where it gives them.
pub(super) fn edit(target: &Target, changes: &[(Field, Change)]) -> Result<Vec<u8>, Failure> {
    let (file, pointer) = split_pointer(&target.artifact.path);
    if pointer.is_some() {
        let message = "it is one of several in its JSON file, which gives this value: change it \
                       there";
        return Err(WriteError::unfit(message).into());
    }
    let text = std::str::from_utf8(&target.main.bytes)
        .map_err(|_| WriteError::unfit(format!("{file} is not UTF-8: mend it first")))?;
    let value = json_edit::parse(text, file)?;
    let is_plugin = target.artifact.id.kind().as_str() == ArtifactKind::COMPOSITE;
    let mut parts = Vec::new();
    for (field, change) in changes {
        let places = places(&value, *field, is_plugin);
        let new = match change {
            Change::Clear => None,
            Change::Text(text) => Some(Value::from(text.clone())),
            Change::List(items) => Some(Value::from(items.clone())),
        };
        // The first is the one that is read; what is cleared is cleared everywhere.
        let count = if new.is_some() { 1 } else { places.len() };
        parts.extend(places.into_iter().take(count).map(|place| {
            let place = if new.is_some() { with_name(&value, place) } else { place };
            (Part::Key(place), new.clone())
        }));
    }
    Ok(json_edit::edit(Some(text), file, &parts)?.into_bytes())
}

/// The keys that give a field, in the order in which they are read.
fn places(value: &Value, field: Field, is_plugin: bool) -> Vec<Vec<String>> {
    let keys = match field {
        Field::Tags => vec!["tags", "keywords"],
        field => vec![field.as_str()],
    };
    let levels: &[&[&str]] = if is_plugin { &[&[], &["metadata"]] } else { &[&[]] };
    let all = levels.iter().flat_map(|level| {
        keys.iter().map(move |key| level.iter().chain([key]).map(ToString::to_string).collect())
    });
    let gives = |place: &Vec<String>| {
        let value = place.iter().try_fold(value, |value, step| value.get(step));
        value.is_some_and(|value| match field {
            Field::Tags => !lists::items(value).is_empty(),
            _ => frontmatter::text_of(value).is_some(),
        })
    };
    all.filter(gives).collect()
}

/// Of a map, such as an author's, the name is the text.
fn with_name(value: &Value, mut place: Vec<String>) -> Vec<String> {
    let value = place.iter().try_fold(value, |value, step| value.get(step));
    if value.is_some_and(Value::is_object) {
        place.push("name".to_owned());
    }
    place
}
