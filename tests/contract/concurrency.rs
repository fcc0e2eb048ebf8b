//! Reads while writes are going on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use larder::{
    domain::{
        artifact::Health,
        delta::Delta,
        page::ArtifactPage,
        query::{ArtifactQuery, Filter, Limit},
    },
    ports::CacheRepository,
    testing::{BuildArtifact, artifact, at, collection_id, limit, order, source_name},
};

use crate::cache::{Cache, delta};

/// Rows that each write adds.
const ROWS: u64 = 7;
const WRITES: u64 = 20;

/// The state after that many writes holds so many rows, all described alike.
fn check(page: &ArtifactPage, first_generation: u64) {
    let writes = page.generation - first_generation;
    assert_eq!(page.total_count, writes * ROWS, "rows and generation are of one moment");
    assert_eq!(page.rows.len() as u64, page.total_count.min(u64::from(Limit::MAX)));
    let expected = format!("write {writes}");
    for row in &page.rows {
        assert_eq!(row.artifact.metadata.description.as_ref(), Some(&expected));
    }
}

async fn read_until(
    repository: Arc<dyn CacheRepository>,
    collection: &'static str,
    filter: Filter,
    first_generation: u64,
    done: Arc<AtomicBool>,
) -> u64 {
    let query = ArtifactQuery { filter, limit: limit(Limit::MAX), ..ArtifactQuery::default() };
    let id = collection_id(collection);
    let mut last = 0;
    loop {
        let ends = done.load(Ordering::SeqCst);
        let page = repository.page(&id, &query).await.unwrap().unwrap();
        check(&page, first_generation);
        assert!(page.generation >= last, "no reader goes back in time");
        last = page.generation;
        if ends {
            return last;
        }
    }
}

/// Each write adds rows and rewrites all that are there.
pub(crate) async fn a_reader_sees_the_state_before_or_after_a_write(cache: &Cache) {
    cache.register(&["work"]).await;
    let done = Arc::new(AtomicBool::new(false));
    let healthy = Filter { health: Some(Health::Ok), ..Filter::default() };
    let mut readers = Vec::new();
    for (collection, filter) in
        [("work", Filter::default()), ("default", Filter::default()), ("default", healthy)]
    {
        let generation = cache.generation(collection).await;
        let repository = Arc::clone(cache);
        readers.push(tokio::spawn(read_until(
            repository,
            collection,
            filter,
            generation,
            Arc::clone(&done),
        )));
    }
    for write in 1..=WRITES {
        let read_at = at(i64::try_from(write).unwrap());
        let rows = (0..write * ROWS).map(|number| {
            let text = format!("write {write}");
            artifact(&format!("skill:n{number:03}")).described(&text).read_at(read_at)
        });
        cache.put("work", rows).await;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() >= WRITES);
    }
}

pub(crate) async fn writes_of_several_sources_at_once_are_all_kept(cache: &Cache) {
    let names = ["a", "b", "c", "d", "default"];
    cache.register(&names).await;
    let before = cache.generation("default").await;
    let mut writers = Vec::new();
    for name in names {
        let repository = Arc::clone(cache);
        writers.push(tokio::spawn(async move {
            for write in 0..WRITES {
                let upserts = vec![
                    artifact("skill:shared")
                        .described(&format!("{name} {write}"))
                        .read_at(at(i64::try_from(write).unwrap())),
                    artifact(&format!("skill:{name}{write:02}")),
                ];
                let order = order(i64::try_from(write).unwrap());
                let delta = Delta { order, upserts, ..delta(name) };
                repository.apply(delta).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let default = cache.collection_of("default").await;
    assert_eq!(default.artifact_count, names.len() as u64 * WRITES + 1);
    assert_eq!(default.generation, before + names.len() as u64 * WRITES, "each added a row");
    let shared = cache.description("default", "skill:shared").await.unwrap();
    assert_eq!(shared, format!("default {}", WRITES - 1));
    assert_eq!(cache.ids("default").await.len() as u64, default.artifact_count);
}

pub(crate) async fn leases_of_two_sources_do_not_wait_for_each_other(cache: &Cache) {
    let (one, other) = (source_name("leased-one"), source_name("leased-other"));
    cache.register(&[one.as_str(), other.as_str()]).await;
    let first = cache.lease(&one).await.unwrap();
    let second = cache.lease(&other).await.unwrap();
    drop(first);
    let again = cache.lease(&one).await.unwrap();
    drop((second, again));
}

pub(crate) async fn writes_and_reads_go_on_while_a_lease_is_held(cache: &Cache) {
    let name = "leased-and-written";
    cache.register(&[name]).await;
    let lease = cache.lease(&source_name(name)).await.unwrap();
    cache.put(name, [artifact("skill:pdf")]).await;
    assert_eq!(cache.ids("default").await, ["skill:pdf"]);
    drop(lease);
}
