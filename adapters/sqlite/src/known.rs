//! What is known of a source's artifacts.

use larder::domain::{
    delta::{Known, KnownArtifact},
    id::{ArtifactId, SourceName},
    revision::Revision,
};
use serde::Deserialize;
use sqlx::SqliteConnection;

use crate::{
    error::{Result, undecodable},
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
pub(crate) async fn known(reader: &mut SqliteConnection, source: &SourceName) -> Result<Known> {
    // In pieces, each one document: row by row costs ten times the time, all at once ten times the
    // memory.
    const KNOWN: &str = "SELECT \
             json_group_array(json_array(a.artifact_id, a.path, a.revision, a.fingerprint, \
                 a.health, CASE a.health WHEN 'broken' THEN a.problem END, \
                 CASE a.health WHEN 'broken' THEN a.problem_line END, a.updated_at)) \
         FROM (SELECT * FROM collection_artifacts \
             WHERE collection_id = ?2 AND source_collection = ?1 AND type IS NOT NULL \
                 AND artifact_id > ?3 ORDER BY artifact_id LIMIT 2000) a";
    const INVALIDATED: &str = "SELECT artifact_id FROM collection_artifacts \
         WHERE source_collection = ?1 AND invalidated_at >= synced_at";
    const SIZE: &str = "SELECT artifact_count FROM collections WHERE id = ?1";
    let Some(home) = sources::home(&mut *reader, source).await? else { return Ok(Known::new()) };
    // A map that grows copies itself again and again, and its old places stay with the process.
    let size: i64 = sqlx::query_scalar(SIZE).bind(&home).fetch_one(&mut *reader).await?;
    let mut known = Known::with_capacity(usize::try_from(size).unwrap_or_default());
    let mut after = String::new();
    loop {
        let piece: String = sqlx::query_scalar(KNOWN)
            .bind(source.as_str())
            .bind(&home)
            .bind(&after)
            .fetch_one(&mut *reader)
            .await?;
        let rows: Vec<KnownRow> = from_json(&piece)?;
        let Some(last) = rows.last() else { break };
        last.id.as_str().clone_into(&mut after);
        for row in rows {
            known.insert(row.id.clone(), row.into_domain()?);
        }
    }
    let invalidated: Vec<String> =
        sqlx::query_scalar(INVALIDATED).bind(source.as_str()).fetch_all(reader).await?;
    for id in invalidated {
        let id = ArtifactId::parse(&id).map_err(undecodable)?;
        if let Some(artifact) = known.get_mut(&id) {
            artifact.invalidated = true;
            artifact.fingerprint = None;
        }
    }
    Ok(known)
}

impl KnownRow {
    fn into_domain(self) -> Result<KnownArtifact> {
        Ok(KnownArtifact {
            path: self.path,
            revision: self.revision,
            fingerprint: self.fingerprint,
            invalidated: false,
            health: health(&self.health)?,
            problem: self.problem,
            problem_line: self.problem_line,
            updated_at: self.updated_at.map(timestamp).transpose()?,
        })
    }
}
