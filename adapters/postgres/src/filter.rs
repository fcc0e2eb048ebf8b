//! A filter as SQL.

use larder::domain::{
    id::CollectionId,
    query::{Filter, Search, Staleness},
};
use sqlx::{Postgres, QueryBuilder};

use crate::{
    row::{EFFECTIVE, VISIBLE, askable, micros},
    search::expression,
};

/// `found AS (…), `, the documents that a search finds, if there is one: to stand in front of what
/// reads [`push_from`].
pub(crate) fn push_found(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    let Some(search) = &filter.search else { return };
    sql.push("found AS MATERIALIZED (SELECT d.source_collection, d.artifact_id, d.name_words @@ ")
        .push_bind(expression(search))
        .push("::TSQUERY AS in_name FROM search_documents d WHERE d.all_words @@ ")
        .push_bind(expression(search))
        .push("::TSQUERY), ");
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
    sql: &mut QueryBuilder<Postgres>,
    collection: &CollectionId,
    filter: &Filter,
) {
    let (tag, other_tags) = leading_tag(filter);
    sql.push(if filter.search.is_some() {
        " FROM found f JOIN collection_artifacts a \
         ON a.artifact_id = f.artifact_id AND a.source_collection = f.source_collection"
    } else if tag.is_some() {
        " FROM artifact_tags t JOIN collection_artifacts a \
         ON a.collection_id = t.collection_id AND a.artifact_id = t.artifact_id"
    } else {
        " FROM collection_artifacts a"
    });
    sql.push(" WHERE a.collection_id = ").push_bind(collection.as_str());
    sql.push(" AND ").push(VISIBLE);
    if let Some(tag) = tag {
        sql.push(" AND t.collection_id = ").push_bind(collection.as_str());
        push_tag(sql, "t", tag);
    }
    for tag in other_tags {
        sql.push(
            " AND EXISTS (SELECT 1 FROM artifact_tags x WHERE x.collection_id = a.collection_id \
             AND x.sort_name = a.sort_name AND x.artifact_id = a.artifact_id",
        );
        push_tag(sql, "x", tag);
        sql.push(")");
    }
    push_conditions(sql, filter);
}

/// The index has the beginning of a tag.
fn push_tag(sql: &mut QueryBuilder<Postgres>, alias: &str, tag: &str) {
    sql.push(format_args!(" AND left({alias}.tag, 64) = left(")).push_bind(askable(tag));
    sql.push(format_args!(", 64) AND {alias}.tag = ")).push_bind(askable(tag));
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if !filter.kinds.is_empty() {
        sql.push(" AND a.type IN (");
        let mut list = sql.separated(", ");
        for kind in &filter.kinds {
            list.push_bind(kind.as_str());
        }
        sql.push(")");
    }
    if let Some(origin) = &filter.origin {
        sql.push(" AND a.origin = ").push_bind(askable(origin));
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
pub(crate) fn push_rank(sql: &mut QueryBuilder<Postgres>, search: Option<&Search>) {
    match search {
        Some(search) => sql
            .push("CASE WHEN a.sort_name = ")
            .push_bind(askable(&search.name))
            .push(" THEN 0 WHEN f.in_name THEN 1 ELSE 2 END"),
        None => sql.push("2"),
    };
}
