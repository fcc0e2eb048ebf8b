//! `larder export`: curated collections as a file, since they are in the database alone.

use larder::domain::collection::CollectionKind;
use serde::{Deserialize, Serialize};

use crate::{
    client::{Client, segment},
    failure::Failure,
    print,
    settings::Settings,
};

/// The version of the format that this Larder reads and writes.
pub(crate) const VERSION: u32 = 1;

/// What an export holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object of version and collections")]
pub(crate) struct Export {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// Curated collections, by name.
    pub(crate) collections: Vec<Exported>,
}

/// A curated collection.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exported {
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// Its members, by name.
    pub(crate) artifact_ids: Vec<String>,
}

/// A collection as the API shows it.
#[derive(Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) kind: CollectionKind,
}

impl Listed {
    pub(crate) fn is_curated(&self) -> bool {
        self.kind == CollectionKind::Curated
    }
}

#[derive(Deserialize)]
struct Member {
    id: String,
}

/// Prints the curated collections of these names, or all of them.
pub(crate) fn export(settings: &Settings, names: &[String]) -> Result<(), Failure> {
    let client = Client::new(settings)?;
    let mut listed: Vec<Listed> = client.list("user-collections")?;
    listed.retain(Listed::is_curated);
    if let Some(unknown) = names.iter().find(|name| listed.iter().all(|it| it.name != **name)) {
        let message = format!("there is no curated collection {unknown:?}");
        return Err(Failure::Running(message));
    }
    listed.retain(|it| names.is_empty() || names.contains(&it.name));
    let mut collections = Vec::with_capacity(listed.len());
    for Listed { id, name, description, .. } in listed {
        let members: Vec<Member> =
            client.list(&format!("user-collections/{}/artifacts", segment(&id)))?;
        let artifact_ids = members.into_iter().map(|member| member.id).collect();
        collections.push(Exported { name, description, artifact_ids });
    }
    let export = Export { version: VERSION, collections };
    let text = serde_json::to_string_pretty(&export)
        .map_err(|error| Failure::new("the collections cannot be written as JSON", &error))?;
    print(&(text + "\n"))
}
