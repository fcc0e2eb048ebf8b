//! Curated collections follow `default`. No port makes them yet, so they are made by statements.

use larder::{
    domain::query::{ArtifactQuery, Filter, Search},
    testing::{BuildArtifact, artifact, at, collection_id, source_name},
};

use crate::cache::Cache;

contract! { crate::cache::Cache, sqlite postgres: {
    curated {
        members_have_the_values_of_default
        a_member_is_hidden_while_its_artifact_is_gone
        members_are_hidden_while_their_source_is_detached
        a_collection_is_found_by_id_before_name
        a_mirror_gives_way_to_a_taken_name
    }
} }

const ID: &str = "01JGF000000000000000000000";

/// A curated collection of these artifacts, filled by the next change of theirs.
async fn curated(cache: &Cache, name: &str, members: &[&str]) {
    let mut statements = vec![format!(
        "INSERT INTO collections (id, name, sort_name, kind, created_at, updated_at) \
         VALUES ('{ID}', '{name}', '{name}', 'curated', 1, 1)"
    )];
    statements.extend(members.iter().map(|member| {
        format!(
            "INSERT INTO collection_artifacts \
             (collection_id, artifact_id, source_collection, added_at) \
             VALUES ('{ID}', '{member}', 'work', 1)"
        )
    }));
    cache.database().execute(&statements.join(";")).await;
}

async fn shown(cache: &Cache) -> Vec<String> {
    let shown = cache.ids(ID).await;
    assert_eq!(cache.collection_of(ID).await.artifact_count, shown.len() as u64);
    assert_eq!(cache.stats(&collection_id(ID), at(0)).await.unwrap().total, shown.len() as u64);
    shown
}

pub(crate) async fn members_have_the_values_of_default(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    curated(cache, "mine", &["skill:pdf", "skill:tea"]).await;
    assert!(shown(cache).await.is_empty(), "nothing was read yet");
    cache.put("work", [artifact("skill:pdf").described("of work").tagged(&["doc"])]).await;
    assert_eq!(shown(cache).await, ["skill:pdf"]);
    assert_eq!(cache.description(ID, "skill:pdf").await.unwrap(), "of work");
    assert_eq!(cache.generation(ID).await, 1);

    let applied = cache.put("home", [artifact("skill:pdf").described("of home")]).await;
    assert!(
        applied.changes.iter().any(|it| it.collection == collection_id(ID) && it.generation == 2)
    );
    let row = cache.row(ID, "skill:pdf").await.unwrap();
    assert_eq!(row.source, source_name("home"));
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("of home"));
    let memberships = cache.memberships(&source_name("home"), &row.artifact.id).await.unwrap();
    assert_eq!(memberships, [ID, "default", "home"].map(collection_id));
    let shadowed = artifact("skill:pdf").described("shadowed").tagged(&["doc"]);
    cache.put("work", [shadowed.read_at(at(5))]).await;
    assert_eq!(cache.generation(ID).await, 2, "default has not changed");

    let search = Filter { search: Search::new("home"), ..Filter::default() };
    assert_eq!(cache.found(ID, search).await, ["skill:pdf"]);
    let tags = Filter { tags: vec!["doc".to_owned()], ..Filter::default() };
    assert!(cache.found(ID, tags.clone()).await.is_empty());
    cache.remove("home", &["skill:pdf"], at(9)).await;
    assert_eq!(cache.found(ID, tags).await, ["skill:pdf"], "the runner-up's");
}

pub(crate) async fn a_member_is_hidden_while_its_artifact_is_gone(cache: &Cache) {
    cache.register(&["work"]).await;
    curated(cache, "mine", &["skill:pdf", "skill:tea"]).await;
    cache.put("work", [artifact("skill:pdf").tagged(&["doc"]), artifact("skill:tea")]).await;
    assert_eq!(shown(cache).await, ["skill:pdf", "skill:tea"]);

    let applied = cache.remove("work", &["skill:pdf"], at(9)).await;
    assert_eq!((applied.removed, applied.hidden), (1, 1));
    assert_eq!(shown(cache).await, ["skill:tea"]);
    assert_eq!(cache.row(ID, "skill:pdf").await, None);
    let facets = cache.facets(&collection_id(ID), &Filter::default()).await.unwrap().unwrap();
    assert!(facets.tags.is_empty());
    let work = source_name("work");
    let pdf = artifact("skill:pdf").id;
    assert!(cache.memberships(&work, &pdf).await.unwrap().is_empty());
    let hidden = "SELECT COUNT(*) FROM collection_artifacts WHERE missing_since IS NOT NULL";
    assert_eq!(cache.database().number(hidden).await, 1, "kept, not deleted");

    cache.put("work", [artifact("skill:pdf").described("back").read_at(at(10))]).await;
    assert_eq!(shown(cache).await, ["skill:pdf", "skill:tea"]);
    assert_eq!(cache.description(ID, "skill:pdf").await.unwrap(), "back");
}

pub(crate) async fn members_are_hidden_while_their_source_is_detached(cache: &Cache) {
    cache.register(&["work"]).await;
    curated(cache, "mine", &["skill:pdf"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.register(&[]).await;
    assert!(shown(cache).await.is_empty());
    cache.register(&["work"]).await;
    assert_eq!(shown(cache).await, ["skill:pdf"]);
}

pub(crate) async fn a_collection_is_found_by_id_before_name(cache: &Cache) {
    cache.register(&["work"]).await;
    // Somebody named a collection as another one's id.
    cache
        .database()
        .execute(&format!(
            "INSERT INTO collections (id, name, sort_name, kind, created_at, updated_at) VALUES \
             ('{ID}', 'mine', 'mine', 'curated', 1, 1), \
             ('01JGF0000000000000000000ZZ', '{ID}', '{ID}', 'curated', 1, 1)"
        ))
        .await;
    assert_eq!(cache.collection_of(ID).await.name, "mine");
    assert_eq!(cache.collection_of("mine").await.id, collection_id(ID));
    assert_eq!(cache.collection("Mine").await.unwrap(), None);
    let by_name = cache.page(&collection_id("mine"), &ArtifactQuery::default()).await.unwrap();
    assert_eq!(by_name, None, "a page is asked for by id");
}

pub(crate) async fn a_mirror_gives_way_to_a_taken_name(cache: &Cache) {
    cache.register(&[]).await;
    curated(cache, "work", &[]).await;
    let registered = cache.register(&["work"]).await;
    assert_eq!(registered[0].home, collection_id("work-files"));
    cache.put("work", [artifact("skill:pdf").described("a file")]).await;
    assert_eq!(cache.ids("work-files").await, ["skill:pdf"]);
    assert_eq!(cache.collection_of("work").await.id, collection_id(ID));
}
