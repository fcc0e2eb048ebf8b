//! JSON files of a plain directory, and the artifacts that their keys are.

use larder::domain::{
    Timestamp,
    artifact::{Artifact, Provenance},
    id::{ArtifactId, ArtifactKind, InvalidName, SourceName},
    revision::Revision,
};
use serde_json::Value;

use super::{classify::Role, identity, revision};
use crate::{
    files::{Refusal, Root},
    fingerprint::Stat,
    json,
    reading::Reading,
    rows::{Parts, Reader},
};

/// A JSON file as it was read.
pub(crate) struct JsonFile {
    pub(crate) path: String,
    pub(crate) role: Role,
    pub(crate) stat: Stat,
    pub(crate) read_at: Timestamp,
    /// Its value and its bytes, or what is wrong with it, and the line.
    pub(crate) value: Result<(Value, Vec<u8>), (String, Option<u32>)>,
}

/// An artifact that such a file holds.
pub(crate) struct JsonRow {
    pub(crate) id: Result<ArtifactId, InvalidName>,
    /// The file, with a pointer where the artifact is one key of it.
    pub(crate) path: String,
    pub(crate) reading: Reading,
    revision: Revision,
    stat: Stat,
    read_at: Timestamp,
}

impl JsonFile {
    /// Reads a file; `None` when there is none.
    pub(crate) fn read(reader: &Reader<'_>, root: &Root, path: &str, role: Role) -> Option<Self> {
        let read_at = reader.clock.now();
        let (stat, value) = match root.read(path) {
            Ok((stat, bytes)) => {
                let value = json::parse(&bytes).map(|value| (value, bytes));
                (stat, value.map_err(|(message, line)| (message, Some(line))))
            }
            Err(Refusal::Missing) => return None,
            Err(refusal) => (root.stat_refused(path, &refusal), Err((refusal.to_string(), None))),
        };
        Some(Self { path: path.to_owned(), role, stat, read_at, value })
    }

    /// The value of a plugin's manifest.
    pub(crate) fn plugin(&self) -> Option<&Value> {
        let (value, _) = self.value.as_ref().ok()?;
        (self.role == Role::Plugin).then_some(value)
    }

    /// The artifacts of a file that could be read.
    pub(crate) fn rows(&self, source: &SourceName) -> Vec<JsonRow> {
        let Ok((value, bytes)) = &self.value else { return Vec::new() };
        match self.role {
            Role::Plugin => {
                let name = value["name"].as_str().map(str::trim).filter(|name| !name.is_empty());
                let reading = Reading::of_json(ArtifactKind::COMPOSITE, value.clone(), bytes);
                vec![self.row(
                    identity::plugin(source, &self.path, name),
                    self.path.clone(),
                    reading,
                    bytes,
                )]
            }
            Role::Hooks => {
                let reading = Reading::of_json(ArtifactKind::HOOK, value.clone(), bytes);
                vec![self.row(
                    identity::hooks(source, &self.path),
                    self.path.clone(),
                    reading,
                    bytes,
                )]
            }
            Role::Settings => {
                let hooks = value.get("hooks").filter(|hooks| !is_empty(hooks));
                let row = hooks.map(|hooks| {
                    let reading = Reading::of_hooks(hooks.clone(), bytes);
                    let bytes = hooks.to_string();
                    let path = format!("{}#/hooks", self.path);
                    self.row(identity::hooks(source, &self.path), path, reading, bytes.as_bytes())
                });
                row.into_iter().collect()
            }
            Role::Servers => {
                let servers = value["mcpServers"].as_object().into_iter().flatten();
                let row = |(key, server): (&String, &Value)| {
                    let path = format!("{}#/mcpServers{}", self.path, json::pointer_step(key));
                    let reading = Reading::of_json(ArtifactKind::MCP, server.clone(), bytes);
                    let bytes = server.to_string();
                    self.row(identity::server(&self.path, key), path, reading, bytes.as_bytes())
                };
                servers.map(row).collect()
            }
            Role::Skill | Role::Single(_) => Vec::new(),
        }
    }

    /// A row for an artifact of a file that could not be read, under the id it had or would have.
    pub(crate) fn broken(&self, id: ArtifactId, path: String) -> Option<JsonRow> {
        let (message, line) = self.value.as_ref().err()?;
        Some(self.row(Ok(id), path, Reading::broken(message, *line), &[]))
    }

    /// The id that the file's artifact has by its path alone.
    pub(crate) fn id_by_path(&self, source: &SourceName) -> Option<ArtifactId> {
        match self.role {
            Role::Plugin => identity::plugin(source, &self.path, None).ok(),
            Role::Hooks => identity::hooks(source, &self.path).ok(),
            _ => None,
        }
    }

    fn row(
        &self,
        id: Result<ArtifactId, InvalidName>,
        path: String,
        reading: Reading,
        bytes: &[u8],
    ) -> JsonRow {
        let (revision, stat) = (revision(bytes), self.stat.clone());
        JsonRow { id, path, reading, revision, stat, read_at: self.read_at }
    }
}

impl JsonRow {
    pub(crate) fn fingerprint(&self) -> String {
        self.stat.plain()
    }

    pub(crate) fn artifact(&self, id: &ArtifactId) -> Artifact {
        Parts {
            id,
            path: self.path.clone(),
            reading: self.reading.clone(),
            provenance: Provenance::default(),
            added_at: None,
            revision: self.revision.clone(),
            stat: &self.stat,
            fingerprint: self.fingerprint(),
            read_at: self.read_at,
        }
        .into_artifact()
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        other => other.is_null(),
    }
}
