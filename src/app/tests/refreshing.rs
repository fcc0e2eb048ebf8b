//! What a refresh changes, and what it says.

use super::*;
use crate::{
    domain::{
        artifact::Health,
        disks::{Disks, Place},
        guard::RootState,
        report::{Issue, IssueKind, RefreshStatus},
    },
    ports::SourceError,
    testing::{BuildArtifact, artifact},
};

async fn filled(ids: &[&str]) -> House {
    let house = House::new();
    for id in ids {
        house.files.put(&house.work, artifact(id));
    }
    house.larder.start().await.unwrap();
    house.tick();
    house
}

#[tokio::test]
async fn a_report_counts_each_artifact_once() {
    let house = filled(&["skill:same", "skill:edited", "skill:deleted"]).await;
    house.files.put(&house.work, artifact("skill:edited").described("now"));
    house.files.delete(&house.work, &artifact_id("skill:deleted"));
    house.files.put(&house.work, artifact("skill:new"));
    let shadowed = Issue {
        artifact_id: Some(artifact_id("skill:same")),
        path: "old/same".into(),
        kind: IssueKind::Shadowed,
        message: "it comes second".into(),
        line: None,
    };
    house.files.set_issues(&house.work, vec![shadowed.clone()]);
    let report = house.refresh().await;
    let counts = report.summary.counts;
    assert_eq!((counts.created, counts.updated, counts.unchanged), (1, 1, 1));
    assert_eq!((counts.removed, counts.skipped, counts.ok), (1, 1, 3));
    assert_eq!((report.summary.issues, report.summary.issues_total), (vec![shadowed], 1));
    assert_eq!(house.description("skill:edited").await.as_deref(), Some("now"));
    assert_eq!(house.row("skill:deleted").await, None);
}

#[tokio::test]
async fn a_refresh_without_a_change_leaves_the_generation_and_moves_synced_at() {
    let house = filled(&["skill:a"]).await;
    let before = house.larder.collection("default").await.unwrap();
    let report = house.refresh().await;
    let after = house.larder.collection("default").await.unwrap();
    assert_eq!(report.summary.counts.unchanged, 1);
    assert_eq!(after.generation, before.generation);
    assert_ne!(after.verification, before.verification);
    assert_eq!(house.row("skill:a").await.unwrap().synced_at, Some(house.larder.now()));
}

#[tokio::test]
async fn files_that_were_touched_but_not_changed_are_unchanged() {
    let house = filled(&["skill:a"]).await;
    house.files.put(&house.work, artifact("skill:a"));
    assert_eq!(house.refresh().await.summary.counts.unchanged, 1);
}

#[tokio::test]
async fn what_turns_broken_keeps_its_last_good_metadata() {
    let house = filled(&[]).await;
    house.files.put(&house.work, artifact("skill:a").described("last good"));
    house.refresh().await;
    house.tick();
    let mut broken = artifact("skill:a").in_health(Health::Broken);
    broken.metadata = crate::domain::artifact::Metadata::default();
    house.files.put(&house.work, broken);
    let report = house.refresh().await;
    let row = house.row("skill:a").await.unwrap().artifact;
    assert_eq!(row.health, Health::Broken);
    assert_eq!(row.metadata.description.as_deref(), Some("last good"));
    assert_eq!(report.summary.issues[0].kind, IssueKind::Broken);

    house.tick();
    let again = house.refresh().await;
    assert_eq!(again.summary.issues, report.summary.issues, "told as long as it lasts");
}

#[tokio::test]
async fn a_broken_artifact_is_told_with_the_problem_that_it_has_now() {
    let house = filled(&[]).await;
    let refused = |message: &str| {
        let mut artifact = artifact("skill:a").in_health(Health::Broken);
        artifact.problem.as_mut().unwrap().message = message.into();
        artifact
    };
    house.files.put(&house.work, refused("it leads out of the collection"));
    house.refresh().await;
    house.tick();
    house.files.put(&house.work, refused("it is too large"));
    assert_eq!(house.refresh().await.summary.counts.updated, 1);
    let problem = house.row("skill:a").await.unwrap().artifact.problem.unwrap();
    assert_eq!(problem.message, "it is too large");
}

#[tokio::test]
async fn a_reader_that_reads_the_same_bytes_better_has_its_rows_written() {
    let house = filled(&["skill:a"]).await;
    let mut better = artifact("skill:a");
    better.metadata.description = Some("read better".into());
    house.files.put(&house.work, better.clone());
    house.refresh().await;
    assert_ne!(house.description("skill:a").await.as_deref(), Some("read better"), "same bytes");
    house.tick();
    house.files.put(&house.work, better);
    house.files.set_outdated(&house.work);
    house.refresh().await;
    assert_eq!(house.description("skill:a").await.as_deref(), Some("read better"));
}

#[tokio::test]
async fn a_missing_root_is_guarded_until_the_removals_are_confirmed() {
    let house = filled(&["skill:a", "skill:b"]).await;
    house.files.set_root(&house.work, RootState::Missing);
    let report = house.refresh().await;
    assert_eq!(report.summary.status, RefreshStatus::Guarded);
    assert_eq!(report.summary.counts.removed, 0);
    assert!(house.row("skill:a").await.is_some());

    let too_few = RefreshOptions { confirm_removals: Some(1), ..RefreshOptions::default() };
    assert_eq!(house.refresh_with(too_few).await.summary.status, RefreshStatus::Guarded);
    let enough = RefreshOptions { confirm_removals: Some(2), ..RefreshOptions::default() };
    let report = house.refresh_with(enough).await;
    assert_eq!(
        (report.summary.status, report.summary.counts.removed),
        (RefreshStatus::Completed, 2)
    );
}

#[tokio::test]
async fn most_artifacts_may_go_at_once_unless_their_disk_is_another_one() {
    let ids: Vec<String> = (0..12).map(|n| format!("skill:s{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let house = filled(&ids).await;
    let disks = |device| Disks { root: Some(Place { device, inode: 2 }), ..Disks::default() };
    house.files.set_disks(&house.work, disks(1));
    house.refresh().await;
    for id in &ids[1..] {
        house.files.delete(&house.work, &artifact_id(id));
    }
    house.files.set_disks(&house.work, disks(2));
    let report = house.refresh().await;
    assert_eq!(report.summary.status, RefreshStatus::Guarded);
    assert!(report.summary.issues[0].message.contains("on another disk"));

    // What is guarded is not what the next scan is compared with.
    assert_eq!(house.refresh().await.summary.status, RefreshStatus::Guarded);
    house.files.set_disks(&house.work, disks(1));
    let report = house.refresh().await;
    assert_eq!(
        (report.summary.status, report.summary.counts.removed),
        (RefreshStatus::Completed, 11)
    );
}

#[tokio::test]
async fn a_source_that_cannot_be_read_keeps_its_rows_and_does_not_stop_the_others() {
    let house = filled(&["skill:a"]).await;
    let home = source_name("home");
    house.files.cover(source("home"));
    house.files.put(&home, artifact("skill:b"));
    house.files.fail(&house.work, || SourceError::Manifest {
        source_name: source_name("work"),
        file: "collection.toml",
        message: "expected an equals sign".into(),
        line: Some(7),
    });
    let before = house.row("skill:a").await.unwrap().synced_at;
    let report = house.larder.refresh_all(RefreshOptions::default()).await.unwrap();
    let statuses: Vec<_> =
        report.collections.iter().map(|it| (it.collection.as_str(), it.summary.status)).collect();
    assert_eq!(statuses, [("home", RefreshStatus::Completed), ("work", RefreshStatus::Failed)]);
    assert!(report.summary.issues[0].message.contains("collection.toml"));
    assert_eq!(house.row("skill:a").await.unwrap().synced_at, before, "it was not verified");
    assert!(house.row("skill:b").await.is_some());
}

#[tokio::test]
async fn control_characters_never_reach_a_row() {
    let house = filled(&[]).await;
    house.files.put(&house.work, artifact("skill:a").described("a\0b\u{1b}[31mc"));
    house.refresh().await;
    assert_eq!(house.description("skill:a").await.as_deref(), Some("ab[31mc"));
}

#[tokio::test]
async fn a_detached_mirror_says_that_it_is_no_longer_covered() {
    let house = filled(&["skill:a"]).await;
    house.files.uncover(&house.work);
    house.refresh().await;
    assert_eq!(house.row("skill:a").await, None, "it is out of default");
    let report = house
        .larder
        .refresh_collection(&Caller::local(), "work", RefreshOptions::default())
        .await
        .unwrap();
    assert_eq!(report.summary.status, RefreshStatus::Failed);
    assert!(house.larder.collection("work").await.unwrap().detached);
}

#[tokio::test]
async fn a_database_out_of_reach_fails_the_refresh_and_the_next_one_works() {
    let house = filled(&["skill:a"]).await;
    house.cache.set_unavailable(true);
    let failed = house.larder.refresh_all(RefreshOptions::default()).await;
    assert!(matches!(failed, Err(super::super::Error::Database(_))));
    house.cache.set_unavailable(false);
    assert_eq!(house.refresh().await.summary.status, RefreshStatus::Completed);
}

#[tokio::test]
async fn what_another_source_shadows_is_told_and_skipped() {
    let house = filled(&["skill:a"]).await;
    house.files.cover(source("home"));
    house.files.put(&source_name("home"), artifact("skill:a"));
    for report in [house.refresh().await, house.refresh().await] {
        assert_eq!((report.summary.counts.skipped, report.summary.issues_total), (1, 1));
        let issue = &report.summary.issues[0];
        assert_eq!(
            (issue.kind, issue.artifact_id.as_ref().unwrap().as_str()),
            (IssueKind::Shadowed, "skill:a")
        );
        assert!(issue.message.contains("home") && issue.message.contains("work"), "{issue:?}");
    }
    let alone = house
        .larder
        .refresh_collection(&Caller::local(), "work", RefreshOptions::default())
        .await
        .unwrap();
    assert_eq!(alone.summary.issues_total, 0, "it stays in its mirror");
}
