//! What is known of a source's artifacts.

use std::collections::BTreeSet;

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

/// One artifact as `known` asks for it.
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
}

/// What is known of a source's artifacts. One that is invalidated in any collection must be read
/// again: its home's row is the only way by which that collection's row gets a newer one.
pub(crate) async fn known(reader: &mut PgConnection, source: &SourceName) -> Result<Known> {
    const KNOWN: &str = "SELECT \
         (SELECT COALESCE(json_agg(json_build_array(a.artifact_id, a.path, a.revision, a.fingerprint, \
                 a.health, CASE a.health WHEN 'broken' THEN a.problem END, \
                 CASE a.health WHEN 'broken' THEN a.problem_line END, a.updated_at)), '[]')::TEXT \
             FROM collection_artifacts a \
             WHERE a.collection_id = $2 AND a.source_collection = $1 AND a.type IS NOT NULL), \
         (SELECT COALESCE(json_agg(artifact_id), '[]')::TEXT FROM collection_artifacts \
             WHERE source_collection = $1 AND invalidated_at >= synced_at)";
    let Some(home) = sources::home(reader, source).await? else { return Ok(Known::new()) };
    let (rows, invalidated): (String, String) =
        sqlx::query_as(KNOWN).bind(source.as_str()).bind(home).fetch_one(reader).await?;
    let invalidated: BTreeSet<ArtifactId> = from_json(&invalidated)?;
    let rows: Vec<KnownRow> = from_json(&rows)?;
    rows.into_iter()
        .map(|row| {
            let invalidated = invalidated.contains(&row.id);
            let known = KnownArtifact {
                path: row.path,
                revision: row.revision,
                fingerprint: row.fingerprint.filter(|_| !invalidated),
                invalidated,
                health: health(&row.health)?,
                problem: row.problem,
                problem_line: row.problem_line,
                updated_at: row.updated_at.map(timestamp).transpose()?,
            };
            Ok((row.id, known))
        })
        .collect()
}
