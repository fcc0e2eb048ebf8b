//! Live updates.

use super::*;
use crate::{
    app::{Event, events::UNREAD},
    domain::{
        curated::NewCollection,
        delta::{Delta, Scope},
        id::CollectionId,
        report::RefreshStatus,
    },
    ports::{CacheRepository, Clock},
    testing::{BuildArtifact, artifact},
};

async fn filled() -> House {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    house.tick();
    house
}

#[tokio::test]
async fn the_present_generations_come_first_and_then_what_happens() {
    let house = filled().await;
    let mut events = house.larder.events().await.unwrap();
    let mut next = async || house.larder.next_event(&mut events).await.unwrap();
    let work = collection_id("work");
    let expected = [(collection_id("default"), 1), (work.clone(), 1)].to_vec();
    assert_eq!(next().await, Event::Generations(expected));

    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.files.put(&house.work, artifact("skill:b"));
    house.refresh().await;
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(next().await);
    }
    assert!(told.contains(&Event::RefreshStarted { collection: work.clone() }), "{told:?}");
    let is_end = |event: &Event| {
        matches!(event, Event::RefreshFinished { collection, status: RefreshStatus::Completed, .. }
            if *collection == work)
    };
    assert!(told.iter().any(is_end), "{told:?}");
    let changes: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::CollectionChanged(it) => {
                Some((it.collection.as_str(), it.generation, it.created, it.updated, it.removed))
            }
            _ => None,
        })
        .collect();
    assert_eq!(changes, [("default", 2, 1, 1, 0), ("work", 2, 1, 1, 0)]);
}

#[tokio::test]
async fn what_all_generations_tell_is_not_told_after_them() {
    let house = filled().await;
    let mut events = house.larder.events().await.unwrap();
    let mut next = async || {
        loop {
            match house.larder.next_event(&mut events).await.unwrap() {
                Event::Generations(all) => return all,
                Event::CollectionChanged(it) => return vec![(it.collection, it.generation)],
                _ => {}
            }
        }
    };
    let at = |generation| {
        vec![(collection_id("default"), generation), (collection_id("work"), generation)]
    };
    assert_eq!(next().await, at(1));

    house.cache.miss();
    for id in ["skill:b", "skill:c"] {
        house.files.put(&house.work, artifact(id));
        house.refresh().await;
    }
    assert_eq!(next().await, at(3), "read after two changes whose notices are still to come");
    house.files.put(&house.work, artifact("skill:d"));
    house.refresh().await;
    assert_eq!([next().await, next().await].concat(), at(4));
}

#[tokio::test]
async fn a_listener_hears_of_collections_that_were_made_and_deleted() {
    let house = filled().await;
    let mut events = house.larder.events().await.unwrap();
    let mut shown = async || match house.larder.next_event(&mut events).await.unwrap() {
        Event::Generations(all) => all.into_iter().map(|(id, _)| id).collect(),
        other => panic!("{other:?}"),
    };
    let first: Vec<CollectionId> = shown().await;
    let new = NewCollection::new("shelf", None).unwrap();
    let shelf = house.larder.create_collection(&new, &Caller::local()).await.unwrap();
    assert_eq!(shown().await.len(), first.len() + 1);
    house.larder.delete_collection(shelf.id.as_str(), &Caller::local()).await.unwrap();
    assert_eq!(shown().await, first);
}

#[tokio::test]
async fn a_listener_that_does_not_keep_up_is_dropped_and_the_others_are_not() {
    let house = filled().await;
    let mut slow = house.larder.events().await.unwrap();
    for _ in 0..=UNREAD {
        house.refresh().await;
    }
    let mut quick = house.larder.events().await.unwrap();
    let mut seen = 0;
    while house.larder.next_event(&mut slow).await.is_some() {
        seen += 1;
    }
    assert!(seen <= UNREAD, "no more is kept for it: {seen}");
    assert!(house.larder.next_event(&mut quick).await.is_some());
}

#[tokio::test]
async fn the_end_of_larder_ends_the_events() {
    let house = filled().await;
    let mut events = house.larder.events().await.unwrap();
    house.larder.end();
    assert!(house.larder.next_event(&mut events).await.is_some(), "the generations");
    assert!(house.larder.next_event(&mut events).await.is_none());
}

#[tokio::test]
async fn a_listener_that_missed_changes_is_told_all_generations() {
    let house = filled().await;
    let mut events = house.larder.events().await.unwrap();
    // Each is an event of two collections, and no refresh.
    for round in 0..200 {
        house.tick();
        house.larder.invalidate(&Scope::Source(house.work.clone())).await.unwrap();
        let changed = artifact("skill:a").described(&round.to_string()).read_at(house.clock.now());
        let order = house.cache.next_order(house.clock.now()).await.unwrap();
        let delta =
            Delta { upserts: vec![changed], ..Delta::new(house.work.clone(), order, at(0)) };
        house.cache.apply(delta).await.unwrap();
    }
    for _ in 0..2 {
        let next = house.larder.next_event(&mut events).await;
        let Some(Event::Generations(all)) = next else { panic!("{next:?}") };
        assert_eq!(all.len(), 2);
    }
}
