//! `artifact_tags`, the index of pages by tag. It follows from the rows' own `tags_json`.

use std::sync::LazyLock;

use sqlx::PgConnection;

use crate::{error::Result, row::VISIBLE};

/// Takes the tags of these artifacts' rows in these collections out of the index.
pub(crate) async fn remove(
    writer: &mut PgConnection,
    collections: &[&str],
    ids: &[&str],
) -> Result<()> {
    const REMOVE: &str =
        "DELETE FROM artifact_tags WHERE collection_id = ANY($1) AND artifact_id = ANY($2)";
    sqlx::query(REMOVE).bind(collections).bind(ids).execute(writer).await?;
    Ok(())
}

/// Puts the tags of these artifacts' visible rows into the index.
pub(crate) async fn add(
    writer: &mut PgConnection,
    collections: &[&str],
    ids: &[&str],
) -> Result<()> {
    static ADD: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO artifact_tags (collection_id, tag, sort_name, artifact_id) \
             SELECT DISTINCT a.collection_id, j.tag, a.sort_name, a.artifact_id \
             FROM collection_artifacts a \
             CROSS JOIN LATERAL json_array_elements_text(a.tags_json::json) AS j (tag) \
             WHERE a.collection_id = ANY($1) AND a.artifact_id = ANY($2) AND {VISIBLE} \
             ORDER BY 1, 2, 3, 4"
        )
    });
    sqlx::query(ADD.as_str()).bind(collections).bind(ids).execute(writer).await?;
    Ok(())
}
