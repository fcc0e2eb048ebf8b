//! Marking rows as in need of a read.

use larder::domain::{
    Timestamp,
    change::{CollectionChange, TouchedCollections},
    delta::Scope,
    read_order::ReadOrder,
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{collections, error::Result, row::VISIBLE};

/// Sets `invalidated_order` within the caller's transaction; answers on how many rows, and what has
/// changed.
pub(crate) async fn invalidate(
    writer: &mut SqliteConnection,
    scope: &Scope,
    order: ReadOrder,
    now: Timestamp,
) -> Result<(u64, Vec<CollectionChange>)> {
    // A row that was invalid before, or has been read since, looks the same afterwards.
    let mut sql = QueryBuilder::new("SELECT DISTINCT a.collection_id FROM collection_artifacts a");
    push_scope(&mut sql, scope);
    sql.push(
        " AND (a.invalidated_order IS NULL OR a.invalidated_order < a.read_order) AND a.read_order <= ",
    )
    .push_bind(order.number());
    let changed: Vec<String> = sql.build_query_scalar().fetch_all(&mut *writer).await?;

    let mut sql =
        QueryBuilder::new("UPDATE collection_artifacts AS a SET invalidated_order = max(");
    sql.push_bind(order.number())
        .push(", COALESCE(a.invalidated_order, ")
        .push_bind(order.number())
        .push("))");
    push_scope(&mut sql, scope);
    let rows = sql.build().execute(&mut *writer).await?.rows_affected();
    let mut touched = TouchedCollections::default();
    for collection in &changed {
        touched.touch(collection);
    }
    Ok((rows, collections::bump(writer, &touched, now).await?))
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
