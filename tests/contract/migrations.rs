//! The schema, up and down, on both databases. The fake has none.

use std::{fs, path::Path};

use larder::{
    domain::{
        delta::{Delta, Scope, Verified},
        disks::Disks,
        query::{ArtifactQuery, CollectionQuery, Filter, Search},
    },
    ports::{Migration, RepositoryError},
    testing::{
        BuildArtifact, artifact, artifact_id, at, collection_id, order, source, source_name,
    },
};
use larder_tests::database::{Backend, Database, SqlRepository};
use serde_json::json;

use crate::cache::{delta, now};

contract! { crate::migrations::Blank, sqlite postgres: {
    migrations {
        a_fresh_database_says_what_it_needs
        a_filled_database_goes_down_and_up_with_its_memberships
        rows_that_cannot_be_searched_are_written_again
        secrets_that_an_earlier_version_stored_are_gone
        what_an_older_version_read_while_its_clock_was_ahead_is_read_again
        what_was_invalidated_stays_so_up_and_down
        the_last_step_down_leaves_nothing_that_hinders_the_way_up
        a_database_of_a_newer_larder_is_refused
        data_outlives_the_connection
    }
} }

/// A database without a schema.
pub(crate) struct Blank(Database);

impl Blank {
    async fn sqlite() -> Self {
        Self(Database::new(Backend::Sqlite).await)
    }

    async fn postgres() -> Self {
        Self(Database::new(Backend::Postgres).await)
    }

    async fn close(self) {
        self.0.remove().await;
    }
}

/// File names, without the directory, in order.
fn listing(backend: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(backend);
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn both_databases_have_the_same_migrations() {
    let sqlite = listing("sqlite");
    assert_eq!(sqlite, listing("postgres"));
    for pair in sqlite.chunks(2) {
        let name = pair[0].strip_suffix(".down.sql").expect("every migration goes down");
        assert_eq!(pair[1], format!("{name}.up.sql"));
    }
}

pub(crate) async fn a_fresh_database_says_what_it_needs(Blank(database): &Blank) {
    let repository = database.connect().await.unwrap();
    let pending = repository.status().await.unwrap();
    assert_eq!(pending.len() * 2, listing("sqlite").len());
    assert!(pending.iter().all(|migration| !migration.applied));
    assert!(matches!(repository.check().await, Err(RepositoryError::Schema(_))));
    assert_eq!(repository.down().await.unwrap(), None);

    let applied = repository.up().await.unwrap();
    let versions =
        |list: &[Migration]| list.iter().map(|migration| migration.version).collect::<Vec<_>>();
    assert_eq!(versions(&applied), versions(&pending));
    assert_eq!(applied[0].name, "collections");
    assert!(applied.iter().all(|migration| migration.applied));
    assert_eq!(repository.status().await.unwrap(), applied);
    repository.check().await.unwrap();
    assert_eq!(repository.up().await.unwrap(), [], "once is enough");
    repository.check().await.unwrap();
}

pub(crate) async fn a_filled_database_goes_down_and_up_with_its_memberships(
    Blank(database): &Blank,
) {
    const MEMBERSHIPS: &str = "SELECT COUNT(*) FROM collection_artifacts \
         WHERE source_collection = 'work' AND artifact_id IN ('skill:pdf', 'skill:tea')";
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf").tagged(&["doc"]), artifact("skill:tea")];
    let filled = Delta { upserts, ..delta("work") };
    repository.apply(filled.clone()).await.unwrap();
    assert_eq!(database.number(MEMBERSHIPS).await, 4);

    let count = repository.status().await.unwrap().len();
    for left in (1..count).rev() {
        let down = repository.down().await.unwrap().expect("one to take back");
        assert!(!down.applied);
        let applied = repository.status().await.unwrap().iter().filter(|m| m.applied).count();
        assert_eq!(applied, left);
        assert_eq!(database.number(MEMBERSHIPS).await, 4, "after {}", down.name);
        assert!(matches!(repository.check().await, Err(RepositoryError::Schema(_))));
    }
    assert_eq!(repository.up().await.unwrap().len(), count - 1);
    assert_eq!(database.number(MEMBERSHIPS).await, 4);
    repository.check().await.unwrap();

    // What the lower schema could not hold comes back with the next refresh.
    repository.register(&[source("work")], now()).await.unwrap();
    assert!(
        repository
            .known(&source_name("work"))
            .await
            .unwrap()
            .values()
            .all(|known| { known.fingerprint.is_none() })
    );
    repository.apply(filled).await.unwrap();
    let search = Filter { search: Search::new("pdf"), ..Filter::default() };
    for collection in ["work", "default"] {
        let collection = collection_id(collection);
        let query = ArtifactQuery::default();
        assert_eq!(repository.page(&collection, &query).await.unwrap().unwrap().total_count, 2);
        let query = ArtifactQuery { filter: search.clone(), ..query };
        assert_eq!(repository.page(&collection, &query).await.unwrap().unwrap().total_count, 1);
    }
}

pub(crate) async fn rows_that_cannot_be_searched_are_written_again(Blank(database): &Blank) {
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let pdf = artifact("skill:pdf");
    let filled = Delta { upserts: vec![pdf.clone()], ..delta("work") };
    repository.apply(filled).await.unwrap();
    down_to(&*repository, 2).await;
    repository.up().await.unwrap();
    let known = repository.known(&source_name("work")).await.unwrap();
    assert!(known[&pdf.id].invalidated);
    assert_ne!(known[&pdf.id].revision, pdf.revision, "or the next read would change nothing");
}

pub(crate) async fn secrets_that_an_earlier_version_stored_are_gone(Blank(database): &Blank) {
    const SECRET: &str = "q7mk2px9vl4z";
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let mut stored = artifact("mcp:db").tagged(&["doc"]);
    stored.metadata.description = Some(format!("Needs {SECRET}."));
    stored.metadata.extra =
        json!({"args": ["--token", SECRET]}).as_object().cloned().unwrap_or_default();
    stored.provenance.source = Some(format!("https://u:{SECRET}@h"));
    let id = stored.id.clone();
    repository.apply(Delta { upserts: vec![stored.clone()], ..delta("work") }).await.unwrap();
    while repository.status().await.unwrap().iter().any(|m| m.name == "secrets" && m.applied) {
        repository.down().await.unwrap();
    }
    repository.up().await.unwrap();

    let row = repository.artifact(&collection_id("default"), &id).await.unwrap().unwrap();
    assert_eq!(row.artifact.metadata.tags, ["doc"], "the row itself stays");
    assert_eq!(row.synced_at, None, "and is to be read again");
    assert!(!database.holds(SECRET).await, "no row and no free page holds it");
    let again = stored.clone().read_at(at(60));
    let again = Delta { order: order(60), upserts: vec![again], ..delta("work") };
    repository.apply(again).await.unwrap();
    let row = repository.artifact(&collection_id("default"), &id).await.unwrap().unwrap();
    assert_eq!(row.artifact.metadata, stored.metadata, "the next read fills it");
}

/// Takes migrations back until so many are left.
async fn down_to(repository: &dyn SqlRepository, left: usize) {
    let applied = async || repository.status().await.unwrap().iter().filter(|m| m.applied).count();
    while applied().await > left {
        repository.down().await.unwrap();
    }
}

/// How many migrations there were before reads had an order.
const BEFORE_ORDERS: usize = 7;

pub(crate) async fn what_an_older_version_read_while_its_clock_was_ahead_is_read_again(
    Blank(database): &Blank,
) {
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf"), artifact("skill:tea")];
    let verified = Some(Verified { at: at(0), manifest_hash: None, disks: Disks::default() });
    repository.apply(Delta { upserts, verified, ..delta("work") }).await.unwrap();
    down_to(&*repository, BEFORE_ORDERS).await;
    let ahead = at(172_800).timestamp_micros();
    database.execute(&format!("UPDATE collection_artifacts SET synced_at = {ahead}")).await;
    database.execute(&format!("UPDATE sources SET verified_at = {ahead}")).await;
    repository.up().await.unwrap();

    let order = repository.next_order(now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf").described("edited").read_at(now())];
    let removals = vec![artifact_id("skill:tea")];
    let verified = Some(Verified { at: now(), manifest_hash: None, disks: Disks::default() });
    let seen = Delta { order, upserts, removals, verified, ..delta("work") };
    assert_eq!(repository.apply(seen).await.unwrap().removed, 1);
    let row = repository.artifact(&collection_id("default"), &artifact_id("skill:pdf")).await;
    let row = row.unwrap().unwrap();
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("edited"));
    assert_eq!(row.synced_at, Some(now()));
    assert_eq!(repository.registered().await.unwrap()[0].verified_at, Some(now()));
}

pub(crate) async fn what_was_invalidated_stays_so_up_and_down(Blank(database): &Blank) {
    const INVALIDATED: &str = "SELECT COUNT(*) FROM collection_artifacts \
         WHERE artifact_id = 'skill:tea' AND invalidated_at >= synced_at";
    const VALID: &str = "SELECT COUNT(*) FROM collection_artifacts \
         WHERE artifact_id = 'skill:pdf' AND invalidated_at IS NULL";
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf"), artifact("skill:tea")];
    repository.apply(Delta { upserts, ..delta("work") }).await.unwrap();
    let order = repository.next_order(at(172_800)).await.unwrap();
    let everything = Scope::Source(source_name("work"));
    repository.invalidate(&everything, order, now()).await.unwrap();
    let order = repository.next_order(now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf").read_at(now())];
    repository.apply(Delta { order, upserts, ..delta("work") }).await.unwrap();

    down_to(&*repository, BEFORE_ORDERS).await;
    assert_eq!((database.number(INVALIDATED).await, database.number(VALID).await), (2, 2));
    repository.up().await.unwrap();
    let known = repository.known(&source_name("work")).await.unwrap();
    assert!(known[&artifact_id("skill:tea")].invalidated);
    assert!(!known[&artifact_id("skill:pdf")].invalidated);
}

pub(crate) async fn the_last_step_down_leaves_nothing_that_hinders_the_way_up(
    Blank(database): &Blank,
) {
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf").read_at(at(5))];
    repository.apply(Delta { upserts, ..delta("work") }).await.unwrap();
    while repository.down().await.unwrap().is_some() {}
    assert!(matches!(repository.check().await, Err(RepositoryError::Schema(_))));
    repository.up().await.unwrap();
    let collections = repository.collections(&CollectionQuery::default()).await.unwrap();
    assert_eq!(collections.total_count, 0);
    let gone = repository.artifact(&collection_id("work"), &artifact_id("skill:pdf")).await;
    assert_eq!(gone.unwrap(), None);
}

pub(crate) async fn a_database_of_a_newer_larder_is_refused(Blank(database): &Blank) {
    let repository = database.migrated().await;
    database
        .execute(
            "INSERT INTO _sqlx_migrations \
             (version, description, installed_on, success, checksum, execution_time) \
             SELECT 9999, 'from the future', installed_on, success, checksum, execution_time \
             FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    for refusal in [
        repository.up().await.map(drop),
        repository.check().await,
        repository.down().await.map(drop),
    ] {
        let Err(RepositoryError::Schema(why)) = refusal else { panic!("{refusal:?}") };
        assert!(why.contains("newer"), "{why}");
    }
}

pub(crate) async fn data_outlives_the_connection(Blank(database): &Blank) {
    let repository = database.migrated().await;
    repository.register(&[source("work")], now()).await.unwrap();
    let upserts = vec![artifact("skill:pdf")];
    repository.apply(Delta { upserts, ..delta("work") }).await.unwrap();
    drop(repository);
    let repository = database.migrated().await;
    let row = repository.artifact(&collection_id("default"), &artifact_id("skill:pdf")).await;
    assert!(row.unwrap().is_some());
}
