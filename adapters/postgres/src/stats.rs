//! How fresh a collection is.

use std::sync::LazyLock;

use larder::domain::{Timestamp, artifact::Health, freshness::CacheStats, id::CollectionId};
use sqlx::PgConnection;

use crate::{
    error::Result,
    row::{EFFECTIVE, VISIBLE, count, health, micros, timestamp},
};

/// Counts a collection's visible rows.
pub(crate) async fn stats(
    reader: &mut PgConnection,
    collection: &CollectionId,
    cutoff: Timestamp,
) -> Result<CacheStats> {
    static STATS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT health, COUNT(*), COUNT(*) FILTER (WHERE synced IS NULL OR synced <= $2), \
                 MIN(synced) \
             FROM (SELECT a.health, {EFFECTIVE} AS synced FROM collection_artifacts a \
                 LEFT JOIN sources s ON s.name = a.source_collection \
                 WHERE a.collection_id = $1 AND {VISIBLE}) rows \
             GROUP BY health"
        )
    });
    let groups: Vec<(String, i64, i64, Option<i64>)> = sqlx::query_as(STATS.as_str())
        .bind(collection.as_str())
        .bind(micros(cutoff))
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
