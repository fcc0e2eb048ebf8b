//! Curated collections: made and named, given members, which follow `default`.

use std::sync::Arc;

use larder::{
    domain::{
        collection::CollectionKind,
        curated::{Added, CollectionEdit, Naming, NewCollection},
        edit::Change,
        id::ArtifactId,
        query::{ArtifactQuery, CollectionQuery, Filter, Search},
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, limit, order, source_name},
};

use crate::cache::{Cache, now};

const ID: &str = "01JGF000000000000000000000";
const OTHER: &str = "01JGF000000000000000000001";

async fn create(cache: &Cache, id: &str, name: &str) -> Naming {
    let new = NewCollection::new(name, Some("What I need.")).unwrap();
    cache.create_collection(&collection_id(id), &new, Some("ada"), now()).await.unwrap()
}

/// The curated collection with these members.
async fn curated(cache: &Cache, members: &[&str]) -> Added {
    assert_eq!(create(cache, ID, "mine").await, Naming::Done);
    add(cache, members).await
}

async fn add(cache: &Cache, members: &[&str]) -> Added {
    cache
        .add_members(&collection_id(ID), &ids(members), order(1_000), now())
        .await
        .unwrap()
        .unwrap()
}

async fn rename(cache: &Cache, id: &str, name: &str) -> Naming {
    let edit = CollectionEdit::new(Some(name), None).unwrap();
    cache.change_collection(&collection_id(id), &edit).await.unwrap()
}

fn ids(ids: &[&str]) -> Vec<ArtifactId> {
    ids.iter().map(|id| artifact_id(id)).collect()
}

/// What the collection shows; every count must agree.
async fn shown(cache: &Cache) -> Vec<String> {
    let shown = cache.ids(ID).await;
    assert_eq!(cache.collection_of(ID).await.artifact_count, shown.len() as u64);
    assert_eq!(cache.stats(&collection_id(ID), at(0)).await.unwrap().total, shown.len() as u64);
    shown
}

fn tagged(tag: &str) -> Filter {
    Filter { tags: vec![tag.to_owned()], ..Filter::default() }
}

pub(crate) async fn a_collection_is_made_empty_and_found_by_id_and_name(cache: &Cache) {
    cache.register(&["work"]).await;
    assert_eq!(create(cache, ID, "Mine and yours").await, Naming::Done);
    let made = cache.collection_of(ID).await;
    assert_eq!((made.name.as_str(), made.kind), ("Mine and yours", CollectionKind::Curated));
    assert_eq!(made.description.as_deref(), Some("What I need."));
    assert_eq!(made.created_by.as_deref(), Some("ada"));
    assert_eq!((made.generation, made.artifact_count, made.detached), (0, 0, false));
    assert_eq!((made.created_at, made.updated_at), (now(), now()));
    assert_eq!(cache.collection_of("Mine and yours").await, made);
    assert_eq!(cache.collection("mine and yours").await.unwrap(), None);
    let by_name = cache.page(&collection_id("mine"), &ArtifactQuery::default()).await.unwrap();
    assert_eq!(by_name, None, "a page is asked for by id");
    let listed = cache.collections(&CollectionQuery::default()).await.unwrap().collections;
    let names: Vec<&str> = listed.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["default", "Mine and yours", "work"]);
}

pub(crate) async fn a_collection_is_renamed_and_described_without_a_new_generation(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    curated(cache, &["skill:pdf"]).await;
    let before = cache.collection_of(ID).await;
    assert_eq!(rename(cache, ID, "Yours").await, Naming::Done);
    let renamed = cache.collection_of("Yours").await;
    assert_eq!((renamed.generation, renamed.artifact_count), (before.generation, 1));
    assert_eq!(renamed.description, before.description);
    assert_eq!(cache.collection("mine").await.unwrap(), None);
    let found = CollectionQuery { search: Some("yours".to_owned()), ..CollectionQuery::default() };
    assert_eq!(cache.collections(&found).await.unwrap().total_count, 1);

    let cleared = CollectionEdit::new(None, Some(&Change::Clear)).unwrap();
    let done = cache.change_collection(&collection_id(ID), &cleared).await.unwrap();
    assert_eq!(done, Naming::Done);
    let cleared = cache.collection_of(ID).await;
    assert_eq!((cleared.name.as_str(), cleared.description), ("Yours", None));
    assert_eq!(rename(cache, ID, "Yours").await, Naming::Done, "its own name is free to it");
    assert_eq!(rename(cache, OTHER, "free").await, Naming::Unknown);
    assert_eq!(rename(cache, "work", "free").await, Naming::Unknown, "it is no curated one");
}

pub(crate) async fn a_name_is_taken_by_names_and_ids(cache: &Cache) {
    cache.register(&["work"]).await;
    assert_eq!(create(cache, ID, "mine").await, Naming::Done);
    for taken in ["mine", ID, "work", "default"] {
        assert_eq!(create(cache, OTHER, taken).await, Naming::Taken, "{taken}");
    }
    assert_eq!(create(cache, OTHER, "Mine").await, Naming::Done, "names differ by case");
    for taken in ["mine", ID, "work", "default"] {
        assert_eq!(rename(cache, OTHER, taken).await, Naming::Taken, "{taken}");
    }
    assert_eq!(cache.collection_of(OTHER).await.name, "Mine");
}

pub(crate) async fn a_mirror_gives_way_to_a_taken_name(cache: &Cache) {
    cache.register(&[]).await;
    assert_eq!(create(cache, ID, "work").await, Naming::Done);
    let registered = cache.register(&["work"]).await;
    assert_eq!(registered[0].home, collection_id("work-files"));
    cache.put("work", [artifact("skill:pdf").described("a file")]).await;
    assert_eq!(cache.ids("work-files").await, ["skill:pdf"]);
    assert_eq!(cache.collection_of("work").await.id, collection_id(ID));
}

pub(crate) async fn a_curated_collection_can_be_deleted_and_default_cannot(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").tagged(&["doc"])]).await;
    curated(cache, &["skill:pdf"]).await;
    assert!(cache.delete_collection(&collection_id(ID)).await.unwrap());
    assert!(!cache.delete_collection(&collection_id(ID)).await.unwrap());
    assert_eq!(cache.collection(ID).await.unwrap(), None);
    assert_eq!(cache.found("default", tagged("doc")).await, ["skill:pdf"], "only a list is gone");
    for kept in ["default", "work"] {
        assert!(!cache.delete_collection(&collection_id(kept)).await.unwrap(), "{kept}");
    }
    curated(cache, &[]).await;
    assert!(shown(cache).await.is_empty(), "a new one begins empty");
}

pub(crate) async fn a_detached_mirror_can_be_deleted_and_comes_back_from_its_files(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("work", [artifact("skill:pdf").described("papers")]).await;
    cache.verify("work", at(50)).await;
    cache.register(&["home"]).await;
    assert!(cache.delete_collection(&collection_id("work")).await.unwrap());
    assert_eq!(cache.collection("work").await.unwrap(), None);

    let again = cache.register(&["home", "work"]).await;
    assert_eq!(again[1].home, collection_id("work"));
    assert_eq!((again[1].verified_at, &again[1].manifest_hash), (None, &None), "all is read anew");
    assert!(cache.known(&source_name("work")).await.unwrap().is_empty());
    cache.put("work", [artifact("skill:pdf").described("papers").read_at(at(60))]).await;
    let search = Filter { search: Search::new("papers"), ..Filter::default() };
    assert_eq!(cache.found("default", search).await, ["skill:pdf"]);
}

pub(crate) async fn an_empty_mirror_can_be_deleted_and_comes_back_with_its_source(cache: &Cache) {
    let names = ["default", "work"];
    cache.register(&names).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    assert!(!cache.delete_collection(&collection_id("work")).await.unwrap(), "it holds something");
    cache.remove("work", &["skill:pdf"], at(50)).await;
    assert!(cache.delete_collection(&collection_id("work")).await.unwrap());
    assert!(!cache.delete_collection(&collection_id("default")).await.unwrap(), "never");
    assert_eq!(cache.collection("work").await.unwrap(), None);
    assert_eq!(cache.registered().await.unwrap().len(), 1);
    cache.put("work", [artifact("skill:pdf").read_at(at(60))]).await;
    assert!(cache.ids("default").await.is_empty(), "a scan that was under way adds nothing");

    cache.register(&names).await;
    cache.put("work", [artifact("skill:pdf").read_at(at(70))]).await;
    assert_eq!(cache.ids("work").await, ["skill:pdf"]);
}

pub(crate) async fn an_addition_tells_what_became_of_each_artifact(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").tagged(&["doc"]), artifact("skill:tea")]).await;
    let added = curated(cache, &["skill:tea", "skill:none", "skill:tea"]).await;
    assert_eq!(added.added, ids(&["skill:tea"]));
    assert_eq!(added.not_found, ids(&["skill:none"]));
    assert_eq!(cache.generation(ID).await, 1);
    let added = add(cache, &["skill:pdf", "skill:tea"]).await;
    assert_eq!((added.added, added.already_present), (ids(&["skill:pdf"]), ids(&["skill:tea"])));
    assert_eq!(cache.generation(ID).await, 2);
    assert_eq!(add(cache, &["skill:tea", "skill:none"]).await.added, []);
    assert_eq!(cache.generation(ID).await, 2, "no row has changed");
    assert_eq!(shown(cache).await, ["skill:pdf", "skill:tea"]);
    assert_eq!(cache.found(ID, tagged("doc")).await, ["skill:pdf"]);
    let row = cache.row(ID, "skill:pdf").await.unwrap();
    assert_eq!(row.artifact.added_at, Some(now()), "when it became a member");

    for unfit in [OTHER, "default", "work"] {
        let artifacts = ids(&["skill:pdf"]);
        let added = cache
            .add_members(&collection_id(unfit), &artifacts, order(1_000), now())
            .await
            .unwrap();
        assert_eq!(added, None, "{unfit}");
    }
}

pub(crate) async fn a_new_member_is_read_before_it_counts_as_fresh(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    cache.verify("work", at(5_000)).await;
    curated(cache, &["skill:pdf"]).await;
    assert_eq!(cache.synced_at(ID, "skill:pdf").await, None);
    assert!(cache.synced_at("default", "skill:pdf").await.is_some(), "the others stay as they are");
    let known = cache.known(&source_name("work")).await.unwrap();
    assert!(known[&artifact_id("skill:pdf")].invalidated);
    cache.put("work", [artifact("skill:pdf").read_at(at(1_001))]).await;
    assert_eq!(cache.synced_at(ID, "skill:pdf").await, Some(at(5_000)));
    assert!(
        !cache.known(&source_name("work")).await.unwrap()[&artifact_id("skill:pdf")].invalidated
    );
}

pub(crate) async fn an_artifact_added_by_many_at_once_is_one_row(cache: &Cache) {
    const CALLERS: usize = 8;
    cache.register(&["work"]).await;
    cache.put("work", (0..20).map(|n| artifact(&format!("skill:s{n:02}")))).await;
    curated(cache, &[]).await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let repository = Arc::clone(cache);
            // Each names them in another order.
            let mut wanted: Vec<_> =
                (0..20).map(|n| artifact_id(&format!("skill:s{n:02}"))).collect();
            wanted.rotate_left(caller * 2);
            tokio::spawn(async move {
                repository.add_members(&collection_id(ID), &wanted, order(1_000), now()).await
            })
        })
        .collect();
    let mut added = 0;
    for caller in callers {
        let told = caller.await.unwrap().unwrap().unwrap();
        assert_eq!(told.added.len() + told.already_present.len(), 20);
        added += told.added.len();
    }
    assert_eq!(added, 20, "each was added by one of them");
    assert_eq!(shown(cache).await.len(), 20);
    assert!(cache.generation(ID).await <= CALLERS as u64);
}

/// A change that is under way when a collection is made does not know of it.
pub(crate) async fn collections_made_while_a_source_changes_end_up_right(cache: &Cache) {
    const ARTIFACTS: usize = 60;
    const MAKERS: usize = 3;
    cache.register(&["work"]).await;
    let all: Vec<_> = (0..ARTIFACTS).map(|n| artifact(&format!("skill:s{n:02}"))).collect();
    let members: Vec<_> = all.iter().map(|artifact| artifact.id.clone()).collect();
    cache.put("work", all.clone()).await;
    let makers: Vec<_> = (0..MAKERS)
        .map(|maker| {
            let (repository, members) = (Arc::clone(cache), members.clone());
            tokio::spawn(async move {
                let made = (0..10).map(|n| format!("01JGF00000000000000000{maker}{n:03}"));
                for id in made.clone().map(|id| collection_id(&id)) {
                    let new = NewCollection::new(id.as_str(), None).unwrap();
                    repository.create_collection(&id, &new, None, now()).await.unwrap();
                    let added =
                        repository.add_members(&id, &members, order(1_000), now()).await.unwrap();
                    assert_eq!(added.unwrap().added.len(), ARTIFACTS);
                }
                made.collect::<Vec<_>>()
            })
        })
        .collect();
    // Each artifact changes once: no later change could mend what one has missed.
    for artifact in all {
        cache.put("work", [artifact.described("changed").read_at(at(5))]).await;
    }
    for maker in makers {
        for id in maker.await.unwrap() {
            let query = ArtifactQuery { limit: limit(200), ..ArtifactQuery::default() };
            for row in cache.page_of(&id, &query).await.rows {
                let told = row.artifact.metadata.description;
                assert_eq!(told.as_deref(), Some("changed"), "{} in {id}", row.artifact.id);
            }
        }
    }
}

pub(crate) async fn a_member_is_taken_away_once(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").tagged(&["doc"]), artifact("skill:tea")]).await;
    curated(cache, &["skill:pdf", "skill:tea"]).await;
    let remove = async |collection: &str| {
        let pdf = artifact_id("skill:pdf");
        cache.remove_member(&collection_id(collection), &pdf, at(2_000)).await.unwrap()
    };
    assert!(!remove("work").await && !remove("default").await, "these follow their files");
    assert!(remove(ID).await);
    assert!(!remove(ID).await);
    let collection = cache.collection_of(ID).await;
    assert_eq!((collection.generation, collection.updated_at), (2, at(2_000)));
    assert_eq!(shown(cache).await, ["skill:tea"]);
    assert!(cache.found(ID, tagged("doc")).await.is_empty());
    assert_eq!(cache.ids("default").await, ["skill:pdf", "skill:tea"]);
}

pub(crate) async fn members_have_the_values_of_default(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    cache.put("work", [artifact("skill:pdf").described("of work").tagged(&["doc"])]).await;
    curated(cache, &["skill:pdf"]).await;
    assert_eq!(cache.description(ID, "skill:pdf").await.unwrap(), "of work");
    assert_eq!(cache.generation(ID).await, 1);

    let applied = cache.put("home", [artifact("skill:pdf").described("of home")]).await;
    assert!(
        applied.changes.iter().any(|it| it.collection == collection_id(ID) && it.generation == 2)
    );
    assert_eq!((applied.hidden, applied.returned), (0, 0));
    let row = cache.row(ID, "skill:pdf").await.unwrap();
    assert_eq!(row.source, source_name("home"));
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("of home"));
    assert_eq!(row.artifact.added_at, Some(now()), "it is the same member");
    let memberships = cache.memberships(&source_name("home"), &row.artifact.id).await.unwrap();
    assert_eq!(memberships, [ID, "default", "home"].map(collection_id));
    let shadowed = artifact("skill:pdf").described("shadowed").tagged(&["doc"]);
    cache.put("work", [shadowed.read_at(at(5))]).await;
    assert_eq!(cache.generation(ID).await, 2, "default has not changed");

    let search = Filter { search: Search::new("home"), ..Filter::default() };
    assert_eq!(cache.found(ID, search).await, ["skill:pdf"]);
    assert!(cache.found(ID, tagged("doc")).await.is_empty());
    cache.remove("home", &["skill:pdf"], at(9)).await;
    assert_eq!(cache.found(ID, tagged("doc")).await, ["skill:pdf"], "the runner-up's");
}

pub(crate) async fn members_follow_the_source_default_too(cache: &Cache) {
    cache.register(&["default"]).await;
    cache.put("default", [artifact("skill:pdf").described("first")]).await;
    curated(cache, &["skill:pdf"]).await;
    cache.put("default", [artifact("skill:pdf").described("second").read_at(at(5))]).await;
    assert_eq!(cache.description(ID, "skill:pdf").await.unwrap(), "second");
    let applied = cache.remove("default", &["skill:pdf"], at(9)).await;
    assert_eq!((applied.removed, applied.hidden), (1, 1));
    assert!(shown(cache).await.is_empty());
}

pub(crate) async fn a_member_is_hidden_while_its_artifact_is_gone(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf").tagged(&["doc"]), artifact("skill:tea")]).await;
    curated(cache, &["skill:pdf", "skill:tea"]).await;

    let applied = cache.remove("work", &["skill:pdf"], at(9)).await;
    assert_eq!((applied.removed, applied.hidden, applied.returned), (1, 1, 0));
    assert_eq!(applied.changes.len(), 3);
    assert_eq!(shown(cache).await, ["skill:tea"]);
    assert_eq!(cache.row(ID, "skill:pdf").await, None);
    let facets = cache.facets(&collection_id(ID), &Filter::default()).await.unwrap().unwrap();
    assert!(facets.tags.is_empty());
    let pdf = artifact("skill:pdf").id;
    assert!(cache.memberships(&source_name("work"), &pdf).await.unwrap().is_empty());
    let generation = cache.generation(ID).await;
    let added = add(cache, &["skill:pdf"]).await;
    assert_eq!(added.already_present, ids(&["skill:pdf"]), "kept, not deleted");
    assert_eq!(cache.generation(ID).await, generation);

    let back = artifact("skill:pdf").described("back").tagged(&["doc"]).read_at(at(10));
    let applied = cache.put("work", [back]).await;
    assert_eq!((applied.hidden, applied.returned), (0, 1));
    assert_eq!(shown(cache).await, ["skill:pdf", "skill:tea"]);
    assert_eq!(cache.found(ID, tagged("doc")).await, ["skill:pdf"]);
    assert_eq!(cache.description(ID, "skill:pdf").await.unwrap(), "back");
    let again = cache.put("work", [artifact("skill:pdf").read_at(at(11))]).await;
    assert_eq!(again.returned, 0, "it was there");
}

pub(crate) async fn members_are_hidden_while_their_source_is_detached(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    curated(cache, &["skill:pdf"]).await;
    cache.register(&[]).await;
    assert!(shown(cache).await.is_empty());
    cache.register(&["work"]).await;
    assert_eq!(shown(cache).await, ["skill:pdf"]);
}

pub(crate) async fn a_hidden_member_can_be_taken_away_unseen(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf")]).await;
    curated(cache, &["skill:pdf"]).await;
    cache.remove("work", &["skill:pdf"], at(9)).await;
    let generation = cache.generation(ID).await;
    let pdf = artifact_id("skill:pdf");
    assert!(cache.remove_member(&collection_id(ID), &pdf, now()).await.unwrap());
    assert_eq!(cache.generation(ID).await, generation, "nobody has seen it");
    let applied = cache.put("work", [artifact("skill:pdf").read_at(at(10))]).await;
    assert_eq!(applied.returned, 0);
    assert!(shown(cache).await.is_empty());
}

pub(crate) async fn what_was_missing_too_long_does_not_come_back(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:tea")]).await;
    curated(cache, &["skill:pdf", "skill:tea"]).await;
    cache.remove("work", &["skill:pdf"], at(9)).await;
    let generation = cache.generation(ID).await;
    assert_eq!(cache.purge_missing(now()).await.unwrap(), 0, "it is missing since then");
    assert_eq!(cache.purge_missing(at(1_001)).await.unwrap(), 1);
    assert_eq!(cache.generation(ID).await, generation, "nobody has seen it");
    cache.put("work", [artifact("skill:pdf").read_at(at(10))]).await;
    assert_eq!(shown(cache).await, ["skill:tea"]);
}

pub(crate) async fn invalidating_spares_what_is_hidden(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [artifact("skill:pdf"), artifact("skill:tea")]).await;
    curated(cache, &["skill:pdf", "skill:tea"]).await;
    cache.remove("work", &["skill:pdf"], at(9)).await;
    assert_eq!(cache.invalidate_collection(ID, at(2_000)).await, 1);
}
