//! The collection page: one statement, so that rows and counts are of one moment.

use std::sync::LazyLock;

use larder::domain::{
    artifact::CollectionArtifact,
    cursor::{Cursor, SortValue},
    id::{ArtifactId, CollectionId},
    page::ArtifactPage,
    query::{ArtifactQuery, Position, Sort},
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{
    error::Result,
    filter::{ordered, push_found, push_from, push_rank},
    row::{ROW_AS_JSON, Row, UNPLANNED, VISIBLE, count, from_json},
};

/// A row without a file has the least time of all, as in [`Sort::value_of`].
const CHANGED: &str = "COALESCE(a.updated_at, -9223372036854775808)";

/// One row of a collection.
pub(crate) async fn artifact(
    reader: &mut SqliteConnection,
    collection: &CollectionId,
    id: &ArtifactId,
) -> Result<Option<CollectionArtifact>> {
    static ARTIFACT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {} FROM collection_artifacts a \
             LEFT JOIN sources s ON s.name = a.source_collection \
             WHERE a.collection_id = ? AND a.artifact_id = ? AND {VISIBLE}",
            *ROW_AS_JSON
        )
    });
    let row: Option<String> = sqlx::query_scalar(ARTIFACT.as_str())
        .bind(collection.as_str())
        .bind(id.as_str())
        .fetch_optional(reader)
        .await?;
    row.map(|row| from_json::<Row>(&row)?.into_domain(collection)).transpose()
}

/// A page of a collection's rows.
pub(crate) async fn page(
    reader: &mut SqliteConnection,
    collection: &CollectionId,
    query: &ArtifactQuery,
) -> Result<Option<ArtifactPage>> {
    let mut sql = statement(collection, query);
    let answer: Option<(i64, i64, bool, String)> =
        sql.build_query_as().fetch_optional(reader).await?;
    let Some((generation, total, other_side, rows)) = answer else { return Ok(None) };
    let mut rows: Vec<Row> = from_json(&rows)?;

    let limit = query.limit.get() as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let backward = matches!(query.position, Position::Before(_));
    if backward {
        rows.reverse();
    }
    let (has_previous, has_next) = if backward { (more, other_side) } else { (other_side, more) };
    let rows =
        rows.into_iter().map(|row| row.into_domain(collection)).collect::<Result<Vec<_>>>()?;
    Ok(Some(ArtifactPage {
        rows,
        has_next,
        has_previous,
        total_count: count(total)?,
        generation: count(generation)?,
    }))
}

/// Answers the generation, how many rows pass the filter, whether there are any on the other side
/// of the cursor, and the page's rows with one more, the nearest to the cursor first.
fn statement(collection: &CollectionId, query: &ArtifactQuery) -> QueryBuilder<Sqlite> {
    let filter = &query.filter;
    let order = Order::of(query);
    let mut sql = QueryBuilder::new("WITH ");
    push_found(&mut sql, filter);
    // Found rows are in no order of an index, so they are gathered once; else the index is read
    // from the cursor on, by each of the three questions for itself.
    let gathered = if filter.search.is_some() { "MATERIALIZED" } else { "NOT MATERIALIZED" };
    sql.push(format_args!("hits AS {gathered} (SELECT "));
    push_key(&mut sql, query);
    push_from(&mut sql, collection, filter);

    sql.push(") SELECT c.generation, ");
    sql.push(if filter.is_empty() { "c.artifact_count" } else { "(SELECT COUNT(*) FROM hits)" });
    match &query.position {
        Position::Start => {
            sql.push(", FALSE");
        }
        Position::After(cursor) | Position::Before(cursor) => {
            sql.push(", EXISTS (SELECT 1 FROM hits WHERE ");
            order.push_comparison(&mut sql, order.behind(), cursor);
            sql.push(")");
        }
    }
    let (ordered, ordered_p) = (order.columns(""), order.columns("p."));
    sql.push(format_args!(
        ", (SELECT json_group_array({} ORDER BY {ordered_p}) \
         FROM (SELECT * FROM hits WHERE ",
        *ROW_AS_JSON
    ));
    match &query.position {
        Position::Start => {
            sql.push("TRUE");
        }
        Position::After(cursor) | Position::Before(cursor) => {
            order.push_comparison(&mut sql, order.ahead(), cursor);
        }
    }
    sql.push(format_args!(" ORDER BY {ordered} LIMIT "));
    sql.push_bind(i64::from(query.limit.get()) + 1);
    sql.push(UNPLANNED);
    sql.push(
        ") p CROSS JOIN collection_artifacts a ON a.artifact_id = p.id AND a.collection_id = c.id \
         LEFT JOIN sources s ON s.name = a.source_collection) \
         FROM collections c WHERE c.id = ",
    );
    sql.push_bind(collection.as_str());
    sql
}

/// The columns by which the hits are ordered, and the id.
fn push_key(sql: &mut QueryBuilder<Sqlite>, query: &ArtifactQuery) {
    let ordered = ordered(&query.filter);
    match query.sort {
        Sort::Name => {
            sql.push(format_args!("{ordered}.sort_name AS sort_name"));
        }
        Sort::UpdatedAt => {
            sql.push(format_args!("{CHANGED} AS changed"));
        }
        Sort::Relevance => {
            push_rank(sql, query.filter.search.as_ref());
            sql.push(" AS place, a.sort_name AS sort_name");
        }
    }
    let ordered = if query.sort == Sort::Name { ordered } else { "a" };
    sql.push(format_args!(", {ordered}.artifact_id AS id"));
}

/// In which order, and which way.
struct Order {
    columns: &'static [&'static str],
    descending: bool,
}

impl Order {
    fn of(query: &ArtifactQuery) -> Self {
        let columns: &[&str] = match query.sort {
            Sort::Name => &["sort_name", "id"],
            Sort::UpdatedAt => &["changed", "id"],
            Sort::Relevance => &["place", "sort_name", "id"],
        };
        let backward = matches!(query.position, Position::Before(_));
        Self { columns, descending: query.sort.descending() != backward }
    }

    fn columns(&self, prefix: &str) -> String {
        let way = if self.descending { "DESC" } else { "ASC" };
        let columns: Vec<_> =
            self.columns.iter().map(|column| format!("{prefix}{column} {way}")).collect();
        columns.join(", ")
    }

    fn ahead(&self) -> &'static str {
        if self.descending { "<" } else { ">" }
    }

    /// The cursor's own row lies behind.
    fn behind(&self) -> &'static str {
        if self.descending { ">=" } else { "<=" }
    }

    fn push_comparison(&self, sql: &mut QueryBuilder<Sqlite>, operator: &str, cursor: &Cursor) {
        // Of row values SQLite does not see that an index on an expression has them.
        sql.push(format_args!("{} {}= ", self.columns[0], &operator[..1]));
        match &cursor.value {
            SortValue::Name(name) => sql.push_bind(name),
            SortValue::UpdatedAt(micros) => sql.push_bind(*micros),
            SortValue::Relevance(rank, _) => sql.push_bind(i64::from(*rank)),
        };
        sql.push(format_args!(" AND ({}) {operator} (", self.columns.join(", ")));
        match &cursor.value {
            SortValue::Name(name) => sql.push_bind(name),
            SortValue::UpdatedAt(micros) => sql.push_bind(*micros),
            SortValue::Relevance(rank, name) => {
                sql.push_bind(i64::from(*rank)).push(", ").push_bind(name)
            }
        };
        sql.push(", ").push_bind(cursor.id.as_str()).push(")");
    }
}
