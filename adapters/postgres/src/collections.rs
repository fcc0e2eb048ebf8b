//! Collections as they are read, and the counters that go up with their rows.

use std::sync::LazyLock;

use larder::domain::{
    Timestamp,
    change::{CollectionChange, TouchedCollections},
    collection::{Collection, CollectionKind},
    id::{ArtifactId, CollectionId, SourceName},
    page::CollectionPage,
    query::CollectionQuery,
};
use sqlx::{FromRow, PgConnection, QueryBuilder, Row as _};

use crate::{
    error::{Result, undecodable},
    notices,
    row::{VISIBLE, askable, count, micros, timestamp},
};

/// A collection `c` and, if it is a mirror, its source `s`.
const COLUMNS: &str = "c.id, c.name, c.description, c.kind, c.created_by, c.generation, \
     c.artifact_count, c.created_at, c.updated_at, \
     CASE c.kind WHEN 'mirror' THEN c.source_collection END AS source, \
     c.kind = 'mirror' AND NOT COALESCE(s.attached, FALSE) AS detached, \
     CASE c.kind WHEN 'mirror' THEN COALESCE(s.verified_order, 0) \
         ELSE (SELECT COALESCE(SUM(verified_order), 0)::BIGINT FROM sources WHERE attached) \
         END AS verification, \
     CASE c.kind WHEN 'mirror' THEN s.last_report_json \
         ELSE (SELECT last_report_json FROM sources \
             WHERE attached AND reported_order IS NOT NULL \
             ORDER BY reported_order DESC, name DESC LIMIT 1) \
         END AS last_report_json";

const SOURCE_OF_MIRROR: &str =
    "LEFT JOIN sources s ON c.kind = 'mirror' AND s.name = c.source_collection";

#[derive(FromRow)]
struct CollectionRow {
    id: String,
    name: String,
    description: Option<String>,
    kind: String,
    source: Option<String>,
    created_by: Option<String>,
    detached: bool,
    generation: i64,
    artifact_count: i64,
    verification: i64,
    last_report_json: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl CollectionRow {
    fn into_domain(self) -> Result<Collection> {
        let kind = CollectionKind::parse(&self.kind)
            .ok_or_else(|| undecodable(format!("{} is no kind of collection", self.kind)))?;
        Ok(Collection {
            id: CollectionId::new(self.id).map_err(undecodable)?,
            name: self.name,
            description: self.description,
            kind,
            source: self.source.map(SourceName::new).transpose().map_err(undecodable)?,
            created_by: self.created_by,
            detached: self.detached,
            generation: count(self.generation)?,
            artifact_count: count(self.artifact_count)?,
            verification: self.verification,
            // The next refresh replaces a report that another version wrote in a form of its own.
            last_report: self.last_report_json.and_then(|json| serde_json::from_str(&json).ok()),
            created_at: timestamp(self.created_at)?,
            updated_at: timestamp(self.updated_at)?,
        })
    }
}

/// The collection of that id, else of that name.
pub(crate) async fn find(
    reader: &mut PgConnection,
    id_or_name: &str,
) -> Result<Option<Collection>> {
    static FIND: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {COLUMNS} FROM collections c {SOURCE_OF_MIRROR} \
             WHERE c.id = $1 OR c.name = $1 ORDER BY c.id = $1 DESC LIMIT 1"
        )
    });
    let row: Option<CollectionRow> =
        sqlx::query_as(FIND.as_str()).bind(askable(id_or_name)).fetch_optional(reader).await?;
    row.map(CollectionRow::into_domain).transpose()
}

/// A page of collections, by sort name and id.
pub(crate) async fn page(
    reader: &mut PgConnection,
    query: &CollectionQuery,
) -> Result<CollectionPage> {
    let limit = query.limit.get() as usize;
    let mut sql = QueryBuilder::new("WITH hits AS (SELECT * FROM collections WHERE ");
    match &query.search {
        Some(part) => sql.push("strpos(sort_name, ").push_bind(askable(part)).push(") > 0"),
        None => sql.push("TRUE"),
    };
    sql.push("), page AS (SELECT * FROM hits WHERE ");
    match &query.after {
        Some((sort_name, id)) => sql
            .push("(sort_name, id) > (")
            .push_bind(askable(sort_name))
            .push(", ")
            .push_bind(askable(id))
            .push(")"),
        None => sql.push("TRUE"),
    };
    sql.push(" ORDER BY sort_name, id LIMIT ").push_bind(i64::from(query.limit.get()) + 1);
    sql.push(format_args!(
        ") SELECT t.total, {COLUMNS} FROM (SELECT COUNT(*) AS total FROM hits) t \
         LEFT JOIN page c ON TRUE {SOURCE_OF_MIRROR} ORDER BY c.sort_name, c.id"
    ));
    let rows = sql.build().fetch_all(reader).await?;

    let total = rows.first().map_or(Ok(0), |row| row.try_get("total"))?;
    let mut collections = Vec::with_capacity(rows.len());
    for row in &rows {
        // Without any collection the page is one row that holds the total alone.
        if row.try_get::<Option<&str>, _>("id")?.is_some() {
            collections.push(CollectionRow::from_row(row)?.into_domain()?);
        }
    }
    let has_next = collections.len() > limit;
    collections.truncate(limit);
    Ok(CollectionPage { collections, has_next, total_count: count(total)? })
}

/// The ids of the collections that hold a visible row of that artifact of that source.
pub(crate) async fn holding(
    reader: &mut PgConnection,
    source: &SourceName,
    id: &ArtifactId,
) -> Result<Vec<CollectionId>> {
    static HOLDING: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT a.collection_id FROM collection_artifacts a \
             WHERE a.artifact_id = $1 AND a.source_collection = $2 AND {VISIBLE} \
             ORDER BY a.collection_id"
        )
    });
    let ids: Vec<String> = sqlx::query_scalar(HOLDING.as_str())
        .bind(id.as_str())
        .bind(source.as_str())
        .fetch_all(reader)
        .await?;
    ids.into_iter().map(|id| CollectionId::new(id).map_err(undecodable)).collect()
}

/// The order in which collections are locked: `default` before all others, then by id. Who waits for
/// `default` holds no other one, so who has it may also change a collection that was made after it
/// had looked which ones to lock.
pub(crate) const LOCK_ORDER: &str = "ORDER BY kind <> 'default', id";

/// Locks the collections that a change of that source's rows may touch, until the transaction ends.
pub(crate) async fn lock(writer: &mut PgConnection, source: &SourceName) -> Result<()> {
    static LOCK: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT id FROM collections WHERE kind <> 'mirror' OR source_collection = $1 \
             {LOCK_ORDER} FOR UPDATE"
        )
    });
    sqlx::query(LOCK.as_str()).bind(source.as_str()).execute(writer).await?;
    Ok(())
}

/// Locks one collection, for a change that touches no other one's rows and raises no generation.
pub(crate) async fn lock_one(writer: &mut PgConnection, id: &str) -> Result<()> {
    const LOCK_ONE: &str = "SELECT id FROM collections WHERE id = $1 FOR UPDATE";
    sqlx::query(LOCK_ONE).bind(id).execute(writer).await?;
    Ok(())
}

/// Locks all collections.
pub(crate) async fn lock_all(writer: &mut PgConnection) -> Result<()> {
    static LOCK_ALL: LazyLock<String> =
        LazyLock::new(|| format!("SELECT id FROM collections {LOCK_ORDER} FOR UPDATE"));
    sqlx::query(LOCK_ALL.as_str()).execute(writer).await?;
    Ok(())
}

/// Raises the generation of collections whose rows have changed, and counts their rows anew;
/// answers what became of each, by id, and tells every process that listens once it is committed.
pub(crate) async fn bump(
    writer: &mut PgConnection,
    touched: &TouchedCollections,
    now: Timestamp,
) -> Result<Vec<CollectionChange>> {
    const BEFORE: &str = "SELECT id, artifact_count FROM collections WHERE id = ANY($1)";
    static BUMP: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE collections SET generation = generation + 1, updated_at = $2, \
             artifact_count = (SELECT COUNT(*) FROM collection_artifacts a \
                 WHERE a.collection_id = collections.id AND {VISIBLE}) \
             WHERE id = ANY($1) RETURNING id, generation, artifact_count"
        )
    });
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = touched.ids().collect();
    let before: Vec<(String, i64)> =
        sqlx::query_as(BEFORE).bind(&ids).fetch_all(&mut *writer).await?;
    let bumped: Vec<(String, i64, i64)> =
        sqlx::query_as(BUMP.as_str()).bind(&ids).bind(micros(now)).fetch_all(&mut *writer).await?;
    let changes = changes(touched, before, bumped)?;
    notices::tell(writer, &changes).await?;
    Ok(changes)
}

fn changes(
    touched: &TouchedCollections,
    before: Vec<(String, i64)>,
    bumped: Vec<(String, i64, i64)>,
) -> Result<Vec<CollectionChange>> {
    let id = |id: String| CollectionId::new(id).map_err(undecodable);
    let before = before.into_iter().map(|(of, rows)| Ok((id(of)?, count(rows)?)));
    let after = bumped
        .into_iter()
        .map(|(of, generation, rows)| Ok((id(of)?, count(generation)?, count(rows)?)));
    Ok(touched.changes(&before.collect::<Result<_>>()?, after.collect::<Result<Vec<_>>>()?))
}
