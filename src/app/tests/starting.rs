//! From start to ready.

use std::sync::Arc;

use super::*;
use crate::{
    app::Readiness,
    ports::Pace,
    testing::{BuildArtifact, artifact},
};

#[tokio::test]
async fn an_empty_cache_is_filled_before_it_is_ready() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a"));
    let gate = house.files.hold(&house.work);
    let larder = Arc::clone(&house.larder);
    let start = tokio::spawn(async move { larder.start().await });
    gate.begun().await;
    assert!(matches!(house.larder.readiness().await, Readiness::Filling));
    gate.open();
    start.await.unwrap().unwrap();
    assert!(matches!(house.larder.readiness().await, Readiness::Ready));
    assert!(house.row("skill:a").await.is_some());
    assert_eq!(house.files.pace(&house.work), Pace::Swift, "everybody waits for it");
}

#[tokio::test]
async fn a_filled_cache_is_served_at_once_and_verified_meanwhile() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a").described("old"));
    house.larder.start().await.unwrap();
    house.tick();
    house.files.put(&house.work, artifact("skill:a").described("new"));

    let added = house.cover("added");
    let gate = house.files.hold(&house.work);
    let larder = Larder::new(house.larder.ports.clone(), Policy::default());
    let restarted = Arc::clone(&larder);
    let start = tokio::spawn(async move { restarted.start().await });
    gate.begun().await;
    assert!(matches!(larder.readiness().await, Readiness::Ready));
    assert_eq!(house.description("skill:a").await.as_deref(), Some("old"));
    gate.open();
    start.await.unwrap().unwrap();
    assert_eq!(house.description("skill:a").await.as_deref(), Some("new"));
    assert_eq!(house.files.pace(&house.work), Pace::Gentle, "nobody waits for it");
    assert_eq!(house.files.pace(&added), Pace::Swift, "nobody sees anything of it before");
}

#[tokio::test]
async fn without_a_database_it_is_not_ready() {
    let house = House::new();
    house.larder.start().await.unwrap();
    house.cache.set_unavailable(true);
    assert!(matches!(house.larder.readiness().await, Readiness::Unavailable(_)));
}

#[tokio::test]
async fn a_fill_that_the_database_stops_is_not_called_ready_and_can_be_tried_again() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a"));
    house.cache.set_unavailable(true);
    assert!(house.larder.start().await.is_err());
    house.cache.set_unavailable(false);
    assert!(matches!(house.larder.readiness().await, Readiness::Filling));
    house.larder.start().await.unwrap();
    assert!(matches!(house.larder.readiness().await, Readiness::Ready));
}
