//! How many rows have which value.

use larder::domain::{
    facets::{FacetCount, Facets},
    id::CollectionId,
    query::Filter,
};
use sqlx::{QueryBuilder, SqliteConnection};

use crate::{
    error::Result,
    filter::{push_found, push_from},
    row::{UNPLANNED, count},
};

/// Counts the rows that pass a filter, by value. One statement: all of one moment.
pub(crate) async fn facets(
    reader: &mut SqliteConnection,
    collection: &CollectionId,
    filter: &Filter,
) -> Result<Option<Facets>> {
    let mut sql = QueryBuilder::new("WITH ");
    push_found(&mut sql, filter);
    sql.push("hits AS MATERIALIZED (SELECT a.artifact_id, a.type, a.origin, a.health");
    push_from(&mut sql, collection, filter);
    sql.push(
        ") SELECT 'generation' AS facet, '' AS value, generation AS number FROM collections \
         WHERE id = ",
    )
    .push_bind(collection.as_str());
    for column in ["type", "origin", "health"] {
        sql.push(format_args!(
            " UNION ALL SELECT '{column}', {column}, COUNT(*) FROM hits \
             WHERE {column} IS NOT NULL GROUP BY {column}"
        ));
    }
    sql.push(
        " UNION ALL SELECT * FROM (SELECT 'tag', t.tag, COUNT(*) AS number FROM artifact_tags t \
         WHERE t.collection_id = ",
    )
    .push_bind(collection.as_str());
    if !filter.is_empty() {
        sql.push(" AND t.artifact_id IN (SELECT artifact_id FROM hits)");
    }
    sql.push(" GROUP BY t.tag ORDER BY number DESC, t.tag LIMIT ")
        .push_bind(Facets::MAX_TAGS)
        .push(UNPLANNED);
    sql.push(") ORDER BY facet, number DESC, value");

    let rows: Vec<(String, String, i64)> = sql.build_query_as().fetch_all(reader).await?;
    let mut facets = Facets::default();
    let mut exists = false;
    for (facet, value, number) in rows {
        let number = count(number)?;
        let list = match facet.as_str() {
            "type" => &mut facets.types,
            "tag" => &mut facets.tags,
            "origin" => &mut facets.origins,
            "health" => &mut facets.healths,
            _ => {
                facets.generation = number;
                exists = true;
                continue;
            }
        };
        list.push(FacetCount { value, count: number });
    }
    Ok(exists.then_some(facets))
}
