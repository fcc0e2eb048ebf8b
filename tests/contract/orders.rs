//! Which look at files is the later one: the database says so, and no wall clock.

use std::{collections::BTreeSet, sync::Arc};

use larder::{
    domain::{
        Timestamp,
        artifact::Artifact,
        delta::{Delta, Scope, Verified},
        disks::Disks,
        freshness::FreshRange,
        query::{Filter, Staleness},
        read_order::ReadOrder,
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, limit, order, source_name},
};
use tokio::task::JoinSet;

use crate::cache::{Cache, delta};

/// Two days, in seconds.
const AHEAD: i64 = 172_800;

/// Begins a look by a clock that shows `now`.
async fn look(cache: &Cache, now: Timestamp) -> Delta {
    let order = cache.next_order(now).await.unwrap();
    Delta { order, now, ..delta("work") }
}

/// A whole look that finds `skill:pdf` with this description.
async fn find(cache: &Cache, now: Timestamp, description: &str) {
    let upserts = vec![artifact("skill:pdf").described(description).read_at(now)];
    cache.apply(Delta { upserts, ..look(cache, now).await }).await.unwrap();
}

async fn shown(cache: &Cache) -> String {
    cache.description("default", "skill:pdf").await.unwrap()
}

pub(crate) async fn every_order_is_greater_than_those_before_it(cache: &Cache) {
    assert_eq!(cache.next_order(at(50)).await.unwrap(), order(50), "a right clock is followed");
    let set_back = cache.next_order(at(5)).await.unwrap();
    assert!(set_back > order(50));
    let mut askers = JoinSet::new();
    for second in 0..20 {
        let repository = Arc::clone(cache);
        askers.spawn(async move { repository.next_order(at(second)).await.unwrap() });
    }
    let orders: BTreeSet<ReadOrder> = askers.join_all().await.into_iter().collect();
    assert_eq!(orders.len(), 20, "no two have the same");
    assert!(orders.iter().all(|order| *order > set_back));
}

pub(crate) async fn of_two_looks_at_the_same_time_the_later_one_counts(cache: &Cache) {
    cache.register(&["work"]).await;
    let earlier = look(cache, at(10)).await;
    find(cache, at(10), "later").await;
    assert_eq!(shown(cache).await, "later");
    let upserts = vec![artifact("skill:pdf").described("earlier").read_at(at(10))];
    cache.apply(Delta { upserts, ..earlier }).await.unwrap();
    assert_eq!(shown(cache).await, "later");
}

pub(crate) async fn a_clock_that_was_ahead_hides_no_later_look(cache: &Cache) {
    cache.register(&["work"]).await;
    find(cache, at(AHEAD), "read while it was ahead").await;
    let verified = Some(Verified { at: at(AHEAD), manifest_hash: None, disks: Disks::default() });
    cache.apply(Delta { verified, ..look(cache, at(AHEAD)).await }).await.unwrap();

    find(cache, at(10), "edited since").await;
    assert_eq!(shown(cache).await, "edited since");
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(10)));

    let invalidation = cache.next_order(at(11)).await.unwrap();
    let scope = Scope::Source(source_name("work"));
    let before = cache.generation("work").await;
    let repository = Arc::clone(cache);
    assert_eq!(repository.invalidate(&scope, invalidation, at(11)).await.unwrap(), 2);
    assert_eq!(cache.synced_at("work", "skill:pdf").await, None);
    assert_eq!(cache.generation("work").await, before + 1);
    find(cache, at(12), "edited since").await;
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(12)), "it is valid again");

    let verified =
        Some(Verified { at: at(13), manifest_hash: Some("m".to_owned()), disks: Disks::default() });
    cache.apply(Delta { verified, ..look(cache, at(13)).await }).await.unwrap();
    let source = cache.registered().await.unwrap().remove(0);
    assert_eq!((source.verified_at, source.manifest_hash.as_deref()), (Some(at(13)), Some("m")));
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(13)));

    let removals = vec![artifact_id("skill:pdf")];
    let gone = Delta { removals, ..look(cache, at(14)).await };
    assert_eq!(cache.apply(gone).await.unwrap().removed, 1);
    assert!(cache.ids("default").await.is_empty());
}

pub(crate) async fn readers_whose_clocks_differ_agree(cache: &Cache) {
    cache.register(&["work"]).await;
    for second in 0..6 {
        // The clock of every other reader is ten seconds ahead.
        let now = at(second + (second % 2) * 10);
        let description = format!("edit {second}");
        find(cache, now, &description).await;
        assert_eq!(shown(cache).await, description);
        assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(now));
    }
}

pub(crate) async fn a_row_from_the_future_is_stale(cache: &Cache) {
    cache.register(&["work"]).await;
    let fresh = FreshRange { after: at(0), until: at(10) };
    let rows: [(&str, i64); 3] = [("skill:ahead", AHEAD), ("skill:fresh", 10), ("skill:old", 0)];
    let read = |(id, second)| -> Artifact { artifact(id).read_at(at(second)) };
    cache.put("work", rows.map(read)).await;

    let default = collection_id("default");
    let repository = Arc::clone(cache);
    assert_eq!(repository.stats(&default, fresh).await.unwrap().stale, 2);
    let sources = repository.stale_sources(&default, fresh).await.unwrap();
    assert_eq!((sources[0].rows, sources[0].invalidated), (2, 0));
    let stale = repository.stale_rows(&default, fresh, None, limit(9)).await.unwrap();
    let ids: Vec<_> = stale.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["skill:old", "skill:ahead"]);
    for (stale, expected) in [(true, &["skill:ahead", "skill:old"][..]), (false, &["skill:fresh"])]
    {
        let filter = Filter { stale: Some(Staleness { stale, fresh }), ..Filter::default() };
        assert_eq!(cache.found("default", filter).await, expected);
    }
}
