//! Curated collections and their members. How members follow `default` is in `derive`.

use std::{collections::HashSet, sync::LazyLock};

use larder::domain::{
    Timestamp,
    change::TouchedCollections,
    curated::{Added, CollectionEdit, CollectionName, Naming, NewCollection, Purpose},
    id::{ArtifactId, CollectionId, SourceName},
    read_order::ReadOrder,
    text,
};
use sqlx::PgConnection;

use crate::{
    collections::{self, LOCK_ORDER},
    error::{Result, undecodable},
    notices,
    row::{VISIBLE, micros, values},
    search,
    sources::one_at_a_time,
    tags,
};

/// Makes an empty collection.
pub(crate) async fn create(
    writer: &mut PgConnection,
    id: &CollectionId,
    new: &NewCollection,
    created_by: Option<&str>,
    now: Timestamp,
) -> Result<Naming> {
    const CREATE: &str = "INSERT INTO collections \
             (id, name, sort_name, description, kind, created_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, 'curated', $5, $6, $6)";
    one_at_a_time(writer).await?;
    let name = new.name.as_str();
    if is_taken(writer, name, id).await? {
        return Ok(Naming::Taken);
    }
    sqlx::query(CREATE)
        .bind(id.as_str())
        .bind(name)
        .bind(text::sort_key(name))
        .bind(new.purpose.as_deref())
        .bind(created_by)
        .bind(micros(now))
        .execute(&mut *writer)
        .await?;
    notices::tell_of_collections(writer).await?;
    Ok(Naming::Done)
}

/// Renames a collection, describes it, or both.
pub(crate) async fn change(
    writer: &mut PgConnection,
    id: &CollectionId,
    edit: &CollectionEdit,
) -> Result<Naming> {
    const RENAME: &str = "UPDATE collections SET name = COALESCE($2, name), \
             sort_name = COALESCE($3, sort_name), \
             description = CASE WHEN $4 THEN $5 ELSE description END \
         WHERE id = $1 AND kind = 'curated'";
    one_at_a_time(writer).await?;
    let name = edit.name.as_ref().map(CollectionName::as_str);
    if let Some(name) = name
        && is_taken(writer, name, id).await?
    {
        return Ok(Naming::Taken);
    }
    let changed = sqlx::query(RENAME)
        .bind(id.as_str())
        .bind(name)
        .bind(name.map(text::sort_key))
        .bind(edit.purpose.is_some())
        .bind(edit.purpose.as_ref().and_then(Purpose::as_deref))
        .execute(&mut *writer)
        .await?;
    if changed.rows_affected() == 0 {
        return Ok(Naming::Unknown);
    }
    notices::tell_of_collections(writer).await?;
    Ok(Naming::Done)
}

/// Whether another collection has that name or that id.
async fn is_taken(writer: &mut PgConnection, name: &str, own: &CollectionId) -> Result<bool> {
    const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM collections \
             WHERE (id = $1 OR name = $1) AND id <> $2)";
    sqlx::query_scalar(TAKEN).bind(name).bind(own.as_str()).fetch_one(writer).await
}

/// Deletes a curated collection, or a detached or empty mirror with all that is known of its source.
pub(crate) async fn delete(writer: &mut PgConnection, id: &CollectionId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM collections WHERE id = $1 AND (kind = 'curated' OR \
             kind = 'mirror' AND (artifact_count = 0 OR NOT EXISTS (SELECT 1 FROM sources s \
                 WHERE s.name = collections.source_collection AND s.attached))) \
         RETURNING source_collection";
    const FORGET: &str = "DELETE FROM sources WHERE name = $1";
    one_at_a_time(writer).await?;
    lock(writer, id).await?;
    let deleted: Option<Option<String>> =
        sqlx::query_scalar(DELETE).bind(id.as_str()).fetch_optional(&mut *writer).await?;
    let Some(source) = deleted else { return Ok(false) };
    if let Some(source) = source {
        let source = SourceName::new(source).map_err(undecodable)?;
        search::remove_all(writer, &source).await?;
        sqlx::query(FORGET).bind(source.as_str()).execute(&mut *writer).await?;
    }
    notices::tell_of_collections(writer).await?;
    Ok(true)
}

/// Makes members of the artifacts that `default` has a row of.
pub(crate) async fn add(
    writer: &mut PgConnection,
    id: &CollectionId,
    artifacts: &[ArtifactId],
    order: ReadOrder,
    now: Timestamp,
) -> Result<Option<Added>> {
    static ADD: LazyLock<String> = LazyLock::new(|| {
        let (columns, copied) = (values(str::to_owned), values(|column| format!("a.{column}")));
        format!(
            "INSERT INTO collection_artifacts (collection_id, artifact_id, source_collection, \
                 added_at, invalidated_order, {columns}) \
             SELECT $1, a.artifact_id, a.source_collection, $3, \
                 GREATEST(a.invalidated_order, $4), {copied} \
             FROM collection_artifacts a WHERE a.collection_id = 'default' \
                 AND a.artifact_id = ANY($2) AND {VISIBLE} \
             ON CONFLICT (collection_id, artifact_id) DO NOTHING \
             RETURNING collection_artifacts.artifact_id"
        )
    });
    const MEMBERS: &str = "SELECT artifact_id FROM collection_artifacts \
         WHERE collection_id = $1 AND artifact_id = ANY($2)";
    if !lock(writer, id).await? {
        return Ok(None);
    }
    let ids: Vec<_> = artifacts.iter().map(ArtifactId::as_str).collect();
    let added: HashSet<String> = sqlx::query_scalar(ADD.as_str())
        .bind(id.as_str())
        .bind(&ids)
        .bind(micros(now))
        .bind(order.number())
        .fetch_all(&mut *writer)
        .await?
        .into_iter()
        .collect();
    let members: Vec<String> =
        sqlx::query_scalar(MEMBERS).bind(id.as_str()).bind(&ids).fetch_all(&mut *writer).await?;
    let members: HashSet<String> = members.into_iter().collect();
    if !added.is_empty() {
        let ids: Vec<_> = added.iter().map(String::as_str).collect();
        tags::add(writer, &[id.as_str()], &ids).await?;
        let mut touched = TouchedCollections::default();
        touched.write(id.as_str(), added.len() as u64);
        collections::bump(writer, &touched, now).await?;
    }
    let sorted = Added::sorted(
        artifacts,
        |artifact| added.contains(artifact.as_str()),
        |artifact| members.contains(artifact.as_str()),
    );
    Ok(Some(sorted))
}

/// Takes a member away.
pub(crate) async fn remove(
    writer: &mut PgConnection,
    id: &CollectionId,
    artifact: &ArtifactId,
    now: Timestamp,
) -> Result<bool> {
    const REMOVE: &str = "DELETE FROM collection_artifacts \
         WHERE collection_id = $1 AND artifact_id = $2 \
         RETURNING type IS NOT NULL AND missing_since IS NULL";
    if !lock(writer, id).await? {
        return Ok(false);
    }
    tags::remove(writer, &[id.as_str()], &[artifact.as_str()]).await?;
    let was_shown: Option<bool> = sqlx::query_scalar(REMOVE)
        .bind(id.as_str())
        .bind(artifact.as_str())
        .fetch_optional(&mut *writer)
        .await?;
    if was_shown == Some(true) {
        let mut touched = TouchedCollections::default();
        touched.remove(id.as_str(), 1);
        collections::bump(writer, &touched, now).await?;
    }
    Ok(was_shown.is_some())
}

/// Takes away what has been hidden since before that moment.
pub(crate) async fn purge(writer: &mut PgConnection, before: Timestamp) -> Result<u64> {
    const PURGE: &str = "DELETE FROM collection_artifacts WHERE missing_since < $1 \
             AND collection_id IN (SELECT id FROM collections WHERE kind = 'curated')";
    collections::lock_all(writer).await?;
    Ok(sqlx::query(PURGE).bind(micros(before)).execute(writer).await?.rows_affected())
}

/// Locks a collection until the transaction ends, and `default` with it: a change of that one's rows
/// begun before the collection was made does not know of its members. Answers whether the
/// collection is a curated one.
async fn lock(writer: &mut PgConnection, id: &CollectionId) -> Result<bool> {
    static LOCK: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT kind FROM collections WHERE id = $1 OR kind = 'default' \
             {LOCK_ORDER} FOR UPDATE"
        )
    });
    let kinds: Vec<String> =
        sqlx::query_scalar(LOCK.as_str()).bind(id.as_str()).fetch_all(writer).await?;
    Ok(kinds.iter().any(|kind| kind == "curated"))
}
