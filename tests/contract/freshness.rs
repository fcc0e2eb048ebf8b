//! When a row was last known to agree with its files, and who may say that it no longer does.

use std::collections::BTreeMap;

use chrono::Duration;
use larder::{
    domain::{
        artifact::Health,
        delta::{Delta, Recheck, Scope},
        query::{Filter, Staleness},
        report::{Counts, Issue, IssueKind, RefreshStatus, SourceReport},
        revision::Revision,
    },
    testing::{
        BuildArtifact, artifact, artifact_id, at, collection_id, order, report, source_name,
    },
};

use crate::cache::{Cache, delta, order_at, since};

pub(crate) async fn a_verified_source_refreshes_all_of_its_rows(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("home", [artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.put("work", [artifact("skill:xml").read_at(at(30))]).await;
    let before = cache.generation("default").await;
    cache.verify("work", at(20)).await;

    for collection in ["work", "default"] {
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, Some(at(20)));
        assert_eq!(cache.synced_at(collection, "skill:xml").await, Some(at(30)), "read since");
        let row = cache.row(collection, "skill:pdf").await.unwrap();
        assert_eq!(row.artifact.read_at, at(0), "the row's own moment stays");
    }
    assert_eq!(cache.synced_at("default", "skill:tea").await, Some(at(0)), "another source's");
    assert_eq!(cache.generation("default").await, before);
}

pub(crate) async fn verification_tells_one_state_of_the_sources_from_another(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let verification = async |id| cache.collection_of(id).await.verification;
    assert_eq!(verification("default").await, 0);
    cache.verify("work", at(20)).await;
    assert_eq!(verification("work").await, at(20).timestamp_micros());
    assert_eq!(verification("home").await, 0);
    assert_eq!(verification("default").await, at(20).timestamp_micros());
    cache.verify("home", at(7)).await;
    let sum = at(20).timestamp_micros() + at(7).timestamp_micros();
    assert_eq!(verification("default").await, sum);
}

pub(crate) async fn one_row_of_one_collection_can_be_invalidated(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:tea")]).await;
    cache.verify("work", at(5)).await;
    let before = cache.generation("work").await;
    let scope = Scope::Artifact(collection_id("work"), artifact_id("skill:pdf"));
    assert_eq!(cache.invalidate(&scope, at(9)).await.unwrap(), 1);

    let collection = cache.collection_of("work").await;
    assert_eq!((collection.generation, collection.updated_at), (before + 1, at(9)));
    assert_eq!(collection.artifact_count, 2, "it is still there");
    assert_eq!(cache.synced_at("work", "skill:pdf").await, None);
    assert_eq!(cache.synced_at("work", "skill:tea").await, Some(at(5)));
    let known = cache.known(&source_name("work")).await.unwrap();
    let pdf = &known[&artifact_id("skill:pdf")];
    assert_eq!((pdf.invalidated, pdf.fingerprint.as_ref()), (true, None), "it must be read again");
    assert!(!known[&artifact_id("skill:tea")].invalidated);
}

pub(crate) async fn a_collection_can_be_invalidated_without_the_others(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("home", [artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:xml")]).await;
    let before = (cache.generation("default").await, cache.generation("work").await);
    assert_eq!(cache.invalidate_collection("default", at(9)).await, 3);
    for id in ["skill:pdf", "skill:tea", "skill:xml"] {
        assert_eq!(cache.synced_at("default", id).await, None);
    }
    assert_eq!(cache.synced_at("work", "skill:pdf").await, Some(at(0)));
    let after = (cache.generation("default").await, cache.generation("work").await);
    assert_eq!(after, (before.0 + 1, before.1));

    // Only a newer read of the home's row can make default's good again.
    let known = cache.known(&source_name("work")).await.unwrap();
    assert!(known.values().all(|known| known.invalidated && known.fingerprint.is_none()));
    cache.put("work", [artifact("skill:pdf").read_at(at(10))]).await;
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(10)));
}

pub(crate) async fn a_source_is_invalidated_in_every_collection(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("home", [artifact("skill:pdf"), artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:xml")]).await;
    let before = cache.generation("home").await;
    let rows = cache.invalidate(&Scope::Source(source_name("work")), at(9)).await.unwrap();
    assert_eq!(rows, 3, "two in its mirror, one in default, where pdf is home's");
    assert_eq!(cache.synced_at("work", "skill:pdf").await, None);
    assert_eq!(cache.synced_at("default", "skill:xml").await, None);
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(0)));
    assert_eq!(cache.generation("home").await, before);
}

pub(crate) async fn what_was_read_again_and_is_the_same_is_valid_in_every_collection(
    cache: &Cache,
) {
    cache.register(&["home", "work"]).await;
    cache.put("home", [artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:xml"), artifact("skill:tea")]).await;
    cache.invalidate(&Scope::Source(source_name("work")), at(9)).await.unwrap();
    cache.invalidate_collection("default", at(9)).await;
    let generations = async || [cache.generation("default").await, cache.generation("work").await];
    let [default, work] = generations().await;
    let again = |id: &str, read_at| Recheck {
        id: artifact_id(id),
        revision: artifact(id).revision,
        fingerprint: Some("again".to_owned()),
        read_at: at(read_at),
    };
    let confirm = async |confirmed: Vec<Recheck>| {
        let order = order_at(confirmed[0].read_at);
        cache.apply(Delta { order, confirmed, ..delta("work") }).await.unwrap()
    };

    // Read before the invalidation, or another one by now: it stays as it is.
    let other = Recheck { revision: Revision::of(&[]), ..again("skill:xml", 10) };
    assert_eq!(confirm(vec![again("skill:never", 10), other]).await.changes, []);
    assert_eq!(confirm(vec![again("skill:pdf", 9)]).await.changes, []);

    let applied = confirm(vec![again("skill:pdf", 10), again("skill:tea", 10)]).await;
    let told: Vec<_> =
        applied.changes.iter().map(|it| (it.collection.as_str(), it.generation)).collect();
    assert_eq!(told, [("default", default + 1), ("work", work + 1)]);
    assert_eq!(generations().await, [default + 1, work + 1]);
    for collection in ["default", "work"] {
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, Some(at(10)));
        assert_eq!(cache.synced_at(collection, "skill:xml").await, None);
    }
    assert_eq!(cache.synced_at("work", "skill:tea").await, Some(at(10)));
    assert_eq!(cache.synced_at("default", "skill:tea").await, None, "it is home's there");
    let known = cache.known(&source_name("work")).await.unwrap();
    let pdf = &known[&artifact_id("skill:pdf")];
    assert_eq!((pdf.invalidated, pdf.fingerprint.as_deref()), (false, Some("again")));

    assert_eq!(confirm(vec![again("skill:pdf", 11)]).await.changes, [], "it is valid");
}

pub(crate) async fn invalidating_nothing_changes_nothing(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    let before = cache.collection_of("work").await;
    for scope in [
        Scope::Artifact(collection_id("work"), artifact_id("skill:never")),
        Scope::Artifact(collection_id("never"), artifact_id("skill:pdf")),
        Scope::Collection(collection_id("never")),
        Scope::Source(source_name("never")),
    ] {
        assert_eq!(cache.invalidate(&scope, at(9)).await.unwrap(), 0);
    }
    assert_eq!(cache.collection_of("work").await, before);
}

pub(crate) async fn an_invalidation_outlives_the_scan_that_began_before_it(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    let source = Scope::Source(source_name("work"));
    cache.invalidate(&source, at(10)).await.unwrap();

    // The scan began at 8, read at 9, and is stored only now.
    cache.put("work", [artifact("skill:pdf").described("scanned").read_at(at(9))]).await;
    cache.verify("work", at(8)).await;
    for collection in ["work", "default"] {
        assert_eq!(cache.description(collection, "skill:pdf").await.unwrap(), "scanned");
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, None);
    }
    // At the very same moment nobody can tell which came first.
    cache.put("work", [artifact("skill:pdf").read_at(at(10))]).await;
    assert_eq!(cache.synced_at("default", "skill:pdf").await, None);

    cache.put("work", [artifact("skill:pdf").read_at(at(11))]).await;
    for collection in ["work", "default"] {
        assert_eq!(cache.synced_at(collection, "skill:pdf").await, Some(at(11)));
    }
    let known = cache.known(&source_name("work")).await.unwrap();
    assert!(!known[&artifact_id("skill:pdf")].invalidated);
}

pub(crate) async fn an_invalidation_of_default_outlives_an_older_scan_too(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.invalidate_collection("default", at(10)).await;
    cache.put("work", [artifact("skill:pdf").described("scanned").read_at(at(9))]).await;
    assert_eq!(cache.synced_at("default", "skill:pdf").await, None);
    cache.put("work", [artifact("skill:pdf").read_at(at(11))]).await;
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(11)));
}

pub(crate) async fn a_verification_does_not_end_an_invalidation(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.invalidate(&Scope::Source(source_name("work")), at(10)).await.unwrap();
    cache.verify("work", at(20)).await;
    assert_eq!(cache.synced_at("work", "skill:pdf").await, None);
    assert_eq!(cache.synced_at("default", "skill:pdf").await, None);

    cache.put("work", [artifact("skill:pdf").read_at(at(21))]).await;
    assert_eq!(cache.synced_at("work", "skill:pdf").await, Some(at(21)), "a read does");
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(21)));
}

pub(crate) async fn an_invalidated_row_can_be_removed(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.invalidate(&Scope::Source(source_name("work")), at(10)).await.unwrap();
    assert_eq!(cache.remove("work", &["skill:pdf"], at(12)).await.removed, 1);
    assert!(cache.ids("default").await.is_empty());
}

pub(crate) async fn a_row_goes_stale_to_the_microsecond(cache: &Cache) {
    cache.register(&["work"]).await;
    let synced = at(50) + Duration::microseconds(7);
    let lost = artifact("skill:lost");
    cache.put("work", [lost]).await;
    cache.put("work", [artifact("skill:pdf").read_at(synced)]).await;
    let scope = Scope::Artifact(collection_id("work"), artifact_id("skill:lost"));
    cache.invalidate(&scope, at(9)).await.unwrap();

    let found = async |stale, cutoff| {
        let stale = Some(Staleness { stale, fresh: since(cutoff) });
        cache.found("work", Filter { stale, ..Filter::default() }).await
    };
    let before = synced - Duration::microseconds(1);
    assert_eq!(found(true, before).await, ["skill:lost"]);
    assert_eq!(found(false, before).await, ["skill:pdf"]);
    assert_eq!(found(true, synced).await, ["skill:lost", "skill:pdf"]);
    assert!(found(false, synced).await.is_empty());
    for (cutoff, stale) in [(before, 1), (synced, 2)] {
        let stats = cache.stats(&collection_id("work"), cutoff).await.unwrap();
        assert_eq!((stats.total, stats.stale), (2, stale));
        assert_eq!(stats.oldest_sync, Some(synced));
    }

    cache.verify("work", at(60)).await;
    assert_eq!(found(true, synced).await, ["skill:lost"], "verified since");
    let stats = cache.stats(&collection_id("work"), synced).await.unwrap();
    assert_eq!((stats.stale, stats.oldest_sync), (1, Some(at(60))));
}

pub(crate) async fn stats_count_every_state_of_health(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let empty = cache.stats(&collection_id("default"), at(0)).await.unwrap();
    assert_eq!((empty.total, empty.stale, empty.oldest_sync), (0, 0, None));
    let none = Health::ALL.map(|health| (health, 0));
    assert_eq!(empty.by_health, BTreeMap::from(none));

    cache.put("home", [artifact("skill:tea").read_at(at(3))]).await;
    let broken = artifact("skill:bad").in_health(Health::Broken).read_at(at(2));
    cache.put("work", [artifact("skill:pdf").read_at(at(4)), broken]).await;
    let stats = cache.stats(&collection_id("default"), at(3)).await.unwrap();
    assert_eq!((stats.total, stats.stale, stats.oldest_sync), (3, 2, Some(at(2))));
    let counts = [(Health::Ok, 2), (Health::Recovered, 0), (Health::Broken, 1)];
    assert_eq!(stats.by_health, BTreeMap::from(counts));

    cache.invalidate_collection("default", at(99)).await;
    let stats = cache.stats(&collection_id("default"), at(0)).await.unwrap();
    assert_eq!((stats.stale, stats.oldest_sync), (3, None));
}

pub(crate) async fn the_last_report_is_kept_whatever_it_says(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    let before = cache.generation("work").await;
    let guarded = SourceReport {
        status: RefreshStatus::Guarded,
        counts: Counts { unchanged: 1, ok: 1, ..Counts::default() },
        issues: vec![Issue {
            artifact_id: Some(artifact_id("skill:pdf")),
            path: "skills/\"odd\" '%'".to_owned(),
            kind: IssueKind::Guarded,
            message: "its directory is missing".to_owned(),
            line: Some(7),
        }],
        issues_total: 12,
        duration_ms: 34,
        ..report("work", at(5))
    };
    let applied = cache
        .apply(Delta { order: order(5), report: Some(guarded.clone()), ..delta("work") })
        .await
        .unwrap();
    assert_eq!(applied.changes, []);
    assert_eq!(cache.generation("work").await, before);
    assert_eq!(cache.collection_of("work").await.last_report, Some(guarded.clone()));
    assert_eq!(cache.collection_of("home").await.last_report, None);
    assert_eq!(cache.collection_of("default").await.last_report, Some(guarded.clone()));

    let later = report("home", at(3));
    let told = Delta { order: order(6), report: Some(later.clone()), ..delta("home") };
    cache.apply(told).await.unwrap();
    assert_eq!(cache.collection_of("default").await.last_report, Some(later), "the latest of all");
    cache.put("work", [artifact("skill:tea")]).await;
    assert_eq!(cache.collection_of("work").await.last_report, Some(guarded), "none, none replaced");
}
