//! Writing: under the source's lock, all or nothing, and never over what somebody saved meanwhile.
//!
//! - `tree`: a locked directory tree, in which no path follows a link.
//! - `transaction`, `steps`, `journal`, `recovery`: several files as one write, also for who comes after a
//!   crash; `key`: which records are Larder's own; `aside`: what was not completed.
//! - `target`: an artifact as it is before a write; `edit`, `create`, `delete`, `restore`: the
//!   writes; `trash`, `history`: what they leave.

mod aside;
mod create;
mod delete;
mod edit;
mod failure;
mod history;
mod journal;
mod json_file;
mod key;
#[cfg(test)]
mod overtaken;
mod places;
mod recovery;
mod restore;
mod steps;
mod target;
#[cfg(test)]
mod tests;
mod transaction;
mod trash;
mod tree;
#[cfg(test)]
mod unproven;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use larder::{
    domain::{
        collection::{Layout, Source},
        edit::MetadataEdit,
        id::ArtifactId,
        new_artifact::NewArtifact,
        writing::{HistoryEntry, Place, Precondition, Stamp, TrashItem, Written},
    },
    ports::{ArtifactWriter, SourceError, WriteError},
};
use ulid::Ulid;

use self::journal::{Journal, STAGED};
pub(crate) use self::{
    aside::issues,
    failure::Failure,
    key::JournalKey,
    recovery::{SOURCE_STATE, lock_project},
    target::Target,
    transaction::{Side, Transaction},
    trash::TRASH,
    tree::{Patience, Tree, hash},
};
use crate::{
    FileSystem, discover,
    files::Root,
    managed::{self, KnownValid, ManifestFiles},
    plain,
    rows::Reader,
    unreadable,
};

/// The turns of this process's writers, by root: first come, first served. The locks of files have
/// no order of their own.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, root: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(root.to_owned()).or_default())
    }
}

/// What every write has at hand: its source, locked, and who writes.
pub(crate) struct Writing<'a> {
    pub(crate) reader: &'a Reader<'a>,
    /// The source's files, as long as they are locked.
    pub(crate) tree: Tree,
    pub(crate) manifests: &'a KnownValid,
    pub(crate) stamp: Stamp,
    /// Proves the record of a write.
    pub(crate) key: &'a JournalKey,
    /// Until when it waits for other locks.
    pub(crate) patience: Patience,
}

impl Writing<'_> {
    /// A write of several files, to be put together.
    pub(crate) fn transaction<'a>(&'a self, project: Option<&'a Tree>) -> Transaction<'a> {
        let id = Ulid::from_datetime(self.stamp.at.into());
        Transaction::new(&self.tree, project, self.key, id.to_string())
    }

    /// The manifest of a source that has one.
    fn manifest(&self) -> Result<ManifestFiles, Failure> {
        manifest(self.reader, &self.tree.root)
    }
}

impl FileSystem {
    /// Runs a write on a blocking thread when it is its turn. It goes on when its caller leaves.
    /// `artifact` is the one to be written, unless it is a new one.
    pub(crate) async fn writing<T: Send + 'static>(
        &self,
        source: &Source,
        artifact: Option<&Place>,
        by: &str,
        work: impl FnOnce(&Writing<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, WriteError> {
        self.require_own(source)?;
        let turn = self.turns.of(&source.root).lock_owned();
        let patience = Patience::new();
        let turn = tokio::time::timeout_at(patience.end(), turn).await;
        let turn = turn.map_err(|_| WriteError::Busy)?;
        let (by, manifests) = (by.to_owned(), Arc::clone(&self.manifests));
        let (key, artifact) = (Arc::clone(&self.journal_key), artifact.cloned());
        let written = self.reading(source, move |reader| {
            let _turn = turn;
            let _span = tracing::info_span!("write", source = %reader.source.name).entered();
            let locked = Root::open(&reader.source.root).map_err(Failure::from).and_then(|root| {
                look(reader, &root, artifact.as_ref())?;
                recovery::lock_source(root, &key, patience)
            });
            Ok(locked.and_then(|tree| {
                hit("locked");
                // The moment at which it is this writer's turn: the order of times is that of writes.
                let stamp = Stamp { at: reader.clock.now(), by };
                let manifests = &manifests;
                work(&Writing { reader, tree, manifests, stamp, key: &key, patience })
            }))
        });
        written.await?.map_err(WriteError::from)
    }

    /// Refuses a source whose root is not in the configuration: the cache may have been filled by a
    /// process with other directories.
    fn require_own(&self, source: &Source) -> Result<(), WriteError> {
        if discover::covers(&self.config, source) {
            return Ok(());
        }
        Err(SourceError::Foreign { source_name: source.name.clone() }.into())
    }

    /// Runs what only looks at Larder's own files.
    pub(crate) async fn looking<T: Send + 'static>(
        &self,
        source: &Source,
        work: impl FnOnce(&Root) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, WriteError> {
        let looked = self.reading(source, move |reader| {
            let root = Root::open(&reader.source.root);
            Ok(work(&root.map_err(|error| unreadable(&reader.source.name, error))?))
        });
        looked.await?.map_err(WriteError::from)
    }
}

#[async_trait]
impl ArtifactWriter for FileSystem {
    async fn edit(
        &self,
        place: &Place,
        edit: &MetadataEdit,
        precondition: &Precondition,
        by: &str,
    ) -> Result<Written, WriteError> {
        let (at, edit, precondition) = (place.clone(), edit.clone(), precondition.clone());
        let work = move |writing: &Writing<'_>| edit::edit(writing, &at, &edit, &precondition);
        self.writing(&place.source, Some(place), by, work).await
    }

    async fn create(
        &self,
        source: &Source,
        new: &NewArtifact,
        by: &str,
    ) -> Result<Written, WriteError> {
        require_manifest(source, "made")?;
        let new = new.clone();
        let work = move |writing: &Writing<'_>| retried(|| create::create(writing, &new));
        self.writing(source, None, by, work).await
    }

    async fn delete(
        &self,
        place: &Place,
        precondition: &Precondition,
        by: &str,
    ) -> Result<TrashItem, WriteError> {
        require_manifest(&place.source, "deleted")?;
        let (at, precondition) = (place.clone(), precondition.clone());
        let work = move |writing: &Writing<'_>| delete::delete(writing, &at, &precondition);
        self.writing(&place.source, Some(place), by, work).await
    }

    async fn restore(
        &self,
        source: &Source,
        trash_id: &str,
        by: &str,
    ) -> Result<Written, WriteError> {
        // What is no id of Larder's own names nothing, and is no path.
        let Ok(trash_id) = trash_id.parse::<Ulid>() else { return Err(WriteError::Missing) };
        let trash_id = trash_id.to_string();
        let work = move |writing: &Writing<'_>| retried(|| restore::restore(writing, &trash_id));
        self.writing(source, None, by, work).await
    }

    async fn trash(&self, source: &Source) -> Result<Vec<TrashItem>, WriteError> {
        self.looking(source, |root| Ok(trash::items(root))).await
    }

    async fn history(
        &self,
        source: &Source,
        id: &ArtifactId,
    ) -> Result<Vec<HistoryEntry>, WriteError> {
        let id = id.clone();
        self.looking(source, move |root| history::of(root, &id)).await
    }

    async fn tidy(&self, source: &Source, keep: Duration) -> Result<(), WriteError> {
        self.require_own(source)?;
        let key = Arc::clone(&self.journal_key);
        let tidied = self.reading(source, move |reader| Ok(tidy(reader, &key, keep)));
        tidied.await?.map_err(WriteError::from)
    }
}

/// Begins a write anew as long as somebody saves while it goes on; for so long that only a program
/// that saves all the time makes it give up.
pub(crate) fn retried<T>(attempt: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    const TRIES: usize = 16;
    for _ in 0..TRIES {
        match attempt() {
            Err(Failure::Overtaken) => {}
            outcome => return outcome,
        }
    }
    Err(Failure::Busy)
}

/// Looks whether the root holds what is to be written, before Larder makes a directory of its own
/// there: the mount point of a disk that is away stays empty.
fn look(reader: &Reader<'_>, root: &Root, artifact: Option<&Place>) -> Result<(), Failure> {
    if root.entry(SOURCE_STATE)?.is_some() {
        return Ok(());
    }
    let is_there = match (artifact, reader.source.layout) {
        (None, _) => return manifest(reader, root).map(drop),
        (Some(place), Layout::Managed) => managed::open(reader, root, &place.id, None)?.is_some(),
        (Some(place), Layout::Plain) => plain::open(reader, root, &place.id, &place.path).is_some(),
    };
    if is_there { Ok(()) } else { Err(WriteError::Missing.into()) }
}

/// The manifest of a source that has one.
fn manifest(reader: &Reader<'_>, root: &Root) -> Result<ManifestFiles, Failure> {
    let files = ManifestFiles::read(reader, root)?;
    files.ok_or_else(|| WriteError::unfit("its collection has lost its collection.toml").into())
}

fn tidy(reader: &Reader<'_>, key: &JournalKey, keep: Duration) -> Result<(), Failure> {
    let root = Root::open(&reader.source.root)?;
    let old = chrono::TimeDelta::from_std(keep).ok();
    let before = old.and_then(|old| reader.clock.now().checked_sub_signed(old));
    let is_left = Journal::stands_in(&root, SOURCE_STATE)?
        || !root.names(&format!("{SOURCE_STATE}/{STAGED}"))?.is_empty();
    if !is_left && !trash::has_older(&root, before)? {
        return Ok(());
    }
    let Some(tree) = Tree::try_lock(root, SOURCE_STATE)? else { return Ok(()) };
    recovery::recover(&tree, key)?;
    if let Some(before) = before {
        trash::sweep(&tree, before)?;
    }
    Ok(())
}

/// Refuses what needs a manifest in a directory that has none.
fn require_manifest(source: &Source, what: &str) -> Result<(), WriteError> {
    match source.layout {
        Layout::Managed => Ok(()),
        Layout::Plain => Err(WriteError::unfit(format!(
            "artifacts of the plain directory {} are not {what} by Larder: it has no \
             collection.toml, so use the files themselves",
            source.name
        ))),
    }
}

/// A point at which a writer may be killed: a test does so at each of them.
fn hit(point: &str) {
    #[cfg(feature = "failpoints")]
    fail::fail_point!("write");
    tracing::trace!(point, "write");
}
