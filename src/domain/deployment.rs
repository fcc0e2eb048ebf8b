//! Copies of artifacts in projects.

use serde::{Deserialize, Serialize};

use super::{Timestamp, id::ArtifactId, revision::Revision};

/// What a deployment does about files that a project has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployStrategy {
    /// The collection's files replace the project's; files in the project alone stay.
    Overwrite,
    /// New and unchanged files are copied; a file that both sides changed since the last deployment
    /// is a conflict, and then nothing is written.
    Merge,
}

/// What a synchronisation does about files that both sides have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncStrategy {
    /// The project's file is taken.
    Theirs,
    /// The collection's file stays.
    Ours,
    /// Nobody's: the conflicts are listed, and nothing is written.
    Manual,
}

/// What is done between a source and a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The artifact is copied into the project.
    Deploy(DeployStrategy),
    /// What was deployed and is unchanged since is removed from the project.
    Undeploy,
    /// What was changed in the project since the deployment is taken into the managed source.
    Sync(SyncStrategy),
}

/// A project, as it may be shown: never by its place on the server's disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectName {
    /// The last name of the configured root that it lies in.
    pub root: String,
    /// Its path below that root; empty for the root itself.
    pub path: String,
}

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileOutcome {
    /// Made where there was none.
    Created,
    /// Replaced.
    Updated,
    /// It was right already.
    Unchanged,
    /// Taken away.
    Removed,
    /// Left as it is, although the other side differs.
    Kept,
}

impl FileOutcome {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
            Self::Kept => "kept",
        }
    }
}

/// One file of a transfer; `path` is relative to the project. One key of a JSON file is named by a
/// JSON pointer in the fragment: `.mcp.json#/mcpServers/github`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransferredFile {
    /// Which file.
    pub path: String,
    /// What became of it.
    pub outcome: FileOutcome,
}

/// What an [`Action`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The project.
    pub project: ProjectName,
    /// Its files, by path.
    pub files: Vec<TransferredFile>,
}

/// The program that deployed an artifact, and keeps the record of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeployedBy {
    /// Larder.
    Larder,
    /// SkillMeat, in its own record `.claude/.skillmeat-deployed.toml` of the project.
    SkillMeat,
}

impl DeployedBy {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Larder => "larder",
            Self::SkillMeat => "skillmeat",
        }
    }
}

/// Where an artifact is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Which artifact.
    pub artifact: ArtifactId,
    /// The project.
    pub project: ProjectName,
    /// The program that deployed it.
    pub deployed_by: DeployedBy,
    /// When it was last deployed there.
    pub deployed_at: Timestamp,
    /// The revision that was deployed; `None` where another program deployed it.
    pub revision: Option<Revision>,
    /// Its files, by path; where another program deployed it, the artifact's directory or file.
    pub files: Vec<DeployedFile>,
}

/// How a deployed file stands to what was deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeployedState {
    /// As it was deployed.
    Unchanged,
    /// Changed in the project.
    Changed,
    /// Gone from the project.
    Missing,
}

impl DeployedState {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Missing => "missing",
        }
    }
}

/// One file of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployedFile {
    /// Relative to the project.
    pub path: String,
    /// How it stands now.
    pub state: DeployedState,
}
