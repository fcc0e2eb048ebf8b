//! Which of several sources has an id in `default`.

use larder::testing::{BuildArtifact, artifact, at, source_name};

use crate::cache::Cache;

/// Stores `skill:pdf` of a source, described by the source's name.
async fn put_pdf(cache: &Cache, source: &str) {
    cache.put(source, [artifact("skill:pdf").described(source)]).await;
}

async fn winner(cache: &Cache) -> Option<String> {
    let row = cache.row("default", "skill:pdf").await?;
    assert_eq!(row.artifact.metadata.description.as_deref(), Some(row.source.as_str()));
    Some(row.source.to_string())
}

pub(crate) async fn the_first_name_wins_whoever_came_first(cache: &Cache) {
    cache.register(&["b", "a", "B"]).await;
    for (source, expected) in [("b", "b"), ("a", "a"), ("B", "B")] {
        put_pdf(cache, source).await;
        assert_eq!(winner(cache).await.as_deref(), Some(expected), "bytes are compared");
    }
    assert_eq!(cache.collection_of("default").await.artifact_count, 1);
    for source in ["a", "b", "B"] {
        assert_eq!(cache.description(source, "skill:pdf").await.unwrap(), source);
    }
}

pub(crate) async fn the_source_default_wins_every_contest(cache: &Cache) {
    cache.register(&["Aaa", "default"]).await;
    cache.put("Aaa", [artifact("skill:pdf").described("Aaa").read_at(at(50))]).await;
    cache.put("default", [artifact("skill:pdf").described("default").read_at(at(3))]).await;
    assert_eq!(winner(cache).await.as_deref(), Some("default"), "however old its read is");
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(3)));

    let applied = cache.put("Aaa", [artifact("skill:pdf").described("Aaa").read_at(at(60))]).await;
    assert_eq!(applied.generations.len(), 1, "a shadowed change is one of its mirror alone");
    assert_eq!(winner(cache).await.as_deref(), Some("default"));
    assert_eq!(cache.known(&source_name("default")).await.unwrap().len(), 1);
    assert_eq!(cache.known(&source_name("Aaa")).await.unwrap().len(), 1);
}

pub(crate) async fn what_default_holds_of_others_is_not_known_as_its_sources(cache: &Cache) {
    cache.register(&["default", "work"]).await;
    put_pdf(cache, "work").await;
    assert!(cache.known(&source_name("default")).await.unwrap().is_empty());
    let applied = cache.remove("default", &["skill:pdf"], at(99)).await;
    assert_eq!((applied.removed, applied.generations), (0, vec![]));
    assert_eq!(winner(cache).await.as_deref(), Some("work"));
}

pub(crate) async fn the_runner_up_takes_the_place_of_a_removed_winner(cache: &Cache) {
    cache.register(&["a", "b", "default"]).await;
    for source in ["b", "a", "default"] {
        put_pdf(cache, source).await;
    }
    let generation = cache.generation("default").await;
    cache.remove("default", &["skill:pdf"], at(9)).await;
    assert_eq!(winner(cache).await.as_deref(), Some("a"));
    assert_eq!(cache.generation("default").await, generation + 1);
    cache.remove("a", &["skill:pdf"], at(9)).await;
    assert_eq!(winner(cache).await.as_deref(), Some("b"));
    assert_eq!(cache.generation("default").await, generation + 2);
    assert_eq!(cache.collection_of("default").await.artifact_count, 1);
    cache.remove("b", &["skill:pdf"], at(9)).await;
    assert_eq!(winner(cache).await, None);
    assert_eq!(cache.collection_of("default").await.artifact_count, 0);
}

pub(crate) async fn a_shadowed_change_leaves_default_alone(cache: &Cache) {
    cache.register(&["a", "b"]).await;
    put_pdf(cache, "a").await;
    let before = cache.collection_of("default").await;
    put_pdf(cache, "b").await;
    let changed = artifact("skill:pdf").described("b again").read_at(at(5));
    assert_eq!(cache.put("b", [changed]).await.generations.len(), 1);
    cache.remove("b", &["skill:pdf"], at(9)).await;
    assert_eq!(cache.collection_of("default").await, before);
    assert_eq!(winner(cache).await.as_deref(), Some("a"));
}

pub(crate) async fn detaching_the_winner_brings_the_runner_up(cache: &Cache) {
    cache.register(&["a", "b"]).await;
    put_pdf(cache, "a").await;
    put_pdf(cache, "b").await;
    let generation = cache.generation("default").await;
    cache.register(&["b"]).await;
    assert_eq!(winner(cache).await.as_deref(), Some("b"));
    assert_eq!(cache.generation("default").await, generation + 1);
    cache.register(&["a", "b"]).await;
    assert_eq!(winner(cache).await.as_deref(), Some("a"));
    assert_eq!(cache.generation("default").await, generation + 2);
    assert_eq!(cache.collection_of("default").await.artifact_count, 1);
}

pub(crate) async fn detaching_a_loser_changes_nothing(cache: &Cache) {
    cache.register(&["a", "b"]).await;
    put_pdf(cache, "a").await;
    put_pdf(cache, "b").await;
    let generation = cache.generation("default").await;
    cache.register(&["a"]).await;
    assert_eq!(winner(cache).await.as_deref(), Some("a"));
    assert_eq!(cache.generation("default").await, generation);
}

pub(crate) async fn sources_attached_at_once_hand_no_invalidation_on(cache: &Cache) {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    cache.register(&names).await;
    for name in names {
        put_pdf(cache, name).await;
    }
    for loser in &names[1..] {
        cache.invalidate_collection(loser, at(10)).await;
    }
    cache.register(&[]).await;
    cache.register(&names).await;
    assert_eq!(winner(cache).await.as_deref(), Some("a"));
    assert_eq!(cache.synced_at("default", "skill:pdf").await, Some(at(0)), "a's row is good");
}
