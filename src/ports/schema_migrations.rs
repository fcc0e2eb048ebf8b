//! The database's schema.

use async_trait::async_trait;

use super::RepositoryError;

/// One migration of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number, the same on every backend.
    pub version: i64,
    /// Its name, such as `collections`.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Moves a database's schema. One process at a time.
#[async_trait]
pub trait SchemaMigrations: Send + Sync {
    /// Every migration of this version of Larder, in order.
    async fn status(&self) -> Result<Vec<Migration>, RepositoryError>;

    /// Applies what is missing; answers what it applied. Refuses a database that is newer.
    async fn up(&self) -> Result<Vec<Migration>, RepositoryError>;

    /// Takes the last applied migration back; answers which, or `None` when none was left.
    async fn down(&self) -> Result<Option<Migration>, RepositoryError>;
}
