//! What follows from the rows of the sources' homes: `default`, and the curated collections.

use std::sync::LazyLock;

use larder::domain::{Timestamp, change::TouchedCollections, id::SourceName};
use sqlx::PgConnection;

use crate::{
    error::Result,
    row::{CHUNK, count, micros, values},
    tags,
};

const DEFAULT: &[&str] = &["default"];

/// What a row that takes over another one's values takes with them. The later of the two
/// invalidations stays: neither row was read since.
fn taken_from(other: &str) -> String {
    let own = "collection_artifacts.invalidated_order";
    let its = format!("{other}.invalidated_order");
    let columns = values(|column| format!("{column} = {other}.{column}"));
    format!(
        "source_collection = {other}.source_collection, missing_since = NULL, \
         invalidated_order = GREATEST({own}, {its}), {columns}"
    )
}

/// `INSERT` of rows into `default`, to be followed by the `SELECT` of [`copied`] columns.
static INTO_DEFAULT: LazyLock<String> = LazyLock::new(|| {
    let columns = values(str::to_owned);
    format!(
        "INSERT INTO collection_artifacts (collection_id, artifact_id, source_collection, \
         added_at, invalidated_order, {columns})"
    )
});

fn copied() -> String {
    let columns = values(|column| format!("m.{column}"));
    format!(
        "'default', m.artifact_id, m.source_collection, m.added_at, m.invalidated_order, {columns}"
    )
}

/// Copies a mirror's rows of these artifacts to `default`, where they win: over the source's own
/// row, and over one of a source that comes later. Answers which did.
pub(crate) async fn promote(
    writer: &mut PgConnection,
    home: &str,
    ids: &[&str],
) -> Result<Vec<String>> {
    static PROMOTE: LazyLock<String> = LazyLock::new(|| {
        let (into, copied) = (&*INTO_DEFAULT, copied());
        let taken = taken_from("excluded");
        format!(
            "{into} SELECT {copied} FROM collection_artifacts m WHERE m.collection_id = $1 \
                 AND m.artifact_id = ANY($2) \
             ON CONFLICT (collection_id, artifact_id) DO UPDATE \
                 SET added_at = excluded.added_at, {taken} \
             WHERE collection_artifacts.source_collection <> 'default' \
                 AND collection_artifacts.source_collection >= excluded.source_collection \
             RETURNING collection_artifacts.artifact_id"
        )
    });
    tags::remove(writer, DEFAULT, ids).await?;
    let mut promoted = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let chunk = sqlx::query_scalar::<_, String>(PROMOTE.as_str())
            .bind(home)
            .bind(chunk)
            .fetch_all(&mut *writer)
            .await?;
        promoted.extend(chunk);
    }
    tags::add(writer, DEFAULT, ids).await?;
    Ok(promoted)
}

/// Takes a source's rows of these artifacts out of `default`; answers which were there.
pub(crate) async fn withdraw(
    writer: &mut PgConnection,
    source: &SourceName,
    ids: &[&str],
) -> Result<Vec<String>> {
    const WITHDRAW: &str = "DELETE FROM collection_artifacts WHERE collection_id = 'default' \
             AND source_collection = $1 AND artifact_id = ANY($2) \
         RETURNING collection_artifacts.artifact_id";
    tags::remove(writer, DEFAULT, ids).await?;
    let gone = sqlx::query_scalar(WITHDRAW)
        .bind(source.as_str())
        .bind(ids)
        .fetch_all(&mut *writer)
        .await?;
    tags::add(writer, DEFAULT, ids).await?;
    Ok(gone)
}

/// Gives `default` the best remaining row of artifacts that it has none of; answers how many got one.
pub(crate) async fn succeed(writer: &mut PgConnection, ids: &[&str]) -> Result<u64> {
    static SUCCEED: LazyLock<String> = LazyLock::new(|| {
        let (into, copied) = (&*INTO_DEFAULT, copied());
        format!(
            "{into} SELECT {copied} FROM ( \
                 SELECT a.*, ROW_NUMBER() OVER ( \
                     PARTITION BY a.artifact_id ORDER BY a.source_collection) AS place \
                 FROM collection_artifacts a \
                 JOIN collections c ON c.id = a.collection_id AND c.kind = 'mirror' \
                 JOIN sources s ON s.name = c.source_collection AND s.attached \
                 WHERE a.artifact_id = ANY($1) \
                     AND a.type IS NOT NULL) m \
             WHERE m.place = 1"
        )
    });
    let done = sqlx::query(SUCCEED.as_str()).bind(ids).execute(&mut *writer).await?;
    tags::add(writer, DEFAULT, ids).await?;
    Ok(done.rows_affected())
}

/// What happened to members of curated collections.
#[derive(Default)]
pub(crate) struct Followed {
    /// How many rows were hidden.
    pub(crate) hidden: u64,
    /// How many hidden rows are shown again.
    pub(crate) returned: u64,
}

/// Gives the members of curated collections the values of `default`'s rows, and hides those that
/// have none there any more.
pub(crate) async fn follow(
    writer: &mut PgConnection,
    ids: &[&str],
    now: Timestamp,
    touched: &mut TouchedCollections,
) -> Result<Followed> {
    const HOLDERS: &str = "SELECT DISTINCT a.collection_id FROM collection_artifacts a \
         WHERE a.artifact_id = ANY($1) \
             AND a.collection_id IN (SELECT id FROM collections WHERE kind = 'curated')";
    static UPDATE: LazyLock<String> = LazyLock::new(|| {
        let taken = taken_from("d");
        format!(
            "UPDATE collection_artifacts SET {taken} FROM collection_artifacts d \
             WHERE d.collection_id = 'default' \
                 AND d.artifact_id = collection_artifacts.artifact_id \
                 AND collection_artifacts.collection_id = ANY($1) \
                 AND collection_artifacts.artifact_id = ANY($2) \
             RETURNING collection_artifacts.collection_id"
        )
    });
    const RETURNED: &str = "SELECT COUNT(*) FROM collection_artifacts a \
         WHERE a.collection_id = ANY($1) AND a.artifact_id = ANY($2) \
             AND a.missing_since IS NOT NULL \
             AND EXISTS (SELECT 1 FROM collection_artifacts d \
                 WHERE d.collection_id = 'default' AND d.artifact_id = a.artifact_id)";
    const HIDE: &str = "UPDATE collection_artifacts SET missing_since = $3 \
         WHERE collection_id = ANY($1) \
             AND artifact_id = ANY($2) AND missing_since IS NULL \
             AND NOT EXISTS (SELECT 1 FROM collection_artifacts d \
                 WHERE d.collection_id = 'default' \
                     AND d.artifact_id = collection_artifacts.artifact_id) \
         RETURNING collection_id";
    let holders: Vec<String> =
        sqlx::query_scalar(HOLDERS).bind(ids).fetch_all(&mut *writer).await?;
    if holders.is_empty() {
        return Ok(Followed::default());
    }
    let holders: Vec<_> = holders.iter().map(String::as_str).collect();
    tags::remove(writer, &holders, ids).await?;
    let returned: i64 =
        sqlx::query_scalar(RETURNED).bind(&holders).bind(ids).fetch_one(&mut *writer).await?;
    let changed: Vec<String> = sqlx::query_scalar(UPDATE.as_str())
        .bind(&holders)
        .bind(ids)
        .fetch_all(&mut *writer)
        .await?;
    let hidden: Vec<String> = sqlx::query_scalar(HIDE)
        .bind(&holders)
        .bind(ids)
        .bind(micros(now))
        .fetch_all(&mut *writer)
        .await?;
    tags::add(writer, &holders, ids).await?;
    for collection in &changed {
        touched.write(collection, 1);
    }
    for collection in &hidden {
        touched.remove(collection, 1);
    }
    Ok(Followed { hidden: hidden.len() as u64, returned: count(returned)? })
}
