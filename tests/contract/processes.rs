//! Several processes and one database, played by several repositories.

use std::{process, time::Duration};

use larder::{ports::RepositoryError, testing::source_name};

use crate::cache::Cache;

contract! { crate::cache::Cache, sqlite: {
    processes {
        a_second_process_is_told_who_has_the_file
    }
} }

contract! { crate::cache::Cache, postgres: {
    processes {
        two_processes_refresh_a_source_one_after_the_other
    }
} }

pub(crate) async fn a_second_process_is_told_who_has_the_file(cache: &Cache) {
    let Err(refusal) = cache.database().connect().await else { panic!("it was let in") };
    assert!(matches!(refusal, RepositoryError::InUse(_)), "{refusal:?}");
    assert!(refusal.to_string().contains(&process::id().to_string()), "{refusal}");
    cache.check().await.expect("the first one is served as before");
}

pub(crate) async fn two_processes_refresh_a_source_one_after_the_other(cache: &Cache) {
    let other = cache.database().connect().await.unwrap();
    let source = source_name("shared-by-processes");
    cache.register(&[source.as_str()]).await;
    let lease = cache.lease(&source).await.unwrap();
    // A lease that nobody holds is had far sooner: the next lines show it.
    let waiting = tokio::time::timeout(Duration::from_millis(300), other.lease(&source)).await;
    assert!(waiting.is_err(), "the source is being refreshed");
    drop(lease);
    let lease = tokio::time::timeout(Duration::from_secs(30), other.lease(&source)).await;
    drop(lease.expect("it is free now").unwrap());
    drop(cache.lease(&source).await.unwrap());
}
