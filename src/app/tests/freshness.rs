//! What is stale, to the second, and what makes it so.

use super::*;
use crate::{
    domain::{
        curated::NewCollection,
        delta::Scope,
        freshness::{FreshRange, TimeToLive},
        query::{ArtifactQuery, Filter, Staleness},
    },
    testing::{artifact, limit},
};

const HALF_AN_HOUR: Duration = Duration::from_mins(30);

async fn filled() -> House {
    let policy = Policy {
        ttl: TimeToLive {
            by_collection: [("home".to_owned(), Duration::from_mins(5))].into(),
            ..TimeToLive::default()
        },
        ..Policy::default()
    };
    let house = House::with_policy(policy);
    let home = house.cover("home");
    house.files.put(&house.work, artifact("skill:a"));
    house.files.put(&home, artifact("skill:b"));
    house.larder.start().await.unwrap();
    house
}

async fn stale(house: &House, collection: &str) -> (u64, Vec<String>) {
    let stats = house.larder.stats(collection, None).await.unwrap();
    let rows = house.larder.stale_rows(collection, None, limit(50)).await.unwrap();
    (stats.counts.stale, rows.iter().map(|row| row.id.to_string()).collect())
}

#[tokio::test]
async fn rows_go_stale_at_the_second_at_which_their_ttl_is_over() {
    let house = filled().await;
    house.clock.advance(Duration::from_secs(299));
    assert_eq!(stale(&house, "home").await.0, 0);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(stale(&house, "home").await, (1, vec!["skill:b".to_owned()]), "its own TTL");
    assert_eq!(stale(&house, "default").await.0, 0);

    house.clock.advance(Duration::from_secs(1_499));
    assert_eq!(stale(&house, "default").await.0, 0);
    house.clock.advance(Duration::from_secs(1));
    let both = ["skill:a", "skill:b"].map(str::to_owned).to_vec();
    assert_eq!(stale(&house, "default").await, (2, both));

    house.refresh().await;
    assert_eq!(stale(&house, "default").await.0, 0);
}

#[tokio::test]
async fn a_ttl_whose_collection_is_not_there_is_told() {
    let house = filled().await;
    let new = NewCollection::new("shelf", None).unwrap();
    let shelf = house.larder.create_collection(&new, &Caller::local()).await.unwrap();
    let collections = house.larder.every_collection().await.unwrap();
    let names = ["hmoe", "home", "shelf", shelf.id.as_str()];
    let by_collection = names.map(|name| (name.to_owned(), Duration::from_mins(5))).into();
    let ttl = TimeToLive { by_collection, ..TimeToLive::default() };
    assert_eq!(ttl.unused(&collections).collect::<Vec<_>>(), ["hmoe"]);
}

#[tokio::test]
async fn a_page_of_stale_rows_and_the_count_of_them_agree() {
    let house = filled().await;
    let default = house.larder.collection("default").await.unwrap();
    assert_eq!(house.larder.ttl(&default), HALF_AN_HOUR);
    assert_eq!(house.larder.ttl_of(&collection_id("home")).await.unwrap().as_secs(), 300);
    house
        .larder
        .invalidate(&Scope::Artifact(collection_id("default"), artifact_id("skill:a")))
        .await
        .unwrap();
    let stale_now =
        Staleness { stale: true, fresh: FreshRange::new(house.larder.now(), HALF_AN_HOUR) };
    let filter = Filter { stale: Some(stale_now), ..Filter::default() };
    let query = ArtifactQuery { filter, ..ArtifactQuery::default() };
    let view = house.larder.page_view("default", &query).await.unwrap();
    let page = house.larder.page(&view, &query).await.unwrap();
    assert_eq!((page.total_count, stale(&house, "default").await.0), (1, 1));
}

#[tokio::test]
async fn an_invalidated_artifact_is_loaded_by_its_next_read_and_by_nothing_else_a_reader_does() {
    let house = filled().await;
    for scope in [
        Scope::Artifact(collection_id("default"), artifact_id("skill:a")),
        Scope::Collection(collection_id("default")),
        Scope::Source(house.work.clone()),
    ] {
        house.tick();
        assert!(house.larder.invalidate(&scope).await.unwrap() > 0);
        let (scans, reads) = (house.files.scans(&house.work), house.files.reads(&house.work));
        house.tick();
        let other = house.larder.artifact("home", &artifact_id("skill:b")).await.unwrap();
        assert!(other.synced_at.is_some());
        assert_eq!(house.files.reads(&house.work), reads, "{scope:?}");

        let row = house.larder.artifact("default", &artifact_id("skill:a")).await.unwrap();
        assert!(row.synced_at.is_some(), "{scope:?}");
        assert_eq!(house.files.scans(&house.work), scans, "one artifact is not worth a scan");
        assert!(house.files.reads(&house.work) > reads);
    }
}

#[tokio::test]
async fn the_next_refresh_loads_what_is_invalidated_again() {
    let house = filled().await;
    house.larder.invalidate(&Scope::Source(house.work.clone())).await.unwrap();
    assert_eq!(stale(&house, "default").await.0, 1);
    house.tick();
    house.refresh().await;
    assert_eq!(stale(&house, "default").await.0, 0);
}
