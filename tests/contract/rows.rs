//! What a delta does to the rows of its source.

use larder::{
    domain::{
        artifact::Artifact,
        change::CollectionChange,
        delta::{Delta, Recheck, Scope, Verified},
        disks::Disks,
        query::{Filter, Search},
        revision::Revision,
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, order, source_name},
};

use crate::cache::{Cache, delta, now};

pub(crate) async fn a_delta_raises_each_changed_generation_by_one(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let before = (cache.generation("default").await, cache.generation("work").await);
    let applied = cache.put("work", [artifact("skill:pdf"), artifact("skill:xml")]).await;
    assert_eq!(applied.removed, 0);
    let change = |collection: &str, generation, (created, updated, removed)| CollectionChange {
        collection: collection_id(collection),
        generation,
        created,
        updated,
        removed,
    };
    assert_eq!(
        applied.changes,
        [change("default", before.0 + 1, (2, 0, 0)), change("work", before.1 + 1, (2, 0, 0))]
    );
    let both = Delta {
        upserts: vec![
            artifact("skill:tea"),
            artifact("skill:pdf").described("edited").read_at(at(2)),
        ],
        removals: vec![artifact_id("skill:xml")],
        now: at(2_000),
        order: order(2),
        ..delta("work")
    };
    let applied = cache.apply(both).await.unwrap();
    assert_eq!(applied.removed, 1);
    for (id, generation) in [("default", before.0 + 2), ("work", before.1 + 2)] {
        assert!(applied.changes.contains(&change(id, generation, (1, 1, 1))), "{applied:?}");
        let collection = cache.collection_of(id).await;
        assert_eq!((collection.generation, collection.artifact_count), (generation, 2));
        assert_eq!(collection.updated_at, at(2_000));
    }
    assert_eq!(cache.collection_of("home").await.generation, 0, "not its source");
    assert_eq!(cache.collection_of("home").await.updated_at, now());
}

pub(crate) async fn a_delta_of_nothing_raises_no_generation(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    let before = (cache.collection_of("default").await, cache.collection_of("work").await);
    let removals = vec![artifact_id("skill:never")];
    let applied = cache.apply(Delta { removals, ..delta("work") }).await.unwrap();
    assert_eq!((applied.removed, applied.hidden, applied.changes), (0, 0, vec![]));
    let after = (cache.collection_of("default").await, cache.collection_of("work").await);
    assert_eq!(after, before);
}

pub(crate) async fn an_older_read_never_replaces_a_newer_one(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").described("edited").read_at(at(10))]).await;
    let before = cache.generation("work").await;
    for older in [9, 10] {
        let late = artifact("skill:pdf").described("scanned").read_at(at(older));
        assert_eq!(cache.put("work", [late]).await.changes, []);
    }
    for collection in ["work", "default"] {
        assert_eq!(cache.description(collection, "skill:pdf").await.unwrap(), "edited");
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, Some(at(10)));
    }
    assert_eq!(cache.generation("work").await, before);
    let newer = at(10) + chrono::Duration::microseconds(1);
    cache.put("work", [artifact("skill:pdf").described("newer").read_at(newer)]).await;
    assert_eq!(cache.description("default", "skill:pdf").await.unwrap(), "newer");
}

pub(crate) async fn an_older_read_in_a_delta_does_not_stop_the_others(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").described("edited").read_at(at(10))]).await;
    let older = artifact("skill:pdf").described("scanned").read_at(at(9));
    cache.put("work", [older, artifact("skill:tea").read_at(at(9))]).await;
    assert_eq!(cache.description("default", "skill:pdf").await.unwrap(), "edited");
    assert_eq!(cache.ids("default").await, ["skill:pdf", "skill:tea"]);
    assert_eq!(cache.collection_of("work").await.artifact_count, 2);
}

pub(crate) async fn what_is_stored_already_is_no_second_change(cache: &Cache) {
    cache.register(&["work"]).await;
    let pdf = || artifact("skill:pdf").described("edited").tagged(&["paper"]);
    assert_eq!(cache.put("work", [pdf().read_at(at(5))]).await.changes.len(), 2);
    let again = Artifact { fingerprint: Some("again".to_owned()), ..pdf().read_at(at(6)) };
    assert_eq!(cache.put("work", [again]).await.changes, []);
    assert_eq!(cache.synced_at("work", "skill:pdf").await, Some(at(5)));
    let known = cache.known(&source_name("work")).await.unwrap();
    assert_eq!(known[&artifact_id("skill:pdf")].fingerprint.as_deref(), Some("again"));
    let tagged = Filter { tags: vec!["paper".to_owned()], ..Filter::default() };
    let sought = Filter { search: Search::new("edited"), ..Filter::default() };
    for filter in [tagged, sought] {
        assert_eq!(cache.found("default", filter).await, ["skill:pdf"]);
    }

    let touched = pdf().changed_at(Some(at(3)));
    assert_eq!(cache.put("work", [touched.clone().read_at(at(7))]).await.changes.len(), 2);
    let listed = Artifact { added_at: Some(at(1)), ..touched };
    assert_eq!(cache.put("work", [listed.clone().read_at(at(8))]).await.changes.len(), 2);
    let asked = vec![listed.read_at(at(9))];
    let asked = Delta { order: order(9), upserts: asked, anew: true, ..delta("work") };
    assert_eq!(cache.apply(asked).await.unwrap().changes.len(), 2);
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(9)));
}

pub(crate) async fn what_is_stored_already_makes_invalidated_rows_valid(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").read_at(at(5))]).await;
    for (second, collection) in [(10, "default"), (20, "work")] {
        let scope = Scope::Artifact(collection_id(collection), artifact_id("skill:pdf"));
        cache.invalidate(&scope, at(second)).await.unwrap();
        let before = cache.put("work", [artifact("skill:pdf").read_at(at(second))]).await;
        assert_eq!(before.changes, [], "a read before the invalidation proves nothing");
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, None);
        let read_at = at(second + 1);
        let changes = cache.put("work", [artifact("skill:pdf").read_at(read_at)]).await.changes;
        let told: Vec<_> = changes.iter().map(|change| change.collection.as_str()).collect();
        assert_eq!(told, [collection]);
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, Some(read_at));
    }
}

pub(crate) async fn a_removal_spares_what_was_read_since_the_scan_began(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf").read_at(at(10))]).await;
    let applied = cache.remove("work", &["skill:pdf", "skill:tea"], at(10)).await;
    assert_eq!(applied.removed, 1);
    for collection in ["work", "default"] {
        assert_eq!(cache.ids(collection).await, ["skill:pdf"]);
        assert_eq!(cache.collection_of(collection).await.artifact_count, 1);
        assert_eq!(cache.row(collection, "skill:tea").await, None);
    }
    let later = at(10) + chrono::Duration::microseconds(1);
    assert_eq!(cache.remove("work", &["skill:pdf"], later).await.removed, 1);
    assert!(cache.ids("default").await.is_empty());
    let work = source_name("work");
    assert!(cache.known(&work).await.unwrap().is_empty());
    assert!(cache.memberships(&work, &artifact_id("skill:pdf")).await.unwrap().is_empty());
}

pub(crate) async fn a_recheck_is_stored_without_a_new_generation(cache: &Cache) {
    cache.register(&["work"]).await;
    let read_since = artifact("skill:tea").read_at(at(10));
    cache.put("work", [artifact("skill:pdf"), artifact("skill:xml")]).await;
    cache.put("work", [read_since]).await;
    let before = (cache.generation("default").await, cache.generation("work").await);
    let recheck = |id: &str| Recheck {
        id: artifact_id(id),
        revision: artifact(id).revision,
        fingerprint: Some("touched".to_owned()),
        read_at: at(7),
    };
    let other = Recheck { revision: Revision::of(&[]), ..recheck("skill:xml") };
    let rechecks = vec![recheck("skill:pdf"), recheck("skill:tea"), recheck("skill:never"), other];
    let applied = cache.apply(Delta { order: order(7), rechecks, ..delta("work") }).await.unwrap();
    assert_eq!(applied.changes, []);
    assert_eq!((cache.generation("default").await, cache.generation("work").await), before);

    let known = cache.known(&source_name("work")).await.unwrap();
    let fingerprint = |id: &str| known[&artifact_id(id)].fingerprint.clone();
    assert_eq!(fingerprint("skill:pdf").as_deref(), Some("touched"));
    assert_ne!(fingerprint("skill:tea").as_deref(), Some("touched"), "it was read since");
    assert_ne!(fingerprint("skill:xml").as_deref(), Some("touched"), "it is another one now");
    assert_eq!(known.len(), 3);
    for collection in ["work", "default"] {
        let row = cache.row(collection, "skill:pdf").await.unwrap();
        assert_eq!((row.synced_at, row.artifact.read_at), (Some(at(0)), at(0)), "as it was");
    }
}

pub(crate) async fn fifteen_hundred_rows_come_and_go_in_one_delta(cache: &Cache) {
    cache.register(&["work"]).await;
    let ids: Vec<String> = (0..1_500).map(|number| format!("skill:n{number:04}")).collect();
    let upserts = ids.iter().map(|id| artifact(id).tagged(&["all", id]));
    let applied = cache.put("work", upserts).await;
    assert_eq!(applied.changes.len(), 2);
    for collection in ["work", "default"] {
        assert_eq!(cache.collection_of(collection).await.artifact_count, 1_500);
        assert!(cache.row(collection, "skill:n1499").await.is_some());
    }
    assert_eq!(cache.known(&source_name("work")).await.unwrap().len(), 1_500);

    let changed = ids.iter().map(|id| artifact(id).described("changed").read_at(at(5)));
    cache.put("work", changed).await;
    for id in ["skill:n0000", "skill:n0500", "skill:n1001", "skill:n1499"] {
        assert_eq!(cache.description("default", id).await.unwrap(), "changed");
    }
    let rechecks = ids.iter().map(|id| Recheck {
        id: artifact_id(id),
        revision: artifact(id).described("changed").revision,
        fingerprint: Some("touched".to_owned()),
        read_at: at(6),
    });
    let rechecks = rechecks.collect();
    cache.apply(Delta { order: order(6), rechecks, ..delta("work") }).await.unwrap();
    let known = cache.known(&source_name("work")).await.unwrap();
    assert!(known.values().all(|known| known.fingerprint.as_deref() == Some("touched")));

    let most: Vec<&str> = ids.iter().skip(1).map(String::as_str).collect();
    assert_eq!(cache.remove("work", &most, at(9)).await.removed, 1_499);
    for collection in ["work", "default"] {
        assert_eq!(cache.ids(collection).await, ["skill:n0000"]);
        assert_eq!(cache.collection_of(collection).await.artifact_count, 1);
    }
}

pub(crate) async fn memberships_are_the_collections_that_hold_the_sources_row(cache: &Cache) {
    cache.register(&["home", "work", "Work"]).await;
    for source in ["home", "work"] {
        cache.put(source, [artifact("skill:pdf")]).await;
    }
    let of = async |source: &str| {
        let found = cache.memberships(&source_name(source), &artifact_id("skill:pdf")).await;
        found.unwrap().iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("home").await, ["default", "home"]);
    assert_eq!(of("work").await, ["work"], "in default it is home's");
    assert!(of("Work").await.is_empty());
}

pub(crate) async fn an_older_scan_never_replaces_a_newer_one(cache: &Cache) {
    cache.register(&["work"]).await;
    let verify = async |number: i64, seconds: i64, hash: &str| {
        let verified = Some(Verified {
            at: at(seconds),
            manifest_hash: Some(hash.to_owned()),
            disks: Disks::default(),
        });
        let verified = Delta { order: order(number), verified, ..delta("work") };
        let applied = cache.apply(verified).await.unwrap();
        assert_eq!(applied.changes, [], "no row has changed");
        let source = cache.registered().await.unwrap().remove(0);
        (source.verified_at, source.manifest_hash.unwrap())
    };
    assert_eq!(verify(10, 10, "m1").await, (Some(at(10)), "m1".to_owned()));
    assert_eq!(verify(9, 99, "m0").await, (Some(at(10)), "m1".to_owned()));
    assert_eq!(verify(11, 11, "m2").await, (Some(at(11)), "m2".to_owned()));
    assert_eq!(verify(12, 3, "m3").await, (Some(at(3)), "m3".to_owned()), "the clock is right now");
}
