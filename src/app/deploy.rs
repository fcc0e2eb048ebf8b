//! Copying artifacts into projects, and back.

use std::sync::Arc;

use super::{
    Error, Larder, RefreshOptions, chain,
    edit::{CacheState, Saved},
};
use crate::{
    domain::{
        delta::Scope,
        deployment::{Action, Deployment, ProjectName, Transfer},
        id::ArtifactId,
        report::RefreshStatus,
        writing::Operation,
    },
    ports::Project,
};

impl Larder {
    /// Copies an artifact into a project, removes it from there, or takes it back from there.
    pub async fn transfer(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
        project_path: &str,
        action: Action,
        by: &str,
    ) -> Result<(Transfer, Saved), Error> {
        let located = self.locate(id_or_name, id).await?;
        let (larder, id, by) = (Arc::clone(self), id.clone(), by.to_owned());
        let within = Some(self.policy.deploy_roots.clone());
        let project = Project { path: project_path.to_owned(), within };
        let operation = match action {
            Action::Deploy(_) => Operation::Deploy,
            Action::Undeploy => Operation::Undeploy,
            Action::Sync(_) => Operation::Sync,
        };
        self.detached(async move {
            let deployer = &larder.ports.deployer;
            let done = deployer.transfer(&located.place(), &project, action, &by).await;
            let (transfer, written) = larder.checked(&located, done).await?;
            // What was taken from a project is a write of the collection, whose line the writer logs.
            if operation != Operation::Sync {
                let ProjectName { root, path } = &transfer.project;
                tracing::info!(
                    source = %located.source.source.name, artifact = %id,
                    operation = operation.as_str(), by, project_root = root, project_path = path,
                    "written"
                );
            }
            let touched = larder.refresh_touched(&project).await;
            let collection = &located.collection.id;
            let saved =
                larder.saved(&located.source, collection, written.artifact, operation).await;
            let cache = if touched == CacheState::Pending { touched } else { saved.cache };
            Ok((transfer, Saved { cache, ..saved }))
        })
        .await
    }

    /// Where an artifact is deployed, of the projects that may be shown.
    pub async fn deployments(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<Vec<Deployment>, Error> {
        let place = self.locate(id_or_name, id).await?.place();
        Ok(self.ports.deployer.deployments(&place, &self.policy.deploy_roots).await?)
    }

    /// A project may be a source itself, or lie in one: what was written there is new to its rows. One
    /// that cannot be refreshed has its rows invalidated.
    async fn refresh_touched(self: &Arc<Self>, project: &Project) -> CacheState {
        let Ok(known) = self.ports.cache.registered().await else { return CacheState::Pending };
        let sources: Vec<_> = known.into_iter().map(|known| known.source).collect();
        let mut state = CacheState::Current;
        for source in self.ports.deployer.touched(project, &sources).await {
            let refreshed = self.enqueue(&source.name, RefreshOptions::default()).outcome().await;
            if refreshed.is_ok_and(|report| report.status == RefreshStatus::Completed) {
                continue;
            }
            let scope = Scope::Source(source.name.clone());
            if let Err(error) = self.invalidate(&scope).await {
                tracing::warn!(source = %source.name, error = chain(&error), "its rows may be old");
                state = CacheState::Pending;
            }
        }
        state
    }
}
