//! The collections that people put together, which live in the database alone.

use async_trait::async_trait;

use super::RepositoryError;
use crate::domain::{
    Timestamp,
    curated::{Added, CollectionEdit, Naming, NewCollection},
    id::{ArtifactId, CollectionId},
    read_order::ReadOrder,
};

/// Makes curated collections and keeps their members. A member is a row of the collection, hidden
/// by `missing_since` while `default` has none of that id; what is visible changes a generation, what
/// is hidden does not.
#[async_trait]
pub trait CuratedCollections: Send + Sync {
    /// Makes an empty collection that belongs to `created_by`. Never [`Naming::Unknown`].
    async fn create_collection(
        &self,
        id: &CollectionId,
        new: &NewCollection,
        created_by: Option<&str>,
        now: Timestamp,
    ) -> Result<Naming, RepositoryError>;

    /// Renames a collection, describes it, or both. Its rows, and so its generation, stay.
    async fn change_collection(
        &self,
        id: &CollectionId,
        edit: &CollectionEdit,
    ) -> Result<Naming, RepositoryError>;

    /// Deletes a curated collection, or a mirror that is empty or whose source is detached, and all
    /// that is known of that source. Answers whether there was one.
    async fn delete_collection(&self, id: &CollectionId) -> Result<bool, RepositoryError>;

    /// Makes members of the artifacts that `default` has a row of, with that row's values, invalidated
    /// in that order. One that is added by several callers at once is one row, which one of them has added.
    /// `None` without such a curated collection.
    async fn add_members(
        &self,
        id: &CollectionId,
        artifacts: &[ArtifactId],
        order: ReadOrder,
        now: Timestamp,
    ) -> Result<Option<Added>, RepositoryError>;

    /// Takes a member away, a hidden one too. Answers whether there was one.
    async fn remove_member(
        &self,
        id: &CollectionId,
        artifact: &ArtifactId,
        now: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// Takes away every member that has been hidden since before that moment. Answers how many.
    async fn purge_missing(&self, before: Timestamp) -> Result<u64, RepositoryError>;
}
