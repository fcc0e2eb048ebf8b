//! What the sources have and `default` does not show.

use std::sync::LazyLock;

use larder::domain::{
    delta::Shadowed,
    id::{ArtifactId, SourceName},
    report::MAX_ISSUES,
};
use sqlx::PgConnection;

use crate::{
    error::{Result, undecodable},
    row::{VISIBLE, count},
};

/// The first artifacts that lose their id to another source, and how many there are.
pub(crate) async fn shadowed(reader: &mut PgConnection) -> Result<(Vec<Shadowed>, u64)> {
    const SHADOWED: &str = "SELECT m.artifact_id, m.path, m.source_collection, \
             d.source_collection, COUNT(*) OVER () \
         FROM collections c \
         JOIN sources s ON s.name = c.source_collection AND s.attached \
         JOIN collection_artifacts m ON m.collection_id = c.id AND m.type IS NOT NULL \
         JOIN collection_artifacts d ON d.collection_id = 'default' \
             AND d.artifact_id = m.artifact_id AND d.source_collection <> m.source_collection \
         WHERE c.kind = 'mirror' ORDER BY m.artifact_id, m.source_collection LIMIT $1";
    if !shows_less_than_there_is(reader).await? {
        return Ok((Vec::new(), 0));
    }
    let limit = i64::try_from(MAX_ISSUES).map_err(undecodable)?;
    let rows: Vec<(String, String, String, String, i64)> =
        sqlx::query_as(SHADOWED).bind(limit).fetch_all(reader).await?;
    let total = rows.first().map_or(Ok(0), |row| count(row.4))?;
    let first = rows.into_iter().map(|(id, path, source, by, _)| {
        Ok(Shadowed {
            id: ArtifactId::parse(&id).map_err(undecodable)?,
            path,
            source: SourceName::new(source).map_err(undecodable)?,
            by: SourceName::new(by).map_err(undecodable)?,
        })
    });
    Ok((first.collect::<Result<_>>()?, total))
}

/// Whether the attached sources have more artifacts than `default` shows: as a rule they do not,
/// and the counts that are kept anyway tell it. Only the rows of the source `default`, which lie
/// among the others', must be counted.
async fn shows_less_than_there_is(reader: &mut PgConnection) -> Result<bool> {
    static MORE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT (SELECT COALESCE(SUM(c.artifact_count), 0)::BIGINT FROM collections c \
                     JOIN sources s ON s.name = c.source_collection AND s.attached \
                     WHERE c.kind = 'mirror') \
                 + CASE WHEN EXISTS (SELECT 1 FROM sources WHERE name = 'default' AND attached) \
                     THEN (SELECT COUNT(*) FROM collection_artifacts a \
                         WHERE a.collection_id = 'default' AND a.source_collection = 'default' \
                             AND {VISIBLE}) \
                     ELSE 0 END \
                 > artifact_count \
             FROM collections WHERE id = 'default'"
        )
    });
    let more: Option<bool> = sqlx::query_scalar(MORE.as_str()).fetch_optional(reader).await?;
    Ok(more.unwrap_or(false))
}
