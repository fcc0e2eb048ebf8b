//! Refreshes, edits and readers at the same time. Every case holds a scan open and lets something
//! happen meanwhile.

use std::sync::Arc;

use super::*;
use crate::{
    domain::delta::Scope,
    testing::{BuildArtifact, Gate, artifact},
};

/// Begins a refresh that waits in its scan, having seen the files as they are now.
async fn begin(
    house: &House,
) -> (Gate, tokio::task::JoinHandle<Result<CollectionReport, super::super::Error>>) {
    let gate = house.files.hold(&house.work);
    let larder = Arc::clone(&house.larder);
    let run = tokio::spawn(async move {
        larder.refresh_collection(&Caller::local(), "work", RefreshOptions::default()).await
    });
    gate.begun().await;
    (gate, run)
}

async fn filled() -> House {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("first"));
    house.larder.start().await.unwrap();
    house.tick();
    house
}

#[tokio::test]
async fn an_edit_that_lands_while_a_scan_is_open_is_not_overwritten() {
    let house = filled().await;
    house.files.put(&house.work, artifact("skill:a").described("seen by the scan"));
    let (gate, run) = begin(&house).await;
    house.tick();
    house.files.put(&house.work, artifact("skill:a").described("edited meanwhile"));
    house
        .larder
        .refresh_artifact(&Caller::local(), "default", &artifact_id("skill:a"))
        .await
        .unwrap();
    gate.open();
    run.await.unwrap().unwrap();
    assert_eq!(house.description("skill:a").await.as_deref(), Some("edited meanwhile"));
}

#[tokio::test]
async fn an_artifact_created_while_a_scan_is_open_is_not_removed() {
    let house = filled().await;
    let (gate, run) = begin(&house).await;
    house.tick();
    house.files.put(&house.work, artifact("skill:new"));
    house.larder.artifact("default", &artifact_id("skill:new")).await.unwrap();
    gate.open();
    run.await.unwrap().unwrap();
    assert!(house.row("skill:new").await.is_some());
}

#[tokio::test]
async fn a_caller_who_joins_after_an_edit_gets_a_scan_that_saw_it() {
    let house = filled().await;
    let (gate, first) = begin(&house).await;
    house.tick();
    house.files.put(&house.work, artifact("skill:a").described("edited before the call"));
    let larder = Arc::clone(&house.larder);
    let second = tokio::spawn(async move {
        larder.refresh_collection(&Caller::local(), "work", RefreshOptions::default()).await
    });
    tokio::task::yield_now().await;
    gate.open();
    assert_eq!(first.await.unwrap().unwrap().summary.counts.updated, 0);
    assert_eq!(second.await.unwrap().unwrap().summary.counts.updated, 1);
    assert_eq!(house.description("skill:a").await.as_deref(), Some("edited before the call"));
    assert_eq!(house.files.scans(&house.work), 3);
}

#[tokio::test]
async fn callers_who_wait_for_the_same_scan_share_it_and_force_is_or_ed_into_it() {
    let house = filled().await;
    let (gate, first) = begin(&house).await;
    let force = RefreshOptions { force: true, ..RefreshOptions::default() };
    let waiting: Vec<_> = [RefreshOptions::default(), force, RefreshOptions::default()]
        .into_iter()
        .map(|options| house.larder.enqueue(&house.work, options).outcome())
        .collect();
    gate.open();
    first.await.unwrap().unwrap();
    let mut reports = Vec::new();
    for run in waiting {
        reports.push(run.await.unwrap());
    }
    assert!(Arc::ptr_eq(&reports[0], &reports[1]) && Arc::ptr_eq(&reports[1], &reports[2]));
    assert_eq!(house.files.scans(&house.work), 3, "the first fill, the held one, the shared one");
}

#[tokio::test]
async fn a_run_with_a_confirmation_is_not_shared_with_a_caller_who_gave_none() {
    let house = filled().await;
    let (gate, first) = begin(&house).await;
    let confirmed = RefreshOptions { confirm_removals: Some(5), ..RefreshOptions::default() };
    let one = house.larder.enqueue(&house.work, confirmed).outcome();
    let other = house.larder.enqueue(&house.work, RefreshOptions::default()).outcome();
    gate.open();
    first.await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&one.await.unwrap(), &other.await.unwrap()));
}

#[tokio::test]
async fn an_invalidation_in_the_middle_of_a_scan_outlives_it() {
    let house = filled().await;
    let (gate, run) = begin(&house).await;
    house.tick();
    let scope = Scope::Artifact(collection_id("default"), artifact_id("skill:a"));
    house.larder.invalidate(&scope).await.unwrap();
    let scope = Scope::Collection(collection_id("work"));
    house.larder.invalidate(&scope).await.unwrap();
    house.tick();
    gate.open();
    run.await.unwrap().unwrap();
    assert_eq!(house.row("skill:a").await.unwrap().synced_at, None);

    let report = house.refresh().await;
    assert_eq!(report.summary.counts.unchanged, 1, "it is read again and found the same");
    assert_eq!(house.row("skill:a").await.unwrap().synced_at, Some(house.larder.now()));
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_cut_the_refresh_off() {
    let house = filled().await;
    house.files.put(&house.work, artifact("skill:a").described("changed"));
    let (gate, run) = begin(&house).await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    gate.open();
    // The next run of the same source begins when the abandoned one has ended.
    house.refresh().await;
    assert_eq!(house.description("skill:a").await.as_deref(), Some("changed"));
}
