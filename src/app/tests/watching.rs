//! Following what the files' watcher tells.

use tokio::{sync::mpsc, task::JoinHandle};

use super::*;
use crate::{
    app::Readiness,
    domain::{
        delta::Delta,
        report::RefreshScope,
        watching::{Change, WatchMode},
    },
    ports::{CacheRepository, Clock, SourceError},
    testing::{BuildArtifact, artifact},
};

/// Watched, and all that was scanned at the beginning of it.
async fn watched(house: &House) -> JoinHandle<()> {
    let larder = Arc::clone(&house.larder);
    let watch = tokio::spawn(async move { larder.watch().await });
    until(|| house.files.scans(&house.work) > 0).await;
    house.refresh().await;
    house.tick();
    watch
}

async fn filled() -> (House, JoinHandle<()>) {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("old"));
    let watch = watched(&house).await;
    (house, watch)
}

fn files(house: &House, paths: &[&str]) -> Change {
    Change::Files(house.work.clone(), paths.iter().map(ToString::to_string).collect())
}

async fn until_described(house: &House, text: &str) {
    for _ in 0..10_000 {
        if house.description("skill:a").await.as_deref() == Some(text) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it is never described as {text}");
}

#[tokio::test]
async fn only_the_artifact_of_a_written_file_is_read_again() {
    let (house, watch) = filled().await;
    let scans = house.files.scans(&house.work);
    house.files.put(&house.work, artifact("skill:a").described("new"));
    assert!(house.files.tell(files(&house, &["skills/a"])).await);
    until_described(&house, "new").await;
    assert_eq!(house.files.scans(&house.work), scans);
    watch.abort();
}

#[tokio::test]
async fn without_a_keeper_a_change_that_cannot_be_read_is_looked_for_again() {
    let house = House::with_policy(Policy { sweep_every: None, ..Policy::default() });
    house.files.put(&house.work, artifact("skill:a").described("old"));
    let watch = watched(&house).await;
    house.files.put(&house.work, artifact("skill:a").described("new"));
    let source_name = house.work.clone();
    let no_descriptor = move || SourceError::Unreadable {
        source_name: source_name.clone(),
        cause: "EMFILE".into(),
    };
    house.files.fail(&house.work, no_descriptor);
    assert!(house.files.tell(Change::Tree(house.work.clone())).await);
    until(|| !house.larder.troubles().is_empty() && house.clock.sleepers() > 0).await;
    house.files.mend(&house.work);
    house.clock.advance(Duration::from_secs(30));
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn a_change_ends_the_rest_of_a_source_that_could_not_be_read() {
    let house = House::with_policy(Policy { sweep_every: None, ..Policy::default() });
    house.files.put(&house.work, artifact("skill:a").described("old"));
    let watch = watched(&house).await;
    house.files.put(&house.work, artifact("skill:a").described("new"));
    let source_name = house.work.clone();
    let unreadable = move || SourceError::Unreadable {
        source_name: source_name.clone(),
        cause: "not mounted".into(),
    };
    house.files.fail(&house.work, unreadable);
    assert!(house.files.tell(Change::Tree(house.work.clone())).await);
    until(|| !house.larder.troubles().is_empty() && house.clock.sleepers() > 0).await;
    house.files.mend(&house.work);
    assert!(house.files.tell(Change::Tree(house.work.clone())).await);
    house.clock.advance(Duration::from_secs(1));
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn a_file_that_says_the_same_raises_no_generation() {
    let (house, watch) = filled().await;
    let generation = house.larder.collection("default").await.unwrap().generation;
    let reads = house.files.reads(&house.work);
    house.files.put(&house.work, artifact("skill:a").described("old"));
    house.files.tell(files(&house, &["skills/a"])).await;
    until(|| house.files.reads(&house.work) > reads).await;
    // Whatever is told next is followed after it.
    house.files.tell(files(&house, &["skills/a"])).await;
    until(|| house.files.reads(&house.work) > reads + 1).await;
    assert_eq!(house.larder.collection("default").await.unwrap().generation, generation);
    watch.abort();
}

#[tokio::test]
async fn what_was_written_through_larder_meanwhile_is_no_second_change() {
    let (house, watch) = filled().await;
    let edited = artifact("skill:a").described("new").rewritten();
    house.files.put(&house.work, edited.clone());
    let gate = house.files.hold_read(&house.work);
    let now = house.clock.now();
    let just_before = house.cache.next_order(now).await.unwrap();
    house.files.tell(files(&house, &["skills/a"])).await;
    gate.begun().await;
    // The row was old when the watcher looked at it, and its read is the later one.
    let upserts = vec![edited.read_at(now)];
    let written = Delta { upserts, ..Delta::new(house.work.clone(), just_before, now) };
    assert_eq!(house.cache.apply(written).await.unwrap().changes.len(), 2);
    let generation = house.larder.collection("work").await.unwrap().generation;
    gate.open();
    let reads = house.files.reads(&house.work);
    house.files.tell(files(&house, &["skills/a"])).await;
    until(|| house.files.reads(&house.work) > reads).await;
    assert_eq!(house.larder.collection("work").await.unwrap().generation, generation);
    watch.abort();
}

#[tokio::test]
async fn a_file_that_was_only_touched_counts_as_unchanged() {
    let mut metrics = MockMetricsSink::new();
    let (told, mut counted) = mpsc::unbounded_channel();
    metrics.expect_refreshed().returning(move |scope, summary, _| {
        if scope == RefreshScope::Files {
            told.send(summary.counts).unwrap();
        }
    });
    let house = House::with_metrics(metrics);
    house.files.put(&house.work, artifact("skill:a"));
    let watch = watched(&house).await;
    house.files.put(&house.work, artifact("skill:a").changed_at(Some(at(7))));
    house.files.tell(files(&house, &["skills/a"])).await;
    let counts = counted.recv().await.unwrap();
    assert_eq!((counts.unchanged, counts.updated), (1, 0));
    // The row is written before it is counted.
    assert_eq!(house.row("skill:a").await.unwrap().artifact.updated_at, Some(at(7)));
    watch.abort();
}

#[tokio::test]
async fn a_file_that_nobody_knows_makes_the_source_be_scanned() {
    let (house, watch) = filled().await;
    house.files.put(&house.work, artifact("skill:b"));
    let scans = house.files.scans(&house.work);
    house.files.tell(files(&house, &["skills/a", "skills/b"])).await;
    until(|| house.files.scans(&house.work) > scans).await;
    house.refresh().await;
    assert!(house.row("skill:b").await.is_some());
    watch.abort();
}

#[tokio::test]
async fn a_file_that_is_gone_is_removed_by_a_scan_which_asks_the_guard() {
    let (house, watch) = filled().await;
    house.files.delete(&house.work, &artifact_id("skill:a"));
    let scans = house.files.scans(&house.work);
    house.files.tell(files(&house, &["skills/a"])).await;
    until(|| house.files.scans(&house.work) > scans).await;
    house.refresh().await;
    assert!(house.row("skill:a").await.is_none());
    watch.abort();
}

#[tokio::test]
async fn a_change_of_the_tree_is_a_scan() {
    let (house, watch) = filled().await;
    let scans = house.files.scans(&house.work);
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.tell(Change::Tree(house.work.clone())).await;
    until(|| house.files.scans(&house.work) > scans).await;
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn a_new_source_is_found_and_watched() {
    let (house, watch) = filled().await;
    let late = house.cover("late");
    house.files.put(&late, artifact("skill:late"));
    house.files.tell(Change::Sources).await;
    until(|| house.larder.watched().contains_key(&late)).await;
    until(|| house.files.scans(&late) > 0).await;
    assert_eq!(house.larder.watched()[&late].mode, WatchMode::Events);
    watch.abort();
}

#[tokio::test]
async fn a_source_that_a_refresh_finds_is_watched_too() {
    let (house, watch) = filled().await;
    let late = house.cover("late");
    house.larder.refresh_all(RefreshOptions::default()).await.unwrap();
    until(|| house.larder.watched().contains_key(&late)).await;
    watch.abort();
}

#[tokio::test]
async fn a_silent_source_is_polled_and_says_so() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("old"));
    house.files.silence(&house.work, "it lies on NFS");
    let watch = watched(&house).await;
    let told = house.larder.watched()[&house.work].clone();
    assert_eq!((told.mode, told.reason.as_deref()), (WatchMode::Poll, Some("it lies on NFS")));

    house.files.put(&house.work, artifact("skill:a").described("new"));
    until(|| house.clock.sleepers() > 0).await;
    house.tick();
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn a_source_that_falls_silent_is_polled_from_then_on() {
    let (house, watch) = filled().await;
    house.files.tell(Change::Silent(house.work.clone(), "too many watches".into())).await;
    until(|| house.larder.watched()[&house.work].mode == WatchMode::Poll).await;
    until(|| house.clock.sleepers() > 0).await;
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.tick();
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn a_watch_that_fails_is_begun_again_with_a_scan() {
    let (house, watch) = filled().await;
    house.files.stop_watching();
    until(|| house.clock.sleepers() > 0).await;
    house.files.put(&house.work, artifact("skill:a").described("missed"));
    house.tick();
    until_described(&house, "missed").await;
    house.files.put(&house.work, artifact("skill:a").described("told"));
    house.tick();
    house.files.tell(files(&house, &["skills/a"])).await;
    until_described(&house, "told").await;
    watch.abort();
}

#[tokio::test]
async fn a_change_waits_for_the_database() {
    let (house, watch) = filled().await;
    house.cache.set_unavailable(true);
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.tell(files(&house, &["skills/a"])).await;
    until(|| house.clock.sleepers() > 0).await;
    house.cache.set_unavailable(false);
    house.tick();
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn the_watch_ends_with_larder() {
    let (house, watch) = filled().await;
    house.larder.end();
    watch.await.unwrap();
    assert!(!house.files.tell(Change::Sources).await, "nobody listens any more");
}

#[tokio::test]
async fn a_source_is_scanned_once_at_the_start_and_what_is_told_meanwhile_is_not_lost() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("old"));
    let gate = house.files.hold(&house.work);
    let larder = Arc::clone(&house.larder);
    let watch = tokio::spawn(async move { larder.watch().await });
    gate.begun().await;
    assert!(matches!(house.larder.readiness().await, Readiness::Filling));
    house.tick();
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.tell(files(&house, &["skills/a"])).await;
    gate.open();
    until_described(&house, "new").await;
    assert_eq!(house.files.scans(&house.work), 1);
    assert!(matches!(house.larder.readiness().await, Readiness::Ready));
    watch.abort();
}

#[tokio::test]
async fn a_start_without_a_database_is_made_up_for() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.cache.set_unavailable(true);
    let larder = Arc::clone(&house.larder);
    let watch = tokio::spawn(async move { larder.watch().await });
    until(|| house.clock.sleepers() > 0).await;
    house.cache.set_unavailable(false);
    house.tick();
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn sources_that_nobody_watches_say_so() {
    let house = House::with_policy(Policy { watch: false, ..Policy::default() });
    house.larder.start().await.unwrap();
    let stats = house.larder.stats("work", None).await.unwrap();
    assert_eq!(stats.sources[0].watched.mode, WatchMode::Off);
    assert_eq!(house.larder.watched().len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_holds_up_no_other_source() {
    let (house, watch) = filled().await;
    let other = house.cover("other");
    house.files.put(&other, artifact("skill:b").described("old"));
    house.refresh().await;
    until(|| house.larder.watched().contains_key(&other)).await;
    house.tick();
    let gate = house.files.hold_read(&other);
    house.files.tell(Change::Files(other.clone(), vec!["skills/b".to_owned()])).await;
    gate.begun().await;
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.tell(files(&house, &["skills/a"])).await;
    until(|| house.clock.sleepers() > 0).await;
    house.clock.advance(Duration::from_secs(5));
    until_described(&house, "new").await;
    watch.abort();
}

#[tokio::test]
async fn what_was_deleted_while_it_was_read_again_does_not_stay() {
    let (house, watch) = filled().await;
    let gate = house.files.hold_read(&house.work);
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.tell(files(&house, &["skills/a"])).await;
    gate.begun().await;
    house.tick();
    house.files.delete(&house.work, &artifact_id("skill:a"));
    house
        .refresh_with(RefreshOptions { confirm_removals: Some(1), ..RefreshOptions::default() })
        .await;
    assert_eq!(house.row("skill:a").await, None);
    let scans = house.files.scans(&house.work);
    gate.open();
    until(|| house.files.scans(&house.work) > scans).await;
    house
        .refresh_with(RefreshOptions { confirm_removals: Some(1), ..RefreshOptions::default() })
        .await;
    assert_eq!(house.row("skill:a").await, None);
    watch.abort();
}
