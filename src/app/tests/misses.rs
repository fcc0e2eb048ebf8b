//! The way from a miss to the files.

use super::*;
use crate::{
    app::Error,
    domain::{artifact::Health, collection::Layout, delta::Scope, report::RefreshStatus},
    ports::{CacheRepository, SourceError},
    testing::{BuildArtifact, artifact},
};

async fn filled(layout: Layout) -> House {
    let house = House::new();
    house.files.cover(crate::domain::collection::Source { layout, ..source("work") });
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    house.tick();
    house
}

#[tokio::test]
async fn a_hit_touches_no_file_and_is_counted() {
    let mut metrics = MockMetricsSink::new();
    metrics.expect_refreshed().return_const(());
    metrics.expect_cache_read().withf(|hit| *hit).times(1).return_const(());
    let house = House::with_metrics(metrics);
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    house.larder.artifact("default", &artifact_id("skill:a")).await.unwrap();
    assert_eq!((house.files.scans(&house.work), house.files.reads(&house.work)), (1, 0));
}

#[tokio::test]
async fn an_artifact_without_a_row_is_read_from_its_manifest_entry_alone() {
    let house = filled(Layout::Managed).await;
    house.files.put(&house.work, artifact("skill:new").described("brand new"));
    let row = house.larder.artifact("default", &artifact_id("skill:new")).await.unwrap();
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("brand new"));
    assert_eq!(house.files.scans(&house.work), 1, "the fill's own scan and no other");
    let stats = house.larder.stats("default", None).await.unwrap();
    assert_eq!((stats.counts.total, stats.hit_rate), (2, Some(0.0)));
}

#[tokio::test]
async fn an_unknown_id_costs_the_database_no_write() {
    let house = filled(Layout::Managed).await;
    let order = async || house.cache.next_order(house.larder.now()).await.unwrap().number();
    let before = order().await;
    let unknown = house.larder.artifact("default", &artifact_id("skill:never")).await;
    assert!(matches!(unknown, Err(Error::UnknownArtifact { .. })));
    assert_eq!(order().await, before + 1, "no order was issued for it");
}

#[tokio::test]
async fn an_invalidated_row_is_read_again_before_it_is_answered() {
    let house = filled(Layout::Plain).await;
    house.files.put(&house.work, artifact("skill:a").described("edited"));
    let scope = Scope::Source(house.work.clone());
    house.larder.invalidate(&scope).await.unwrap();
    house.tick();
    let row = house.larder.artifact("default", &artifact_id("skill:a")).await.unwrap();
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("edited"));
    assert_eq!(row.synced_at, Some(house.larder.now()));
}

#[tokio::test]
async fn an_invalidated_row_is_answered_even_when_its_files_cannot_be_read() {
    let house = filled(Layout::Managed).await;
    let scope = Scope::Source(house.work.clone());
    house.larder.invalidate(&scope).await.unwrap();
    house.files.fail(&house.work, || SourceError::Unreadable {
        source_name: source_name("work"),
        cause: "gone".into(),
    });
    let row = house.larder.artifact("default", &artifact_id("skill:a")).await.unwrap();
    assert_eq!(row.synced_at, None);
}

#[tokio::test]
async fn unknown_ids_cost_a_plain_source_one_scan_a_second() {
    let house = filled(Layout::Plain).await;
    for id in ["skill:x", "skill:y", "skill:z"] {
        // A single read finds nothing, since nobody knows a path.
        let missing = house.larder.artifact("default", &artifact_id(id)).await;
        assert!(matches!(missing, Err(Error::UnknownArtifact { .. })));
    }
    assert_eq!(house.files.scans(&house.work), 2, "the fill, and one for the first of three");
    house.clock.advance(Duration::from_secs(1));
    let _ = house.larder.artifact("default", &artifact_id("skill:x")).await;
    assert_eq!(house.files.scans(&house.work), 3);
}

#[tokio::test]
async fn unknown_ids_cost_a_managed_source_no_scan() {
    let house = filled(Layout::Managed).await;
    let missing = house.larder.artifact("work", &artifact_id("skill:x")).await;
    assert!(matches!(missing, Err(Error::UnknownArtifact { .. })));
    assert_eq!(house.files.scans(&house.work), 1);
}

#[tokio::test]
async fn an_artifact_that_is_asked_for_and_gone_leaves_by_way_of_a_scan() {
    let house = filled(Layout::Managed).await;
    house.files.delete(&house.work, &artifact_id("skill:a"));
    let report = house
        .larder
        .refresh_artifact(&Caller::local(), "default", &artifact_id("skill:a"))
        .await
        .unwrap();
    assert_eq!(report.summary.counts.removed, 1);
    assert_eq!(house.row("skill:a").await, None);
}

#[tokio::test]
async fn who_reads_an_invalidated_artifact_that_is_gone_waits_for_no_scan() {
    let house = filled(Layout::Managed).await;
    let id = artifact_id("skill:a");
    house.larder.invalidate(&Scope::Source(house.work.clone())).await.unwrap();
    house.tick();
    house.files.delete(&house.work, &id);
    let gate = house.files.hold(&house.work);
    let row = house.larder.artifact("default", &id).await.unwrap();
    assert_eq!(row.synced_at, None, "it says that it is stale");
    gate.begun().await;
    gate.open();
    until(|| house.files.scans(&house.work) > 1).await;
    house.refresh().await;
    let gone = house.larder.artifact("default", &id).await;
    assert!(matches!(gone, Err(Error::UnknownArtifact { .. })));
}

#[tokio::test]
async fn a_source_that_cannot_be_read_does_not_hide_what_others_have() {
    let house = filled(Layout::Managed).await;
    let home = source_name("home");
    house.files.cover(source("home"));
    house.larder.refresh_all(RefreshOptions::default()).await.unwrap();
    house.files.fail(&home, || SourceError::Unreadable {
        source_name: source_name("home"),
        cause: "gone".into(),
    });
    house.files.put(&house.work, artifact("skill:new"));
    house.larder.artifact("default", &artifact_id("skill:new")).await.unwrap();
    let unknown = house.larder.artifact("default", &artifact_id("skill:x")).await;
    assert!(matches!(unknown, Err(Error::UnknownArtifact { .. })));
    let report = house
        .larder
        .refresh_artifact(&Caller::local(), "home", &artifact_id("skill:x"))
        .await
        .unwrap();
    assert_eq!(report.summary.status, RefreshStatus::Failed);
}

#[tokio::test]
async fn refreshing_a_broken_artifact_says_what_is_wrong() {
    let house = filled(Layout::Managed).await;
    house.files.put(&house.work, artifact("skill:a").in_health(Health::Broken));
    house.tick();
    let report = house
        .larder
        .refresh_artifact(&Caller::local(), "default", &artifact_id("skill:a"))
        .await
        .unwrap();
    assert_eq!((report.summary.counts.broken, report.summary.issues_total), (1, 1));
}
