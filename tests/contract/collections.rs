//! The list of collections.

use larder::{
    domain::{page::CollectionPage, query::CollectionQuery, text},
    testing::{artifact, limit},
};

use crate::cache::Cache;

fn names(page: &CollectionPage) -> Vec<&str> {
    page.collections.iter().map(|collection| collection.name.as_str()).collect()
}

fn query(search: Option<&str>, rows: u32) -> CollectionQuery {
    CollectionQuery { search: search.map(text::sort_key), limit: limit(rows), after: None }
}

pub(crate) async fn collections_are_listed_by_name_page_after_page(cache: &Cache) {
    cache.register(&["work", "Äpfel", "Work", "apple", "default", "日本"]).await;
    let expected = ["apple", "default", "Work", "work", "Äpfel", "日本"];
    for rows in 1..8 {
        let mut query = query(None, rows);
        let mut listed = Vec::new();
        loop {
            let page = cache.collections(&query).await.unwrap();
            assert_eq!(page.total_count, 6);
            assert!(page.collections.len() <= rows as usize);
            listed.extend(names(&page).into_iter().map(str::to_owned));
            if !page.has_next {
                break;
            }
            let last = page.collections.last().expect("a page before another is not empty");
            query.after = Some((text::sort_key(&last.name), last.id.to_string()));
        }
        assert_eq!(listed, expected, "by {rows}");
    }
}

pub(crate) async fn a_search_finds_a_part_of_a_folded_name(cache: &Cache) {
    cache.register(&["Team Work", "homework", "50%_off", "5000 offers", "ÄPFEL", "a\\b"]).await;
    let found = async |search: &str| {
        let page = cache.collections(&query(Some(search), 50)).await.unwrap();
        assert_eq!(page.total_count, page.collections.len() as u64);
        names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("WORK").await, ["homework", "Team Work"]);
    assert_eq!(found("äpf").await, ["ÄPFEL"]);
    assert_eq!(found("%").await, ["50%_off"]);
    assert_eq!(found("0%_").await, ["50%_off"]);
    assert_eq!(found("_").await, ["50%_off"]);
    assert_eq!(found("\\").await, ["a\\b"]);
    assert_eq!(found("").await.len(), 7);
    assert!(found("nobody").await.is_empty());
}

pub(crate) async fn a_search_and_a_page_go_together(cache: &Cache) {
    cache.register(&["a-team", "b-team", "c", "d-team"]).await;
    let first = cache.collections(&query(Some("team"), 2)).await.unwrap();
    assert_eq!((names(&first), first.has_next), (vec!["a-team", "b-team"], true));
    let after = Some(("b-team".to_owned(), "b-team".to_owned()));
    let next = CollectionQuery { after, ..query(Some("team"), 2) };
    let next = cache.collections(&next).await.unwrap();
    assert_eq!((names(&next), next.has_next, next.total_count), (vec!["d-team"], false, 3));
    let end = Some(("zzz".to_owned(), String::new()));
    let end = cache.collections(&CollectionQuery { after: end, ..query(None, 2) }).await.unwrap();
    assert_eq!((names(&end).len(), end.has_next, end.total_count), (0, false, 5));
}

pub(crate) async fn a_listed_collection_is_the_one_that_is_asked_for(cache: &Cache) {
    cache.register(&["default", "home", "work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.register(&["home"]).await;
    let page = cache.collections(&CollectionQuery::default()).await.unwrap();
    assert_eq!(names(&page), ["default", "home", "work"]);
    for collection in page.collections {
        let alone = cache.collection(collection.id.as_str()).await.unwrap();
        assert_eq!(alone, Some(collection));
    }
}

pub(crate) async fn an_unknown_collection_is_none(cache: &Cache) {
    cache.register(&["work"]).await;
    for name in ["WORK", "wor", "", "%", "work\0", "' OR 1=1"] {
        assert_eq!(cache.collection(name).await.unwrap(), None, "{name:?}");
    }
}
