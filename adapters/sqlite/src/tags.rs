//! `artifact_tags`, the index of pages by tag. It follows from the rows' own `tags_json`.

use std::sync::LazyLock;

use sqlx::SqliteConnection;

use crate::{
    error::Result,
    row::{VISIBLE, to_json},
};

/// Takes the tags of these artifacts' rows in these collections out of the index. To be called
/// before the rows change: afterwards nobody knows what they were.
pub(crate) async fn remove(
    writer: &mut SqliteConnection,
    collections: &[&str],
    ids: &[&str],
) -> Result<()> {
    const REMOVE: &str = "DELETE FROM artifact_tags \
         WHERE (collection_id, tag, sort_name, artifact_id) IN ( \
             SELECT a.collection_id, t.value, a.sort_name, a.artifact_id \
             FROM collection_artifacts a CROSS JOIN json_each(a.tags_json) t \
             WHERE a.collection_id IN (SELECT value FROM json_each(?1)) \
                 AND a.artifact_id IN (SELECT value FROM json_each(?2)))";
    sqlx::query(REMOVE).bind(to_json(&collections)?).bind(to_json(&ids)?).execute(writer).await?;
    Ok(())
}

/// Puts the tags of these artifacts' visible rows into the index.
pub(crate) async fn add(
    writer: &mut SqliteConnection,
    collections: &[&str],
    ids: &[&str],
) -> Result<()> {
    static ADD: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT OR IGNORE INTO artifact_tags (collection_id, tag, sort_name, artifact_id) \
             SELECT a.collection_id, t.value, a.sort_name, a.artifact_id \
             FROM collection_artifacts a CROSS JOIN json_each(a.tags_json) t \
             WHERE a.collection_id IN (SELECT value FROM json_each(?1)) \
                 AND a.artifact_id IN (SELECT value FROM json_each(?2)) AND {VISIBLE} \
             ORDER BY 1, 2, 3, 4"
        )
    });
    sqlx::query(ADD.as_str())
        .bind(to_json(&collections)?)
        .bind(to_json(&ids)?)
        .execute(writer)
        .await?;
    Ok(())
}
