//! Collections: what the cache serves, and how fresh it is.

use std::{sync::Arc, time::Duration};

use larder::{
    app::RefreshOptions,
    domain::{caller::Caller, query::CollectionQuery, text},
};
use poem::{Request, web::Data};
use poem_openapi::{
    OpenApi,
    param::{Header, Path, Query},
};

use super::{
    Tag,
    listing::{self, FilterParams, PageParams, Sort},
};
use crate::{
    answer::{Cached, Json},
    conditional::IfNoneMatch,
    cursor,
    dto::{
        ArtifactList, BatchReport, CacheStats, CollectionList, FacetList, Health, RefreshReport,
        UserCollection,
    },
    refused::{Limited, LimitedNamed, Named, Nothing, Refused},
    state::State,
};

/// Operations on collections.
#[derive(Default)]
pub(crate) struct CollectionsApi;

#[OpenApi(prefix_path = "/api/v1/user-collections", tag = "Tag::UserCollections")]
impl CollectionsApi {
    /// List collections
    ///
    /// By name.
    #[oai(path = "/", method = "get", operation_id = "listUserCollections")]
    async fn list(
        &self,
        shared: Data<&Arc<State>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// Go on behind this cursor.
        after: Query<Option<String>>,
        /// Only collections whose name holds this text, without regard to case.
        #[oai(validator(max_length = 200))]
        search: Query<Option<String>>,
        /// The `ETag` of an earlier answer.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Cached<CollectionList>, Refused<Nothing>> {
        let query = CollectionQuery {
            search: search.0.as_deref().map(text::sort_key),
            limit: listing::limit(limit.0)?,
            after: after.0.as_deref().map(cursor::decode).transpose()?,
        };
        let page = shared.larder.collections(&query).await?;
        let held = IfNoneMatch::parse(if_none_match.0.as_deref());
        let list = CollectionList::new(page, query.after.is_none());
        Ok(Cached::by_content(&list, |validator| held.holds(validator))?)
    }

    /// Refresh everything
    ///
    /// Reads what has changed in every source collection, and finds new ones. One that cannot be
    /// read does not stop the others: the report says which.
    #[oai(path = "/refresh-cache", method = "post", operation_id = "refreshAll")]
    async fn refresh_all(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        request: &Request,
        /// Accept so many removals from each source where the mass-loss guard would stop.
        #[oai(validator(minimum(value = "0"), maximum(value = "4294967295")))]
        confirm_removals: Query<Option<u64>>,
        /// Read every file again, changed or not.
        #[oai(default)]
        force: Query<bool>,
    ) -> Result<Json<BatchReport>, Refused<Limited>> {
        shared.admit_refresh(&caller, request)?;
        let options = options(confirm_removals.0, force.0);
        let report = shared.larder.refresh_all(options).await?;
        Ok(Json::new(&BatchReport::from(report))?)
    }

    /// How fresh the cache is
    ///
    /// By counting, not by loading rows.
    #[oai(path = "/cache-stats", method = "get", operation_id = "getCacheStats")]
    async fn stats(
        &self,
        shared: Data<&Arc<State>>,
        /// The collection counted, by id or name.
        #[oai(default = "super::default_collection", validator(min_length = 1, max_length = 255))]
        collection_id: Query<String>,
        /// Count by this TTL instead of the configured one.
        #[oai(validator(minimum(value = "60"), maximum(value = "86400")))]
        ttl_seconds: Query<Option<u32>>,
    ) -> Result<Json<CacheStats>, Refused<Named>> {
        let ttl = ttl_seconds.0.map(|seconds| Duration::from_secs(seconds.into()));
        let stats = shared.larder.stats(&collection_id, ttl).await?;
        Ok(Json::new(&CacheStats::from(stats))?)
    }

    /// Get a collection
    #[oai(path = "/:collection_id", method = "get", operation_id = "getUserCollection")]
    async fn get(
        &self,
        shared: Data<&Arc<State>>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
        /// The `ETag` of an earlier answer.
        #[oai(name = "If-None-Match")]
        if_none_match: Header<Option<String>>,
    ) -> Result<Cached<UserCollection>, Refused<Named>> {
        let collection = shared.larder.collection(&collection_id).await?;
        let held = IfNoneMatch::parse(if_none_match.0.as_deref());
        Ok(Cached::by_content(&collection.into(), |validator| held.holds(validator))?)
    }

    /// List a collection's artifacts
    ///
    /// A page from the cache; the file system is not touched. Filters combine with AND.
    #[oai(
        path = "/:collection_id/artifacts",
        method = "get",
        operation_id = "listCollectionArtifacts"
    )]
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the API")]
    async fn artifacts(
        &self,
        shared: Data<&Arc<State>>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
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
    ) -> Result<Cached<ArtifactList>, Refused<Named>> {
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
        Ok(listing::page(&shared, &collection_id, filter, page, held).await?)
    }

    /// Count a collection's artifacts by type, tag, origin and health
    #[oai(
        path = "/:collection_id/artifacts/facets",
        method = "get",
        operation_id = "getCollectionFacets"
    )]
    #[expect(clippy::too_many_arguments, reason = "an argument is a parameter of the API")]
    async fn facets(
        &self,
        shared: Data<&Arc<State>>,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
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
    ) -> Result<Cached<FacetList>, Refused<Named>> {
        let filter = FilterParams {
            types: types.0,
            tags: tag.0,
            origin: origin.0,
            health: health.0,
            stale: stale.0,
            q: q.0,
        };
        let held = if_none_match.0.as_deref();
        Ok(listing::facets(&shared, &collection_id, filter, held).await?)
    }

    /// Refresh a collection
    ///
    /// Reads what has changed: in the source of a mirror, in all sources for `default`, in its
    /// members alone for a curated collection. A source that was guarded or could not be read is a
    /// 200 whose `status` says so.
    #[oai(
        path = "/:collection_id/refresh-cache",
        method = "post",
        operation_id = "refreshUserCollection"
    )]
    async fn refresh(
        &self,
        shared: Data<&Arc<State>>,
        caller: Data<&Caller>,
        request: &Request,
        /// The collection's id, else its name.
        #[oai(validator(min_length = 1, max_length = 255))]
        collection_id: Path<String>,
        /// Accept so many removals from each source where the mass-loss guard would stop.
        #[oai(validator(minimum(value = "0"), maximum(value = "4294967295")))]
        confirm_removals: Query<Option<u64>>,
        /// Read every file again, changed or not.
        #[oai(default)]
        force: Query<bool>,
    ) -> Result<Json<RefreshReport>, Refused<LimitedNamed>> {
        shared.admit_refresh(&caller, request)?;
        let options = options(confirm_removals.0, force.0);
        let report = shared.larder.refresh_collection(&caller, &collection_id, options).await?;
        Ok(Json::new(&RefreshReport::from(report))?)
    }
}

fn options(confirm_removals: Option<u64>, force: bool) -> RefreshOptions {
    RefreshOptions { force, confirm_removals, ..RefreshOptions::default() }
}
