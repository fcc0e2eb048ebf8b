//! Failures of the disk, made with the repository's own connections.

use larder::{
    domain::{
        curated::{Naming, NewCollection},
        delta::Delta,
    },
    ports::{CacheReader, CacheRepository, CuratedCollections, RepositoryError, SchemaMigrations},
    testing::{artifact, at, collection_id, order, source, source_name},
};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use crate::SqliteRepository;

/// Far more pages than a few rows need.
const PLENTY: u32 = 1_000_000;

async fn repository() -> (SqliteRepository, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("larder.db").display());
    let repository = crate::connect(&url, 2).await.unwrap();
    repository.up().await.unwrap();
    repository.register(&[source("work")], at(0)).await.unwrap();
    (repository, directory)
}

/// Lets the database's file have at most so many pages, or as many as it has now.
async fn limit_pages(repository: &SqliteRepository, pages: u32) {
    let mut writer = repository.writer.acquire().await.unwrap();
    let limit = AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit).execute(&mut *writer).await.unwrap();
}

/// Creates collections with long descriptions until one is refused, and returns why.
async fn fill(repository: &SqliteRepository) -> RepositoryError {
    for number in 0.. {
        if let Err(error) = create(repository, &format!("{number:026}")).await {
            return error;
        }
    }
    unreachable!("the file has no room for so many")
}

async fn create(repository: &SqliteRepository, id: &str) -> Result<Naming, RepositoryError> {
    let new = NewCollection::new(id, Some(&"long ".repeat(200))).unwrap();
    repository.create_collection(&collection_id(id), &new, None, at(1)).await
}

#[tokio::test]
async fn writes_succeed_again_once_a_full_disk_has_room() {
    let (repository, _directory) = repository().await;
    limit_pages(&repository, 1).await;
    let refused = fill(&repository).await;
    assert!(matches!(refused, RepositoryError::Unwritable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("its disk is full"), "{refused}");
    assert!(repository.last_failure().is_some(), "readiness depends on it");
    assert!(repository.collection("default").await.unwrap().is_some(), "reads go on");

    limit_pages(&repository, PLENTY).await;
    create(&repository, "there is room again").await.unwrap();
    let upserts = vec![artifact("skill:s")];
    repository
        .apply(Delta { upserts, ..Delta::new(source_name("work"), order(1), at(1)) })
        .await
        .unwrap();
    assert!(repository.last_failure().is_none());
}

#[tokio::test]
async fn a_check_that_can_write_ends_the_failure_of_a_full_disk() {
    let (repository, _directory) = repository().await;
    limit_pages(&repository, 1).await;
    fill(&repository).await;
    limit_pages(&repository, PLENTY).await;
    repository.check().await.unwrap();
    assert!(repository.last_failure().is_none());
}
