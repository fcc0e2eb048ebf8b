//! What an operator reads off.

use std::sync::Mutex;

use super::*;
use crate::{
    domain::{gauges::Gauges, report::RefreshStatus},
    ports::{Exposition, SourceError},
    testing::artifact,
};

/// A house, and the gauges that were told last.
fn house() -> (House, Arc<Mutex<Option<Gauges>>>) {
    let told = Arc::new(Mutex::new(None));
    let mut metrics = House::indifferent();
    let last = Arc::clone(&told);
    metrics.expect_exposition().returning(move |_, gauges| {
        *last.lock().unwrap() = Some(gauges.clone());
        String::new()
    });
    (House::with_metrics(metrics), told)
}

#[tokio::test]
async fn sources_in_trouble_are_told_by_how_they_ended_until_they_are_mended() {
    let (house, told) = house();
    let troubled = async || {
        house.larder.exposition(Exposition::Classic).await;
        let gauges = told.lock().unwrap().take().unwrap();
        let of = |status| gauges.troubled[&status];
        (of(RefreshStatus::Guarded), of(RefreshStatus::Failed))
    };
    house.larder.start().await.unwrap();
    assert_eq!(troubled().await, (0, 0));
    let name = house.work.clone();
    house.files.fail(&house.work, move || SourceError::Unreadable {
        source_name: name.clone(),
        cause: "no".into(),
    });
    house.refresh().await;
    assert_eq!(troubled().await, (0, 1));
    house.files.mend(&house.work);
    house.refresh().await;
    assert_eq!(troubled().await, (0, 0));
}

#[tokio::test]
async fn clients_that_follow_the_events_are_counted_as_long_as_they_do() {
    let (house, told) = house();
    let listeners = async || {
        house.larder.exposition(Exposition::Classic).await;
        told.lock().unwrap().take().unwrap().listeners
    };
    let first = house.larder.events().await.unwrap();
    let second = house.larder.events().await.unwrap();
    assert_eq!(listeners().await, 2);
    drop(first);
    assert_eq!(listeners().await, 1);
    drop(second);
    assert_eq!(listeners().await, 0);
}

#[tokio::test]
async fn a_database_that_does_not_answer_takes_nothing_away() {
    let (house, told) = house();
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    house.larder.exposition(Exposition::Classic).await;
    let before = told.lock().unwrap().take().unwrap();
    house.cache.set_unavailable(true);
    house.larder.exposition(Exposition::Classic).await;
    let counted = told.lock().unwrap().take().unwrap().counted.unwrap();
    assert_eq!(counted.census[0].rows, 1);
    assert_eq!(Some(counted), before.counted);
}
