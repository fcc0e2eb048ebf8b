//! A filter as SQL.

use larder::domain::{
    id::CollectionId,
    query::{Filter, Search, Staleness},
};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    row::{EFFECTIVE, VISIBLE, micros},
    search::{expression, in_name},
};

/// `found AS (…), `, the documents that a search finds, if there is one: to stand in front of what
/// reads [`push_from`].
pub(crate) fn push_found(sql: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    let Some(search) = &filter.search else { return };
    sql.push(
        "found AS MATERIALIZED (SELECT d.source_collection, d.artifact_id, d.name_words \
         FROM search_index i CROSS JOIN search_documents d ON d.id = i.rowid \
         WHERE i.search_index MATCH ",
    )
    .push_bind(expression(search))
    .push("), ");
}

/// The tag whose rows a page is read from, if no search leads, and the others.
fn leading_tag(filter: &Filter) -> (Option<&str>, &[String]) {
    match filter.tags.split_first() {
        Some((tag, others)) if filter.search.is_none() => (Some(tag), others),
        _ => (None, &filter.tags),
    }
}

/// The alias of the table whose `sort_name` and `artifact_id` are in an index's order.
pub(crate) fn ordered(filter: &Filter) -> &'static str {
    if leading_tag(filter).0.is_some() { "t" } else { "a" }
}

/// ` FROM … WHERE …`: the visible rows `a` of a collection that pass the filter. A search leads,
/// else the first tag, else the collection itself.
pub(crate) fn push_from(
    sql: &mut QueryBuilder<Sqlite>,
    collection: &CollectionId,
    filter: &Filter,
) {
    let (tag, other_tags) = leading_tag(filter);
    sql.push(if filter.search.is_some() {
        " FROM found f CROSS JOIN collection_artifacts a \
         ON a.artifact_id = f.artifact_id AND a.source_collection = f.source_collection"
    } else if tag.is_some() {
        " FROM artifact_tags t CROSS JOIN collection_artifacts a \
         ON a.collection_id = t.collection_id AND a.artifact_id = t.artifact_id"
    } else {
        " FROM collection_artifacts a"
    });
    sql.push(" WHERE a.collection_id = ").push_bind(collection.as_str());
    sql.push(" AND ").push(VISIBLE);
    if let Some(tag) = tag {
        sql.push(" AND t.collection_id = ").push_bind(collection.as_str());
        sql.push(" AND t.tag = ").push_bind(tag);
    }
    for tag in other_tags {
        sql.push(
            " AND EXISTS (SELECT 1 FROM artifact_tags x WHERE x.collection_id = a.collection_id \
             AND x.sort_name = a.sort_name AND x.artifact_id = a.artifact_id AND x.tag = ",
        )
        .push_bind(tag)
        .push(")");
    }
    push_conditions(sql, filter);
}

fn push_conditions(sql: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    if !filter.kinds.is_empty() {
        sql.push(" AND a.type IN (");
        let mut list = sql.separated(", ");
        for kind in &filter.kinds {
            list.push_bind(kind.as_str());
        }
        sql.push(")");
    }
    if let Some(origin) = &filter.origin {
        sql.push(" AND a.origin = ").push_bind(origin);
    }
    if let Some(health) = filter.health {
        sql.push(" AND a.health = ").push_bind(health.as_str());
    }
    if let Some(Staleness { stale, fresh }) = filter.stale {
        let comparison = if stale { " IS NOT TRUE" } else { " IS TRUE" };
        sql.push(" AND ((SELECT ").push(EFFECTIVE).push(
            " FROM (SELECT 1) one LEFT JOIN sources s ON s.name = a.source_collection) \
                 BETWEEN 1 + ",
        );
        sql.push_bind(micros(fresh.after)).push(" AND ").push_bind(micros(fresh.until));
        sql.push(")").push(comparison);
    }
}

/// The rank of row `a` as [`Search::rank`] has it.
pub(crate) fn push_rank(sql: &mut QueryBuilder<Sqlite>, search: Option<&Search>) {
    let Some(search) = search else {
        sql.push("2");
        return;
    };
    sql.push("CASE WHEN a.sort_name = ").push_bind(&search.name).push(" THEN 0 WHEN ");
    let mut conditions = sql.separated(" AND ");
    for text in in_name(search) {
        conditions
            .push("instr(f.name_words, ")
            .push_bind_unseparated(text)
            .push_unseparated(") > 0");
    }
    sql.push(" THEN 1 ELSE 2 END");
}
