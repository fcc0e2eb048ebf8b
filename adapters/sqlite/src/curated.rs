//! Curated collections and their members. How members follow `default` is in `derive`.

use std::{collections::HashSet, sync::LazyLock};

use larder::domain::{
    Timestamp,
    change::{CollectionChange, TouchedCollections},
    curated::{Added, CollectionEdit, CollectionName, Naming, NewCollection, Purpose},
    id::{ArtifactId, CollectionId, SourceName},
    read_order::ReadOrder,
    text,
};
use sqlx::SqliteConnection;

use crate::{
    collections,
    error::{Result, undecodable},
    row::{VISIBLE, micros, to_json, values},
    search, tags,
};

/// Makes an empty collection.
pub(crate) async fn create(
    writer: &mut SqliteConnection,
    id: &CollectionId,
    new: &NewCollection,
    created_by: Option<&str>,
    now: Timestamp,
) -> Result<Naming> {
    const CREATE: &str = "INSERT INTO collections \
             (id, name, sort_name, description, kind, created_by, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, 'curated', ?5, ?6, ?6)";
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
        .execute(writer)
        .await?;
    Ok(Naming::Done)
}

/// Renames a collection, describes it, or both.
pub(crate) async fn change(
    writer: &mut SqliteConnection,
    id: &CollectionId,
    edit: &CollectionEdit,
) -> Result<Naming> {
    const RENAME: &str = "UPDATE collections SET name = COALESCE(?2, name), \
             sort_name = COALESCE(?3, sort_name), \
             description = CASE WHEN ?4 THEN ?5 ELSE description END \
         WHERE id = ?1 AND kind = 'curated'";
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
        .execute(writer)
        .await?;
    Ok(if changed.rows_affected() == 0 { Naming::Unknown } else { Naming::Done })
}

/// Whether another collection has that name or that id.
async fn is_taken(writer: &mut SqliteConnection, name: &str, own: &CollectionId) -> Result<bool> {
    const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM collections \
             WHERE (id = ?1 OR name = ?1) AND id <> ?2)";
    sqlx::query_scalar(TAKEN).bind(name).bind(own.as_str()).fetch_one(writer).await
}

/// Deletes a curated collection, or a detached or empty mirror with all that is known of its source.
pub(crate) async fn delete(writer: &mut SqliteConnection, id: &CollectionId) -> Result<bool> {
    const DELETE: &str = "DELETE FROM collections WHERE id = ? AND (kind = 'curated' OR \
             kind = 'mirror' AND (artifact_count = 0 OR NOT EXISTS (SELECT 1 FROM sources s \
                 WHERE s.name = collections.source_collection AND s.attached))) \
         RETURNING source_collection";
    const FORGET: &str = "DELETE FROM sources WHERE name = ?";
    let deleted: Option<Option<String>> =
        sqlx::query_scalar(DELETE).bind(id.as_str()).fetch_optional(&mut *writer).await?;
    let Some(source) = deleted else { return Ok(false) };
    if let Some(source) = source {
        let source = SourceName::new(source).map_err(undecodable)?;
        search::remove_all(writer, &source).await?;
        sqlx::query(FORGET).bind(source.as_str()).execute(writer).await?;
    }
    Ok(true)
}

/// Makes members of the artifacts that `default` has a row of.
pub(crate) async fn add(
    writer: &mut SqliteConnection,
    id: &CollectionId,
    artifacts: &[ArtifactId],
    order: ReadOrder,
    now: Timestamp,
) -> Result<Option<(Added, Vec<CollectionChange>)>> {
    static ADD: LazyLock<String> = LazyLock::new(|| {
        let (columns, copied) = (values(str::to_owned), values(|column| format!("a.{column}")));
        format!(
            "INSERT INTO collection_artifacts (collection_id, artifact_id, source_collection, \
                 added_at, invalidated_order, {columns}) \
             SELECT ?1, a.artifact_id, a.source_collection, ?3, \
                 max(COALESCE(a.invalidated_order, ?4), ?4), {copied} \
             FROM collection_artifacts a WHERE a.collection_id = 'default' \
                 AND a.artifact_id IN (SELECT value FROM json_each(?2)) AND {VISIBLE} \
             ON CONFLICT (collection_id, artifact_id) DO NOTHING RETURNING artifact_id"
        )
    });
    const MEMBERS: &str = "SELECT artifact_id FROM collection_artifacts \
         WHERE collection_id = ?1 AND artifact_id IN (SELECT value FROM json_each(?2))";
    if !is_curated(writer, id).await? {
        return Ok(None);
    }
    let ids = to_json(&artifacts)?;
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
    let mut touched = TouchedCollections::default();
    if !added.is_empty() {
        let ids: Vec<_> = added.iter().map(String::as_str).collect();
        tags::add(writer, &[id.as_str()], &ids).await?;
        touched.write(id.as_str(), added.len() as u64);
    }
    let changes = collections::bump(writer, &touched, now).await?;
    let sorted = Added::sorted(
        artifacts,
        |artifact| added.contains(artifact.as_str()),
        |artifact| members.contains(artifact.as_str()),
    );
    Ok(Some((sorted, changes)))
}

/// Takes a member away.
pub(crate) async fn remove(
    writer: &mut SqliteConnection,
    id: &CollectionId,
    artifact: &ArtifactId,
    now: Timestamp,
) -> Result<(bool, Vec<CollectionChange>)> {
    const REMOVE: &str = "DELETE FROM collection_artifacts \
         WHERE collection_id = ?1 AND artifact_id = ?2 \
         RETURNING type IS NOT NULL AND missing_since IS NULL";
    if !is_curated(writer, id).await? {
        return Ok((false, Vec::new()));
    }
    tags::remove(writer, &[id.as_str()], &[artifact.as_str()]).await?;
    let was_shown: Option<bool> = sqlx::query_scalar(REMOVE)
        .bind(id.as_str())
        .bind(artifact.as_str())
        .fetch_optional(&mut *writer)
        .await?;
    let mut touched = TouchedCollections::default();
    if was_shown == Some(true) {
        touched.remove(id.as_str(), 1);
    }
    Ok((was_shown.is_some(), collections::bump(writer, &touched, now).await?))
}

/// Takes away what has been hidden since before that moment.
pub(crate) async fn purge(writer: &mut SqliteConnection, before: Timestamp) -> Result<u64> {
    const PURGE: &str = "DELETE FROM collection_artifacts WHERE missing_since < ? \
             AND collection_id IN (SELECT id FROM collections WHERE kind = 'curated')";
    Ok(sqlx::query(PURGE).bind(micros(before)).execute(writer).await?.rows_affected())
}

async fn is_curated(writer: &mut SqliteConnection, id: &CollectionId) -> Result<bool> {
    const CURATED: &str =
        "SELECT EXISTS (SELECT 1 FROM collections WHERE id = ? AND kind = 'curated')";
    sqlx::query_scalar(CURATED).bind(id.as_str()).fetch_one(writer).await
}
