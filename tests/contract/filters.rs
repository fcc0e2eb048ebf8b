//! Conditions on rows, each alone and together, and what is counted under them.

use larder::{
    domain::{
        artifact::{Artifact, Health},
        facets::{FacetCount, Facets},
        id::ArtifactKind,
        query::{ArtifactQuery, Filter, Position, Search, Sort, Staleness},
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, limit},
};

use crate::cache::{Cache, ids_of, since};

fn library() -> [Artifact; 5] {
    [
        artifact("skill:pdf").tagged(&["doc", "Read"]).of_origin(Some("github")).read_at(at(10)),
        artifact("skill:tea").tagged(&["read"]).of_origin(None).in_health(Health::Recovered),
        artifact("agent:doc").tagged(&["doc"]).of_origin(Some("GitHub")).read_at(at(10)),
        artifact("mcp:odd").tagged(&["50%", "a_b", "it's"]).in_health(Health::Broken),
        artifact("x-y_2:new").tagged(&[]),
    ]
}

fn kinds(names: &[&str]) -> Filter {
    let kinds = names.iter().map(|name| ArtifactKind::new(name).unwrap()).collect();
    Filter { kinds, ..Filter::default() }
}

fn tags(tags: &[&str]) -> Filter {
    Filter { tags: tags.iter().map(ToString::to_string).collect(), ..Filter::default() }
}

fn origin(origin: &str) -> Filter {
    Filter { origin: Some(origin.to_owned()), ..Filter::default() }
}

fn health(health: Health) -> Filter {
    Filter { health: Some(health), ..Filter::default() }
}

async fn stocked(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", library()).await;
}

pub(crate) async fn a_kind_is_one_of_those_asked_for(cache: &Cache) {
    stocked(cache).await;
    assert_eq!(cache.found("work", kinds(&["skill"])).await, ["skill:pdf", "skill:tea"]);
    let two = cache.found("work", kinds(&["mcp", "agent", "mcp"])).await;
    assert_eq!(two, ["agent:doc", "mcp:odd"]);
    assert_eq!(cache.found("work", kinds(&["x-y_2"])).await, ["x-y_2:new"]);
    assert!(cache.found("work", kinds(&["hook"])).await.is_empty());
}

pub(crate) async fn every_tag_must_be_there_exactly(cache: &Cache) {
    stocked(cache).await;
    assert_eq!(cache.found("work", tags(&["doc"])).await, ["agent:doc", "skill:pdf"]);
    assert_eq!(cache.found("work", tags(&["doc", "Read"])).await, ["skill:pdf"]);
    assert_eq!(cache.found("work", tags(&["read"])).await, ["skill:tea"], "case counts");
    assert_eq!(cache.found("work", tags(&["doc", "doc"])).await, ["agent:doc", "skill:pdf"]);
    assert_eq!(cache.found("work", tags(&["it's", "50%", "a_b"])).await, ["mcp:odd"]);
    for none in [&["do"][..], &["%"], &["50"], &["axb"], &["doc", "read"], &[""]] {
        assert!(cache.found("work", tags(none)).await.is_empty(), "{none:?}");
    }
}

pub(crate) async fn tags_follow_the_artifact(cache: &Cache) {
    stocked(cache).await;
    cache.put("work", [artifact("skill:pdf").tagged(&["new"]).read_at(at(20))]).await;
    for collection in ["work", "default"] {
        assert_eq!(cache.found(collection, tags(&["doc"])).await, ["agent:doc"]);
        assert_eq!(cache.found(collection, tags(&["new"])).await, ["skill:pdf"]);
    }
    cache.remove("work", &["skill:pdf"], at(30)).await;
    assert!(cache.found("default", tags(&["new"])).await.is_empty());
}

pub(crate) async fn origin_and_health_are_compared_exactly(cache: &Cache) {
    stocked(cache).await;
    assert_eq!(cache.found("work", origin("github")).await, ["skill:pdf"]);
    assert_eq!(cache.found("work", origin("local")).await, ["x-y_2:new", "mcp:odd"]);
    assert!(cache.found("work", origin("")).await.is_empty());
    assert_eq!(cache.found("work", health(Health::Broken)).await, ["mcp:odd"]);
    assert_eq!(cache.found("work", health(Health::Recovered)).await, ["skill:tea"]);
    assert_eq!(cache.found("work", health(Health::Ok)).await.len(), 3);
}

pub(crate) async fn conditions_combine_with_and(cache: &Cache) {
    stocked(cache).await;
    let all = Filter {
        tags: vec!["doc".to_owned()],
        origin: Some("github".to_owned()),
        health: Some(Health::Ok),
        stale: Some(Staleness { stale: false, fresh: since(at(5)) }),
        search: Search::new("pd"),
        ..kinds(&["skill", "agent"])
    };
    assert_eq!(cache.found("work", all.clone()).await, ["skill:pdf"]);
    let stale = Some(Staleness { stale: true, fresh: since(at(5)) });
    for none in [
        Filter { kinds: vec![ArtifactKind::new("agent").unwrap()], ..all.clone() },
        Filter { tags: vec!["doc".to_owned(), "x".to_owned()], ..all.clone() },
        Filter { origin: Some("local".to_owned()), ..all.clone() },
        Filter { health: Some(Health::Broken), ..all.clone() },
        Filter { search: Search::new("pdx"), ..all.clone() },
        Filter { stale, ..all.clone() },
    ] {
        assert!(cache.found("work", none.clone()).await.is_empty(), "{none:?}");
    }
}

pub(crate) async fn filtered_pages_go_on_where_they_stopped(cache: &Cache) {
    cache.register(&["work"]).await;
    let artifacts = (0..30).map(|number| {
        let tags: &[&str] = if number % 3 == 0 { &["third"] } else { &["other"] };
        artifact(&format!("skill:n{number:02}")).tagged(tags).changed_at(Some(at(number % 7)))
    });
    cache.put("work", artifacts).await;
    let third =
        |search: Option<&str>| Filter { search: search.and_then(Search::new), ..tags(&["third"]) };
    for (filter, sort) in [
        (third(None), Sort::Name),
        (third(None), Sort::UpdatedAt),
        (third(Some("n")), Sort::Relevance),
        (
            Filter { stale: Some(Staleness { stale: true, fresh: since(at(5)) }), ..third(None) },
            Sort::Name,
        ),
    ] {
        let query = |rows, position| ArtifactQuery {
            filter: filter.clone(),
            sort,
            limit: limit(rows),
            position,
        };
        let all = cache.page_of("work", &query(200, Position::Start)).await;
        assert_eq!((all.rows.len(), all.total_count), (10, 10));
        let mut ids = Vec::new();
        let mut position = Position::Start;
        loop {
            let query = query(4, position);
            let page = cache.page_of("work", &query).await;
            assert_eq!((page.total_count, page.has_previous), (10, !ids.is_empty()));
            ids.extend(ids_of(&page));
            if !page.has_next {
                break;
            }
            let last = page.rows.last().unwrap();
            let cursor = larder::domain::cursor::Cursor::at(last, &collection_id("work"), &query);
            position = Position::After(cursor);
        }
        assert_eq!(ids, ids_of(&all), "{filter:?} {sort:?}");
    }
}

fn counts(list: &[FacetCount]) -> Vec<(&str, u64)> {
    list.iter().map(|facet| (facet.value.as_str(), facet.count)).collect()
}

async fn facets(cache: &Cache, filter: Filter) -> Facets {
    cache.facets(&collection_id("work"), &filter).await.unwrap().expect("the collection exists")
}

pub(crate) async fn facets_count_each_value_the_most_frequent_first(cache: &Cache) {
    stocked(cache).await;
    let all = facets(cache, Filter::default()).await;
    assert_eq!(counts(&all.types), [("skill", 2), ("agent", 1), ("mcp", 1), ("x-y_2", 1)]);
    assert_eq!(
        counts(&all.tags),
        [("doc", 2), ("50%", 1), ("Read", 1), ("a_b", 1), ("it's", 1), ("read", 1)]
    );
    assert_eq!(counts(&all.origins), [("local", 2), ("GitHub", 1), ("github", 1)], "none is none");
    assert_eq!(counts(&all.healths), [("ok", 3), ("broken", 1), ("recovered", 1)]);
    assert_eq!(all.generation, cache.generation("work").await);
}

pub(crate) async fn facets_count_what_the_filter_lets_pass(cache: &Cache) {
    stocked(cache).await;
    let doc = facets(cache, tags(&["doc"])).await;
    assert_eq!(counts(&doc.types), [("agent", 1), ("skill", 1)]);
    assert_eq!(counts(&doc.tags), [("doc", 2), ("Read", 1)]);
    assert_eq!(counts(&doc.healths), [("ok", 2)]);
    let found = Filter { search: Search::new("tea"), ..Filter::default() };
    let found = facets(cache, found).await;
    assert_eq!((counts(&found.types), counts(&found.origins)), (vec![("skill", 1)], vec![]));
    let fresh = Some(Staleness { stale: false, fresh: since(at(5)) });
    let fresh = facets(cache, Filter { stale: fresh, ..Filter::default() }).await;
    assert_eq!(counts(&fresh.types), [("agent", 1), ("skill", 1)]);
    let none = facets(cache, kinds(&["hook"])).await;
    assert_eq!((none.types.len(), none.tags.len(), none.healths.len()), (0, 0, 0));
    let nobody = collection_id("nobody");
    assert_eq!(cache.facets(&nobody, &Filter::default()).await.unwrap(), None);
}

pub(crate) async fn facets_list_the_200_most_frequent_tags(cache: &Cache) {
    cache.register(&["work"]).await;
    let tags: Vec<String> = (0..250).map(|number| format!("t{number:03}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let one = artifact("skill:all").tagged(&tags);
    let two = artifact("skill:last").tagged(&tags[249..]);
    cache.put("work", [one, two]).await;
    let listed = facets(cache, Filter::default()).await.tags;
    assert_eq!(listed.len(), Facets::MAX_TAGS as usize);
    assert_eq!((listed[0].value.as_str(), listed[0].count), ("t249", 2));
    assert_eq!(listed[199].value, "t198");
}

pub(crate) async fn an_artifact_without_anything_to_filter_by_is_found(cache: &Cache) {
    cache.register(&["work"]).await;
    let bare =
        Artifact { metadata: larder::domain::artifact::Metadata::default(), ..artifact("skill:-") };
    cache.put("work", [bare]).await;
    assert_eq!(cache.ids("work").await, ["skill:-"]);
    assert_eq!(cache.row("work", "skill:-").await.unwrap().artifact.id, artifact_id("skill:-"));
    assert!(cache.found("work", tags(&["-"])).await.is_empty());
}
