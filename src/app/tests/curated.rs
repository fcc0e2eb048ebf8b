//! Curated collections: who may change them, and how their members are read.

use super::*;
use crate::{
    app::Error,
    domain::{
        caller::{Caller, Scope},
        collection::Collection,
        curated::{Added, CollectionEdit, NewCollection},
        id::ArtifactId,
        report::Counts,
    },
    ports::SourceError,
    testing::{BuildArtifact, artifact},
};

fn caller(name: &str, scope: Scope) -> Caller {
    Caller { name: Some(name.to_owned()), scope }
}

fn ada() -> Caller {
    caller("ada", Scope::Write)
}

/// A house whose source holds `skill:s0` and on, and the curated collection `mine` of ada's.
async fn filled(skills: usize) -> House {
    let house = House::new();
    for n in 0..skills {
        house.files.put(&house.work, artifact(&format!("skill:s{n}")).described("first"));
    }
    house.larder.start().await.unwrap();
    house.tick();
    house.create("mine", &ada()).await.unwrap();
    house
}

fn ids(numbers: std::ops::Range<usize>) -> Vec<ArtifactId> {
    numbers.map(|n| artifact_id(&format!("skill:s{n}"))).collect()
}

impl House {
    async fn create(&self, name: &str, caller: &Caller) -> Result<Collection, Error> {
        let new = NewCollection::new(name, None).unwrap();
        self.larder.create_collection(&new, caller).await
    }

    async fn add(&self, artifacts: Vec<ArtifactId>) -> Added {
        self.larder.add_artifacts("mine", artifacts, &ada()).await.unwrap()
    }

    async fn member(&self, id: &str) -> Option<CollectionArtifact> {
        let mine = self.larder.collection("mine").await.unwrap().id;
        self.cache.artifact(&mine, &artifact_id(id)).await.unwrap()
    }

    fn break_source(&self) {
        self.files.fail(&self.work, || SourceError::Unreadable {
            source_name: source_name("work"),
            cause: "gone".into(),
        });
    }
}

#[tokio::test]
async fn a_collection_belongs_to_who_made_it() {
    let house = filled(1).await;
    let made = house.larder.collection("mine").await.unwrap();
    assert_eq!(made.created_by.as_deref(), Some("ada"));
    assert!(made.id.as_str().parse::<ulid::Ulid>().is_ok(), "{}", made.id);
    let edit = CollectionEdit::new(Some("ours"), None).unwrap();
    let bob = caller("bob", Scope::Write);
    let denied = [
        house.larder.change_collection("mine", &edit, &bob).await.map(drop),
        house.larder.add_artifacts("mine", ids(0..1), &bob).await.map(drop),
        house.larder.remove_artifact("mine", &artifact_id("skill:s0"), &bob).await,
        house.larder.delete_collection("mine", &bob).await,
        house.larder.delete_collection("mine", &caller("ada", Scope::Read)).await,
    ];
    for denied in denied {
        assert!(matches!(denied, Err(Error::NotYours(name)) if name == "mine"));
    }
    let root = caller("root", Scope::Admin);
    house.larder.change_collection("mine", &edit, &root).await.unwrap();
    let renamed = house.larder.collection("ours").await.unwrap();
    assert_eq!(renamed.created_by.as_deref(), Some("ada"), "it stays hers");
    house.larder.delete_collection("ours", &ada()).await.unwrap();
    assert!(matches!(house.larder.collection("ours").await, Err(Error::UnknownCollection(_))));
}

#[tokio::test]
async fn what_nobody_owns_belongs_to_admin() {
    let house = filled(1).await;
    house.create("local", &Caller::local()).await.unwrap();
    let denied = house.larder.delete_collection("local", &ada()).await;
    assert!(matches!(denied, Err(Error::NotYours(_))));
    house.larder.delete_collection("local", &Caller::local()).await.unwrap();
}

#[tokio::test]
async fn a_name_can_be_had_once() {
    let house = filled(1).await;
    for taken in ["mine", "work", "default"] {
        let again = house.create(taken, &ada()).await;
        assert!(matches!(again, Err(Error::NameTaken(name)) if name == taken));
    }
    house.create("other", &ada()).await.unwrap();
    let edit = CollectionEdit::new(Some("mine"), None).unwrap();
    let taken = house.larder.change_collection("other", &edit, &ada()).await;
    assert!(matches!(taken, Err(Error::NameTaken(name)) if name == "mine"));
}

#[tokio::test]
async fn what_follows_its_files_is_not_changed_by_hand() {
    let house = filled(1).await;
    let root = caller("root", Scope::Admin);
    let edit = CollectionEdit::new(Some("free"), None).unwrap();
    for name in ["work", "default"] {
        let refused = [
            house.larder.change_collection(name, &edit, &root).await.map(drop),
            house.larder.add_artifacts(name, ids(0..1), &root).await.map(drop),
            house.larder.remove_artifact(name, &artifact_id("skill:s0"), &root).await,
            house.larder.delete_collection(name, &root).await,
        ];
        for refused in refused {
            assert!(matches!(refused, Err(Error::FollowsFiles(refused)) if refused == name));
        }
    }
    house.files.uncover(&house.work);
    house.refresh().await;
    assert!(matches!(
        house.larder.delete_collection("work", &ada()).await,
        Err(Error::NotYours(_))
    ));
    house.larder.delete_collection("work", &root).await.unwrap();
}

#[tokio::test]
async fn a_new_member_is_read_from_its_files() {
    let house = filled(2).await;
    house.files.put(&house.work, artifact("skill:s0").described("edited"));
    house.tick();
    assert_eq!(house.add(ids(0..1)).await.added, ids(0..1));
    let member = house.member("skill:s0").await.unwrap();
    assert_eq!(member.artifact.metadata.description.as_deref(), Some("edited"));
    assert_eq!(house.description("skill:s0").await.as_deref(), Some("edited"));
    let (scans, reads) = (house.files.scans(&house.work), house.files.reads(&house.work));
    assert_eq!((scans, reads), (1, 1), "the fill's own scan and no other");
}

#[tokio::test]
async fn an_artifact_that_is_only_in_the_files_can_be_added() {
    let house = filled(1).await;
    house.files.put(&house.work, artifact("skill:s1").described("brand new"));
    let wanted = [ids(0..2), vec![artifact_id("skill:none")]].concat();
    let added = house.add(wanted).await;
    assert_eq!(added.added, ids(0..2));
    assert_eq!(added.not_found, [artifact_id("skill:none")]);
    assert!(house.member("skill:s1").await.is_some() && house.row("skill:s1").await.is_some());
}

#[tokio::test]
async fn of_many_unknown_artifacts_a_few_dozen_are_looked_for() {
    let house = filled(1).await;
    let added = house.add(ids(1..500)).await;
    assert_eq!(added.not_found.len(), 499);
    assert!(house.files.reads(&house.work) <= 40, "{}", house.files.reads(&house.work));
}

#[tokio::test]
async fn many_new_members_are_read_by_one_refresh_of_their_source() {
    let house = filled(30).await;
    house.files.put(&house.work, artifact("skill:s7").described("edited"));
    house.tick();
    house.add(ids(0..30)).await;
    assert_eq!((house.files.scans(&house.work), house.files.reads(&house.work)), (2, 0));
    let member = house.member("skill:s7").await.unwrap();
    assert_eq!(member.artifact.metadata.description.as_deref(), Some("edited"));
}

#[tokio::test]
async fn a_source_that_cannot_be_read_fails_no_addition() {
    for members in [1, 30] {
        let house = filled(30).await;
        house.break_source();
        house.tick();
        assert_eq!(house.add(ids(0..members)).await.added, ids(0..members));
        let member = house.member("skill:s0").await.unwrap();
        assert_eq!(member.artifact.metadata.description.as_deref(), Some("first"));
        assert_eq!(member.synced_at, None, "it says that it is stale");
        let none = house.add(vec![artifact_id("skill:none")]).await;
        assert_eq!(none.not_found, [artifact_id("skill:none")]);
    }
}

#[tokio::test]
async fn a_removed_artifact_is_read_again_next_time() {
    let house = filled(1).await;
    house.add(ids(0..1)).await;
    house.tick();
    house.files.put(&house.work, artifact("skill:s0").described("edited"));
    let s0 = artifact_id("skill:s0");
    house.larder.remove_artifact("mine", &s0, &ada()).await.unwrap();
    assert!(house.member("skill:s0").await.is_none());
    assert_eq!(house.row("skill:s0").await.unwrap().synced_at, None);
    house.tick();
    let read = house.larder.artifact("default", &s0).await.unwrap();
    assert_eq!(read.artifact.metadata.description.as_deref(), Some("edited"));
    let again = house.larder.remove_artifact("mine", &s0, &ada()).await;
    assert!(matches!(again, Err(Error::UnknownArtifact { id, .. }) if id == s0));
}

#[tokio::test]
async fn a_report_tells_which_members_went_and_came_back() {
    let house = filled(3).await;
    house.add(ids(0..2)).await;
    house.files.delete(&house.work, &artifact_id("skill:s0"));
    house.tick();
    let Counts { removed, hidden, returned, .. } = house.refresh().await.summary.counts;
    assert_eq!((removed, hidden, returned), (1, 1, 0));
    assert!(house.member("skill:s0").await.is_none());
    house.files.put(&house.work, artifact("skill:s0"));
    house.tick();
    let Counts { created, hidden, returned, .. } = house.refresh().await.summary.counts;
    assert_eq!((created, hidden, returned), (1, 0, 1));
    assert!(house.member("skill:s0").await.is_some());
}

#[tokio::test]
async fn a_member_is_forgotten_after_thirty_days_without_its_artifact() {
    const DAY: Duration = Duration::from_hours(24);
    let house = filled(3).await;
    house.add(ids(0..2)).await;
    house.files.delete(&house.work, &artifact_id("skill:s0"));
    house.tick();
    house.refresh().await;
    house.clock.advance(30 * DAY);
    assert_eq!(house.larder.purge_missing().await.unwrap(), 0);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.larder.purge_missing().await.unwrap(), 1);
    house.files.put(&house.work, artifact("skill:s0"));
    assert_eq!(house.refresh().await.summary.counts.returned, 0);
}
