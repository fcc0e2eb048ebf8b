//! A wall clock that is wrong, is set right, and is set wrong: what changes is shown all the same.

use super::*;
use crate::{
    app::CacheState,
    domain::{
        delta::Scope,
        edit::{Change, Field, MetadataEdit},
        guard::RootState,
        writing::Precondition,
    },
    ports::{CacheRepository, Clock},
    testing::{BuildArtifact, artifact},
};

const TWO_DAYS: chrono::Duration = chrono::Duration::days(2);

/// Filled by a clock that was two days ahead, and that is right now.
async fn set_right() -> House {
    let house = House::new();
    house.clock.step(TWO_DAYS);
    house.files.put(&house.work, artifact("skill:a").described("old"));
    house.files.put(&house.work, artifact("skill:b"));
    house.larder.start().await.unwrap();
    house.clock.step(-TWO_DAYS);
    house.tick();
    house
}

async fn described(house: &House, text: &str) -> CacheState {
    let edit = [(Field::Description, Change::Text(text.to_owned()))];
    let edit = MetadataEdit::new(edit).unwrap();
    let (id, any) = (artifact_id("skill:a"), Precondition::any());
    house.larder.edit_artifact("default", &id, edit, any, Caller::LOCAL).await.unwrap().cache
}

async fn stale(house: &House) -> u64 {
    house.larder.stats("default", None).await.unwrap().counts.stale
}

#[tokio::test]
async fn an_edit_is_shown_after_the_clock_was_set_back() {
    let house = set_right().await;
    assert_eq!(described(&house, "new").await, CacheState::Current);
    assert_eq!(house.description("skill:a").await.as_deref(), Some("new"));
    house.clock.step(chrono::Duration::seconds(-5));
    assert_eq!(described(&house, "newer").await, CacheState::Current);
    assert_eq!(house.description("skill:a").await.as_deref(), Some("newer"));
}

#[tokio::test]
async fn a_refresh_shows_what_has_changed_and_gone_after_the_clock_was_set_back() {
    let house = set_right().await;
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.delete(&house.work, &artifact_id("skill:b"));
    house.refresh().await;
    assert_eq!(house.description("skill:a").await.as_deref(), Some("new"));
    assert!(house.row("skill:b").await.is_none());
    let now = house.clock.now();
    assert_eq!(house.row("skill:a").await.unwrap().synced_at, Some(now), "the time is right");
}

#[tokio::test]
async fn a_deletion_is_shown_after_the_clock_was_set_back() {
    let house = set_right().await;
    let (id, any) = (artifact_id("skill:b"), Precondition::any());
    house.larder.delete_artifact("default", &id, any, Caller::LOCAL).await.unwrap();
    assert!(house.row("skill:b").await.is_none());
}

#[tokio::test]
async fn an_invalidated_row_is_read_again_after_the_clock_was_set_back() {
    let house = set_right().await;
    house.files.put(&house.work, artifact("skill:a").described("new"));
    assert_eq!(house.larder.invalidate(&Scope::Source(house.work.clone())).await.unwrap(), 4);
    let row = house.larder.artifact("default", &artifact_id("skill:a")).await.unwrap();
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("new"));
    assert_eq!(row.synced_at, Some(house.clock.now()));
}

#[tokio::test]
async fn rows_from_the_future_are_stale_until_they_are_swept() {
    let house = set_right().await;
    assert_eq!(stale(&house).await, 2);
    let keeper = tokio::spawn({
        let larder = Arc::clone(&house.larder);
        async move { larder.keep().await }
    });
    until(|| house.clock.sleepers() > 0).await;
    house.clock.advance(Duration::from_mins(5));
    until(|| house.larder.keeper_status().last_run.is_some()).await;
    assert_eq!(stale(&house).await, 0);
    let registered = house.cache.registered().await.unwrap();
    assert!(registered[0].verified_at.unwrap() <= house.clock.now());
    keeper.abort();
}

#[tokio::test]
async fn sweeps_go_on_at_their_pace_whatever_happens_to_the_wall_clock() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    let keeper = tokio::spawn({
        let larder = Arc::clone(&house.larder);
        async move { larder.keep().await }
    });
    let sweeps = || house.larder.keeper_status().last_run;
    for step in [-TWO_DAYS, TWO_DAYS, TWO_DAYS, -TWO_DAYS] {
        until(|| house.clock.sleepers() > 0).await;
        house.clock.step(step);
        let before = sweeps();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(sweeps(), before, "a step of {step} is no passing of time");
        assert_eq!(house.larder.keeper_status().state, crate::app::KeeperState::Running);
        house.clock.advance(Duration::from_mins(5));
        until(|| sweeps() != before).await;
        assert_eq!(sweeps().unwrap().duration_ms, 0);
        assert_eq!(stale(&house).await, 0, "after a step of {step}");
    }
    keeper.abort();
}

#[tokio::test]
async fn a_source_in_trouble_rests_as_long_whatever_happens_to_the_wall_clock() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    house.files.set_root(&house.work, RootState::Missing);
    house.refresh().await;
    for step in [-TWO_DAYS, TWO_DAYS, TWO_DAYS] {
        house.clock.step(step);
        let rest = house.larder.rest_of(&house.work);
        assert!(rest > Duration::from_secs(20) && rest <= Duration::from_secs(30), "{rest:?}");
    }
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(house.larder.rest_of(&house.work), Duration::ZERO);
}

#[tokio::test]
async fn a_duration_is_measured_while_the_wall_clock_is_set() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    for step in [TWO_DAYS, -TWO_DAYS] {
        let gate = house.files.hold(&house.work);
        let run = house.larder.enqueue(&house.work, RefreshOptions::default());
        gate.begun().await;
        house.clock.step(step);
        house.clock.advance(Duration::from_secs(3));
        gate.open();
        assert_eq!(run.outcome().await.unwrap().duration_ms, 3_000);
    }
}

#[tokio::test]
async fn of_two_writes_the_last_one_in_the_files_is_shown_whichever_reaches_the_cache_last() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("old"));
    house.larder.start().await.unwrap();
    let house = Arc::new(house);
    // The cache looks at the first write, and waits.
    let gate = house.files.hold_read(&house.work);
    let first = tokio::spawn({
        let house = Arc::clone(&house);
        async move { described(&house, "first").await }
    });
    gate.begun().await;
    described(&house, "second").await;
    gate.open();
    first.await.unwrap();
    assert_eq!(house.description("skill:a").await.as_deref(), Some("second"));
}
