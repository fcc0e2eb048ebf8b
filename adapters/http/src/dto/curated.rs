//! Bodies of the operations on curated collections, and what they answer.

use larder::domain::{
    curated::{Added, CollectionEdit, MAX_ADDITIONS, NewCollection},
    edit::{Field, InvalidField},
    id::ArtifactId,
};
use poem_openapi::{Object, types::Example};
use serde::Serialize;

use super::Nullable;
use crate::body::{Described, Fields};

/// A curated collection to be made.
#[derive(Debug, Clone, Object)]
#[oai(rename = "NewUserCollection", example)]
pub(crate) struct NewCollectionBody {
    /// Its name, which no other collection has as its name or its id; no control characters.
    #[oai(validator(min_length = 1, max_length = 255))]
    pub name: String,
    /// What it is for; no control characters.
    #[oai(validator(min_length = 1, max_length = 1024), skip_serializing_if_is_none)]
    pub description: Option<String>,
}

impl Described for NewCollectionBody {
    /// `None` when something is wrong.
    type Value = Option<NewCollection>;

    fn read(fields: &mut Fields) -> Self::Value {
        let (name, description) = (fields.required_text("name"), fields.text("description"));
        let new = NewCollection::new(&name, description.as_deref());
        new.map_err(|refused| fields.refuse_all(refused)).ok()
    }
}

impl Example for NewCollectionBody {
    fn example() -> Self {
        Self { name: "Release week".into(), description: Some("What a release needs.".into()) }
    }
}

/// Changes of a curated collection. A field that is absent stays.
#[derive(Debug, Clone, Object)]
#[oai(rename = "UserCollectionChange", example)]
pub(crate) struct CollectionChange {
    /// Its new name, which no other collection has as its name or its id; no control characters.
    #[oai(validator(min_length = 1, max_length = 255), skip_serializing_if_is_none)]
    pub name: Option<String>,
    /// What it is for; null removes it.
    #[oai(validator(min_length = 1, max_length = 1024), skip_serializing_if_is_none)]
    pub description: Option<Nullable<String>>,
}

impl Described for CollectionChange {
    /// `None` when something is wrong.
    type Value = Option<CollectionEdit>;

    fn read(fields: &mut Fields) -> Self::Value {
        let name = fields.text_unless_absent("name");
        let description = fields.change(Field::Description).map(|(_, change)| change);
        // A change of nothing is worth no word beside what else is wrong.
        if name.is_none() && description.is_none() && !fields.are_sound() {
            return None;
        }
        let edit = CollectionEdit::new(name.as_deref(), description.as_ref());
        edit.map_err(|refused| fields.refuse_all(refused)).ok()
    }
}

impl Example for CollectionChange {
    fn example() -> Self {
        Self { name: Some("Release day".into()), description: Some(Nullable(None)) }
    }
}

/// Artifacts to be added to a curated collection.
#[derive(Debug, Clone, Object)]
#[oai(rename = "ArtifactsToAdd", example)]
pub(crate) struct ArtifactsToAdd {
    /// Their ids, each `type:name`; repeated ones count once.
    #[oai(validator(min_items = 1, max_items = 1000))]
    pub artifact_ids: Vec<String>,
}

impl Described for ArtifactsToAdd {
    /// Empty when something is wrong.
    type Value = Vec<ArtifactId>;

    fn read(fields: &mut Fields) -> Self::Value {
        let texts = fields.list("artifact_ids");
        if texts.is_empty() || texts.len() > MAX_ADDITIONS {
            let message = format!("it must name 1 to {MAX_ADDITIONS} artifacts");
            fields.refuse_all(vec![InvalidField::new("artifact_ids", message)]);
            return Vec::new();
        }
        let parse = |(place, text): (usize, &String)| {
            ArtifactId::parse(text)
                .map_err(|error| {
                    fields.refuse::<()>(&format!("artifact_ids[{place}]"), error.to_string())
                })
                .ok()
        };
        texts.iter().enumerate().filter_map(parse).collect()
    }
}

impl Example for ArtifactsToAdd {
    fn example() -> Self {
        Self { artifact_ids: vec!["skill:release-notes".into(), "command:changelog".into()] }
    }
}

/// What became of artifacts that were to be added.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct ArtifactsAdded {
    /// Those that the collection holds from now on.
    pub added: Vec<String>,
    /// Those that it held before, also if their files are gone at the moment.
    pub already_present: Vec<String>,
    /// Those that no source collection has.
    pub not_found: Vec<String>,
}

impl From<Added> for ArtifactsAdded {
    fn from(added: Added) -> Self {
        let texts = |ids: Vec<ArtifactId>| ids.iter().map(ToString::to_string).collect();
        Self {
            added: texts(added.added),
            already_present: texts(added.already_present),
            not_found: texts(added.not_found),
        }
    }
}

impl Example for ArtifactsAdded {
    fn example() -> Self {
        Self {
            added: vec!["skill:release-notes".into()],
            already_present: vec!["command:changelog".into()],
            not_found: Vec::new(),
        }
    }
}
