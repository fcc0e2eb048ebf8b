//! Editing artifacts, what was deleted, and what was written before.

use std::sync::Arc;

use larder::{
    app::Saved,
    domain::{caller::Caller, id::CollectionId},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use poem::web::Data;
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};

use super::{Tag, default_collection, freshness_of, listing, parse_id};
use crate::{
    answer::{Json, Revised},
    body::Body,
    conditional::precondition,
    dto::{HistoryList, MetadataChange, SavedArtifact, TrashItem, TrashList},
    problem::Problem,
    refused::{Guarded, Named, Nothing, Refused, Written},
    state::State,
};

/// Operations on metadata, on the trash and on the history.
#[derive(Default)]
pub(crate) struct EditingApi;

#[OpenApi(prefix_path = "/api/v1/artifacts", tag = "Tag::Artifacts")]
impl EditingApi {
    /// Edit an artifact's metadata
    ///
    /// In the place that supplies each value, and nothing else: every other byte of the files stays.
    /// One form of precondition must be there: `If-Match` with the `ETag` of `GET` (412 when the
    /// artifact has changed), or `expected_revision` in the body (409). Both answers tell
    /// `current_revision`, the current values and, by field, yours and theirs.
    #[oai(path = "/:artifact_id/metadata", method = "put", operation_id = "editArtifact")]
    async fn edit(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
        /// The `ETag` of `GET`; `*` for whatever is there.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Body<MetadataChange>,
    ) -> Result<Revised<SavedArtifact>, Refused<Guarded>> {
        let id = parse_id(&artifact_id)?;
        let (edit, expected) = body.0;
        let condition = precondition(if_match.0.as_deref(), expected)?;
        let edited = shared
            .larder
            .edit_artifact(&collection, &id, edit.clone(), condition, caller.signature())
            .await;
        let saved = edited.map_err(|error| Problem::from(error).beside(&edit))?;
        Ok(revised(&shared, saved).await?)
    }

    /// List deleted artifacts
    ///
    /// The latest first. One that is kept is kept for as long as `cache.trash` says.
    #[oai(path = "/trash", method = "get", operation_id = "listTrash")]
    async fn trash(
        &self,
        shared: Data<&Arc<State>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// Go on behind the deleted artifact of this `trash_id`.
        #[oai(validator(min_length = 1, max_length = 64))]
        after: Query<Option<String>>,
    ) -> Result<Json<TrashList>, Refused<Nothing>> {
        let limit = usize::try_from(listing::limit(limit.0)?.get()).unwrap_or(usize::MAX);
        let (items, total) = shared.larder.trash(limit, after.0.as_deref()).await?;
        let items = items.into_iter().map(TrashItem::from).collect();
        Ok(Json::new(&TrashList { items, total_count: total as u64 })?)
    }

    /// Restore a deleted artifact
    ///
    /// To where it was, if nothing has taken its place.
    #[oai(path = "/trash/:trash_id/restore", method = "post", operation_id = "restoreArtifact")]
    async fn restore(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        /// The deleted artifact's `trash_id`.
        #[oai(validator(min_length = 1, max_length = 64))]
        trash_id: Path<String>,
    ) -> Result<Revised<SavedArtifact>, Refused<Written>> {
        let saved = shared.larder.restore_artifact(&trash_id, caller.signature()).await?;
        Ok(revised(&shared, saved).await?)
    }

    /// List the writes of an artifact
    ///
    /// The last 50 that were made through Larder, the latest first; of a deleted artifact as well.
    #[oai(path = "/:artifact_id/history", method = "get", operation_id = "getArtifactHistory")]
    async fn history(
        &self,
        shared: Data<&Arc<State>>,
        /// The artifact's id, percent-encoded.
        #[oai(validator(pattern = "^[a-z0-9_-]+:[^\\x00-\\x1f\\x7f-\\x9f]+$", max_length = 255))]
        artifact_id: Path<String>,
        /// The collection that holds it, by id or name; it tells artifacts of the same id apart.
        #[oai(default = "default_collection", validator(min_length = 1, max_length = 255))]
        collection: Query<String>,
    ) -> Result<Json<HistoryList>, Refused<Named>> {
        let told = shared.larder.history(&collection, &parse_id(&artifact_id)?).await?;
        Ok(Json::new(&HistoryList { items: told.into_iter().map(Into::into).collect() })?)
    }
}

/// An artifact after a write, as it is shown.
pub(super) async fn shown(shared: &State, saved: Saved) -> Result<SavedArtifact, Problem> {
    let freshness = freshness_of(&shared.larder, &saved.row.collection).await?;
    Ok(SavedArtifact::new(saved, &freshness))
}

/// The same, with its revision.
pub(super) async fn revised(
    shared: &State,
    saved: Saved,
) -> Result<Revised<SavedArtifact>, Problem> {
    let revision = saved.row.artifact.revision.clone();
    Revised::new(&shown(shared, saved).await?, revision.as_str())
}

/// Where an artifact is to be found; the collection is named unless it is the one that is meant
/// without a name.
pub(super) fn location(saved: &Saved) -> String {
    /// What an id may hold and a path segment takes as it is (RFC 3986, section 3.3).
    const SEGMENT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
    let id = utf8_percent_encode(saved.row.artifact.id.as_str(), SEGMENT);
    let collection = &saved.row.collection;
    if *collection == CollectionId::default_collection() {
        return format!("/api/v1/artifacts/{id}");
    }
    let collection = utf8_percent_encode(collection.as_str(), NON_ALPHANUMERIC);
    format!("/api/v1/artifacts/{id}?collection={collection}")
}
