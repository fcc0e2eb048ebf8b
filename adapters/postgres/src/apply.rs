//! Applying a delta: the home's rows first, then all that follows from them.

use std::{collections::BTreeSet, sync::LazyLock};

use larder::domain::{
    Timestamp,
    artifact::Artifact,
    change::TouchedCollections,
    delta::{Applied, Delta, Recheck, Verified},
    id::{ArtifactId, SourceName},
    read_order::ReadOrder,
    report::SourceReport,
};
use sqlx::{PgConnection, QueryBuilder};

use crate::{
    collections,
    derive::{self, Followed},
    error::Result,
    row::{CHUNK, Row, UNSEEN, VALUES, columns_of_row, micros, to_json, values},
    search::{self, Document},
    sources, tags,
};

/// What a row's `added_at` becomes when no manifest gives one: a row that takes the place of
/// another source's is a new one.
const KEPT_ADDED_AT: &str = "CASE \
     WHEN collection_artifacts.source_collection = excluded.source_collection \
     THEN collection_artifacts.added_at ELSE excluded.added_at END";

/// So many changed rows make other plans right. The server's own daemon would look at the tables
/// a minute later; until then a page by tag costs a hundred times as much.
const MANY: usize = 1_000;
const ANALYZE: &str = "ANALYZE collection_artifacts, artifact_tags, search_documents";

/// Whether the stored row shows a reader the same as the new one, but for its `added_at`.
static LOOKS_LIKE: LazyLock<String> = LazyLock::new(|| {
    let shown = |of: &str| {
        let shown = VALUES.iter().filter(|column| !UNSEEN.contains(column));
        shown.map(|column| format!("{of}.{column}")).collect::<Vec<_>>().join(", ")
    };
    format!(
        "ROW ({}) IS NOT DISTINCT FROM ROW ({})",
        shown("collection_artifacts"),
        shown("excluded")
    )
});

/// The collection that follows from all sources.
const DEFAULT: &str = "default";

/// Applies a delta within the caller's transaction.
pub(crate) async fn apply(writer: &mut PgConnection, delta: Delta) -> Result<Applied> {
    if delta.is_visible() {
        collections::lock(writer, &delta.source).await?;
    }
    let Some(home) = sources::home(writer, &delta.source).await? else {
        return Ok(Applied::default());
    };
    let rows = delta.upserts.len() + delta.removals.len();
    let change = Change::new(&mut *writer, delta.source, home, delta.now);
    let mut change = Change { order: delta.order, anew: delta.anew, ..change };
    let mut confirmed = delta.confirmed;
    confirmed.extend(change.upsert(delta.upserts).await?);
    change.remove(&delta.removals).await?;
    change.recheck(&delta.rechecks).await?;
    change.recheck(&confirmed).await?;
    change.confirm(&confirmed).await?;
    change.note(delta.verified, delta.report).await?;
    let Change { removed, hidden, returned, touched, .. } = change;
    let changes = collections::bump(writer, &touched, delta.now).await?;
    if rows >= MANY {
        sqlx::raw_sql(ANALYZE).execute(writer).await?;
    }
    Ok(Applied { removed, hidden, returned, changes })
}

/// A change of one source's rows, and of all that follows from them.
pub(crate) struct Change<'a> {
    pub(super) writer: &'a mut PgConnection,
    pub(super) source: SourceName,
    pub(super) home: String,
    /// The order of the look that found it; nothing where no files were looked at.
    pub(super) order: ReadOrder,
    now: Timestamp,
    /// Whether rows are written although they show nothing new.
    anew: bool,
    pub(super) touched: TouchedCollections,
    removed: u64,
    hidden: u64,
    returned: u64,
}

impl<'a> Change<'a> {
    pub(crate) fn new(
        writer: &'a mut PgConnection,
        source: SourceName,
        home: String,
        now: Timestamp,
    ) -> Self {
        Self {
            writer,
            source,
            home,
            order: ReadOrder::default(),
            now,
            anew: false,
            touched: TouchedCollections::default(),
            removed: 0,
            hidden: 0,
            returned: 0,
        }
    }

    /// Writes what is newer and shows something new; answers what was left out.
    async fn upsert(&mut self, mut artifacts: Vec<Artifact>) -> Result<Vec<Recheck>> {
        if artifacts.is_empty() {
            return Ok(Vec::new());
        }
        // In the order of the keys, an index is filled from one end to the other.
        artifacts.sort_by(|a, b| a.id.cmp(&b.id));
        let mut documents: Vec<_> = artifacts.iter().map(Document::new).collect();
        let ids: Vec<_> = artifacts.iter().map(|artifact| artifact.id.to_string()).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let mut left_out: Vec<_> = artifacts.iter().map(Recheck::of).collect();
        let (dated, undated): (Vec<_>, Vec<_>) =
            artifacts.into_iter().partition(|artifact| artifact.added_at.is_some());

        tags::remove(self.writer, &[&self.home], &ids).await?;
        let mut stored = self.store(dated, "excluded.added_at").await?;
        stored.extend(self.store(undated, KEPT_ADDED_AT).await?);
        tags::add(self.writer, &[&self.home], &ids).await?;
        documents.retain(|document| stored.contains(&document.artifact_id));
        search::store(self.writer, &self.source, &documents).await?;
        left_out.retain(|it| !stored.contains(it.id.as_str()));
        self.changed_at_home(&stored.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        Ok(left_out)
    }

    /// Writes rows of the home where they are newer; answers which were.
    async fn store(
        &mut self,
        artifacts: Vec<Artifact>,
        added_at: &'static str,
    ) -> Result<BTreeSet<String>> {
        let mut artifacts = artifacts.into_iter().peekable();
        let mut stored = BTreeSet::new();
        while artifacts.peek().is_some() {
            let chunk = artifacts.by_ref().take(CHUNK).collect();
            stored.extend(self.store_chunk(chunk, added_at).await?);
        }
        Ok(stored)
    }

    async fn store_chunk(
        &mut self,
        artifacts: Vec<Artifact>,
        added_at: &'static str,
    ) -> Result<Vec<String>> {
        let whole_chunk = artifacts.len() == CHUNK;
        let mut sql = QueryBuilder::new("INSERT INTO collection_artifacts (collection_id, ");
        sql.push(columns_of_row()).push(") ");
        let rows = artifacts
            .into_iter()
            .map(|artifact| Row::new(artifact, &self.source, self.order, self.now))
            .collect::<Result<Vec<_>>>()?;
        sql.push_values(rows, |mut tuple, row| {
            tuple.push_bind(self.home.as_str());
            row.push_to(&mut tuple);
        });
        let replaced = values(|column| format!("{column} = excluded.{column}"));
        let differs = if self.anew {
            "TRUE".to_owned()
        } else {
            let looks_like = LOOKS_LIKE.as_str();
            format!("(collection_artifacts.added_at <> {added_at} OR NOT ({looks_like}))")
        };
        sql.push(format_args!(
            " ON CONFLICT (collection_id, artifact_id) DO UPDATE \
                 SET source_collection = excluded.source_collection, added_at = {added_at}, \
                     missing_since = NULL, {replaced} \
             WHERE collection_artifacts.source_collection <> excluded.source_collection \
                 OR collection_artifacts.read_order IS NULL \
                 OR collection_artifacts.read_order < excluded.read_order AND {differs} \
             RETURNING collection_artifacts.artifact_id"
        ));
        // Only the statement of a whole chunk comes again and is worth keeping prepared.
        let stored = sql.build_query_scalar().persistent(whole_chunk);
        stored.fetch_all(&mut *self.writer).await
    }

    async fn remove(&mut self, ids: &[ArtifactId]) -> Result<()> {
        const REMOVE: &str = "DELETE FROM collection_artifacts \
             WHERE collection_id = $1 AND source_collection = $2 \
                 AND artifact_id = ANY($3) \
                 AND (read_order IS NULL OR read_order < $4) \
             RETURNING collection_artifacts.artifact_id";
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = ids.iter().map(ArtifactId::as_str).collect();
        tags::remove(self.writer, &[&self.home], &ids).await?;
        let gone: Vec<String> = sqlx::query_scalar(REMOVE)
            .bind(&self.home)
            .bind(self.source.as_str())
            .bind(&ids)
            .bind(self.order.number())
            .fetch_all(&mut *self.writer)
            .await?;
        tags::add(self.writer, &[&self.home], &ids).await?;
        self.removed += gone.len() as u64;
        let gone: Vec<_> = gone.iter().map(String::as_str).collect();
        search::remove(self.writer, &self.source, &gone).await?;
        self.gone_from_home(&gone).await
    }

    async fn changed_at_home(&mut self, ids: &[&str]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.touched.write(&self.home, ids.len() as u64);
        if self.lives_in_default() { self.follow(ids).await } else { self.promote(ids).await }
    }

    async fn gone_from_home(&mut self, ids: &[&str]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.touched.remove(&self.home, ids.len() as u64);
        if self.lives_in_default() {
            let succeeded = derive::succeed(self.writer, ids).await?;
            self.touched.replace(DEFAULT, succeeded);
            return self.follow(ids).await;
        }
        self.withdraw(ids).await
    }

    /// Shows the source's rows in `default`, where no other source's come first.
    pub(crate) async fn promote(&mut self, ids: &[&str]) -> Result<()> {
        let promoted = derive::promote(self.writer, &self.home, ids).await?;
        if promoted.is_empty() {
            return Ok(());
        }
        self.touched.write(DEFAULT, promoted.len() as u64);
        self.follow(&promoted.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Takes the source's rows out of `default`, where the next source's take their place.
    pub(crate) async fn withdraw(&mut self, ids: &[&str]) -> Result<()> {
        let withdrawn = derive::withdraw(self.writer, &self.source, ids).await?;
        let ids: Vec<_> = withdrawn.iter().map(String::as_str).collect();
        let succeeded = derive::succeed(self.writer, &ids).await?;
        if ids.is_empty() {
            return Ok(());
        }
        self.touched.remove(DEFAULT, ids.len() as u64);
        self.touched.replace(DEFAULT, succeeded);
        self.follow(&ids).await
    }

    async fn follow(&mut self, ids: &[&str]) -> Result<()> {
        let Followed { hidden, returned } =
            derive::follow(self.writer, ids, self.now, &mut self.touched).await?;
        self.hidden += hidden;
        self.returned += returned;
        Ok(())
    }

    fn lives_in_default(&self) -> bool {
        self.home == DEFAULT
    }

    async fn note(
        &mut self,
        verified: Option<Verified>,
        report: Option<SourceReport>,
    ) -> Result<()> {
        const VERIFY: &str = "UPDATE sources \
             SET verified_at = $2, manifest_hash = $3, disks_json = $4, \
                 verified_order = $5 \
             WHERE name = $1 AND (verified_order IS NULL OR verified_order < $5)";
        const REPORT: &str =
            "UPDATE sources SET last_report_json = $2, reported_order = $3 WHERE name = $1";
        if let Some(Verified { at, manifest_hash, disks }) = verified {
            sqlx::query(VERIFY)
                .bind(self.source.as_str())
                .bind(micros(at))
                .bind(manifest_hash)
                .bind(to_json(&disks)?)
                .bind(self.order.number())
                .execute(&mut *self.writer)
                .await?;
        }
        if let Some(report) = report {
            sqlx::query(REPORT)
                .bind(self.source.as_str())
                .bind(to_json(&report)?)
                .bind(self.order.number())
                .execute(&mut *self.writer)
                .await?;
        }
        Ok(())
    }

    /// The collections whose rows have changed; their generation is still to be raised.
    pub(crate) fn into_touched(self) -> TouchedCollections {
        self.touched
    }
}
