//! What is told of commits.

use std::time::Duration;

use larder::{
    domain::{
        change::CollectionChange,
        curated::{CollectionEdit, Naming, NewCollection},
        delta::{Delta, Scope},
    },
    ports::CacheNotice,
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, source_name},
};
use tokio::sync::broadcast::Receiver;

use crate::cache::{Cache, delta, now};

/// Far longer than any database takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Listens, and waits until it really does: a connection has to be made first.
pub(crate) async fn listening(cache: &Cache) -> Receiver<CacheNotice> {
    cache.register(&["probe", "work"]).await;
    let mut notices = cache.notices();
    for second in 1.. {
        let applied = cache
            .put(
                "probe",
                [artifact("skill:probe").described(&second.to_string()).read_at(at(second))],
            )
            .await;
        if has_told(&mut notices, applied.changes.last().unwrap()).await {
            break;
        }
    }
    notices
}

/// Whether a change is told before long, whatever else is told first.
async fn has_told(notices: &mut Receiver<CacheNotice>, change: &CollectionChange) -> bool {
    let change = CacheNotice::Changed(change.clone());
    while let Ok(notice) = tokio::time::timeout(Duration::from_millis(100), notices.recv()).await {
        if notice.as_ref() == Ok(&change) {
            return true;
        }
    }
    false
}

pub(crate) async fn told(notices: &mut Receiver<CacheNotice>) -> CollectionChange {
    match tokio::time::timeout(PATIENCE, notices.recv()).await.unwrap().unwrap() {
        CacheNotice::Changed(change) => change,
        notice => panic!("no change of rows: {notice:?}"),
    }
}

pub(crate) async fn every_commit_is_told_once_in_order(cache: &Cache) {
    let mut notices = listening(cache).await;
    let first = cache.put("work", [artifact("skill:pdf")]).await;
    let second = cache.remove("work", &["skill:pdf"], at(99)).await;
    for change in first.changes.iter().chain(&second.changes) {
        assert_eq!(told(&mut notices).await, *change);
    }
    assert!(notices.is_empty());
}

pub(crate) async fn what_changes_nothing_is_not_told(cache: &Cache) {
    let mut notices = listening(cache).await;
    cache.verify("work", at(5)).await;
    cache
        .apply(Delta { removals: vec![artifact_id("skill:never")], ..delta("work") })
        .await
        .unwrap();
    let change = cache.put("work", [artifact("skill:pdf")]).await;
    assert_eq!(told(&mut notices).await, change.changes[0], "the first that is told");
}

pub(crate) async fn an_invalidation_and_a_registration_are_told_too(cache: &Cache) {
    let mut notices = listening(cache).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    for _ in ["default", "work"] {
        told(&mut notices).await;
    }
    cache.invalidate(&Scope::Source(source_name("work")), at(9)).await.unwrap();
    for collection in ["default", "work"] {
        let change = told(&mut notices).await;
        assert_eq!(change.collection.as_str(), collection);
        assert_eq!((change.created, change.updated, change.removed), (0, 0, 0));
    }
    cache.register(&["probe"]).await;
    let change = told(&mut notices).await;
    assert_eq!((change.collection.as_str(), change.removed), ("default", 1));
    others_are_told(&mut notices).await;
}

async fn others_are_told(notices: &mut Receiver<CacheNotice>) {
    let notice = tokio::time::timeout(PATIENCE, notices.recv()).await.unwrap().unwrap();
    assert_eq!(notice, CacheNotice::Collections);
}

pub(crate) async fn that_the_collections_are_others_is_told(cache: &Cache) {
    let mut notices = listening(cache).await;
    let id = collection_id("shelf-1");
    let new = NewCollection::new("shelf", None).unwrap();
    assert_eq!(cache.create_collection(&id, &new, None, now()).await.unwrap(), Naming::Done);
    others_are_told(&mut notices).await;
    let edit = CollectionEdit::new(Some("board"), None).unwrap();
    assert_eq!(cache.change_collection(&id, &edit).await.unwrap(), Naming::Done);
    others_are_told(&mut notices).await;

    // What comes to nothing is not told, nor is what is known already.
    cache.register(&["work", "probe"]).await;
    let taken = collection_id("shelf-2");
    let new = NewCollection::new("board", None).unwrap();
    assert_eq!(cache.create_collection(&taken, &new, None, now()).await.unwrap(), Naming::Taken);
    assert_eq!(cache.change_collection(&taken, &edit).await.unwrap(), Naming::Taken);
    assert!(!cache.delete_collection(&taken).await.unwrap());
    assert!(cache.delete_collection(&id).await.unwrap());
    others_are_told(&mut notices).await;
    cache.register(&["work", "probe", "late"]).await;
    others_are_told(&mut notices).await;
    let last = cache.put("late", [artifact("skill:pdf")]).await;
    assert_eq!(told(&mut notices).await, last.changes[0], "and nothing else before it");
}
