//! One file, one process.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use larder::{
    ports::{CacheReader, CacheRepository, CuratedCollections, RepositoryError, SchemaMigrations},
    testing::at,
};

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
    fs::write(&path, "certainly no database, and long enough to look at".repeat(20)).unwrap();
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

#[tokio::test]
async fn a_database_that_was_deleted_takes_no_write_until_it_is_put_back() {
    let directory = tempfile::tempdir().unwrap();
    let (path, aside) = (directory.path().join("larder.db"), directory.path().join("aside"));
    let url = format!("sqlite://{}", path.display());
    let repository = larder_sqlite::connect(&url, 2).await.unwrap();
    repository.up().await.unwrap();
    repository.register(&[], at(0)).await.unwrap();
    fs::rename(&path, &aside).unwrap();
    for replaced_by in [None, Some("another file")] {
        if let Some(text) = replaced_by {
            fs::write(&path, text).unwrap();
        }
        for error in [
            repository.purge_missing(at(0)).await.unwrap_err(),
            repository.check().await.unwrap_err(),
        ] {
            assert!(matches!(error, RepositoryError::Unwritable { .. }), "{error:?}");
            assert!(error.to_string().contains("put it back, or stop the server"), "{error}");
        }
    }
    assert!(larder_sqlite::connect(&url, 2).await.is_err(), "the path is still taken");

    fs::rename(&aside, &path).unwrap();
    repository.purge_missing(at(0)).await.unwrap();
    repository.check().await.unwrap();
    assert!(repository.collection("default").await.unwrap().is_some());
}

#[tokio::test]
async fn another_name_of_the_same_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("larder.db"), directory.path().join("link.db"));
    let repository =
        larder_sqlite::connect(&format!("sqlite://{}", path.display()), 2).await.unwrap();
    fs::hard_link(&path, &link).unwrap();
    let error = larder_sqlite::connect(&format!("sqlite://{}", link.display()), 2).await.err();
    assert!(matches!(error, Some(RepositoryError::InUse(_))), "{error:?}");
    repository.close().await;
}

/// The permissions of a file.
fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

#[tokio::test]
async fn nobody_else_may_read_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let new = directory.path().join("not/there/yet");
    let files = ["larder.db", "larder.db-wal", "larder.db-shm", "larder.db.lock"];
    let repository = larder_sqlite::connect(&url(&directory), 2).await.unwrap();
    repository.up().await.unwrap();
    assert_eq!([mode(&new), mode(new.parent().unwrap())], [0o700; 2]);
    assert_eq!(files.map(|file| mode(&new.join(file))), [0o600; 4]);
    repository.close().await;

    fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
    for file in files {
        // The log and its index are there after a crash.
        fs::OpenOptions::new().append(true).create(true).open(new.join(file)).unwrap();
        fs::set_permissions(new.join(file), Permissions::from_mode(0o644)).unwrap();
    }
    let _repository = larder_sqlite::connect(&url(&directory), 2).await.unwrap();
    assert_eq!(files.map(|file| mode(&new.join(file))), [0o600; 4]);
    assert_eq!(mode(&new), 0o755, "a directory that was there belongs to somebody else");
}
