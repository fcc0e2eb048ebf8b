//! Failures of the database: readiness reports them, pages go on where they can, and everything
//! goes on by itself once the database does.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use larder::app::Readiness;
use larder_tests::database::Database;
use poem::http::Method;
use serde_json::json;

use crate::{
    changes::on_both,
    hostile_writes::own_mounts::{inside, mount},
    house::{Backend, House, managed},
    proxy::Proxy,
};

/// Far longer than anything here takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a probe waits for readiness.
const PROBE: Duration = Duration::from_secs(2);

/// Rows that need several pages of SQLite's.
const ROWS: usize = 60;

async fn house_on(database: Database) -> House {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", ROWS);
    House::on(&files, database).await
}

/// Why Larder is not ready, within the time that a probe waits.
async fn unready(house: &House) -> String {
    let readiness = tokio::time::timeout(PROBE, house.larder.readiness()).await;
    match readiness.expect("an answer in time") {
        Readiness::Unavailable(error) => error.to_string(),
        other => panic!("it is {other:?}"),
    }
}

async fn becomes_ready(house: &House) {
    let waiting = async {
        while !matches!(house.larder.readiness().await, Readiness::Ready) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("Larder becomes ready again");
}

async fn artifacts(house: &House) -> u16 {
    house.send(Method::GET, "artifacts", None, None).await.status
}

async fn an_operation_that_the_database_fails_makes_larder_unready_until_it_succeeds(
    backend: Backend,
) {
    let house = house_on(Database::new(backend).await).await;
    house.database.execute("ALTER TABLE collection_artifacts RENAME TO away").await;
    assert_eq!(artifacts(&house).await, 503);
    assert!(unready(&house).await.contains("a table or column is missing"));

    house.database.execute("ALTER TABLE away RENAME TO collection_artifacts").await;
    assert_eq!(artifacts(&house).await, 200);
    becomes_ready(&house).await;
    house.close().await;
}

on_both! {
    an_operation_that_the_database_fails_makes_larder_unready_until_it_succeeds
}

fn path_of(database: &Database) -> PathBuf {
    database.url().strip_prefix("sqlite://").unwrap().into()
}

/// Writes over a page of a table, as a failing disk would.
async fn damage(database: &Database, table: &str) {
    let from_log = database.number("PRAGMA wal_checkpoint(TRUNCATE)").await;
    assert_eq!(from_log, 0, "nothing keeps the log");
    let root = format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'");
    let page = u64::try_from(database.number(&root).await).unwrap();
    let size = u64::try_from(database.number("PRAGMA page_size").await).unwrap();
    let file = fs::OpenOptions::new().write(true).open(path_of(database)).unwrap();
    let garbage = vec![0xa5; usize::try_from(size).unwrap()];
    file.write_all_at(&garbage, (page - 1) * size).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_a_page_meets_makes_larder_unready() {
    let house = house_on(Database::new(Backend::Sqlite).await).await;
    damage(&house.database, "collection_artifacts").await;
    let answer = house.send(Method::GET, "artifacts", None, None).await;
    let detail = answer.problem(503, "unavailable")["detail"].to_string();
    assert!(detail.contains("larder export"), "{detail}");
    assert!(unready(&house).await.contains("damaged"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sqlite_file_that_is_gone_makes_larder_unready_and_refuses_writes() {
    let house = house_on(Database::new(Backend::Sqlite).await).await;
    let path = path_of(&house.database);
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    let refused = house.post("user-collections", &json!({"name": "mine"})).await;
    let detail = refused.problem(503, "unavailable")["detail"].to_string();
    assert!(detail.contains("put it back, or stop the server"), "{detail}");
    assert!(unready(&house).await.contains("deleted or replaced"));
    // A read needs a connection from before: the last one may still be on its way back to the pool.
    let reading = async {
        while artifacts(&house).await != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("reads go on");

    fs::rename(&aside, &path).unwrap();
    becomes_ready(&house).await;
    house.post("user-collections", &json!({"name": "mine"})).await.is(201);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_sqlite_refuses_writes_until_there_is_room() {
    if !inside("database_failures::a_full_disk_under_sqlite_refuses_writes_until_there_is_room") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let filler = directory.path().join("filler");
    mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs", directory.path().to_str().unwrap()]);
    let url = format!("sqlite://{}", directory.path().join("larder.db").display());
    let house = house_on(Database::Sqlite { url, directory }).await;
    fill(&filler);
    writes_are_refused(&house).await;

    fs::remove_file(filler).unwrap();
    becomes_ready(&house).await;
    assert_eq!(house.get("artifacts/skill:s0").await["description"], "On a full disk.");
    house.post("user-collections", &json!({"name": "mine"})).await.is(201);
    house.refresh("work").await;
    house.close().await;
}

/// Takes all the room of a disk of four MiB.
fn fill(filler: &Path) {
    assert!(fs::write(filler, vec![0; 5 << 20]).is_err(), "the disk is full");
}

async fn writes_are_refused(house: &House) {
    let edit = json!({"description": "On a full disk."});
    let saved = house.put("artifacts/skill:s0/metadata", Some("*"), &edit).await.is(200);
    assert_eq!(saved["cache"], "pending", "the file is written");
    let refused = house.post("user-collections", &json!({"name": "mine"})).await;
    let detail = refused.problem(503, "unavailable")["detail"].to_string();
    assert!(detail.contains("its disk is full"), "{detail}");
    let refresh = "user-collections/work/refresh-cache";
    assert_eq!(house.send(Method::POST, refresh, None, None).await.status, 503);
    assert_eq!(artifacts(house).await, 200, "reads go on");
    assert!(unready(house).await.contains("its disk is full"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_closed_idle_connections_costs_no_request() {
    let (proxy, database) = Proxy::start().await;
    let house = house_on(database).await;
    for write in [false, true, false] {
        let (first, second, third) =
            tokio::join!(artifacts(&house), artifacts(&house), artifacts(&house));
        assert_eq!([first, second, third], [200; 3]);
        let idle = format!(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
             WHERE pid <> pg_backend_pid() AND {}",
            proxy.connections()
        );
        assert!(house.database.execute(&idle).await > 0, "there are idle connections");
        if write {
            let name = json!({"name": "made at once"});
            house.post("user-collections", &name).await.is(201);
        }
        for _ in 0..3 {
            assert_eq!(artifacts(&house).await, 200);
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_reports_a_server_that_hangs_in_time() {
    let (proxy, database) = Proxy::start().await;
    let house = house_on(database).await;
    becomes_ready(&house).await;
    proxy.freeze(true);
    assert!(unready(&house).await.contains("does not answer"));
    proxy.freeze(false);
    becomes_ready(&house).await;
    house.close().await;
}
