//! Which collections there are follows from which sources are registered.

use larder::{
    domain::{
        collection::{CollectionKind, Layout, Source},
        delta::{Delta, Verified},
        disks::{Disks, Place},
        id::SourceName,
        query::{ArtifactQuery, CollectionQuery, Filter},
    },
    testing::{BuildArtifact, artifact, at, collection_id, source, source_name},
};

use crate::cache::{Cache, delta, now};

pub(crate) async fn nothing_is_there_before_a_registration(cache: &Cache) {
    let default = collection_id("default");
    assert_eq!(cache.collection("default").await.unwrap(), None);
    assert_eq!(cache.collections(&CollectionQuery::default()).await.unwrap().total_count, 0);
    assert_eq!(cache.page(&default, &ArtifactQuery::default()).await.unwrap(), None);
    assert_eq!(cache.facets(&default, &Filter::default()).await.unwrap(), None);
    assert_eq!(cache.stats(&default, at(0)).await.unwrap().total, 0);
    assert!(cache.known(&source_name("work")).await.unwrap().is_empty());
    assert!(cache.registered().await.unwrap().is_empty());
    cache.check().await.unwrap();
}

pub(crate) async fn registering_makes_default_and_a_mirror_for_each_source(cache: &Cache) {
    let registered = cache.register(&["work", "home"]).await;
    assert_eq!(registered[0].source, source("work"));
    assert_eq!(registered[0].home, collection_id("work"));
    assert_eq!((registered[0].verified_at, &registered[0].manifest_hash), (None, &None));
    assert_eq!(registered[0].disks, None);

    let default = cache.collection_of("default").await;
    assert_eq!((default.kind, &default.source), (CollectionKind::Default, &None));
    assert!(!default.detached);
    let mirror = cache.collection_of("work").await;
    assert_eq!((mirror.name.as_str(), mirror.kind), ("work", CollectionKind::Mirror));
    assert_eq!(mirror.source, Some(source_name("work")));
    assert_eq!((mirror.created_at, mirror.updated_at), (now(), now()));
    assert_eq!((mirror.artifact_count, mirror.verification, mirror.last_report), (0, 0, None));
}

pub(crate) async fn no_source_at_all_still_makes_default(cache: &Cache) {
    assert_eq!(cache.register(&[]).await, []);
    assert_eq!(cache.collection_of("default").await.artifact_count, 0);
    assert_eq!(cache.collections(&CollectionQuery::default()).await.unwrap().total_count, 1);
}

pub(crate) async fn registering_the_same_again_changes_nothing(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.verify("work", at(5)).await;
    let before = (cache.collection_of("default").await, cache.collection_of("work").await);

    let again = cache.register_all(&[source("work")], at(2_000)).await;
    assert_eq!(again[0].verified_at, Some(at(5)));
    let after = (cache.collection_of("default").await, cache.collection_of("work").await);
    assert_eq!(after, before);
    assert_eq!(cache.ids("work").await, ["skill:pdf"]);
}

pub(crate) async fn a_source_named_default_needs_no_mirror(cache: &Cache) {
    let registered = cache.register(&["default", "work"]).await;
    assert_eq!(registered[0].home, collection_id("default"));
    assert_eq!(cache.collections(&CollectionQuery::default()).await.unwrap().total_count, 2);
    cache.put("default", [artifact("skill:pdf")]).await;
    assert_eq!(cache.ids("default").await, ["skill:pdf"]);
    let known = cache.known(&source_name("default")).await.unwrap();
    assert_eq!(known.len(), 1, "its home is default itself");
}

pub(crate) async fn reserved_and_taken_names_get_a_suffix(cache: &Cache) {
    let registered =
        cache.register(&["cache-stats-files", "cache-stats", "refresh-cache", "work"]).await;
    let homes: Vec<_> = registered.iter().map(|source| source.home.as_str()).collect();
    assert_eq!(homes, ["cache-stats-files", "cache-stats-files-2", "refresh-cache-files", "work"]);
    let mirror = cache.collection_of("cache-stats-files-2").await;
    assert_eq!(mirror.name, "cache-stats-files-2", "a mirror's name is its id");
    assert_eq!(mirror.source, Some(source_name("cache-stats")));
    assert_eq!(cache.collection("cache-stats").await.unwrap(), None);

    cache.put("cache-stats", [artifact("skill:pdf")]).await;
    assert_eq!(cache.ids("cache-stats-files-2").await, ["skill:pdf"]);
    let again = cache.register(&["cache-stats", "work"]).await;
    assert_eq!(again[0].home.as_str(), "cache-stats-files-2", "a home stays");
}

pub(crate) async fn names_that_differ_by_case_are_two_sources(cache: &Cache) {
    let registered = cache.register(&["work", "Work"]).await;
    assert_ne!(registered[0].home, registered[1].home);
    cache.put("Work", [artifact("skill:pdf")]).await;
    assert_eq!(cache.collection_of("work").await.artifact_count, 0);
    assert_eq!(cache.collection_of(registered[1].home.as_str()).await.artifact_count, 1);
}

pub(crate) async fn a_source_name_may_be_255_characters_of_any_script(cache: &Cache) {
    let name = "名".repeat(255);
    let registered = cache.register(&[&name]).await;
    assert_eq!(registered[0].source.name.as_str(), name);
    cache.put(&name, [artifact("skill:pdf")]).await;
    assert_eq!(cache.ids(&name).await, ["skill:pdf"]);
}

pub(crate) async fn sources_are_answered_as_given_and_listed_by_precedence(cache: &Cache) {
    let names = |sources: Vec<larder::domain::collection::RegisteredSource>| {
        sources.into_iter().map(|source| source.source.name.to_string()).collect::<Vec<_>>()
    };
    let given = ["work", "default", "Home", "home"];
    assert_eq!(names(cache.register(&given).await), given);
    assert_eq!(names(cache.registered().await.unwrap()), ["default", "Home", "home", "work"]);
}

pub(crate) async fn a_detached_mirror_is_kept_but_out_of_default(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("home", [artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:xml")]).await;
    cache.verify("work", at(5)).await;
    let before = (cache.generation("default").await, cache.generation("work").await);

    cache.register(&["home"]).await;
    let mirror = cache.collection_of("work").await;
    assert!(mirror.detached);
    assert_eq!((mirror.artifact_count, mirror.generation), (2, before.1), "its rows are the same");
    assert_eq!(mirror.verification, at(5).timestamp_micros());
    assert_eq!(cache.ids("work").await, ["skill:pdf", "skill:xml"]);
    assert_eq!(cache.ids("default").await, ["skill:tea"]);
    let default = cache.collection_of("default").await;
    assert_eq!((default.artifact_count, default.generation), (1, before.0 + 1));
    assert_eq!(default.verification, 0, "only attached sources count");
    assert_eq!(cache.registered().await.unwrap().len(), 1);
}

pub(crate) async fn a_detached_source_that_is_back_brings_its_rows_along(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.verify("work", at(5)).await;
    cache.register(&["home"]).await;
    let before = (cache.generation("default").await, cache.generation("work").await);

    let registered = cache.register(&["work", "home"]).await;
    assert_eq!(registered[0].verified_at, Some(at(5)));
    assert_eq!(cache.ids("default").await, ["skill:pdf"]);
    assert_eq!(cache.generation("default").await, before.0 + 1);
    assert_eq!(cache.generation("work").await, before.1);
    assert!(!cache.collection_of("work").await.detached);
}

pub(crate) async fn a_detached_source_takes_no_change(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.register(&[]).await;
    let applied = cache.put("work", [artifact("skill:pdf")]).await;
    assert_eq!(applied.changes, []);
    assert!(cache.ids("default").await.is_empty());
    assert!(cache.ids("work").await.is_empty());
}

pub(crate) async fn detaching_the_source_default_takes_its_rows_away(cache: &Cache) {
    cache.register(&["default", "work"]).await;
    cache.put("default", [artifact("skill:pdf").described("own"), artifact("skill:tea")]).await;
    cache.put("work", [artifact("skill:pdf").described("of work")]).await;
    let before = cache.generation("default").await;

    cache.register(&["work"]).await;
    assert_eq!(cache.ids("default").await, ["skill:pdf"]);
    assert_eq!(cache.description("default", "skill:pdf").await.unwrap(), "of work");
    let default = cache.collection_of("default").await;
    assert_eq!((default.artifact_count, default.generation), (1, before + 1));
}

pub(crate) async fn another_root_takes_away_what_proved_the_rows(cache: &Cache) {
    cache.register(&["work"]).await;
    let mounts = [("deep/down".to_owned(), "8:1 /x".to_owned())].into();
    // No number that a system gives is too large for a database.
    let root = Some(Place { device: u64::MAX, inode: u64::MAX });
    let disks = Disks { root, parent: None, mounts };
    let manifest_hash = Some("m1".to_owned());
    let verified = Some(Verified { at: at(5), manifest_hash, disks: disks.clone() });
    let upserts = vec![artifact("skill:pdf")];
    cache.apply(Delta { upserts, verified, ..delta("work") }).await.unwrap();
    let known = cache.known(&source_name("work")).await.unwrap();
    assert!(known.values().all(|artifact| artifact.fingerprint.is_some()));
    let registered = &cache.registered().await.unwrap()[0];
    assert_eq!(registered.manifest_hash.as_deref(), Some("m1"));
    assert_eq!(registered.disks.as_ref(), Some(&disks));

    let moved = Source { root: "/elsewhere/work".to_owned(), ..source("work") };
    let registered = cache.register_all(std::slice::from_ref(&moved), now()).await;
    assert_eq!(registered[0].source, moved);
    assert_eq!((registered[0].verified_at, &registered[0].manifest_hash), (None, &None));
    assert_eq!(cache.registered().await.unwrap(), registered);
    let known = cache.known(&source_name("work")).await.unwrap();
    assert_eq!(known.len(), 1, "the rows stay until a scan of the new root");
    assert!(known.values().all(|artifact| artifact.fingerprint.is_none()));
    assert_eq!(cache.synced_at("work", "skill:pdf").await, Some(at(0)), "no longer verified");
}

pub(crate) async fn of_many_artifacts_each_is_known(cache: &Cache) {
    cache.register(&["work"]).await;
    let work = source_name("work");
    // An adapter may gather them in pieces: the last one full, then the last one of a single row.
    for many in [400, 401] {
        let all: Vec<_> = (0..many).map(|n| artifact(&format!("skill:s{n}"))).collect();
        cache.put("work", all.clone()).await;
        let known = cache.known(&work).await.unwrap();
        assert_eq!(known.len(), many);
        assert!(all.iter().all(|artifact| known[&artifact.id].state() == artifact.state()));
    }
}

pub(crate) async fn another_layout_is_remembered(cache: &Cache) {
    cache.register(&["work"]).await;
    let plain = Source { layout: Layout::Plain, ..source("work") };
    let registered = cache.register_all(std::slice::from_ref(&plain), now()).await;
    assert_eq!(registered[0].source, plain);
    assert_eq!(cache.registered().await.unwrap()[0].source, plain);
}

pub(crate) async fn a_source_that_nobody_registered_takes_no_change(cache: &Cache) {
    cache.register(&["work"]).await;
    let applied = cache.put("stranger", [artifact("skill:pdf")]).await;
    assert_eq!((applied.removed, applied.changes), (0, vec![]));
    assert_eq!(cache.collection("stranger").await.unwrap(), None);
    assert!(cache.ids("default").await.is_empty());
    let stranger = SourceName::new("stranger").unwrap();
    assert!(cache.known(&stranger).await.unwrap().is_empty());
}
