//! A server that is killed in the middle of a refresh.

use std::{collections::BTreeSet, thread, time::Duration};

use larder::{
    domain::{
        cursor::Cursor,
        id::CollectionId,
        query::{ArtifactQuery, Limit, Position},
    },
    ports::CacheReader,
};
use serde_json::Value;

use crate::binary::{Home, Server};

const ARTIFACTS: usize = 5_000;
const KILLS: u32 = 10;

/// Writes every artifact anew, so that the next refresh changes every row.
fn write_all(home: &Home, round: u32) {
    for n in 0..ARTIFACTS {
        let text = format!("---\nname: s{n}\ndescription: round {round}\n---\n# s{n}\n");
        home.write(&format!("files/skills/s{n}/SKILL.md"), &text);
    }
}

fn serve(home: &Home) -> Server {
    let server = home.serve(&["--directory", "files=~/files"]);
    server.ready();
    server
}

fn refresh(server: &Server) -> Value {
    let (status, text) = server.post("/api/v1/user-collections/files/refresh-cache");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Every description on every page of a collection, and how many rows there are.
fn read_pages(home: &Home, collection: &str) -> (BTreeSet<String>, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url =
            format!("sqlite://{}", home.path().join(".local/share/larder/larder.db").display());
        let database = larder_sqlite::connect(&url, 1).await.unwrap();
        let collection = CollectionId::new(collection).unwrap();
        let mut query =
            ArtifactQuery { limit: Limit::new(Limit::MAX).unwrap(), ..ArtifactQuery::default() };
        let (mut descriptions, mut rows) = (BTreeSet::new(), 0);
        loop {
            let page = database.page(&collection, &query).await.unwrap().unwrap();
            assert_eq!(page.total_count, ARTIFACTS as u64);
            rows += page.rows.len();
            if let Some(last) = page.rows.last() {
                query.position = Position::After(Cursor::at(last, &collection, &query));
            }
            let texts = page.rows.into_iter().map(|row| row.artifact.metadata.description);
            descriptions.extend(texts.flatten());
            if !page.has_next {
                break;
            }
        }
        database.close().await;
        (descriptions, rows)
    })
}

#[test]
fn a_server_killed_during_a_refresh_leaves_the_state_before_or_after() {
    let home = Home::new();
    // A watcher would read some of a round's files before the others are written.
    home.write(".config/larder/larder.toml", "[cache]\nwatch = false\n");
    write_all(&home, 0);
    let mut server = serve(&home);
    let full = Duration::from_millis(refresh(&server)["duration_ms"].as_u64().unwrap());
    let mut cut_off = 0;
    for round in 1..=KILLS {
        write_all(&home, round);
        let request = server.begin_post("/api/v1/user-collections/files/refresh-cache");
        // The moments lie all over a refresh, none of them twice at the same place.
        thread::sleep(full * round / KILLS + Duration::from_millis(u64::from(round * 7 % 10)));
        drop(server);
        // Its answer, if there was one, is nobody's business any more.
        let _ = request.join();

        let (before, after) = (format!("round {}", round - 1), format!("round {round}"));
        for collection in ["files", "default"] {
            let (descriptions, rows) = read_pages(&home, collection);
            assert_eq!(rows, ARTIFACTS, "{collection} after kill {round}");
            assert_eq!(descriptions.len(), 1, "{collection} after kill {round}: {descriptions:?}");
            assert!(descriptions.contains(&before) || descriptions.contains(&after));
            cut_off += u32::from(descriptions.contains(&before));
        }
        server = serve(&home);
        assert_eq!(refresh(&server)["status"], "completed");
        let (status, page) = server.get("/api/v1/user-collections/files/artifacts?limit=1");
        assert!(status == 200 && page.contains(&after), "a new refresh completes: {page}");
    }
    assert!(cut_off > 0, "no kill came early enough to cut anything off");
}
