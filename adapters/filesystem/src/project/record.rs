//! What was deployed where: `.claude/.larder-deployed.toml` in the project, with the hash of each
//! file, and `.larder/deployments.toml` in the source, which leads to the projects.

use std::{collections::BTreeMap, io};

use larder::{
    domain::{Timestamp, id::ArtifactId, revision::Revision},
    ports::WriteError,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::write::{Failure, Side, Transaction};

/// The record of a project, relative to it.
pub(crate) const DEPLOYED: &str = ".claude/.larder-deployed.toml";

/// The record of a source, among Larder's own files.
pub(crate) const DEPLOYMENTS: &str = "deployments.toml";

/// All that was deployed into a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deployed {
    #[serde(default)]
    pub(super) artifacts: Vec<DeployedArtifact>,
}

/// One artifact in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeployedArtifact {
    pub(super) id: ArtifactId,
    /// The source collection that it came from.
    pub(super) collection: String,
    pub(super) revision: Revision,
    pub(super) deployed_at: Timestamp,
    /// The hash that each file had when both sides were last the same, by its path in the project.
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
}

/// The projects that a source's artifacts were deployed into.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deployments {
    #[serde(default)]
    pub(super) deployments: Vec<DeployedInto>,
}

/// One artifact and one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeployedInto {
    pub(super) artifact: ArtifactId,
    /// The project's directory, without links.
    pub(super) project: String,
}

impl Deployed {
    /// The record of one artifact.
    pub(super) fn of(&self, id: &ArtifactId) -> Option<&DeployedArtifact> {
        self.artifacts.iter().find(|artifact| artifact.id == *id)
    }

    /// The record with one artifact's replaced, or taken out.
    pub(super) fn with(&self, id: &ArtifactId, new: Option<DeployedArtifact>) -> Self {
        let others = self.artifacts.iter().filter(|artifact| artifact.id != *id).cloned();
        Self { artifacts: others.chain(new).collect() }
    }
}

impl Deployments {
    /// The projects of one artifact.
    pub(super) fn of(&self, id: &ArtifactId) -> impl Iterator<Item = &str> {
        let id = id.clone();
        let its = self.deployments.iter().filter(move |it| it.artifact == id);
        its.map(|it| it.project.as_str())
    }

    /// The record with that deployment, or without it.
    pub(super) fn with(&self, id: &ArtifactId, project: &str, is_there: bool) -> Self {
        let this = DeployedInto { artifact: id.clone(), project: project.to_owned() };
        let others = self.deployments.iter().filter(|it| **it != this).cloned();
        Self { deployments: others.chain(is_there.then(|| this.clone())).collect() }
    }
}

/// A record, and the bytes that it was read from.
pub(super) fn read<T: DeserializeOwned + Default>(
    bytes: Option<&[u8]>,
    name: &str,
) -> Result<T, Failure> {
    let Some(bytes) = bytes else { return Ok(T::default()) };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged(name))?;
    Ok(toml::from_str(text).map_err(|_| damaged(name))?)
}

fn damaged(name: &str) -> WriteError {
    WriteError::unfit(format!("{name} cannot be read: mend it, or delete it to begin anew"))
}

/// Puts a record in its place.
pub(super) fn write<T: Serialize>(
    write: &mut Transaction<'_>,
    side: Side,
    path: &str,
    before: Option<&[u8]>,
    record: &T,
) -> Result<(), Failure> {
    let text = toml::to_string(record).map_err(io::Error::other)?;
    match before {
        Some(before) => write.replace(side, path, before, text.as_bytes()),
        None => write.create(side, path, text.as_bytes(), None),
    }
}
