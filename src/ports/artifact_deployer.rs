//! Copying artifacts into projects, and back.

use async_trait::async_trait;

use super::WriteError;
use crate::domain::{
    collection::Source,
    deployment::{Action, Deployment, Transfer},
    writing::{Place, Written},
};

/// A project that an artifact is copied to or from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its directory, absolute.
    pub path: String,
    /// The configured roots that it must lie in; `None` for a caller who acts as the machine's user.
    pub within: Option<Vec<String>>,
}

/// Copies artifacts between a source and a project's `.claude`. Writes as
/// [`ArtifactWriter`](super::ArtifactWriter) does, under the locks of both.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait ArtifactDeployer: Send + Sync {
    /// Copies an artifact into a project, removes it from there, or takes it back from there.
    /// Answers what became of the files, and the artifact as read back.
    async fn transfer(
        &self,
        place: &Place,
        project: &Project,
        action: Action,
        by: &str,
    ) -> Result<(Transfer, Written), WriteError>;

    /// Where an artifact is deployed: the projects that lie in one of these roots.
    async fn deployments(
        &self,
        place: &Place,
        within: &[String],
    ) -> Result<Vec<Deployment>, WriteError>;

    /// Those of the sources whose files a write in that project may have changed.
    async fn touched(&self, project: &Project, sources: &[Source]) -> Vec<Source>;
}
