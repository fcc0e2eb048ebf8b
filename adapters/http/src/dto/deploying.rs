//! Bodies and answers of the operations on projects.

use larder::domain::deployment::{
    DeployStrategy, Deployment as DomainDeployment, ProjectName, SyncStrategy, Transfer,
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::{EXAMPLE_REVISION, Moment, Nullable, SavedArtifact};
use crate::body::{Described, Fields};

const PROJECT: &str = "/srv/projects/shop";

/// What is done about files that a project has already.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "lowercase", rename = "DeployStrategy")]
pub(crate) enum DeployStrategyWord {
    /// New and unchanged files are copied; a file that both sides changed since the last deployment
    /// is a conflict, and then nothing is written.
    Merge,
    /// The collection's files replace the project's; files in the project alone stay.
    Overwrite,
}

/// What is done about files that both sides have changed.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "lowercase", rename = "SyncStrategy")]
pub(crate) enum SyncStrategyWord {
    /// The conflicts are listed, and nothing is written.
    Manual,
    /// The project's file is taken.
    Theirs,
    /// The collection's file stays.
    Ours,
}

/// A project that an artifact is copied into.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(crate) struct DeployRequest {
    /// The project's directory on the server, absolute. It must lie in one of `deploy.roots`.
    #[oai(validator(min_length = 1, max_length = 4096))]
    pub project_path: String,
    /// What to do about files that are there; `merge` when it is absent.
    #[oai(skip_serializing_if_is_none)]
    pub strategy: Option<DeployStrategyWord>,
}

impl Described for DeployRequest {
    type Value = (String, DeployStrategy);

    fn read(fields: &mut Fields) -> Self::Value {
        let words = [("merge", DeployStrategy::Merge), ("overwrite", DeployStrategy::Overwrite)];
        let strategy = fields.word("strategy", &words).unwrap_or(DeployStrategy::Merge);
        (project_path(fields), strategy)
    }
}

impl Example for DeployRequest {
    fn example() -> Self {
        Self { project_path: PROJECT.into(), strategy: Some(DeployStrategyWord::Merge) }
    }
}

/// A project that an artifact is removed from.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(crate) struct UndeployRequest {
    /// The project's directory on the server, absolute. It must lie in one of `deploy.roots`.
    #[oai(validator(min_length = 1, max_length = 4096))]
    pub project_path: String,
}

impl Described for UndeployRequest {
    type Value = String;

    fn read(fields: &mut Fields) -> Self::Value {
        project_path(fields)
    }
}

impl Example for UndeployRequest {
    fn example() -> Self {
        Self { project_path: PROJECT.into() }
    }
}

/// A project whose changes are taken.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(crate) struct SyncRequest {
    /// The project's directory on the server, absolute. It must lie in one of `deploy.roots`.
    #[oai(validator(min_length = 1, max_length = 4096))]
    pub project_path: String,
    /// What to do about files that both sides have changed; `manual` when it is absent.
    #[oai(skip_serializing_if_is_none)]
    pub strategy: Option<SyncStrategyWord>,
}

impl Described for SyncRequest {
    type Value = (String, SyncStrategy);

    fn read(fields: &mut Fields) -> Self::Value {
        let words = [
            ("manual", SyncStrategy::Manual),
            ("theirs", SyncStrategy::Theirs),
            ("ours", SyncStrategy::Ours),
        ];
        let strategy = fields.word("strategy", &words).unwrap_or(SyncStrategy::Manual);
        (project_path(fields), strategy)
    }
}

impl Example for SyncRequest {
    fn example() -> Self {
        Self { project_path: PROJECT.into(), strategy: Some(SyncStrategyWord::Manual) }
    }
}

/// Longest path that Linux takes, in bytes (`PATH_MAX`, limits.h).
const MAX_PATH: usize = 4_096;

fn project_path(fields: &mut Fields) -> String {
    let sound = fields.are_sound();
    let path = fields.required_text("project_path");
    let is_missing = sound && !fields.are_sound();
    if path.contains(char::is_control) {
        fields.refuse::<()>("project_path", "it may hold no control character");
    } else if path.len() > MAX_PATH {
        fields.refuse::<()>("project_path", format!("it must have {MAX_PATH} bytes or less"));
    } else if !is_missing && !path.starts_with('/') {
        fields.refuse::<()>("project_path", "it must be absolute: begin with /");
    }
    path
}

/// A project, named by the configured root that it lies in.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct Project {
    /// The last name of that root.
    pub root: String,
    /// The path below it; empty for the root itself.
    pub path: String,
}

impl From<ProjectName> for Project {
    fn from(ProjectName { root, path }: ProjectName) -> Self {
        Self { root, path }
    }
}

impl Example for Project {
    fn example() -> Self {
        Self { root: "projects".into(), path: "shop".into() }
    }
}

/// One file of a transfer.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct TransferredFile {
    /// Relative to the project; one key of a JSON file has a JSON pointer behind `#`.
    pub path: String,
    /// `created`, `updated`, `removed`, `unchanged`, or `kept` where the other side differs.
    pub outcome: String,
}

/// What a transfer did.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct TransferReport {
    /// The project.
    pub project: Project,
    /// Its files, by path.
    pub files: Vec<TransferredFile>,
    /// The artifact, as read back from its files.
    pub artifact: SavedArtifact,
}

impl TransferReport {
    pub(crate) fn new(transfer: Transfer, artifact: SavedArtifact) -> Self {
        let file = |file: larder::domain::deployment::TransferredFile| TransferredFile {
            path: file.path,
            outcome: file.outcome.as_str().to_owned(),
        };
        Self {
            project: transfer.project.into(),
            files: transfer.files.into_iter().map(file).collect(),
            artifact,
        }
    }
}

impl Example for TransferReport {
    fn example() -> Self {
        let path = ".claude/skills/pdf/SKILL.md".into();
        let file = TransferredFile { path, outcome: "created".into() };
        let artifact = SavedArtifact::example();
        Self { project: Project::example(), files: vec![file], artifact }
    }
}

/// One file of a deployment.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct DeployedFile {
    /// Relative to the project.
    pub path: String,
    /// `unchanged` since it was deployed, `changed` in the project, or `missing`.
    pub state: String,
}

/// Where an artifact is deployed.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct Deployment {
    /// The project.
    pub project: Project,
    /// The program that deployed it and keeps the record of it: `larder` or `skillmeat`.
    pub deployed_by: String,
    /// When it was last deployed there.
    pub deployed_at: Moment,
    /// The revision that was deployed; null where another program than Larder deployed it.
    pub revision: Nullable<String>,
    /// Its files, by path.
    pub files: Vec<DeployedFile>,
}

/// Where an artifact is deployed, of the projects that lie in one of `deploy.roots`.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct DeploymentList {
    /// The deployments, by project.
    pub items: Vec<Deployment>,
}

impl From<Vec<DomainDeployment>> for DeploymentList {
    fn from(deployments: Vec<DomainDeployment>) -> Self {
        let file = |file: larder::domain::deployment::DeployedFile| DeployedFile {
            path: file.path,
            state: file.state.as_str().to_owned(),
        };
        let deployment = |it: DomainDeployment| Deployment {
            project: it.project.into(),
            deployed_by: it.deployed_by.as_str().to_owned(),
            deployed_at: Moment(it.deployed_at),
            revision: it.revision.map(|revision| revision.to_string()).into(),
            files: it.files.into_iter().map(file).collect(),
        };
        Self { items: deployments.into_iter().map(deployment).collect() }
    }
}

impl Example for DeploymentList {
    fn example() -> Self {
        let path = ".claude/skills/pdf/SKILL.md".into();
        let deployment = Deployment {
            project: Project::example(),
            deployed_by: "larder".into(),
            deployed_at: Moment::example(),
            revision: Nullable(Some(EXAMPLE_REVISION.into())),
            files: vec![DeployedFile { path, state: "unchanged".into() }],
        };
        Self { items: vec![deployment] }
    }
}
