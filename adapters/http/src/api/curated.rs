//! Curated collections: what people put together.

use std::sync::Arc;

use larder::domain::{caller::Caller, freshness::is_worth_a_scan};
use poem::{Request, web::Data};
use poem_openapi::{OpenApi, param::Path};

use super::{Tag, parse_id};
use crate::{
    answer::{Created, Done, Json},
    body::Body,
    dto::{ArtifactsAdded, ArtifactsToAdd, CollectionChange, NewCollectionBody, UserCollection},
    problem::Problem,
    refused::{Changed, Filled, Made, Refused},
    state::State,
};

/// Operations on curated collections.
#[derive(Default)]
pub(crate) struct CuratedApi;

#[OpenApi(prefix_path = "/api/v1/user-collections", tag = "Tag::UserCollections")]
impl CuratedApi {
    /// Make a collection
    ///
    /// A curated one, empty, which belongs to the caller.
    #[oai(path = "/", method = "post", operation_id = "createUserCollection")]
    async fn create(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        body: Body<NewCollectionBody>,
    ) -> Result<Created<Json<UserCollection>>, Refused<Made>> {
        let Some(new) = body.0 else { return Err(Problem::internal().into()) };
        let made = shared.larder.create_collection(&new, &caller).await?;
        let location = format!("/api/v1/user-collections/{}", made.id);
        Ok(Created::new(Json::new(&UserCollection::from(made))?, location))
    }

    /// Rename or describe a collection
    ///
    /// A curated one: mirrors and `default` are what the files make them.
    #[oai(path = "/:collection_id", method = "put", operation_id = "updateUserCollection")]
    async fn change(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
        body: Body<CollectionChange>,
    ) -> Result<Json<UserCollection>, Refused<Changed>> {
        let Some(edit) = body.0 else { return Err(Problem::internal().into()) };
        let changed = shared.larder.change_collection(&collection_id, &edit, &caller).await?;
        Ok(Json::new(&UserCollection::from(changed))?)
    }

    /// Delete a collection
    ///
    /// A curated one, or the mirror of a source collection that is empty or that the configuration no
    /// longer covers; it comes back with its directory. No file is touched.
    #[oai(path = "/:collection_id", method = "delete", operation_id = "deleteUserCollection")]
    async fn delete(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
    ) -> Result<Done, Refused<Changed>> {
        shared.larder.delete_collection(&collection_id, &caller).await?;
        Ok(Done)
    }

    /// Add artifacts to a collection
    ///
    /// To a curated one. Each that is added is read from its files again; one that the cache does not
    /// hold yet is looked for there, 32 of them at most. An artifact that leaves its source is hidden
    /// from the collection, comes back with it, and is forgotten after 30 days.
    #[oai(
        path = "/:collection_id/artifacts",
        method = "post",
        operation_id = "addArtifactsToCollection"
    )]
    async fn add(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
        request: &Request,
        body: Body<ArtifactsToAdd>,
    ) -> Result<Json<ArtifactsAdded>, Refused<Filled>> {
        if is_worth_a_scan(body.0.len()) {
            // Their sources are refreshed for them.
            shared.admit_refresh(&caller, request)?;
        }
        let added = shared.larder.add_artifacts(&collection_id, body.0, &caller).await?;
        Ok(Json::new(&ArtifactsAdded::from(added))?)
    }

    /// Take an artifact out of a collection
    ///
    /// Out of a curated one. Its files stay, and are read again the next time that somebody asks for
    /// the artifact.
    #[oai(
        path = "/:collection_id/artifacts/:artifact_id",
        method = "delete",
        operation_id = "removeArtifactFromCollection"
    )]
    async fn remove(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
    ) -> Result<Done, Refused<Changed>> {
        let id = parse_id(&artifact_id)?;
        shared.larder.remove_artifact(&collection_id, &id, &caller).await?;
        Ok(Done)
    }
}
