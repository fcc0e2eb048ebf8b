//! Rows whose artifact was read again and is what it was.

use larder::domain::delta::Recheck;

use crate::{apply::Change, collections, error::Result, row::micros};

impl Change<'_> {
    /// Stores fingerprints: what a reader sees stays as it is.
    pub(crate) async fn recheck(&mut self, rechecks: &[Recheck]) -> Result<()> {
        const RECHECK: &str = "UPDATE collection_artifacts a SET fingerprint = j.fingerprint \
             FROM UNNEST($3::TEXT[], $4::TEXT[], $5::TEXT[]) AS j (id, fingerprint, revision) \
             WHERE a.collection_id = $1 AND a.artifact_id = j.id AND a.source_collection = $2 \
                 AND a.revision = j.revision AND a.fingerprint IS DISTINCT FROM j.fingerprint \
                 AND (a.read_order IS NULL OR a.read_order < $6)";
        if rechecks.is_empty() {
            return Ok(());
        }
        // Two that went through the same rows, each in an order of its own, would block each other.
        collections::lock_one(self.writer, &self.home).await?;
        let fingerprints: Vec<_> = rechecks.iter().map(|it| it.fingerprint.as_deref()).collect();
        let (ids, _, revisions) = columns(rechecks);
        sqlx::query(RECHECK)
            .bind(&self.home)
            .bind(self.source.as_str())
            .bind(ids)
            .bind(fingerprints)
            .bind(revisions)
            .bind(self.order.number())
            .execute(&mut *self.writer)
            .await?;
        Ok(())
    }

    /// Makes artifacts' invalidated rows valid, in every collection.
    pub(crate) async fn confirm(&mut self, confirmed: &[Recheck]) -> Result<()> {
        const CONFIRM: &str = "WITH done AS ( \
                 UPDATE collection_artifacts a SET synced_at = j.read_at, read_order = $5 \
                 FROM UNNEST($2::TEXT[], $3::BIGINT[], $4::TEXT[]) AS j (id, read_at, revision) \
                 WHERE a.source_collection = $1 AND a.artifact_id = j.id \
                     AND a.invalidated_order >= a.read_order AND a.invalidated_order < $5 \
                     AND a.revision = j.revision \
                 RETURNING a.collection_id) \
             SELECT DISTINCT collection_id FROM done";
        if confirmed.is_empty() {
            return Ok(());
        }
        let (ids, read_at, revisions) = columns(confirmed);
        let holders: Vec<String> = sqlx::query_scalar(CONFIRM)
            .bind(self.source.as_str())
            .bind(ids)
            .bind(read_at)
            .bind(revisions)
            .bind(self.order.number())
            .fetch_all(&mut *self.writer)
            .await?;
        for collection in &holders {
            self.touched.touch(collection);
        }
        Ok(())
    }
}

fn columns(rechecks: &[Recheck]) -> (Vec<&str>, Vec<i64>, Vec<&str>) {
    (
        rechecks.iter().map(|it| it.id.as_str()).collect(),
        rechecks.iter().map(|it| micros(it.read_at)).collect(),
        rechecks.iter().map(|it| it.revision.as_str()).collect(),
    )
}
