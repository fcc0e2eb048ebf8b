//! How fresh a collection is.

use std::sync::LazyLock;

use larder::domain::{
    artifact::Health,
    freshness::{CacheStats, Census, FreshRange, StaleRow, StaleSource},
    id::{ArtifactId, ArtifactKind, CollectionId, SourceName},
    query::Limit,
};
use sqlx::PgConnection;

use crate::{
    error::{Result, undecodable},
    row::{EFFECTIVE, VISIBLE, count, health, micros, timestamp},
};

/// A collection's visible rows, with their effective `synced_at`.
static ROWS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "(SELECT a.artifact_id, a.type, a.health, a.source_collection, {EFFECTIVE} AS synced \
         FROM collection_artifacts a LEFT JOIN sources s ON s.name = a.source_collection \
         WHERE a.collection_id = $1 AND {VISIBLE}) rows"
    )
});

/// Whether one of [`ROWS`] is stale.
const STALE: &str = "(synced IS NULL OR synced <= $2 OR synced > $3)";

/// Where an invalidated row stands in the order of staleness: before all others.
const NEVER: i64 = i64::MIN;

/// Counts a collection's visible rows.
pub(crate) async fn stats(
    reader: &mut PgConnection,
    collection: &CollectionId,
    fresh: FreshRange,
) -> Result<CacheStats> {
    static STATS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT health, COUNT(*), COUNT(*) FILTER (WHERE {STALE}), \
                 MIN(synced) \
             FROM (SELECT a.health, {EFFECTIVE} AS synced FROM collection_artifacts a \
                 LEFT JOIN sources s ON s.name = a.source_collection \
                 WHERE a.collection_id = $1 AND {VISIBLE}) rows \
             GROUP BY health"
        )
    });
    let groups: Vec<(String, i64, i64, Option<i64>)> = sqlx::query_as(STATS.as_str())
        .bind(collection.as_str())
        .bind(micros(fresh.after))
        .bind(micros(fresh.until))
        .fetch_all(reader)
        .await?;
    let mut stats = CacheStats {
        total: 0,
        stale: 0,
        oldest_sync: None,
        by_health: Health::ALL.into_iter().map(|health| (health, 0)).collect(),
    };
    for (word, rows, stale, oldest) in groups {
        let oldest = oldest.map(timestamp).transpose()?;
        stats.total += count(rows)?;
        stats.stale += count(stale)?;
        stats.oldest_sync = stats.oldest_sync.into_iter().chain(oldest).min();
        stats.by_health.insert(health(&word)?, count(rows)?);
    }
    Ok(stats)
}

/// The sources that stale rows come from.
pub(crate) async fn stale_sources(
    reader: &mut PgConnection,
    collection: &CollectionId,
    fresh: FreshRange,
) -> Result<Vec<StaleSource>> {
    static SOURCES: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT source_collection, COUNT(*), COUNT(*) FILTER (WHERE synced IS NULL), \
                 MIN(synced) \
             FROM {ROWS} WHERE {STALE} GROUP BY source_collection ORDER BY source_collection",
            ROWS = *ROWS
        )
    });
    let groups: Vec<(String, i64, i64, Option<i64>)> = sqlx::query_as(SOURCES.as_str())
        .bind(collection.as_str())
        .bind(micros(fresh.after))
        .bind(micros(fresh.until))
        .fetch_all(reader)
        .await?;
    let sources = groups.into_iter().map(|(source, rows, invalidated, oldest)| {
        Ok(StaleSource {
            source: SourceName::new(source).map_err(undecodable)?,
            rows: count(rows)?,
            invalidated: count(invalidated)?,
            oldest_sync: oldest.map(timestamp).transpose()?,
        })
    });
    sources.collect()
}

/// The stale rows behind `after`, the oldest first.
pub(crate) async fn stale_rows(
    reader: &mut PgConnection,
    collection: &CollectionId,
    fresh: FreshRange,
    after: Option<&StaleRow>,
    limit: Limit,
) -> Result<Vec<StaleRow>> {
    static STALE_ROWS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT synced, artifact_id, source_collection FROM {ROWS} \
             WHERE {STALE} AND (COALESCE(synced, '{NEVER}'::BIGINT), artifact_id) > ($4, $5) \
             ORDER BY COALESCE(synced, '{NEVER}'::BIGINT), artifact_id LIMIT $6",
            ROWS = *ROWS
        )
    });
    let (synced, id) =
        after.map_or((NEVER, ""), |row| (row.synced_at.map_or(NEVER, micros), row.id.as_str()));
    let rows: Vec<(Option<i64>, String, String)> = sqlx::query_as(STALE_ROWS.as_str())
        .bind(collection.as_str())
        .bind(micros(fresh.after))
        .bind(micros(fresh.until))
        .bind(synced)
        .bind(id)
        .bind(i64::from(limit.get()))
        .fetch_all(reader)
        .await?;
    let rows = rows.into_iter().map(|(synced, id, source)| {
        Ok(StaleRow {
            synced_at: synced.map(timestamp).transpose()?,
            id: ArtifactId::parse(&id).map_err(undecodable)?,
            source: SourceName::new(source).map_err(undecodable)?,
        })
    });
    rows.collect()
}

/// The rows of `default` by kind and health.
pub(crate) async fn census(reader: &mut PgConnection) -> Result<Vec<Census>> {
    static CENSUS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT type, health, COUNT(*) FROM {ROWS} GROUP BY type, health ORDER BY type, health",
            ROWS = *ROWS
        )
    });
    let groups: Vec<(String, String, i64)> = sqlx::query_as(CENSUS.as_str())
        .bind(CollectionId::default_collection().as_str())
        .fetch_all(reader)
        .await?;
    let groups = groups.into_iter().map(|(kind, word, rows)| {
        Ok(Census {
            kind: ArtifactKind::new(&kind).map_err(undecodable)?,
            health: health(&word)?,
            rows: count(rows)?,
        })
    });
    groups.collect()
}
