//! `larder import`: makes curated collections of an export, or adds to those of the same names.

use std::{fs, io};

use larder::domain::curated::MAX_ADDITIONS;
use serde::Deserialize;
use serde_json::json;

use crate::{
    client::{CallError, Client, segment},
    export::{Export, Exported, Listed, VERSION},
    failure::Failure,
    settings::Settings,
};

const NOT_FOUND: u16 = 404;

/// What became of the members of a collection.
#[derive(Default, Deserialize)]
struct Outcome {
    added: Vec<String>,
    already_present: Vec<String>,
    not_found: Vec<String>,
}

/// Imports a file, or what comes from stdin for `-`; tells on stderr what became of it. Fails when
/// any of it could not be imported, once everything else is.
pub(crate) fn import(settings: &Settings, file: &str) -> Result<(), Failure> {
    let export = read(file)?;
    let client = Client::new(settings)?;
    let (mut lost, mut failed) = (0, 0);
    for collection in &export.collections {
        let name = &collection.name;
        match import_one(&client, collection) {
            Ok((was_made, outcome)) => {
                let done = if was_made { "made" } else { "there already" };
                let (new, old) = (outcome.added.len(), outcome.already_present.len());
                eprintln!("{name:?}: {done}; {new} artifacts added, {old} there already");
                for id in &outcome.not_found {
                    eprintln!("{name:?}: not found: {id}");
                }
                lost += outcome.not_found.len();
            }
            Err(error @ (CallError::Unreachable { .. } | CallError::Foreign { .. })) => {
                return Err(error.into());
            }
            Err(CallError::Refused { detail, .. }) => {
                eprintln!("{name:?}: not imported: {detail}");
                failed += 1;
            }
        }
    }
    if lost == 0 && failed == 0 {
        return Ok(());
    }
    Err(Failure::Running(format!(
        "{failed} collections failed, and {lost} artifacts were not found: import the file again once \
         that is mended"
    )))
}

fn read(file: &str) -> Result<Export, Failure> {
    let is_stdin = file == "-";
    let text = if is_stdin { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    let name = if is_stdin { "the standard input" } else { file };
    let text = text.map_err(|error| Failure::new(&format!("{name} cannot be read"), &error))?;
    let export: Export = serde_json::from_str(&text).map_err(|error| {
        Failure::new(&format!("{name} is not what `larder export` writes"), &error)
    })?;
    if export.version != VERSION {
        let version = export.version;
        let message = format!("{name} has version {version}; this Larder reads version {VERSION}");
        return Err(Failure::Running(message));
    }
    Ok(export)
}

/// Imports a collection; answers whether it was made, and what became of its members.
fn import_one(client: &Client, collection: &Exported) -> Result<(bool, Outcome), CallError> {
    let (id, was_made) = match find(client, &collection.name)? {
        Some(id) => (id, false),
        None => (make(client, collection)?, true),
    };
    let path = format!("user-collections/{}/artifacts", segment(&id));
    let mut all = Outcome::default();
    for chunk in collection.artifact_ids.chunks(MAX_ADDITIONS) {
        let part: Outcome = client.post(&path, &json!({"artifact_ids": chunk}))?;
        all.added.extend(part.added);
        all.already_present.extend(part.already_present);
        all.not_found.extend(part.not_found);
    }
    Ok((was_made, all))
}

/// The id of the curated collection of that name.
fn find(client: &Client, name: &str) -> Result<Option<String>, CallError> {
    let found: Result<Listed, _> = client.get(&format!("user-collections/{}", segment(name)));
    match found {
        Ok(found) if found.is_curated() && found.name == name => Ok(Some(found.id)),
        Ok(_) | Err(CallError::Refused { status: NOT_FOUND, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a collection; the server refuses a name that another kind of collection has.
fn make(client: &Client, collection: &Exported) -> Result<String, CallError> {
    let Exported { name, description, .. } = collection;
    let body = json!({"name": name, "description": description});
    client.post("user-collections", &body).map(|made: Listed| made.id)
}
