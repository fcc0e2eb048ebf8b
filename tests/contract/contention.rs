//! Everything that writes, all at once: nobody is refused because of the others.

use std::sync::Arc;

use larder::{
    domain::{
        curated::NewCollection,
        delta::{Delta, Recheck, Scope, Verified},
        disks::Disks,
        id::ArtifactId,
    },
    ports::CacheRepository,
    testing::{
        BuildArtifact, artifact, artifact_id, at, collection_id, order, source, source_name,
    },
};
use tokio::task::JoinSet;

use crate::cache::{Cache, delta, now};

/// How often each of them writes.
const ROUNDS: i64 = 8;
/// Artifacts of each source: enough for two transactions to meet in the middle of them.
const ARTIFACTS: usize = 60;

fn ids() -> Vec<ArtifactId> {
    (0..ARTIFACTS).map(|n| artifact_id(&format!("skill:s{n:02}"))).collect()
}

/// Reads everything anew, and misses every third.
async fn store_and_remove(cache: Arc<dyn CacheRepository>, name: &'static str) {
    for round in 1..=ROUNDS {
        let upsert = |id: ArtifactId| artifact(id.as_str()).read_at(at(round * 10));
        let upserts = ids().into_iter().map(upsert).collect();
        let stored = Delta { order: order(round * 10), upserts, anew: true, ..delta(name) };
        cache.apply(stored).await.unwrap();
        let removals = ids().into_iter().step_by(3).collect();
        let removed = Delta { order: order(round * 10 + 1), removals, ..delta(name) };
        cache.apply(removed).await.unwrap();
    }
}

/// Finds everything as it was, in an order of its own.
async fn recheck(cache: Arc<dyn CacheRepository>, name: &'static str, backwards: bool) {
    for round in 1..=ROUNDS {
        let seen = |id: ArtifactId| Recheck {
            revision: artifact(id.as_str()).revision,
            id,
            fingerprint: Some(round.to_string()),
            read_at: at(1_000_000),
        };
        let mut rechecks: Vec<Recheck> = ids().into_iter().map(seen).collect();
        if backwards {
            rechecks.reverse();
        }
        let verified =
            Some(Verified { at: at(round), manifest_hash: None, disks: Disks::default() });
        let found = Delta { order: order(1_000_000 + round), rechecks, verified, ..delta(name) };
        cache.apply(found).await.unwrap();
    }
}

/// A source comes and goes.
async fn register(cache: Arc<dyn CacheRepository>, comes_and_goes: &'static str) {
    for round in 1..=ROUNDS {
        let names = ["a", "b", comes_and_goes];
        let names = if round % 2 == 0 { &names[..] } else { &names[..2] };
        let sources: Vec<_> = names.iter().map(|name| source(name)).collect();
        cache.register(&sources, now()).await.unwrap();
    }
}

/// Makes, fills, empties and deletes collections.
async fn curate(cache: Arc<dyn CacheRepository>, letter: char) {
    for round in 1..=ROUNDS {
        let id = collection_id(&format!("01JGF00000000000000000{letter}{round:03}"));
        let new = NewCollection::new(&format!("{letter} {round}"), None).unwrap();
        cache.create_collection(&id, &new, None, now()).await.unwrap();
        cache.add_members(&id, &ids(), order(1_000), now()).await.unwrap();
        for member in ids().iter().step_by(20) {
            cache.remove_member(&id, member, now()).await.unwrap();
        }
        if round % 2 == 0 {
            cache.delete_collection(&id).await.unwrap();
        }
    }
}

/// Marks rows as in need of a read, and takes away what is long gone.
async fn invalidate(cache: Arc<dyn CacheRepository>) {
    for round in 1..=ROUNDS {
        cache.invalidate(&Scope::Source(source_name("a")), order(round), at(round)).await.unwrap();
        let default = Scope::Collection(collection_id("default"));
        cache.invalidate(&default, order(round), at(round)).await.unwrap();
        cache.purge_missing(at(0)).await.unwrap();
    }
}

pub(crate) async fn whatever_writes_at_once_stands_in_nobodys_way(cache: &Cache) {
    cache.register(&["a", "b", "c"]).await;
    let mut writers = JoinSet::new();
    for name in ["a", "a", "b"] {
        writers.spawn(store_and_remove(Arc::clone(cache), name));
        writers.spawn(recheck(Arc::clone(cache), name, name == "b"));
    }
    writers.spawn(recheck(Arc::clone(cache), "a", true));
    writers.spawn(recheck(Arc::clone(cache), "c", true));
    writers.spawn(store_and_remove(Arc::clone(cache), "c"));
    for letter in ['A', 'B', 'C'] {
        writers.spawn(curate(Arc::clone(cache), letter));
    }
    writers.spawn(register(Arc::clone(cache), "c"));
    writers.spawn(register(Arc::clone(cache), "d"));
    writers.spawn(invalidate(Arc::clone(cache)));
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    let default = cache.collection_of("default").await;
    assert_eq!(cache.ids("default").await.len() as u64, default.artifact_count);
}
