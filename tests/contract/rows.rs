//! What a delta does to the rows of its source.

use larder::{
    domain::{
        artifact::{Artifact, Health, Metadata, Problem, Provenance},
        delta::{Delta, Recheck, Verified},
        revision::Revision,
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, source_name},
};
use serde_json::json;

use crate::cache::{Cache, delta, now};

/// Text that a careless statement or column would trip over.
const ODD: &str =
    "O'Brien \"50 %\" _under_ \\back `tick` $1 ?1 :x; -- \n\t {\"a\":[]} 日本語 👩‍🚀 \u{202e}rtl";

fn full(id: &str) -> Artifact {
    let odd = |field: &str| Some(format!("{field} {ODD}"));
    let extra = json!({"when_to_use": ODD, "nested": {"list": [1, 2.5, null, true, "x"]}, "": ""});
    Artifact {
        id: artifact_id(id),
        metadata: Metadata {
            display_name: odd("display"),
            description: odd("description"),
            author: odd("author"),
            license: odd("license"),
            version: Some("1.0".to_owned()),
            tags: vec!["zebra".to_owned(), ODD.to_owned(), "Äpfel".to_owned()],
            tools: vec!["Bash(git log:*)".to_owned(), "Read".to_owned()],
            extra: extra.as_object().unwrap().clone(),
        },
        provenance: Provenance {
            version_spec: odd("spec"),
            source: odd("source"),
            origin: odd("origin"),
            origin_source: odd("origin source"),
            resolved_sha: odd("sha"),
            resolved_version: odd("version"),
        },
        path: format!("skills/{ODD}#/mcpServers/a~1b"),
        revision: Revision::of(&[b"all"]),
        fingerprint: odd("fingerprint"),
        health: Health::Recovered,
        problem: Some(Problem { message: ODD.to_owned(), line: Some(u32::MAX) }),
        added_at: Some(at(-77) + chrono::Duration::microseconds(1)),
        updated_at: Some(at(-99) + chrono::Duration::microseconds(999_999)),
        read_at: at(3) + chrono::Duration::microseconds(123_456),
    }
}

fn empty(id: &str) -> Artifact {
    Artifact {
        metadata: Metadata::default(),
        provenance: Provenance::default(),
        fingerprint: None,
        updated_at: None,
        ..artifact(id)
    }
}

pub(crate) async fn every_field_comes_back_as_it_was_stored(cache: &Cache) {
    cache.register(&["work"]).await;
    let id = format!("skill:{}", &ODD.replace(char::is_control, " "));
    let (full, empty) = (full(&id), empty("mcp:none"));
    cache.put("work", [full.clone(), empty.clone()]).await;
    let empty = Artifact { added_at: Some(now()), ..empty };
    for collection in ["work", "default"] {
        for artifact in [&full, &empty] {
            let row = cache.row(collection, artifact.id.as_str()).await.unwrap();
            assert_eq!(row.collection, collection_id(collection));
            assert_eq!(row.source, source_name("work"));
            assert_eq!(row.synced_at, Some(artifact.read_at));
            assert_eq!(row.artifact, *artifact);
        }
        let page =
            cache.page_of(collection, &larder::domain::query::ArtifactQuery::default()).await;
        assert_eq!(page.rows.len(), 2);
        for listed in page.rows {
            let alone = cache.row(collection, listed.artifact.id.as_str()).await;
            assert_eq!(alone, Some(listed), "a page and a single row say the same");
        }
    }
}

pub(crate) async fn every_field_is_replaced_by_a_later_read(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [full("skill:pdf")]).await;
    let emptied = empty("skill:pdf").read_at(at(9));
    cache.put("work", [emptied.clone()]).await;
    for collection in ["work", "default"] {
        let row = cache.row(collection, "skill:pdf").await.unwrap();
        let added_at = row.artifact.added_at;
        assert_eq!(row.artifact, Artifact { added_at, ..emptied.clone() });
    }
}

pub(crate) async fn a_delta_raises_each_changed_generation_by_one(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let before = (cache.generation("default").await, cache.generation("work").await);
    let applied = cache.put("work", [artifact("skill:pdf"), artifact("skill:xml")]).await;
    assert_eq!(applied.removed, 0);
    assert_eq!(
        applied.generations,
        [(collection_id("default"), before.0 + 1), (collection_id("work"), before.1 + 1),]
    );
    let both = Delta {
        upserts: vec![artifact("skill:tea")],
        removals: vec![artifact_id("skill:pdf"), artifact_id("skill:xml")],
        now: at(2_000),
        removed_before: at(1),
        ..delta("work")
    };
    let applied = cache.apply(both).await.unwrap();
    assert_eq!(applied.removed, 2);
    for (id, generation) in [("default", before.0 + 2), ("work", before.1 + 2)] {
        assert!(applied.generations.contains(&(collection_id(id), generation)));
        let collection = cache.collection_of(id).await;
        assert_eq!((collection.generation, collection.artifact_count), (generation, 1));
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
    assert_eq!((applied.removed, applied.hidden, applied.generations), (0, 0, vec![]));
    let after = (cache.collection_of("default").await, cache.collection_of("work").await);
    assert_eq!(after, before);
}

pub(crate) async fn an_older_read_never_replaces_a_newer_one(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").described("edited").read_at(at(10))]).await;
    let before = cache.generation("work").await;
    for older in [9, 10] {
        let late = artifact("skill:pdf").described("scanned").read_at(at(older));
        assert_eq!(cache.put("work", [late]).await.generations, []);
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

pub(crate) async fn a_removal_spares_what_was_read_since_the_scan_began(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").read_at(at(10)), artifact("skill:tea")]).await;
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

pub(crate) async fn a_row_made_without_a_date_keeps_the_one_it_was_made_at(cache: &Cache) {
    cache.register(&["work"]).await;
    let dated = Artifact { added_at: Some(at(-9)), ..artifact("skill:dated") };
    cache.put("work", [artifact("skill:pdf"), dated]).await;
    let again = Delta {
        upserts: vec![artifact("skill:pdf").described("new").read_at(at(5))],
        now: at(2_000),
        ..delta("work")
    };
    cache.apply(again).await.unwrap();
    for collection in ["work", "default"] {
        let added_at = async |id| cache.row(collection, id).await.unwrap().artifact.added_at;
        assert_eq!(added_at("skill:pdf").await, Some(now()));
        assert_eq!(added_at("skill:dated").await, Some(at(-9)));
    }
}

pub(crate) async fn a_recheck_is_stored_without_a_new_generation(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:tea").read_at(at(10))]).await;
    let before = (cache.generation("default").await, cache.generation("work").await);
    let recheck = |id: &str| Recheck {
        id: artifact_id(id),
        fingerprint: Some("touched".to_owned()),
        read_at: at(7),
    };
    let rechecks = vec![recheck("skill:pdf"), recheck("skill:tea"), recheck("skill:never")];
    let applied = cache.apply(Delta { rechecks, ..delta("work") }).await.unwrap();
    assert_eq!(applied.generations, []);
    assert_eq!((cache.generation("default").await, cache.generation("work").await), before);

    let known = cache.known(&source_name("work")).await.unwrap();
    let fingerprint = |id: &str| known[&artifact_id(id)].fingerprint.clone();
    assert_eq!(fingerprint("skill:pdf").as_deref(), Some("touched"));
    assert_ne!(fingerprint("skill:tea").as_deref(), Some("touched"), "it was read since");
    assert_eq!(known.len(), 2);
    for collection in ["work", "default"] {
        let row = cache.row(collection, "skill:pdf").await.unwrap();
        assert_eq!((row.synced_at, row.artifact.read_at), (Some(at(0)), at(0)), "as it was");
    }
}

pub(crate) async fn what_is_known_is_what_was_stored_last(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let broken = artifact("skill:bad").in_health(Health::Broken);
    let recovered = artifact("skill:odd").in_health(Health::Recovered).changed_at(None);
    cache.put("home", [artifact("skill:tea")]).await;
    cache.put("work", [broken.clone(), recovered.clone()]).await;
    let known = cache.known(&source_name("work")).await.unwrap();
    assert_eq!(known.len(), 2, "only its own");

    let bad = &known[&broken.id];
    assert_eq!((&bad.path, &bad.revision), (&broken.path, &broken.revision));
    assert_eq!(bad.fingerprint, broken.fingerprint);
    assert_eq!((bad.invalidated, bad.health), (false, Health::Broken));
    let problem = broken.problem.unwrap();
    assert_eq!((bad.problem.as_ref(), bad.problem_line), (Some(&problem.message), problem.line));
    assert_eq!(bad.updated_at, broken.updated_at);
    let odd = &known[&recovered.id];
    assert_eq!((odd.problem.as_ref(), odd.problem_line), (None, None), "for broken ones alone");
    assert_eq!((odd.health, odd.updated_at), (Health::Recovered, None));
}

pub(crate) async fn ids_that_differ_by_case_are_two_artifacts(cache: &Cache) {
    cache.register(&["work"]).await;
    let (lower, upper) = (artifact("skill:pdf"), artifact("skill:PDF").described("the loud one"));
    cache.put("work", [lower, upper]).await;
    assert_eq!(cache.ids("default").await, ["skill:PDF", "skill:pdf"], "same sort key, then by id");
    assert_eq!(cache.description("default", "skill:PDF").await.unwrap(), "the loud one");
    cache.remove("work", &["skill:PDF"], at(1)).await;
    assert_eq!(cache.ids("default").await, ["skill:pdf"]);
}

pub(crate) async fn fifteen_hundred_rows_come_and_go_in_one_delta(cache: &Cache) {
    cache.register(&["work"]).await;
    let ids: Vec<String> = (0..1_500).map(|number| format!("skill:n{number:04}")).collect();
    let upserts = ids.iter().map(|id| artifact(id).tagged(&["all", id]));
    let applied = cache.put("work", upserts).await;
    assert_eq!(applied.generations.len(), 2);
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
        fingerprint: Some("touched".to_owned()),
        read_at: at(6),
    });
    cache.apply(Delta { rechecks: rechecks.collect(), ..delta("work") }).await.unwrap();
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

pub(crate) async fn verified_at_moves_forward_only(cache: &Cache) {
    cache.register(&["work"]).await;
    let verify = async |seconds: i64, hash: &str| {
        let verified = Some(Verified { at: at(seconds), manifest_hash: Some(hash.to_owned()) });
        let applied = cache.apply(Delta { verified, ..delta("work") }).await.unwrap();
        assert_eq!(applied.generations, [], "no row has changed");
        let source = cache.registered().await.unwrap().remove(0);
        (source.verified_at, source.manifest_hash.unwrap())
    };
    assert_eq!(verify(10, "m1").await, (Some(at(10)), "m1".to_owned()));
    assert_eq!(verify(9, "m0").await, (Some(at(10)), "m1".to_owned()));
    assert_eq!(verify(11, "m2").await, (Some(at(11)), "m2".to_owned()));
}
