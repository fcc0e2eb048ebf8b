//! Which of several sources has an id in `default`.

use larder::{
    domain::{artifact::Artifact, delta::Shadowed, report::MAX_ISSUES},
    testing::{BuildArtifact, artifact, artifact_id, at, source_name},
};

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

    let applied =
        cache.put("Aaa", [artifact("skill:pdf").described("again").read_at(at(60))]).await;
    assert_eq!(applied.changes.len(), 1, "a shadowed change is one of its mirror alone");
    assert_eq!(winner(cache).await.as_deref(), Some("default"));
    assert_eq!(cache.known(&source_name("default")).await.unwrap().len(), 1);
    assert_eq!(cache.known(&source_name("Aaa")).await.unwrap().len(), 1);
}

pub(crate) async fn what_default_holds_of_others_is_not_known_as_its_sources(cache: &Cache) {
    cache.register(&["default", "work"]).await;
    put_pdf(cache, "work").await;
    assert!(cache.known(&source_name("default")).await.unwrap().is_empty());
    let applied = cache.remove("default", &["skill:pdf"], at(99)).await;
    assert_eq!((applied.removed, applied.changes), (0, vec![]));
    assert_eq!(winner(cache).await.as_deref(), Some("work"));
}

pub(crate) async fn the_runner_up_takes_the_place_of_a_removed_winner(cache: &Cache) {
    cache.register(&["a", "b", "default"]).await;
    for source in ["b", "a", "default"] {
        put_pdf(cache, source).await;
    }
    let generation = cache.generation("default").await;
    let applied = cache.remove("default", &["skill:pdf"], at(9)).await;
    let replaced = &applied.changes[0];
    assert_eq!((replaced.created, replaced.updated, replaced.removed), (0, 1, 0), "{replaced:?}");
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
    assert_eq!(cache.put("b", [changed]).await.changes.len(), 1);
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

/// The artifact in that source's own folder.
fn in_folder(source: &str, id: &str) -> Artifact {
    Artifact { path: format!("{source}/{id}"), ..artifact(id) }
}

fn shadowed(id: &str, source: &str, by: &str) -> Shadowed {
    Shadowed {
        id: artifact_id(id),
        path: format!("{source}/{id}"),
        source: source_name(source),
        by: source_name(by),
    }
}

pub(crate) async fn without_a_contest_nothing_is_shadowed(cache: &Cache) {
    let nothing = (Vec::new(), 0);
    assert_eq!(cache.shadowed().await.unwrap(), nothing, "before a registration");
    cache.register(&["a", "b", "default"]).await;
    assert_eq!(cache.shadowed().await.unwrap(), nothing);
    cache.put("a", [artifact("skill:pdf")]).await;
    cache.put("b", [artifact("skill:PDF"), artifact("agent:pdf")]).await;
    cache.put("default", [artifact("skill:tea")]).await;
    assert_eq!(cache.shadowed().await.unwrap(), nothing);
}

pub(crate) async fn the_loser_of_an_id_is_shadowed_until_the_winner_goes(cache: &Cache) {
    cache.register(&["a", "b"]).await;
    for source in ["b", "a"] {
        let own = format!("skill:only-{source}");
        cache.put(source, [in_folder(source, "skill:pdf"), in_folder(source, &own)]).await;
    }
    let loser = vec![shadowed("skill:pdf", "b", "a")];
    assert_eq!(cache.shadowed().await.unwrap(), (loser, 1));
    cache.remove("a", &["skill:pdf"], at(9)).await;
    assert_eq!(cache.shadowed().await.unwrap(), (Vec::new(), 0));
}

pub(crate) async fn a_detached_source_neither_shadows_nor_is_shadowed(cache: &Cache) {
    for others in [["a"], ["b"]] {
        cache.register(&["a", "b"]).await;
        for source in ["a", "b"] {
            cache.put(source, [in_folder(source, "skill:pdf")]).await;
        }
        assert_eq!(cache.shadowed().await.unwrap().1, 1);
        cache.register(&others).await;
        assert_eq!(cache.shadowed().await.unwrap(), (Vec::new(), 0));
    }
}

pub(crate) async fn the_source_default_shadows_every_other(cache: &Cache) {
    cache.register(&["Aaa", "b", "default"]).await;
    for source in ["Aaa", "b", "default"] {
        cache.put(source, [in_folder(source, "skill:pdf")]).await;
    }
    cache.put("b", [in_folder("b", "skill:tea")]).await;
    let losers =
        vec![shadowed("skill:pdf", "Aaa", "default"), shadowed("skill:pdf", "b", "default")];
    assert_eq!(cache.shadowed().await.unwrap(), (losers, 2));

    cache.register(&["Aaa", "b"]).await;
    assert_eq!(cache.shadowed().await.unwrap(), (vec![shadowed("skill:pdf", "b", "Aaa")], 1));
}

pub(crate) async fn of_many_shadowed_the_first_are_told_and_all_are_counted(cache: &Cache) {
    cache.register(&["B", "a", "c"]).await;
    let ids: Vec<String> = (0..MAX_ISSUES).map(|number| format!("skill:n{number:03}")).collect();
    for source in ["c", "B", "a"] {
        cache.put(source, ids.iter().map(|id| in_folder(source, id))).await;
    }
    let (told, total) = cache.shadowed().await.unwrap();
    assert_eq!(total, 2 * MAX_ISSUES as u64);
    let expected: Vec<_> = ids[..MAX_ISSUES / 2]
        .iter()
        .flat_map(|id| ["a", "c"].map(|source| shadowed(id, source, "B")))
        .collect();
    assert_eq!(told, expected, "by id, then by source");
}
