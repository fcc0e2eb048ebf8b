//! The `[[mcp_servers]]` of a manifest, which SkillMeat keeps beside its artifacts. They are read as
//! artifacts of type `mcp` and never written.

use larder::{domain::id::ArtifactId, ports::SourceError};
use toml::{Table, Value};

use super::{
    entry::Entry,
    manifest::{MANIFEST, ManifestFiles},
};
use crate::{files::Root, json::pointer_step, rows::Reader};

/// Their key in the manifest.
pub(super) const SERVERS: &str = "mcp_servers";

/// Their keys that an artifact's entry has under another name.
const RENAMED: [(&str, &str); 3] =
    [("repo", "source"), ("version", "version_spec"), ("installed_at", "added")];

/// The servers of a manifest as entries, which take them out of it.
pub(super) fn entries(manifest: &mut Table) -> Vec<Entry> {
    let Some(Value::Array(servers)) = manifest.remove(SERVERS) else { return Vec::new() };
    let tables = servers.into_iter().filter_map(|server| match server {
        Value::Table(keys) => Some(entry(keys)),
        _ => None,
    });
    tables.collect()
}

fn entry(mut keys: Table) -> Entry {
    for (own, usual) in RENAMED {
        if let Some(value) = keys.remove(own) {
            keys.insert(usual.to_owned(), value);
        }
    }
    let name = keys.get("name").and_then(Value::as_str).map(pointer_step).unwrap_or_default();
    keys.insert("path".to_owned(), format!("{MANIFEST}#/{SERVERS}{name}").into());
    keys.insert("type".to_owned(), "mcp".into());
    Entry::of_server(keys)
}

/// The content of a server: its own keys as JSON, with the secrets masked. `None` if the manifest
/// has no such server.
pub(crate) fn content(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
) -> Result<Option<serde_json::Value>, SourceError> {
    let Some(files) = ManifestFiles::read(reader, root)? else { return Ok(None) };
    let entry = files.entry(&reader.source.name, id)?.filter(Entry::is_server);
    Ok(entry.map(|entry| {
        let mut keys = entry.masked();
        for (own, usual) in RENAMED {
            if let Some(value) = keys.remove(usual) {
                keys.insert(own.to_owned(), value);
            }
        }
        keys.retain(|key, _| !["path", "type"].contains(&key.as_str()));
        keys.into()
    }))
}
