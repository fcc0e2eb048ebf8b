//! The database.

use std::any::Any;

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::{CacheFreshness, Cause, CuratedCollections};
use crate::domain::{
    Timestamp,
    artifact::CollectionArtifact,
    change::CollectionChange,
    collection::{Collection, RegisteredSource, Source},
    delta::{Applied, Delta, Known, Scope, Shadowed},
    facets::Facets,
    id::{ArtifactId, CollectionId, SourceName},
    page::{ArtifactPage, CollectionPage},
    query::{ArtifactQuery, CollectionQuery, Filter},
    read_order::ReadOrder,
};

/// Why the database did not do what it was asked. The cause is for the log; none of it is for a
/// client.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Out of reach, locked or busy for longer than the wait allows: worth another try.
    #[error("the database does not answer")]
    Unavailable(#[source] Cause),
    /// Another process has it, or may not share it: who, and what to do.
    #[error("{0}")]
    InUse(String),
    /// It can be read at most: its disk is full or read-only, or its file is gone. Pending changes
    /// wait for it.
    #[error("the database cannot be written: {reason}")]
    Unwritable {
        /// What is wrong and what to do, without a path.
        reason: &'static str,
        /// For the log.
        #[source]
        cause: Cause,
    },
    /// What it holds is not what Larder wrote.
    #[error(
        "the database is damaged: delete it, and the next start makes a new one from the files. Only \
         curated collections are lost with it; if the server still starts, save them with `larder \
         export` first"
    )]
    Corrupt(#[source] Cause),
    /// Its schema is not the one of this version of Larder.
    #[error("the database has another schema: {0}")]
    Schema(String),
    /// Anything else that went wrong in it: a defect of Larder's.
    #[error("the database refused a statement")]
    Internal(#[source] Cause),
}

/// Held while one process refreshes a source; let go of by dropping it.
pub type Lease = Box<dyn Any + Send>;

/// What became known of committed changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheNotice {
    /// A collection's rows have changed.
    Changed(CollectionChange),
    /// Collections were made, renamed, described or deleted, or the sources are others.
    Collections,
    /// Changes may have gone by unseen.
    Missed,
}

/// Reads the cache. Rows with `missing_since` are in no answer and no count.
#[async_trait]
pub trait CacheReader: Send + Sync {
    /// The collection of that id, else of that name.
    async fn collection(&self, id_or_name: &str) -> Result<Option<Collection>, RepositoryError>;

    /// A page of collections.
    async fn collections(&self, query: &CollectionQuery)
    -> Result<CollectionPage, RepositoryError>;

    /// A page of a collection's artifacts, all of one moment; `None` without such a collection.
    /// The query's cursor belongs to it. Costs the same wherever the page is.
    async fn page(
        &self,
        collection: &CollectionId,
        query: &ArtifactQuery,
    ) -> Result<Option<ArtifactPage>, RepositoryError>;

    /// How many artifacts that pass the filter have which value; `None` without such a collection.
    async fn facets(
        &self,
        collection: &CollectionId,
        filter: &Filter,
    ) -> Result<Option<Facets>, RepositoryError>;

    /// One row.
    async fn artifact(
        &self,
        collection: &CollectionId,
        id: &ArtifactId,
    ) -> Result<Option<CollectionArtifact>, RepositoryError>;

    /// The ids of the collections that hold a row of that artifact of that source, in byte order.
    async fn memberships(
        &self,
        source: &SourceName,
        id: &ArtifactId,
    ) -> Result<Vec<CollectionId>, RepositoryError>;

    /// Artifacts that stand in their source's home and not in `default`, because another source has
    /// the same id and comes first: the first [`MAX_ISSUES`](crate::domain::report::MAX_ISSUES) by
    /// id, then source, in byte order, and how many there are. Of attached sources alone.
    async fn shadowed(&self) -> Result<(Vec<Shadowed>, u64), RepositoryError>;
}

/// Keeps the cache.
///
/// A source's rows live in its *home* collection: its mirror, or `default` itself for the source
/// of that name. From the homes follow, in the same transaction, `default` (on equal ids the row of
/// the source that comes first by [`SourceName::precedence`]; detached mirrors do not count) and
/// curated collections (a member has the values of `default`'s row of that id; without one it is
/// hidden by `missing_since`). Every write that changes visible rows of a collection, or their
/// effective `synced_at` by invalidation, raises its `generation` by one and sets its `updated_at`
/// and `artifact_count`.
#[async_trait]
pub trait CacheRepository: CacheReader + CacheFreshness + CuratedCollections {
    /// Makes the cache know exactly these sources: makes `default`, and a mirror for each new one
    /// (named as the source; if that name is taken or reserved, with the suffix `-files`, then
    /// `-files-2` and so on), detaches the mirrors of all others and takes their rows out of
    /// `default`, attaches again those that are back. A source whose root is another than before
    /// loses its `verified_at`, manifest hash and its rows' fingerprints. Answers in the order
    /// given.
    async fn register(
        &self,
        sources: &[Source],
        now: Timestamp,
    ) -> Result<Vec<RegisteredSource>, RepositoryError>;

    /// The attached sources, by precedence.
    async fn registered(&self) -> Result<Vec<RegisteredSource>, RepositoryError>;

    /// What is known of a source's artifacts, from its home. One counts as invalidated when its row
    /// is so in any collection: only a newer row of its home makes that one good again. A recheck
    /// stores the fingerprint alone, so it leaves an artifact invalidated.
    async fn known(&self, source: &SourceName) -> Result<Known, RepositoryError>;

    /// The same of those artifacts alone whose path is one of these.
    async fn known_at(
        &self,
        source: &SourceName,
        paths: &[String],
    ) -> Result<Known, RepositoryError>;

    /// Waits until this process alone refreshes that source, among all that share the database;
    /// [`RepositoryError::Unavailable`] when another one takes too long over it.
    async fn lease(&self, source: &SourceName) -> Result<Lease, RepositoryError>;

    /// Issues the next [`ReadOrder`]: greater than every one before it, whichever process got that.
    /// To be called before the files are looked at whose contents are then applied in this order.
    async fn next_order(&self, now: Timestamp) -> Result<ReadOrder, RepositoryError>;

    /// Applies a change in one transaction: readers see the state before or after. However many
    /// writes there are at once, each waits its turn, and none is refused because of the others. What
    /// a later look has found stays: rows, removals, invalidations and `verified` are compared by
    /// their order, and by no time. An upsert that shows nothing new is no change,
    /// unless the delta is written `anew`. A delta of a source that is not registered changes nothing.
    async fn apply(&self, delta: Delta) -> Result<Applied, RepositoryError>;

    /// Marks rows as in need of a read: they are invalid until a look of a greater order than this
    /// one. Returns how many rows there were.
    async fn invalidate(
        &self,
        scope: &Scope,
        order: ReadOrder,
        now: Timestamp,
    ) -> Result<u64, RepositoryError>;

    /// What is committed from now on, by this process or another one, in the order of the commits.
    /// A receiver that lags has missed what it says.
    fn notices(&self) -> broadcast::Receiver<CacheNotice>;

    /// Probes the database: returns an error unless it answers, has this version's schema, and can
    /// be written. A write that is running is not waited for.
    async fn check(&self) -> Result<(), RepositoryError>;

    /// A failure of the database that an operation met, unless that operation or a probe has
    /// succeeded since: see [`Failures`](super::Failures). Asks nobody.
    fn last_failure(&self) -> Option<RepositoryError>;
}
