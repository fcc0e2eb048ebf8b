//! Files first, and the cache after them, whatever happens meanwhile.

use std::sync::Arc;

use super::*;
use crate::{
    app::{CacheState, Error, Saved, pending::Write},
    domain::{
        artifact::{Artifact, Health, Metadata},
        delta::Delta,
        edit::{Change, Field, MetadataEdit},
        new_artifact::NewArtifact,
        writing::{Form, IfMatch, Operation, Precondition},
    },
    ports::{
        CacheRepository, WriteError,
        artifact_writer::{ArtifactWriter, MockArtifactWriter},
    },
    testing::{BuildArtifact, artifact, order},
};

fn described(text: &str) -> MetadataEdit {
    MetadataEdit::new([(Field::Description, Change::Text(text.to_owned()))]).unwrap()
}

fn seen(artifact: &Artifact) -> Precondition {
    let revision = artifact.revision.clone();
    Precondition::new(Some(IfMatch::OneOf(vec![revision])), None).unwrap()
}

async fn filled() -> (House, Artifact) {
    let house = House::new();
    let a = artifact("skill:a").described("first");
    house.files.put(&house.work, a.clone());
    house.larder.start().await.unwrap();
    house.tick();
    (house, a)
}

impl House {
    async fn edit(&self, text: &str, precondition: Precondition) -> Result<Saved, Error> {
        let id = artifact_id("skill:a");
        self.larder
            .edit_artifact("default", &id, described(text), precondition, Caller::LOCAL)
            .await
    }

    async fn delete(&self) -> Result<CacheState, Error> {
        let id = artifact_id("skill:a");
        let any = Precondition::any();
        let deleted = self.larder.delete_artifact("default", &id, any, Caller::LOCAL).await;
        deleted.map(|(_, cache)| cache)
    }

    async fn row_in(&self, collection: &str) -> Option<CollectionArtifact> {
        self.cache.artifact(&collection_id(collection), &artifact_id("skill:a")).await.unwrap()
    }
}

#[tokio::test]
async fn an_edit_shows_in_every_collection_and_is_answered_as_read_back() {
    let (house, a) = filled().await;
    let saved = house.edit("second", seen(&a)).await.unwrap();
    assert_eq!(saved.row.artifact.metadata.description.as_deref(), Some("second"));
    assert_eq!(saved.cache, CacheState::Current);
    assert_eq!(saved.collections, [collection_id("default"), collection_id("work")]);
    for collection in ["default", "work"] {
        let row = house.row_in(collection).await.unwrap();
        assert_eq!(row.artifact.revision, saved.row.artifact.revision, "{collection}");
    }
    let history = house.larder.history("default", &artifact_id("skill:a")).await.unwrap();
    assert_eq!(history[0].revision_before.as_ref(), Some(&a.revision));
    assert_eq!(history[0].revision_after.as_ref(), Some(&saved.row.artifact.revision));
}

#[tokio::test]
async fn a_lost_race_tells_the_present_state_and_the_cache_learns_of_it() {
    let (house, a) = filled().await;
    house.files.put(&house.work, artifact("skill:a").described("by an editor"));
    let error = house.edit("second", seen(&a)).await.unwrap_err();
    let Error::Write(error) = error else { panic!("{error:?}") };
    let WriteError::Conflict { form: Form::Header, current } = &*error else { panic!("{error:?}") };
    assert_eq!(current.metadata.description.as_deref(), Some("by an editor"));
    assert_eq!(house.description("skill:a").await.as_deref(), Some("by an editor"));
}

#[tokio::test]
async fn an_edit_is_answered_as_it_was_written_though_the_cache_shows_the_next_one_already() {
    let (house, a) = filled().await;
    let next = artifact("skill:a").described("third").read_at(at(1_000));
    let mut delta = Delta::new(house.work.clone(), order(1_000), at(1_000));
    delta.upserts.push(next);
    house.cache.apply(delta).await.unwrap();
    let saved = house.edit("second", seen(&a)).await.unwrap();
    assert_eq!(saved.row.artifact.metadata.description.as_deref(), Some("second"));
    assert_eq!(saved.collections.len(), 2);
    assert_eq!(house.description("skill:a").await.as_deref(), Some("third"));
}

#[tokio::test]
async fn a_lost_race_against_a_break_keeps_the_last_good_metadata() {
    let (house, a) = filled().await;
    let broken = artifact("skill:a").in_health(Health::Broken);
    let broken = Artifact { metadata: Metadata::default(), ..broken };
    house.files.put(&house.work, broken.rewritten());
    house.edit("second", seen(&a)).await.unwrap_err();
    let row = house.row("skill:a").await.unwrap();
    assert_eq!(row.artifact.health, Health::Broken);
    assert_eq!(row.artifact.metadata.description.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_trash_that_cannot_be_looked_at_does_not_hide_the_others() {
    let (house, _) = filled().await;
    house.files.cover(source("away"));
    house.files.put(&source_name("away"), artifact("skill:b"));
    house.larder.start().await.unwrap();
    house.delete().await.unwrap();
    let files = Arc::clone(&house.files);
    let mut writer = MockArtifactWriter::new();
    writer.expect_trash().returning(move |source| match source.name.as_str() {
        "away" => Err(WriteError::Busy),
        _ => futures_now(files.trash(source)),
    });
    let ports = Ports { writer: Arc::new(writer), ..house.larder.ports.clone() };
    let (items, total) = Larder::new(ports, Policy::default()).trash(10, None).await.unwrap();
    assert_eq!((items.len(), total), (1, 1));
}

#[tokio::test]
async fn an_artifact_whose_files_are_gone_is_unknown_and_a_scan_takes_its_row() {
    let (house, a) = filled().await;
    house.files.delete(&house.work, &artifact_id("skill:a"));
    let error = house.edit("second", seen(&a)).await.unwrap_err();
    assert!(matches!(error, Error::UnknownArtifact { .. }), "{error:?}");
    house.refresh().await;
    assert!(house.row("skill:a").await.is_none());
}

#[tokio::test]
async fn creating_deleting_and_restoring_move_the_rows_of_every_collection() {
    let (house, _) = filled().await;
    let new = NewArtifact::new("agent", "b", Ok(described("new")), Vec::new(), String::new());
    let saved = house.larder.create_artifact(None, new.unwrap(), Caller::LOCAL).await.unwrap();
    assert_eq!(saved.row.collection, collection_id("default"));
    assert_eq!(saved.collections.len(), 2);

    assert_eq!(house.delete().await.unwrap(), CacheState::Current);
    for collection in ["default", "work"] {
        assert!(house.row_in(collection).await.is_none(), "{collection}");
    }
    let trash = house.larder.trash(10, None).await.unwrap().0;
    let restored = house.larder.restore_artifact(&trash[0].item.id, Caller::LOCAL).await.unwrap();
    assert_eq!(restored.collections.len(), 2);
    let again = house.larder.restore_artifact(&trash[0].item.id, Caller::LOCAL).await;
    assert!(matches!(again, Err(Error::UnknownTrash(_))));
}

#[tokio::test]
async fn a_deletion_waits_for_a_scan_that_has_seen_the_artifact_and_would_put_it_back() {
    let (house, _) = filled().await;
    house.files.put(&house.work, artifact("skill:a").described("seen by the scan"));
    let gate = house.files.hold(&house.work);
    let larder = Arc::clone(&house.larder);
    let scan = tokio::spawn(async move {
        larder.refresh_collection(&Caller::local(), "work", RefreshOptions::default()).await
    });
    gate.begun().await;
    house.tick();
    let house = Arc::new(house);
    let deletion = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.delete().await }
    });
    // The files are gone while the scan is still open.
    while house.files.has(&house.work, &artifact_id("skill:a")) {
        tokio::task::yield_now().await;
    }
    gate.open();
    scan.await.unwrap().unwrap();
    assert_eq!(deletion.await.unwrap().unwrap(), CacheState::Current);
    assert!(house.row("skill:a").await.is_none());
}

#[tokio::test]
async fn a_database_that_fails_after_the_files_were_written_fails_nothing() {
    let (house, a) = filled().await;
    let (files, cache) = (Arc::clone(&house.files), Arc::clone(&house.cache));
    let mut writer = MockArtifactWriter::new();
    writer.expect_tidy().returning(|_, _| Ok(()));
    writer.expect_edit().returning(move |place, edit, precondition, by| {
        let written = futures_now(files.edit(place, edit, precondition, by));
        cache.set_unavailable(true);
        written
    });
    let ports = Ports { writer: Arc::new(writer), ..house.larder.ports.clone() };
    let larder = Larder::new(ports, Policy::default());
    let id = artifact_id("skill:a");
    let saved = larder
        .edit_artifact("default", &id, described("second"), seen(&a), Caller::LOCAL)
        .await
        .unwrap();
    assert_eq!(saved.cache, CacheState::Pending);
    assert_eq!(saved.row.artifact.metadata.description.as_deref(), Some("second"));
    assert!(larder.collection("default").await.is_err(), "the database is still away");

    house.cache.set_unavailable(false);
    assert_eq!(house.description("skill:a").await.as_deref(), Some("first"));
    larder.collection("default").await.unwrap();
    assert_eq!(
        house.description("skill:a").await.as_deref(),
        Some("second"),
        "whoever reads first lets the cache catch up first"
    );
}

#[tokio::test]
async fn what_waited_for_the_database_is_read_as_its_files_are_by_then() {
    let (house, _) = filled().await;
    let b = artifact("skill:b");
    house.files.put(&house.work, b.clone());
    house.refresh().await;
    let source = house.larder.registered_source(&house.work).await.unwrap().unwrap();
    let edited = Write::left(&house.work, &artifact("skill:a").described("second"));
    let deleted = Write { left: None, ..Write::left(&house.work, &b) };
    house.cache.set_unavailable(true);
    for write in [edited, deleted] {
        let state = house.larder.follow(&source, write, Operation::Edit).await;
        assert_eq!(state, CacheState::Pending);
    }
    house.files.put(&house.work, artifact("skill:a").described("by an editor since"));
    house.files.delete(&house.work, &b.id);
    house.cache.set_unavailable(false);
    house.larder.collection("default").await.unwrap();
    assert_eq!(house.description("skill:a").await.as_deref(), Some("by an editor since"));
    assert!(house.row("skill:b").await.is_none());
}

#[tokio::test]
async fn a_disk_that_does_not_answer_keeps_no_reader_from_what_waited_for_the_database() {
    let (house, _) = filled().await;
    let source = house.larder.registered_source(&house.work).await.unwrap().unwrap();
    let edited = Write::left(&house.work, &artifact("skill:a").described("second"));
    house.cache.set_unavailable(true);
    let state = house.larder.follow(&source, edited, Operation::Edit).await;
    assert_eq!(state, CacheState::Pending);
    house.cache.set_unavailable(false);
    let gate = house.files.hold_read(&house.work);
    let larder = Arc::clone(&house.larder);
    let reading = tokio::spawn(async move { larder.collection("default").await.map(drop) });
    gate.begun().await;
    until(|| house.clock.sleepers() > 0).await;
    house.clock.advance(Duration::from_secs(5));
    reading.await.unwrap().unwrap();
    assert_eq!(house.description("skill:a").await.as_deref(), Some("second"));
}

/// The result of a future that never waits.
fn futures_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the stand-in waits"),
    }
}

#[tokio::test]
async fn a_row_that_a_deletion_overtook_while_it_was_loaded_does_not_stay() {
    let house = House::new();
    house.files.put(&house.work, artifact("skill:other"));
    house.larder.start().await.unwrap();
    house.tick();
    let source = house.larder.ports.source.clone();
    let mut overtaken = crate::ports::artifact_source::MockArtifactSource::new();
    let (scans, seen) = (Arc::clone(&source), artifact("skill:a"));
    // It is there while it is looked for and read, and gone afterwards.
    let mut looks = 0;
    overtaken.expect_read().returning(move |_, _, _| {
        looks += 1;
        Ok((looks <= 2).then(|| seen.clone().read_at(at(105))))
    });
    overtaken
        .expect_scan()
        .returning(move |source, known, options| futures_now(scans.scan(source, known, options)));
    let ports = Ports { source: Arc::new(overtaken), ..house.larder.ports.clone() };
    let larder = Larder::new(ports, Policy::default());
    let _ = larder.artifact("default", &artifact_id("skill:a")).await;
    larder.refresh_collection(&Caller::local(), "work", RefreshOptions::default()).await.unwrap();
    assert!(house.row("skill:a").await.is_none());
}
