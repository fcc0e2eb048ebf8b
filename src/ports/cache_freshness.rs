//! How fresh the cache is, by counting.

use async_trait::async_trait;

use super::RepositoryError;
use crate::domain::{
    freshness::{CacheStats, Census, FreshRange, StaleRow, StaleSource},
    gauges::Connections,
    id::CollectionId,
    query::Limit,
};

/// Tells what is stale, and what an operator wants to know. A row is stale unless its effective
/// `synced_at` is in the range `fresh`. Rows with `missing_since` are never counted.
#[async_trait]
pub trait CacheFreshness: Send + Sync {
    /// Counts a collection's rows.
    async fn stats(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
    ) -> Result<CacheStats, RepositoryError>;

    /// The sources that a collection's stale rows come from, by name.
    async fn stale_sources(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
    ) -> Result<Vec<StaleSource>, RepositoryError>;

    /// A collection's stale rows in their order, from behind `after` on.
    async fn stale_rows(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
        after: Option<&StaleRow>,
        limit: Limit,
    ) -> Result<Vec<StaleRow>, RepositoryError>;

    /// The rows of `default` by kind and health, in the byte order of both words.
    async fn census(&self) -> Result<Vec<Census>, RepositoryError>;

    /// How busy the connections are. Asks nobody.
    fn connections(&self) -> Connections;
}
