//! Full text: every word, the last one as a beginning, whatever the script.

use larder::{
    domain::{
        artifact::{Artifact, Metadata},
        query::{ArtifactQuery, Filter, Search, Sort},
    },
    testing::{BuildArtifact, artifact, at, limit},
};
use serde_json::json;

use crate::cache::{Cache, ids_of};

fn searching(text: &str) -> Filter {
    Filter { search: Search::new(text), ..Filter::default() }
}

async fn found(cache: &Cache, text: &str) -> Vec<String> {
    assert!(Search::new(text).is_some(), "{text:?} holds a word");
    cache.found("default", searching(text)).await
}

async fn ranked(cache: &Cache, text: &str) -> Vec<String> {
    let query = ArtifactQuery {
        filter: searching(text),
        sort: Sort::Relevance,
        limit: limit(200),
        ..ArtifactQuery::default()
    };
    ids_of(&cache.page_of("default", &query).await)
}

pub(crate) async fn every_field_that_says_what_it_is_can_be_searched(cache: &Cache) {
    cache.register(&["work"]).await;
    let metadata = Metadata {
        display_name: Some("Shiny Title".to_owned()),
        description: Some("Brews a kettle.".to_owned()),
        author: Some("Grace Hopper <grace@navy.example>".to_owned()),
        license: Some("Zlib".to_owned()),
        version: Some("77.1".to_owned()),
        tags: vec!["morning-drink".to_owned()],
        tools: vec!["Hammer".to_owned()],
        extra: json!({"secret": "sesame"}).as_object().unwrap().clone(),
    };
    cache.put("work", [Artifact { metadata, ..artifact("skill:green:tea") }]).await;
    for text in ["green", "tea", "shiny", "kettle", "hopper", "navy", "drink", "Tea kettle grace"] {
        assert_eq!(found(cache, text).await, ["skill:green:tea"], "{text}");
    }
    for text in ["zlib", "77", "hammer", "sesame", "skill", "work"] {
        assert!(found(cache, text).await.is_empty(), "{text} stands in no searched field");
    }
}

pub(crate) async fn every_word_must_be_there_the_last_one_as_a_beginning(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").described("Reads portable documents")]).await;
    for text in ["portable reads", "reads docu", "d", "PORTABLE DOCUMENTS", "pdf reads p"] {
        assert_eq!(found(cache, text).await, ["skill:pdf"], "{text}");
    }
    for text in ["docu reads", "ortable", "reads portable ducks", "documentss"] {
        assert!(found(cache, text).await.is_empty(), "{text}");
    }
}

pub(crate) async fn accents_case_and_script_do_not_matter(cache: &Cache) {
    cache.register(&["work"]).await;
    cache
        .put(
            "work",
            [
                artifact("skill:one").described("Café crème, cafe\u{301} d'été"),
                artifact("skill:two").described("ÅNGSTRÖM Straße ﬁle"),
                artifact("skill:three").described("日本語 の説明。中文說明"),
                artifact("skill:four").described("Привет мир, γειά σου, مرحبا"),
                artifact("skill:five").described("naïve 🦀crab🦀 x²"),
            ],
        )
        .await;
    for (text, id) in [
        ("cafe creme", "skill:one"),
        ("CAFÉ ÉTÉ", "skill:one"),
        ("angstrom", "skill:two"),
        ("straße fil", "skill:two"),
        ("日本", "skill:three"),
        ("日本語 中文", "skill:three"),
        ("ПРИВЕТ ми", "skill:four"),
        ("γεια", "skill:four"),
        ("مرح", "skill:four"),
        ("naive crab", "skill:five"),
        ("X2", "skill:five"),
    ] {
        assert_eq!(found(cache, text).await, [id], "{text}");
    }
}

pub(crate) async fn the_language_of_queries_means_nothing_in_a_search(cache: &Cache) {
    cache.register(&["work"]).await;
    let artifact = artifact("skill:odd").described("not AND or NEAR the_end null");
    cache.put("work", [artifact]).await;
    for text in [
        "\"not\"",
        "not and or",
        "near*",
        "(near)",
        "near/3 the",
        "the:end",
        "-not",
        "^not",
        "not & or | !near",
        "end:*",
        "'not'",
        "not\\",
        "NULL",
        "{not}",
        "a OR not nothing%",
    ] {
        let expected = Search::new(text).unwrap().words.iter().all(|word| {
            ["not", "and", "or", "near", "the", "end", "null"].contains(&word.as_str())
        });
        assert_eq!(!found(cache, text).await.is_empty(), expected, "{text}");
    }
}

pub(crate) async fn relevance_puts_the_name_first(cache: &Cache) {
    cache.register(&["work"]).await;
    let artifacts = [
        artifact("skill:zz").described("about red green"),
        artifact("skill:aa").described("green and red"),
        artifact("skill:green-red"),
        artifact("skill:tdd:red-green"),
        artifact("skill:Red Greenish"),
        artifact("skill:redo green").described("red"),
        artifact("skill:RED green"),
        artifact("agent:red green"),
        artifact("skill:blue"),
    ];
    cache.put("work", artifacts).await;
    let expected = [
        "agent:red green",
        "skill:RED green",
        "skill:green-red",
        "skill:Red Greenish",
        "skill:tdd:red-green",
        "skill:aa",
        "skill:redo green",
        "skill:zz",
    ];
    assert_eq!(ranked(cache, "red green").await, expected);
    assert_eq!(ranked(cache, " RED Green").await, expected, "folded and trimmed as a name is");
}

pub(crate) async fn a_search_follows_the_artifact(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("work", [artifact("skill:pdf").described("old words")]).await;
    cache.put("work", [artifact("skill:pdf").described("fresh text").read_at(at(5))]).await;
    assert!(found(cache, "old").await.is_empty());
    assert_eq!(found(cache, "fresh").await, ["skill:pdf"]);

    // Shadowed in default, but not in its mirror.
    cache.put("home", [artifact("skill:pdf").described("homely")]).await;
    assert!(found(cache, "fresh").await.is_empty());
    assert_eq!(found(cache, "homely").await, ["skill:pdf"]);
    assert_eq!(cache.found("work", searching("fresh")).await, ["skill:pdf"]);
    assert!(cache.found("work", searching("homely")).await.is_empty());

    cache.remove("home", &["skill:pdf"], at(9)).await;
    assert_eq!(found(cache, "fresh").await, ["skill:pdf"]);
    assert!(found(cache, "homely").await.is_empty());
    cache.remove("work", &["skill:pdf"], at(9)).await;
    assert!(found(cache, "fresh").await.is_empty());
    assert!(cache.found("work", searching("pdf")).await.is_empty());
    cache.put("work", [artifact("skill:pdf").described("again")]).await;
    assert_eq!(found(cache, "again").await, ["skill:pdf"]);
}

pub(crate) async fn a_detached_source_is_found_in_its_mirror_alone(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.register(&["home"]).await;
    assert!(found(cache, "pdf").await.is_empty());
    assert_eq!(cache.found("work", searching("pdf")).await, ["skill:pdf"]);
    cache.register(&["home", "work"]).await;
    assert_eq!(found(cache, "pdf").await, ["skill:pdf"]);
}

pub(crate) async fn a_very_long_text_is_searched_too(cache: &Cache) {
    cache.register(&["work"]).await;
    let long = "x".repeat(130_000);
    let many: Vec<String> = (0..5_000).map(|number| format!("w{number:05}")).collect();
    let artifacts = [
        artifact("skill:long").described(&long),
        artifact("skill:many").described(&many.join(" ")),
    ];
    cache.put("work", artifacts).await;
    assert_eq!(found(cache, "xxx").await, ["skill:long"]);
    assert_eq!(found(cache, &long).await, ["skill:long"], "cut alike on both sides");
    assert_eq!(found(cache, "w00000").await, ["skill:many"]);
    assert_eq!(cache.description("default", "skill:long").await.unwrap(), long);
}
