//! Artifacts, over the collection `default` unless another is named.

use std::sync::Arc;

use larder::domain::{caller::Caller, revision::Revision};
use poem::{Request, web::Data};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};

use super::{
    Tag, default_collection,
    editing::{location, revised},
    freshness_of,
    listing::{self, FilterParams, PageParams, Sort},
    parse_id,
};
use crate::{
    answer::{Cached, Created, Json, Revised, Text},
    body::Body,
    conditional::precondition,
    dto::{
        ArtifactDetail, ArtifactList, DeletedArtifact, FacetList, Health, NewArtifactBody,
        RefreshReport, SavedArtifact, TrashItem,
    },
    problem::Problem,
    refused::{Guarded, LimitedNamed, Named, Nothing, Refused, Written},
    state::State,
};

/// Operations on artifacts.
#[derive(Default)]
pub(crate) struct ArtifactsApi;

#[OpenApi(prefix_path = "/api/v1/artifacts", tag = "Tag::Artifacts")]
impl ArtifactsApi {
    /// List all artifacts
    ///
    /// A page of the collection `default` from the cache; the file system is not touched. Filters
    /// combine with AND.
    #[oai(path = "/", method = "get", operation_id = "listArtifacts")]
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the API")]
    async fn list(
        &self,
        shared: Data<&Arc<State>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// Go on behind this cursor.
        after: Query<Option<String>>,
        /// Go back from this cursor. Not together with `after`.
        before: Query<Option<String>>,
        /// The order.
        sort: Query<Option<Sort>>,
        /// Only artifacts of this type; repeat it for any of several.
        #[oai(name = "type", default, validator(max_items = 50))]
        types: Query<Vec<String>>,
        /// Only artifacts with this tag; repeat it for all of several.
        #[oai(default, validator(max_items = 20))]
        tag: Query<Vec<String>>,
        /// Only artifacts of this origin.
        #[oai(validator(max_length = 255))]
        origin: Query<Option<String>>,
        /// Only artifacts in this state of health.
        health: Query<Option<Health>>,
        /// Only stale artifacts, or only fresh ones. Such an answer has no `ETag`.
        stale: Query<Option<bool>>,
        /// Full text over name, display name, description, author and tags: every word, the last
        /// one as a prefix.
        #[oai(validator(max_length = 200))]
        q: Query<Option<String>>,
        /// The `ETag` of an earlier answer.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Cached<ArtifactList>, Refused<Nothing>> {
        let filter = FilterParams {
            types: types.0,
            tags: tag.0,
            origin: origin.0,
            health: health.0,
            stale: stale.0,
            q: q.0,
        };
        let page = PageParams { limit: limit.0, after: after.0, before: before.0, sort: sort.0 };
        let held = if_none_match.0.as_deref();
        Ok(listing::page(&shared, &default_collection(), filter, page, held).await?)
    }

    /// Create an artifact
    ///
    /// Its files first, with an entry in `collection.toml`.
    #[oai(path = "/", method = "post", operation_id = "createArtifact")]
    async fn create(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        body: Body<NewArtifactBody>,
    ) -> Result<Created<Revised<SavedArtifact>>, Refused<Written>> {
        let Some((new, collection)) = body.0 else {
            return Err(Problem::internal().into());
        };
        let saved =
            shared.larder.create_artifact(collection.as_deref(), new, caller.signature()).await?;
        let location = location(&saved);
        Ok(Created::new(revised(&shared, saved).await?, location))
    }

    /// Count all artifacts by type, tag, origin and health
    #[oai(path = "/facets", method = "get", operation_id = "getFacets")]
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the API")]
    async fn facets(
        &self,
        shared: Data<&Arc<State>>,
        /// Only artifacts of this type; repeat it for any of several.
        #[oai(name = "type", default, validator(max_items = 50))]
        types: Query<Vec<String>>,
        /// Only artifacts with this tag; repeat it for all of several.
        #[oai(default, validator(max_items = 20))]
        tag: Query<Vec<String>>,
        /// Only artifacts of this origin.
        #[oai(validator(max_length = 255))]
        origin: Query<Option<String>>,
        /// Only artifacts in this state of health.
        health: Query<Option<Health>>,
        /// Only stale artifacts, or only fresh ones. Such an answer has no `ETag`.
        stale: Query<Option<bool>>,
        /// Full text over name, display name, description, author and tags: every word, the last
        /// one as a prefix.
        #[oai(validator(max_length = 200))]
        q: Query<Option<String>>,
        /// The `ETag` of an earlier answer.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Cached<FacetList>, Refused<Nothing>> {
        let filter = FilterParams {
            types: types.0,
            tags: tag.0,
            origin: origin.0,
            health: health.0,
            stale: stale.0,
            q: q.0,
        };
        let held = if_none_match.0.as_deref();
        Ok(listing::facets(&shared, &default_collection(), filter, held).await?)
    }

    /// Get an artifact
    ///
    /// From the cache; where it has no row, or an invalidated one, that one artifact is read from
    /// its files. The `ETag` is the artifact's revision and serves preconditions alone: this
    /// operation never answers 304.
    #[oai(path = "/:artifact_id", method = "get", operation_id = "getArtifact")]
    async fn get(
        &self,
        shared: Data<&Arc<State>>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
    ) -> Result<Revised<ArtifactDetail>, Refused<Named>> {
        let larder = &shared.larder;
        let row = larder.artifact(&collection, &parse_id(&artifact_id)?).await?;
        let collections = larder.memberships(&row).await?;
        let managed = larder.is_managed(&row).await?;
        let freshness = freshness_of(larder, &row.collection).await?;
        let revision = row.artifact.revision.clone();
        let detail = ArtifactDetail::new(row, &freshness, managed, &collections);
        Ok(Revised::new(&detail, revision.as_str())?)
    }

    /// Delete an artifact
    ///
    /// Its files, its manifest entry and its lock entry go to the collection's trash, from where it
    /// can be restored. The precondition is the same as for an edit.
    #[oai(path = "/:artifact_id", method = "delete", operation_id = "deleteArtifact")]
    async fn delete(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
        /// The revision that is to be deleted, unless `If-Match` names it.
        #[oai(validator(pattern = "^[0-9a-f]{64}$"))]
        expected_revision: Query<Option<String>>,
        /// The `ETag` of `GET`; `*` for whatever is there.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Json<DeletedArtifact>, Refused<Guarded>> {
        let id = parse_id(&artifact_id)?;
        let expected = expected_revision.0.map(Revision::stored);
        let condition = precondition(if_match.0.as_deref(), expected)?;
        let (trashed, cache) =
            shared.larder.delete_artifact(&collection, &id, condition, caller.signature()).await?;
        let deleted = DeletedArtifact { item: TrashItem::from(trashed), cache: cache.into() };
        Ok(Json::new(&deleted)?)
    }

    /// Get an artifact's main file
    ///
    /// As text. Of an MCP server, a hook or a plugin its own JSON value, secrets masked.
    #[oai(path = "/:artifact_id/content", method = "get", operation_id = "getArtifactContent")]
    async fn content(
        &self,
        shared: Data<&Arc<State>>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
    ) -> Result<Text, Refused<Named>> {
        let id = parse_id(&artifact_id)?;
        Ok(Text::plain(shared.larder.content(&collection, &id).await?))
    }

    /// Refresh an artifact
    ///
    /// Reads that one artifact again; in a plain source collection, where it has moved or gone, the
    /// whole of it.
    #[oai(path = "/:artifact_id/refresh-cache", method = "post", operation_id = "refreshArtifact")]
    async fn refresh(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        request: &Request,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
    ) -> Result<Json<RefreshReport>, Refused<LimitedNamed>> {
        shared.admit_refresh(&caller, request)?;
        let id = parse_id(&artifact_id)?;
        let report = shared.larder.refresh_artifact(&caller, &collection, &id).await?;
        Ok(Json::new(&RefreshReport::from(report))?)
    }
}
