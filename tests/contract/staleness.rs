//! What is stale, and other things that an operator or a sweep asks for.

use larder::{
    domain::{
        artifact::Health,
        delta::Scope,
        freshness::{StaleRow, StaleSource},
        gauges::Connections,
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, limit, source_name},
};

use crate::cache::{Cache, since};

/// Of `work`: `skill:a` synced at 10, `skill:b` at 30, `skill:c` at 20 and invalidated; of `home`:
/// `agent:d` synced at 20.
async fn filled(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let work = [("skill:a", 10), ("skill:b", 30), ("skill:c", 20)];
    for (id, second) in work {
        cache.put("work", [artifact(id).read_at(at(second))]).await;
    }
    cache.put("home", [artifact("agent:d").read_at(at(20))]).await;
    for collection in ["work", "default"] {
        let scope = Scope::Artifact(collection_id(collection), artifact_id("skill:c"));
        cache.invalidate(&scope, at(20)).await.unwrap();
    }
}

pub(crate) async fn stale_rows_are_counted_by_their_source(cache: &Cache) {
    filled(cache).await;
    let stale = async |collection: &str, second| {
        cache.stale_sources(&collection_id(collection), since(at(second))).await.unwrap()
    };
    let of = |source: &str, rows, invalidated, oldest: Option<i64>| StaleSource {
        source: source_name(source),
        rows,
        invalidated,
        oldest_sync: oldest.map(at),
    };
    assert_eq!(stale("default", 9).await, [of("work", 1, 1, None)]);
    assert_eq!(stale("default", 10).await, [of("work", 2, 1, Some(10))], "to the second");
    assert_eq!(
        stale("default", 20).await,
        [of("home", 1, 0, Some(20)), of("work", 2, 1, Some(10))]
    );
    assert_eq!(stale("home", 19).await, []);
    assert_eq!(stale("never", 99).await, []);
}

pub(crate) async fn stale_rows_come_in_batches_the_oldest_first(cache: &Cache) {
    filled(cache).await;
    let default = collection_id("default");
    let all = cache.stale_rows(&default, since(at(20)), None, limit(50)).await.unwrap();
    let row = |id: &str, source: &str, synced: Option<i64>| StaleRow {
        synced_at: synced.map(at),
        id: artifact_id(id),
        source: source_name(source),
    };
    let expected = [
        row("skill:c", "work", None),
        row("skill:a", "work", Some(10)),
        row("agent:d", "home", Some(20)),
    ];
    assert_eq!(all, expected);

    let (mut one_by_one, mut after) = (Vec::new(), None);
    while let [next] =
        &cache.stale_rows(&default, since(at(20)), after.as_ref(), limit(1)).await.unwrap()[..]
    {
        one_by_one.push(next.clone());
        after = Some(next.clone());
    }
    assert_eq!(one_by_one, expected);
}

pub(crate) async fn a_verified_source_has_no_stale_rows_but_the_invalidated(cache: &Cache) {
    filled(cache).await;
    cache.verify("work", at(100)).await;
    let default = collection_id("default");
    let rows = cache.stale_rows(&default, since(at(99)), None, limit(50)).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["skill:c", "agent:d"]);
    let sources = cache.stale_sources(&default, since(at(100))).await.unwrap();
    assert_eq!((sources[1].rows, sources[1].oldest_sync), (3, Some(at(100))));
}

pub(crate) async fn the_census_counts_default_by_kind_and_health(cache: &Cache) {
    filled(cache).await;
    let broken = artifact("skill:e").in_health(Health::Broken);
    cache.put("home", [broken, artifact("skill:a").read_at(at(1))]).await;
    let census = cache.census().await.unwrap();
    let counted: Vec<_> = census.iter().map(|it| (it.kind.as_str(), it.health, it.rows)).collect();
    let expected =
        [("agent", Health::Ok, 1), ("skill", Health::Broken, 1), ("skill", Health::Ok, 3)];
    assert_eq!(counted, expected, "an id that two sources have counts once");
}

pub(crate) async fn no_more_connections_are_open_than_may_be(cache: &Cache) {
    filled(cache).await;
    let Connections { in_use, idle, limit } = cache.connections();
    assert!(in_use + idle <= limit, "{in_use} and {idle} of {limit}");
}

pub(crate) async fn what_is_known_at_a_path_is_known_by_that_path_alone(cache: &Cache) {
    filled(cache).await;
    let work = source_name("work");
    let all = cache.known(&work).await.unwrap();
    let paths = ["skills/a".to_owned(), "skills/c".to_owned(), "skills".to_owned()];
    let known = cache.known_at(&work, &paths).await.unwrap();
    assert_eq!(known.len(), 2);
    for id in ["skill:a", "skill:c"].map(artifact_id) {
        assert_eq!(known[&id], all[&id]);
    }
    assert!(known[&artifact_id("skill:c")].invalidated);
    assert!(cache.known_at(&source_name("home"), &paths).await.unwrap().is_empty());
    assert!(cache.known_at(&source_name("never"), &paths).await.unwrap().is_empty());
    assert!(cache.known_at(&work, &[]).await.unwrap().is_empty());
}
