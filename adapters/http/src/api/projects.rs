//! Copying artifacts into projects, and back.

use std::sync::Arc;

use larder::domain::{caller::Caller, deployment::Action};
use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Path, Query},
};

use super::{Tag, default_collection, editing::shown, parse_id};
use crate::{
    answer::Json,
    body::Body,
    dto::{DeployRequest, DeploymentList, SyncRequest, TransferReport, UndeployRequest},
    problem::Problem,
    refused::{Named, Refused, Written},
    state::State,
};

/// Operations on projects.
#[derive(Default)]
pub(crate) struct ProjectsApi;

#[OpenApi(prefix_path = "/api/v1/artifacts", tag = "Tag::Artifacts")]
impl ProjectsApi {
    /// Deploy an artifact
    ///
    /// Copies it into a project's `.claude` (an MCP server into its `.mcp.json`, hooks into its
    /// `settings.json`). The project must lie in one of `deploy.roots`. What somebody wrote there and
    /// is overwritten stays in the collection's `.larder/trash` for as long as `cache.trash` says.
    #[oai(path = "/:artifact_id/deploy", method = "post", operation_id = "deployArtifact")]
    async fn deploy(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
        body: Body<DeployRequest>,
    ) -> Result<Json<TransferReport>, Refused<Written>> {
        let (project, strategy) = &body.0;
        let action = Action::Deploy(*strategy);
        Ok(transfer(&shared, &caller, &collection, &artifact_id, project, action).await?)
    }

    /// Undeploy an artifact
    ///
    /// Removes from a project what was deployed there and is unchanged since.
    #[oai(path = "/:artifact_id/undeploy", method = "post", operation_id = "undeployArtifact")]
    async fn undeploy(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
        body: Body<UndeployRequest>,
    ) -> Result<Json<TransferReport>, Refused<Written>> {
        Ok(transfer(&shared, &caller, &collection, &artifact_id, &body.0, Action::Undeploy).await?)
    }

    /// Synchronise an artifact from a project
    ///
    /// Takes what was changed in the project since the deployment into the collection: files that are
    /// new there, other, or gone. What they replace stays in the collection's `.larder/trash`. Where
    /// both sides have changed a file, `manual` writes nothing and lists it (409), `theirs` takes the
    /// project's, `ours` keeps the collection's.
    #[oai(path = "/:artifact_id/sync", method = "post", operation_id = "syncArtifact")]
    async fn sync(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
        body: Body<SyncRequest>,
    ) -> Result<Json<TransferReport>, Refused<Written>> {
        let (project, strategy) = &body.0;
        let action = Action::Sync(*strategy);
        Ok(transfer(&shared, &caller, &collection, &artifact_id, project, action).await?)
    }

    /// List an artifact's deployments
    ///
    /// Of the projects that lie in one of `deploy.roots`.
    #[oai(path = "/:artifact_id/deployments", method = "get", operation_id = "listDeployments")]
    async fn deployments(
        &self,
        shared: Data<&Arc<State>>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
    ) -> Result<Json<DeploymentList>, Refused<Named>> {
        let deployments = shared.larder.deployments(&collection, &parse_id(&artifact_id)?).await?;
        Ok(Json::new(&DeploymentList::from(deployments))?)
    }
}

async fn transfer(
    shared: &State,
    caller: &Caller,
    collection: &str,
    artifact_id: &str,
    project: &str,
    action: Action,
) -> Result<Json<TransferReport>, Problem> {
    let id = parse_id(artifact_id)?;
    let (done, saved) =
        shared.larder.transfer(collection, &id, project, action, caller.signature()).await?;
    Json::new(&TransferReport::new(done, shown(shared, saved).await?))
}
