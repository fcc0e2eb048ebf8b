//! One file, one process.

use larder::ports::{CacheRepository, RepositoryError, SchemaMigrations};

fn url(directory: &tempfile::TempDir) -> String {
    format!("sqlite://{}", directory.path().join("not/there/yet/larder.db").display())
}

fn cause(error: &RepositoryError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_second_opening_is_told_who_has_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let first = larder_sqlite::connect(&url(&directory), 2).await.unwrap();
    let error = larder_sqlite::connect(&url(&directory), 2).await.err().unwrap();
    assert!(matches!(error, RepositoryError::InUse(_)));
    let holder = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");

    first.close().await;
    larder_sqlite::connect(&url(&directory), 2).await.expect("the file is free again");
}

#[tokio::test]
async fn dropping_the_last_handle_frees_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let first = larder_sqlite::connect(&url(&directory), 2).await.unwrap();
    let clone = first.clone();
    drop(first);
    assert!(larder_sqlite::connect(&url(&directory), 2).await.is_err());
    drop(clone);
    larder_sqlite::connect(&url(&directory), 2).await.expect("the file is free again");
}

#[tokio::test]
async fn a_database_in_memory_is_refused_with_what_to_write_instead() {
    let error = larder_sqlite::connect("sqlite::memory:", 2).await.err().unwrap();
    assert!(cause(&error).contains("sqlite:///"), "{}", cause(&error));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("larder.db");
    std::fs::write(&path, "certainly no database, and long enough to look at".repeat(20)).unwrap();
    let error = larder_sqlite::connect(&format!("sqlite://{}", path.display()), 2).await.err();
    assert!(matches!(error, Some(RepositoryError::Corrupt(_))), "{error:?}");
}

#[tokio::test]
async fn checking_asks_for_a_migration_until_all_are_there() {
    let directory = tempfile::tempdir().unwrap();
    let repository = larder_sqlite::connect(&url(&directory), 2).await.unwrap();
    assert!(matches!(repository.check().await, Err(RepositoryError::Schema(_))));
    repository.up().await.unwrap();
    repository.check().await.unwrap();
    repository.down().await.unwrap();
    assert!(matches!(repository.check().await, Err(RepositoryError::Schema(_))));
}
