//! What is known of a source's artifacts.

use std::sync::LazyLock;

use larder::domain::{
    delta::{Known, KnownArtifact},
    id::{ArtifactId, SourceName},
    revision::Revision,
};
use serde::Deserialize;
use sqlx::PgConnection;

use crate::{
    error::Result,
    row::{from_json, health, timestamp},
    sources,
};

/// One artifact, in the order of [`COLUMNS`].
#[derive(Deserialize)]
struct KnownRow {
    id: ArtifactId,
    path: String,
    revision: Revision,
    fingerprint: Option<String>,
    health: String,
    problem: Option<String>,
    problem_line: Option<u32>,
    updated_at: Option<i64>,
    invalidated: bool,
}

/// Of row `a` of source `$1`. One that is invalidated in any collection must be read again: its
/// home's row is the only way by which that collection's row gets a newer one.
const COLUMNS: &str = "json_build_array(a.artifact_id, a.path, a.revision, a.fingerprint, a.health, \
     a.problem, a.problem_line, a.updated_at, \
     EXISTS (SELECT 1 FROM collection_artifacts i \
         WHERE i.source_collection = $1 AND i.artifact_id = a.artifact_id \
             AND i.invalidated_order >= i.read_order))";

/// What is known of a source's artifacts.
pub(crate) async fn known(reader: &mut PgConnection, source: &SourceName) -> Result<Known> {
    // In pieces, each one document: row by row takes longer, and large documents keep the thread that
    // receives them from answering requests.
    static KNOWN: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT COALESCE(json_agg({COLUMNS} ORDER BY a.artifact_id), '[]')::TEXT \
             FROM (SELECT * FROM collection_artifacts \
                 WHERE collection_id = $2 AND source_collection = $1 AND type IS NOT NULL \
                     AND artifact_id > $3 ORDER BY artifact_id LIMIT 40) a"
        )
    });
    const SIZE: &str = "SELECT artifact_count FROM collections WHERE id = $1";
    let Some(home) = sources::home(&mut *reader, source).await? else { return Ok(Known::new()) };
    // A map that grows copies itself again and again, and its old places stay with the process.
    let size: Option<i64> =
        sqlx::query_scalar(SIZE).bind(&home).fetch_optional(&mut *reader).await?;
    // A mirror may have been deleted since.
    let size = size.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    let mut known = Known::with_capacity(size);
    let mut after = String::new();
    loop {
        let piece: String = sqlx::query_scalar(KNOWN.as_str())
            .bind(source.as_str())
            .bind(&home)
            .bind(&after)
            .fetch_one(&mut *reader)
            .await?;
        let rows = decoded(&piece)?;
        let Some((last, _)) = rows.last() else { return Ok(known) };
        last.as_str().clone_into(&mut after);
        known.extend(rows);
    }
}

/// What is known of a source's artifacts at these paths.
pub(crate) async fn known_at(
    reader: &mut PgConnection,
    source: &SourceName,
    paths: &[String],
) -> Result<Known> {
    static KNOWN_AT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT COALESCE(json_agg({COLUMNS}), '[]')::TEXT FROM collection_artifacts a \
             WHERE a.collection_id = $2 AND a.source_collection = $1 AND a.type IS NOT NULL \
                 AND a.path = ANY($3)"
        )
    });
    let Some(home) = sources::home(&mut *reader, source).await? else { return Ok(Known::new()) };
    let rows: String = sqlx::query_scalar(KNOWN_AT.as_str())
        .bind(source.as_str())
        .bind(home)
        .bind(paths)
        .fetch_one(reader)
        .await?;
    Ok(decoded(&rows)?.into_iter().collect())
}

fn decoded(rows: &str) -> Result<Vec<(ArtifactId, KnownArtifact)>> {
    let rows: Vec<KnownRow> = from_json(rows)?;
    rows.into_iter().map(|row| Ok((row.id.clone(), row.into_domain()?))).collect()
}

impl KnownRow {
    fn into_domain(self) -> Result<KnownArtifact> {
        Ok(KnownArtifact {
            path: self.path,
            revision: self.revision,
            fingerprint: self.fingerprint.filter(|_| !self.invalidated),
            invalidated: self.invalidated,
            health: health(&self.health)?,
            problem: self.problem,
            problem_line: self.problem_line,
            updated_at: self.updated_at.map(timestamp).transpose()?,
        })
    }
}
