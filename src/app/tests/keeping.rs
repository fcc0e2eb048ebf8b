//! The keeper, by a clock that is set by hand.

use std::collections::BTreeSet;

use tokio::task::JoinHandle;

use super::*;
use crate::{
    app::{KeeperState, Readiness, jittered},
    domain::{
        delta::Scope, freshness::TimeToLive, guard::RootState, query::CollectionQuery,
        report::RefreshStatus,
    },
    ports::{Clock, Pace, SourceError},
    testing::artifact,
};

fn keep(larder: &Arc<Larder>) -> JoinHandle<()> {
    let larder = Arc::clone(larder);
    tokio::spawn(async move { larder.keep().await })
}

/// Turns the clock to the next sweep, and waits until it is done.
async fn sweep(house: &House) {
    until(|| house.clock.sleepers() > 0).await;
    let next = house.larder.keeper_status().next_run_at.unwrap();
    house.clock.set(next.max(house.clock.now()));
    until(|| {
        house.larder.keeper_status().next_run_at.unwrap() > next && house.clock.sleepers() > 0
    })
    .await;
}

async fn filled(policy: Policy) -> (House, SourceName) {
    let house = House::with_policy(policy);
    let home = house.cover("home");
    house.files.put(&house.work, artifact("skill:a"));
    house.files.put(&home, artifact("skill:b"));
    house.larder.start().await.unwrap();
    (house, home)
}

async fn stale(house: &House) -> u64 {
    house.larder.stats("default", None).await.unwrap().counts.stale
}

fn unreadable(source: &SourceName) -> impl Fn() -> SourceError + Send + use<> {
    let source_name = source.clone();
    move || SourceError::Unreadable { source_name: source_name.clone(), cause: "no".into() }
}

/// Sweeps for three hours; nothing may be stale at any moment. Answers how often `work` was scanned.
async fn three_hours(policy: Policy) -> u64 {
    let (house, _) = filled(policy).await;
    let keeper = keep(&house.larder);
    let end = house.clock.now() + Duration::from_hours(3);
    let before = house.files.scans(&house.work);
    assert_eq!(house.files.pace(&house.work), Pace::Swift, "the cache was empty");
    while house.clock.now() < end {
        until(|| house.clock.sleepers() > 0).await;
        let next = house.larder.keeper_status().next_run_at.unwrap();
        house.clock.set(next - Duration::from_secs(1));
        assert_eq!(stale(&house).await, 0, "a second before the sweep at {next}");
        assert_eq!(house.larder.stats("work", None).await.unwrap().counts.stale, 0);
        sweep(&house).await;
    }
    keeper.abort();
    assert_eq!(house.files.pace(&house.work), Pace::Gentle);
    house.files.scans(&house.work) - before
}

#[test]
fn pauses_are_up_to_a_tenth_shorter_each_by_another_part() {
    let every = Duration::from_mins(5);
    let pauses: BTreeSet<_> = (0..100).map(|_| jittered(every)).collect();
    assert!(pauses.iter().all(|pause| (every * 9 / 10..=every).contains(pause)), "{pauses:?}");
    assert!(pauses.len() > 50, "{pauses:?}");
}

#[tokio::test]
async fn nothing_is_ever_stale_and_little_is_scanned_for_it() {
    let scans = three_hours(Policy::default()).await;
    assert!((6..=8).contains(&scans), "{scans} scans in six TTLs");
}

#[tokio::test]
async fn a_ttl_shorter_than_the_interval_holds_too() {
    let by_collection = [("work".to_owned(), Duration::from_mins(2))].into();
    let ttl = TimeToLive { by_collection, ..TimeToLive::default() };
    let scans = three_hours(Policy { ttl, ..Policy::default() }).await;
    assert!(scans >= 90, "{scans} scans in ninety TTLs");
}

#[tokio::test]
async fn a_keeper_that_is_switched_off_does_nothing_and_is_not_missed() {
    let (house, _) = filled(Policy { sweep_every: None, ..Policy::default() }).await;
    house.larder.keep().await;
    assert_eq!(house.larder.keeper_status().state, KeeperState::Off);
    assert!(matches!(house.larder.readiness().await, Readiness::Ready));
}

#[tokio::test]
async fn a_failing_source_is_left_alone_for_longer_and_longer_and_the_others_are_not() {
    let (house, home) = filled(Policy::default()).await;
    house.files.fail(&home, unreadable(&home));
    let keeper = keep(&house.larder);
    let (failing, well) = (house.files.scans(&home), house.files.scans(&house.work));
    for _ in 0..100 {
        sweep(&house).await;
    }
    let (failing, well) =
        (house.files.scans(&home) - failing, house.files.scans(&house.work) - well);
    assert!((10..=30).contains(&failing), "{failing} tries in 8 hours");
    assert!(well > 15, "{well} scans in 8 hours");

    let stats = house.larder.stats("home", None).await.unwrap();
    let trouble = stats.sources[0].trouble.clone().unwrap();
    assert_eq!(trouble.status, RefreshStatus::Failed);
    assert!(trouble.problem.contains("cannot be read") && u64::from(trouble.failures) == failing);
    assert_eq!(stats.counts.stale, 1, "its TTL cannot hold, and that is told");
    assert!(stats.keeper.last_error.unwrap().1.contains("home"));
    assert_eq!(stats.keeper.state, KeeperState::Running);

    house.files.mend(&home);
    house.clock.set(trouble.next_try_at);
    until(|| house.clock.sleepers() > 0).await;
    sweep(&house).await;
    assert_eq!(house.larder.stats("home", None).await.unwrap().sources[0].trouble, None);
    assert_eq!(stale(&house).await, 0);
    keeper.abort();
}

#[tokio::test]
async fn a_guarded_source_is_told_and_comes_back_by_itself() {
    let (house, home) = filled(Policy::default()).await;
    house.files.set_root(&home, RootState::Missing);
    let keeper = keep(&house.larder);
    for _ in 0..8 {
        sweep(&house).await;
    }
    let trouble = house.larder.troubles()[&home].clone();
    assert_eq!(trouble.status, RefreshStatus::Guarded);
    assert_eq!(stale(&house).await, 1, "its rows stay, and are stale");
    house.files.set_root(&home, RootState::Present);
    for _ in 0..8 {
        sweep(&house).await;
    }
    assert!(house.larder.troubles().is_empty());
    assert_eq!(stale(&house).await, 0);
    keeper.abort();
}

#[tokio::test]
async fn a_source_that_failed_is_tried_again_when_its_rest_is_over_and_not_when_it_is_stale() {
    let (house, home) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    house.files.fail(&home, unreadable(&home));
    let failed = house.larder.enqueue(&home, RefreshOptions::default()).outcome().await.unwrap();
    assert_eq!(failed.status, RefreshStatus::Failed);
    house.files.mend(&home);
    house.files.put(&home, artifact("skill:changed-meanwhile"));
    let next_try = house.larder.troubles()[&home].next_try_at;
    assert!(next_try <= house.clock.now() + Duration::from_secs(30));
    assert!(next_try < house.larder.keeper_status().next_run_at.unwrap(), "before any sweep");

    let scans = (house.files.scans(&home), house.files.scans(&house.work));
    until(|| house.clock.sleepers() > 0).await;
    house.clock.set(next_try);
    until(|| house.larder.troubles().is_empty()).await;
    assert!(house.row("skill:changed-meanwhile").await.is_some());
    assert_eq!((house.files.scans(&home), house.files.scans(&house.work)), (scans.0 + 1, scans.1));
    keeper.abort();
}

#[tokio::test]
async fn a_source_in_trouble_that_is_no_longer_covered_is_forgotten() {
    let (house, home) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    house.files.fail(&home, unreadable(&home));
    house.larder.enqueue(&home, RefreshOptions::default()).outcome().await.unwrap();
    house.files.uncover(&home);
    house.refresh().await;
    let next_try = house.larder.troubles()[&home].next_try_at;
    until(|| house.clock.sleepers() > 0).await;
    house.clock.set(next_try);
    until(|| house.larder.troubles().is_empty()).await;
    keeper.abort();
}

#[tokio::test]
async fn a_few_invalidated_artifacts_are_read_and_nothing_is_scanned() {
    let (house, home) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    house.tick();
    house.larder.invalidate(&Scope::Collection(collection_id("default"))).await.unwrap();
    house.tick();
    let scans = (house.files.scans(&house.work), house.files.scans(&home));
    sweep(&house).await;
    assert_eq!(stale(&house).await, 0);
    assert_eq!((house.files.scans(&house.work), house.files.scans(&home)), scans);
    keeper.abort();
}

#[tokio::test]
async fn a_source_that_hangs_keeps_no_other_one_stale_and_is_told() {
    let (house, home) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    until(|| house.clock.sleepers() > 0).await;
    let gate = house.files.hold(&home);
    let scans = house.files.scans(&house.work);
    house.clock.advance(Duration::from_hours(1));
    gate.begun().await;
    until(|| house.files.scans(&house.work) > scans).await;
    // No sweep waits for it beyond the next one.
    house.clock.advance(Duration::from_mins(5));
    until(|| house.larder.keeper_status().last_run.is_some()).await;
    assert!(house.larder.troubles()[&home].problem.contains("takes very long"));

    let scans = house.files.scans(&house.work);
    for _ in 0..7 {
        sweep(&house).await;
    }
    assert!(house.files.scans(&house.work) > scans, "the others are swept as ever");
    gate.open();
    until(|| house.larder.troubles().is_empty()).await;
    keeper.abort();
}

#[tokio::test]
async fn sources_that_hang_take_no_turns_away_from_the_others() {
    let (house, home) = filled(Policy::default()).await;
    let third = house.cover("third");
    house.refresh().await;
    let gates = [house.files.hold(&home), house.files.hold(&third)];
    for source in [&home, &third] {
        drop(house.larder.enqueue(source, RefreshOptions::default()));
    }
    for gate in &gates {
        gate.begun().await;
    }
    let run = house.larder.enqueue(&house.work, RefreshOptions::default());
    let scans = house.files.scans(&house.work);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.files.scans(&house.work), scans, "two at a time, as a rule");
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(run.outcome().await.unwrap().status, RefreshStatus::Completed);
}

#[tokio::test]
async fn sources_that_cannot_be_looked_for_are_swept_as_they_are_known_and_it_is_told() {
    let (house, _) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    until(|| house.clock.sleepers() > 0).await;
    let gate = house.files.hold_look();
    for _ in 0..7 {
        house.clock.advance(Duration::from_mins(5));
        // The look that hangs is given up, and those after it wait for their turn as long.
        for _ in 0..3 {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            house.clock.advance(Duration::from_secs(10));
        }
        until(|| house.larder.keeper_status().next_run_at.unwrap() > house.clock.now()).await;
        assert_eq!(stale(&house).await, 0);
    }
    let (_, error) = house.larder.keeper_status().last_error.unwrap();
    assert!(error.contains("looking for sources"), "{error}");

    gate.open();
    house.cover("late");
    sweep(&house).await;
    assert_eq!(
        house.larder.collections(&CollectionQuery::default()).await.unwrap().collections.len(),
        4
    );
    keeper.abort();
}

#[tokio::test]
async fn an_artifact_that_cannot_be_read_again_is_not_waited_for_for_ever() {
    let (house, home) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    house.tick();
    house.larder.invalidate(&Scope::Collection(collection_id("default"))).await.unwrap();
    let gate = house.files.hold_read(&home);
    until(|| house.clock.sleepers() > 0).await;
    house.clock.advance(Duration::from_mins(5));
    gate.begun().await;
    house.clock.advance(Duration::from_mins(5));
    until(|| house.larder.keeper_status().last_run.is_some()).await;
    assert!(house.larder.troubles()[&home].problem.contains("takes very long"));
    assert_eq!(house.larder.stats("work", None).await.unwrap().counts.stale, 0);
    keeper.abort();
}

#[tokio::test]
async fn a_new_source_is_found_by_the_sweep() {
    let (house, _) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    let late = house.cover("late");
    house.files.put(&late, artifact("skill:late"));
    sweep(&house).await;
    assert!(house.row("skill:late").await.is_some());
    keeper.abort();
}

#[tokio::test]
async fn without_a_database_a_sweep_fails_and_is_soon_made_up_for() {
    let (house, _) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    house.clock.advance(Duration::from_mins(26));
    house.cache.set_unavailable(true);
    sweep(&house).await;
    let status = house.larder.keeper_status();
    assert_eq!((status.state, status.last_run), (KeeperState::Running, None));
    let (at, error) = status.last_error.unwrap();
    assert!(error.contains("database does not answer"), "{error}");
    assert!(status.next_run_at.unwrap() <= at + Duration::from_secs(5));

    house.cache.set_unavailable(false);
    sweep(&house).await;
    assert!(house.larder.keeper_status().last_run.is_some_and(|run| run.refreshed == 2));
    assert!(matches!(house.larder.readiness().await, Readiness::Ready));
    keeper.abort();
}

#[tokio::test]
async fn a_panic_in_a_sweep_does_not_end_the_keeper() {
    let (house, home) = filled(Policy::default()).await;
    house.files.fail(&home, || panic!("a defect"));
    let keeper = keep(&house.larder);
    let scans = house.files.scans(&house.work);
    for _ in 0..7 {
        sweep(&house).await;
    }
    assert!(house.files.scans(&house.work) > scans, "the others are swept");
    assert!(house.larder.keeper_status().last_error.is_some());
    assert!(matches!(house.larder.readiness().await, Readiness::Ready));
    keeper.abort();
}

#[tokio::test]
async fn a_keeper_that_has_stopped_is_told_by_readiness() {
    let (house, _) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    until(|| house.clock.sleepers() > 0).await;
    keeper.abort();
    assert!(keeper.await.is_err());
    assert!(matches!(house.larder.readiness().await, Readiness::KeeperStopped));
}

#[tokio::test]
async fn a_sweep_that_hangs_counts_as_a_stopped_keeper() {
    let (house, _) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    until(|| house.clock.sleepers() > 0).await;
    let gate = house.files.hold(&house.work);
    house.clock.advance(Duration::from_hours(1));
    gate.begun().await;
    house.clock.advance(Duration::from_hours(1));
    assert!(matches!(house.larder.readiness().await, Readiness::KeeperStopped));
    gate.open();
    until(|| house.larder.keeper_status().state == KeeperState::Running).await;
    keeper.abort();
}

#[tokio::test]
async fn the_end_of_larder_ends_the_keeper_in_the_middle_of_a_sweep() {
    let (house, home) = filled(Policy::default()).await;
    let keeper = keep(&house.larder);
    until(|| house.clock.sleepers() > 0).await;
    let gate = house.files.hold(&home);
    house.clock.advance(Duration::from_hours(1));
    gate.begun().await;
    house.larder.end();
    keeper.await.unwrap();
    assert_eq!(house.larder.keeper_status().state, KeeperState::Off);

    let finishing = tokio::spawn({
        let larder = Arc::clone(&house.larder);
        async move { larder.finish().await }
    });
    tokio::task::yield_now().await;
    assert!(!finishing.is_finished(), "the scan that runs is waited for");
    gate.open();
    finishing.await.unwrap();
    let options = RefreshOptions::default();
    let refused = house.larder.refresh_collection(&Caller::local(), "work", options).await;
    assert!(matches!(refused, Err(crate::app::Error::Ending)));
}

#[tokio::test]
async fn of_two_processes_one_sweeps_a_source() {
    let (house, _) = filled(Policy::default()).await;
    let other = Larder::new(house.larder.ports.clone(), Policy::default());
    let keepers = [keep(&house.larder), keep(&other)];
    until(|| house.clock.sleepers() == 2).await;
    let gate = house.files.hold(&house.work);
    let scans = house.files.scans(&house.work);
    house.clock.advance(Duration::from_hours(1));
    gate.begun().await;
    gate.open();
    until(|| other.keeper_status().last_run.is_some()).await;
    until(|| house.larder.keeper_status().last_run.is_some()).await;
    assert_eq!(house.files.scans(&house.work), scans + 1);
    for keeper in keepers {
        keeper.abort();
    }
}
