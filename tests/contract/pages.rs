//! Pages in both directions, which stay right while rows come and go.

use larder::{
    domain::{
        artifact::{Artifact, CollectionArtifact},
        cursor::Cursor,
        page::ArtifactPage,
        query::{ArtifactQuery, Filter, Position, Search, Sort},
    },
    testing::{BuildArtifact, artifact, at, collection_id, limit},
};

use crate::cache::{Cache, ids_of};

/// Rows with ties and gaps in every sort, in no particular order.
fn library() -> Vec<Artifact> {
    let names = [
        "zeta",
        "Alpha",
        "alpha",
        "éclair",
        "Zeta",
        "beta tea",
        "tea",
        "Tea time",
        "日本",
        "a",
        "tea:party",
        "alpha-tea",
        "_x",
        "A%b",
    ];
    let mut artifacts = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let changed = (index % 4 != 0).then(|| at([5, 5, -7, 9][index % 4]));
        artifacts.push(artifact(&format!("skill:{name}")).described("tea").changed_at(changed));
        if index % 3 == 0 {
            artifacts.push(artifact(&format!("agent:{name}")).described("tea").changed_at(changed));
        }
    }
    artifacts
}

fn query(sort: Sort, rows: u32) -> ArtifactQuery {
    let filter = Filter { search: Search::new("tea"), ..Filter::default() };
    let filter = if sort == Sort::Relevance { filter } else { Filter::default() };
    ArtifactQuery { filter, sort, limit: limit(rows), position: Position::Start }
}

fn cursor(row: &CollectionArtifact, query: &ArtifactQuery) -> Cursor {
    Cursor::at(row, &row.collection, query)
}

/// Every row's place as the domain sorts it.
fn sorted(mut rows: Vec<CollectionArtifact>, query: &ArtifactQuery) -> Vec<String> {
    let place = |row: &CollectionArtifact| {
        (query.sort.value_of(row, query.filter.search.as_ref()), row.artifact.id.clone())
    };
    rows.sort_by_key(place);
    if query.sort.descending() {
        rows.reverse();
    }
    rows.iter().map(|row| row.artifact.id.to_string()).collect()
}

/// Walks from the start to the end, checking the edges of each page on the way.
async fn walk_forward(cache: &Cache, query: &ArtifactQuery) -> Vec<ArtifactPage> {
    let mut query = query.clone();
    let mut pages = Vec::new();
    loop {
        let page = cache.page_of("work", &query).await;
        assert_eq!(page.has_previous, !pages.is_empty());
        let more = page.has_next;
        if let Some(last) = page.rows.last() {
            query.position = Position::After(cursor(last, &query));
        }
        pages.push(page);
        if !more {
            return pages;
        }
    }
}

/// Walks from before the last row of `from` back to the start.
async fn walk_back(cache: &Cache, query: &ArtifactQuery, from: &ArtifactPage) -> Vec<String> {
    let mut query = query.clone();
    let mut first = from.rows.last().expect("a last page with rows").clone();
    let mut ids = vec![first.artifact.id.to_string()];
    loop {
        query.position = Position::Before(cursor(&first, &query));
        let page = cache.page_of("work", &query).await;
        assert!(page.has_next, "the row it was asked from follows");
        ids.splice(0..0, ids_of(&page));
        let Some(row) = page.rows.first() else { return ids };
        first = row.clone();
        if !page.has_previous {
            return ids;
        }
    }
}

pub(crate) async fn pages_go_both_ways_by_every_sort_and_limit(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", library()).await;
    for sort in [Sort::Name, Sort::UpdatedAt, Sort::Relevance] {
        let all = cache.page_of("work", &query(sort, 200)).await;
        let expected = sorted(all.rows.clone(), &query(sort, 200));
        assert_eq!(ids_of(&all), expected, "{sort:?}");
        assert!(all.rows.len() > 10);
        for rows in 1..=u32::try_from(expected.len()).unwrap() + 1 {
            let query = query(sort, rows);
            let pages = walk_forward(cache, &query).await;
            let ids: Vec<_> = pages.iter().flat_map(ids_of).collect();
            assert_eq!(ids, expected, "{sort:?} by {rows}");
            assert_eq!(pages.len(), expected.len().div_ceil(rows as usize), "no empty last page");
            for page in &pages {
                assert_eq!(page.total_count, expected.len() as u64);
                assert!(page.rows.len() <= rows as usize);
            }
            let back = walk_back(cache, &query, pages.last().unwrap()).await;
            assert_eq!(back, expected, "{sort:?} by {rows}, backwards");
        }
    }
}

pub(crate) async fn a_page_before_a_cursor_holds_the_nearest_rows_in_order(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", ["a", "b", "c", "d", "e"].map(|n| artifact(&format!("skill:{n}")))).await;
    let all = cache.page_of("work", &query(Sort::Name, 200)).await;
    let before = |row: usize| Position::Before(cursor(&all.rows[row], &query(Sort::Name, 2)));
    let page =
        cache.page_of("work", &ArtifactQuery { position: before(4), ..query(Sort::Name, 2) }).await;
    assert_eq!(ids_of(&page), ["skill:c", "skill:d"]);
    assert_eq!((page.has_previous, page.has_next), (true, true));
    let page =
        cache.page_of("work", &ArtifactQuery { position: before(2), ..query(Sort::Name, 2) }).await;
    assert_eq!(ids_of(&page), ["skill:a", "skill:b"]);
    assert_eq!((page.has_previous, page.has_next), (false, true));
}

pub(crate) async fn beyond_either_end_there_is_an_empty_page(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", ["a", "b", "c"].map(|name| artifact(&format!("skill:{name}")))).await;
    for sort in [Sort::Name, Sort::UpdatedAt] {
        let all = cache.page_of("work", &query(sort, 200)).await;
        let (first, last) = (&all.rows[0], &all.rows[2]);
        let after = Position::After(cursor(last, &query(sort, 2)));
        let page =
            cache.page_of("work", &ArtifactQuery { position: after, ..query(sort, 2) }).await;
        assert!(page.rows.is_empty());
        assert_eq!((page.has_previous, page.has_next), (true, false));
        let before = Position::Before(cursor(first, &query(sort, 2)));
        let page =
            cache.page_of("work", &ArtifactQuery { position: before, ..query(sort, 2) }).await;
        assert!(page.rows.is_empty());
        assert_eq!((page.has_previous, page.has_next), (false, true));
        assert_eq!(page.total_count, 3);
    }
}

pub(crate) async fn a_collection_without_rows_has_one_empty_page(cache: &Cache) {
    cache.register(&["work"]).await;
    for sort in [Sort::Name, Sort::UpdatedAt, Sort::Relevance] {
        let page = cache.page_of("work", &query(sort, 50)).await;
        assert!(page.rows.is_empty());
        assert_eq!((page.has_previous, page.has_next, page.total_count), (false, false, 0));
    }
}

pub(crate) async fn an_unknown_collection_has_no_page(cache: &Cache) {
    cache.register(&["work"]).await;
    for id in ["Work", "nobody", "%", "work "] {
        let page = cache.page(&collection_id(id), &ArtifactQuery::default()).await.unwrap();
        assert_eq!(page, None);
    }
}

pub(crate) async fn rows_that_come_and_go_move_no_other_row(cache: &Cache) {
    cache.register(&["work"]).await;
    let named = |names: &[&str]| {
        names.iter().map(|name| artifact(&format!("skill:{name}"))).collect::<Vec<_>>()
    };
    cache.put("work", named(&["b", "d", "f", "h"])).await;
    let two = query(Sort::Name, 2);
    let first = cache.page_of("work", &two).await;
    assert_eq!(ids_of(&first), ["skill:b", "skill:d"]);
    let after_d = Position::After(cursor(&first.rows[1], &two));

    // Before the cursor, behind it, and the very row it stands at.
    cache.put("work", named(&["a", "c", "e"])).await;
    cache.remove("work", &["skill:d", "skill:f"], at(1)).await;
    let page =
        cache.page_of("work", &ArtifactQuery { position: after_d.clone(), ..two.clone() }).await;
    assert_eq!(ids_of(&page), ["skill:e", "skill:h"]);
    assert_eq!((page.has_previous, page.has_next, page.total_count), (true, false, 5));
    let before_e = Position::Before(cursor(&page.rows[0], &two));
    let page = cache.page_of("work", &ArtifactQuery { position: before_e, ..two.clone() }).await;
    assert_eq!(ids_of(&page), ["skill:b", "skill:c"]);
    assert_eq!((page.has_previous, page.has_next), (true, true));

    cache.remove("work", &["skill:a", "skill:b", "skill:c"], at(1)).await;
    let page = cache.page_of("work", &ArtifactQuery { position: after_d, ..two.clone() }).await;
    assert_eq!(ids_of(&page), ["skill:e", "skill:h"]);
    assert!(!page.has_previous, "nothing is left before the cursor");
}

pub(crate) async fn a_row_whose_file_changed_moves_to_the_front(cache: &Cache) {
    cache.register(&["work"]).await;
    let rows = [("a", Some(3)), ("b", Some(2)), ("c", None), ("d", Some(1))];
    let rows = rows.map(|(name, t)| artifact(&format!("skill:{name}")).changed_at(t.map(at)));
    cache.put("work", rows).await;
    let one = query(Sort::UpdatedAt, 1);
    let first = cache.page_of("work", &one).await;
    let after_a = Position::After(cursor(&first.rows[0], &one));
    cache.put("work", [artifact("skill:c").changed_at(Some(at(9))).read_at(at(5))]).await;
    let all = ArtifactQuery { position: after_a, ..query(Sort::UpdatedAt, 9) };
    assert_eq!(ids_of(&cache.page_of("work", &all).await), ["skill:b", "skill:d"]);
    let all = cache.page_of("work", &query(Sort::UpdatedAt, 9)).await;
    assert_eq!(ids_of(&all), ["skill:c", "skill:a", "skill:b", "skill:d"]);
}

pub(crate) async fn times_before_1970_and_ties_keep_their_order(cache: &Cache) {
    cache.register(&["work"]).await;
    let old = larder::domain::Timestamp::from_timestamp_micros(-1).unwrap();
    let rows = [("none", None), ("old", Some(old)), ("x", Some(at(5))), ("y", Some(at(5)))];
    let rows = rows.map(|(name, t)| artifact(&format!("skill:{name}")).changed_at(t));
    cache.put("work", rows).await;
    let pages = walk_forward(cache, &query(Sort::UpdatedAt, 1)).await;
    let ids: Vec<_> = pages.iter().flat_map(ids_of).collect();
    assert_eq!(ids, ["skill:y", "skill:x", "skill:old", "skill:none"]);
}

pub(crate) async fn names_are_sorted_by_their_folded_bytes(cache: &Cache) {
    cache.register(&["work"]).await;
    let names =
        ["Zoo", "apple", "Äpfel", "Apple", "zoo-2", "a b", "a-b", "a_b", "aB", "日本", "Ωmega"];
    cache.put("work", names.map(|name| artifact(&format!("skill:{name}")))).await;
    let mut expected: Vec<(String, String)> =
        names.iter().map(|name| (name.to_lowercase(), format!("skill:{name}"))).collect();
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
    assert_eq!(cache.ids("work").await, expected);
}

pub(crate) async fn names_of_255_characters_are_stored_and_paged(cache: &Cache) {
    cache.register(&["work"]).await;
    // The longest ids there are, four bytes a character, which differ in the last one alone.
    let long = |last: char| format!("mcp:{}{last}", "𝒳".repeat(250));
    let ids = ['𝒶', '𝒷', '𝒸'].map(long);
    cache.put("work", ids.iter().map(|id| artifact(id).tagged(&[&"𝒳".repeat(64)]))).await;
    for sort in [Sort::Name, Sort::UpdatedAt] {
        let pages = walk_forward(cache, &query(sort, 1)).await;
        let mut found: Vec<_> = pages.iter().flat_map(ids_of).collect();
        found.sort();
        assert_eq!(found, ids);
    }
}
