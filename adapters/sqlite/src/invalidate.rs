//! Marking rows as in need of a read.

use larder::domain::{
    Timestamp,
    change::{CollectionChange, TouchedCollections},
    delta::Scope,
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{
    collections,
    error::Result,
    row::{VISIBLE, micros},
};

/// Sets `invalidated_at` within the caller's transaction; answers on how many rows, and what has
/// changed.
pub(crate) async fn invalidate(
    writer: &mut SqliteConnection,
    scope: &Scope,
    at: Timestamp,
) -> Result<(u64, Vec<CollectionChange>)> {
    let at_micros = micros(at);
    // A row that was invalid before, or has been read since, looks the same afterwards.
    let mut sql = QueryBuilder::new("SELECT DISTINCT a.collection_id FROM collection_artifacts a");
    push_scope(&mut sql, scope);
    sql.push(
        " AND (a.invalidated_at IS NULL OR a.invalidated_at < a.synced_at) AND a.synced_at <= ",
    )
    .push_bind(at_micros);
    let changed: Vec<String> = sql.build_query_scalar().fetch_all(&mut *writer).await?;

    let mut sql = QueryBuilder::new("UPDATE collection_artifacts AS a SET invalidated_at = max(");
    sql.push_bind(at_micros).push(", COALESCE(a.invalidated_at, ").push_bind(at_micros).push("))");
    push_scope(&mut sql, scope);
    let rows = sql.build().execute(&mut *writer).await?.rows_affected();
    let mut touched = TouchedCollections::default();
    for collection in &changed {
        touched.touch(collection);
    }
    Ok((rows, collections::bump(writer, &touched, at).await?))
}

fn push_scope(sql: &mut QueryBuilder<Sqlite>, scope: &Scope) {
    sql.push(" WHERE ").push(VISIBLE);
    match scope {
        Scope::Artifact(collection, id) => sql
            .push(" AND a.collection_id = ")
            .push_bind(collection.as_str())
            .push(" AND a.artifact_id = ")
            .push_bind(id.as_str()),
        Scope::Collection(collection) => {
            sql.push(" AND a.collection_id = ").push_bind(collection.as_str())
        }
        Scope::Source(source) => sql.push(" AND a.source_collection = ").push_bind(source.as_str()),
    };
}
