//! A write of several files as one: staged, recorded, put in place; or none of it.
//!
//! New contents are staged in Larder's own directory, so that an editor, git and a scanner see
//! nothing of them before they are whole. The record in the journal is the commit point. After it
//! each step is one system call that either was made or was not, so that whoever finds the record
//! can tell where the writer was.

use std::{cell::Cell, io};

use larder::domain::{revision::Revision, writing::HistoryEntry};

use super::{
    aside,
    failure::Failure,
    history, hit,
    journal::{Action, Journal, STAGED, Step},
    key::JournalKey,
    recovery,
    steps::{Halt, put, sync_all, take_back},
    tree::{Like, Tree, hash},
};
use crate::files::split;

/// A write that is being put together. What was staged goes with it unless it is committed.
pub(crate) struct Transaction<'a> {
    tree: &'a Tree,
    /// A project, when the write reaches into one.
    project: Option<&'a Tree>,
    key: &'a JournalKey,
    id: String,
    steps: Vec<Step>,
    staged: Cell<usize>,
    /// The directories that were made for it; those that stay empty go with it.
    made: Vec<(&'a Tree, String)>,
}

/// In which of the two trees a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The source's.
    Source,
    /// The project's.
    Project,
}

impl<'a> Transaction<'a> {
    /// A write in a tree, of that id, which sorts by time.
    pub(crate) fn new(
        tree: &'a Tree,
        project: Option<&'a Tree>,
        key: &'a JournalKey,
        id: String,
    ) -> Self {
        Self { tree, project, key, id, steps: Vec::new(), staged: Cell::new(0), made: Vec::new() }
    }

    fn on(&self, side: Side) -> &'a Tree {
        match side {
            Side::Source => self.tree,
            Side::Project => self.project.unwrap_or(self.tree),
        }
    }

    /// A new path in the staging directory.
    fn slot(&self, tree: &Tree) -> io::Result<String> {
        tree.make_directories(&tree.own(STAGED))?;
        let number = self.staged.replace(self.staged.get() + 1);
        Ok(tree.own(&format!("{STAGED}/{}-{number}", self.id)))
    }

    /// Makes the directory that something goes to.
    fn make_room(&mut self, tree: &'a Tree, path: &str) -> io::Result<()> {
        let made = tree.make_directories(split(path).0)?;
        self.made.extend(made.into_iter().map(|path| (tree, path)));
        Ok(())
    }

    fn step(&mut self, tree: &Tree, action: Action) {
        self.steps.push(Step { root: tree.path(), action });
    }

    /// Puts new content where a file was read with these bytes. Nothing, when they are the same.
    pub(crate) fn replace(
        &mut self,
        side: Side,
        path: &str,
        before: &[u8],
        after: &[u8],
    ) -> Result<(), Failure> {
        if before == after {
            return Ok(());
        }
        let tree = self.on(side);
        let staged = self.slot(tree)?;
        stage(tree, &staged, after, &Like::File(path))?;
        let (before, after) = (hash(before), hash(after));
        self.step(tree, Action::Exchange { path: path.to_owned(), staged, before, after });
        Ok(())
    }

    /// Makes a file where none is, perhaps with that mode.
    pub(crate) fn create(
        &mut self,
        side: Side,
        path: &str,
        bytes: &[u8],
        mode: Option<u32>,
    ) -> Result<(), Failure> {
        let tree = self.on(side);
        let staged = self.slot(tree)?;
        stage(tree, &staged, bytes, &mode.map_or(Like::New, Like::Mode))?;
        self.make_room(tree, path)?;
        self.step(tree, Action::Move { from: staged, to: path.to_owned(), check: None });
        Ok(())
    }

    /// Makes a directory of files where nothing is.
    pub(crate) fn create_directory(
        &mut self,
        side: Side,
        path: &str,
        files: &[(&str, &[u8])],
    ) -> Result<(), Failure> {
        let tree = self.on(side);
        let staged = self.slot(tree)?;
        tree.make_directories(&staged)?;
        for (name, bytes) in files {
            stage(tree, &format!("{staged}/{name}"), bytes, &Like::New)?;
        }
        tree.sync(&staged)?;
        self.make_room(tree, path)?;
        self.step(tree, Action::Move { from: staged, to: path.to_owned(), check: None });
        Ok(())
    }

    /// Moves a file or directory of the source to where nothing is. `check` is a file in it (empty:
    /// itself) and the bytes that were read.
    pub(crate) fn relocate(
        &mut self,
        from: &str,
        to: &str,
        check: Option<(&str, &[u8])>,
    ) -> Result<(), Failure> {
        let tree = self.on(Side::Source);
        self.make_room(tree, to)?;
        let check = check.map(|(file, bytes)| (file.to_owned(), hash(bytes)));
        self.step(tree, Action::Move { from: from.to_owned(), to: to.to_owned(), check });
        Ok(())
    }

    /// Removes a file that was read with these bytes.
    pub(crate) fn remove(&mut self, side: Side, path: &str, before: &[u8]) -> Result<(), Failure> {
        let tree = self.on(side);
        let to = self.slot(tree)?;
        let check = Some((String::new(), hash(before)));
        self.step(tree, Action::Move { from: path.to_owned(), to, check });
        Ok(())
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Takes the write place: all of it, or nothing and the reason.
    pub(crate) fn commit(mut self, history: Option<HistoryEntry>) -> Result<(), Failure> {
        hit("staged");
        for tree in self.trees() {
            if tree.exists(&tree.own(STAGED))? {
                tree.sync(&tree.own(STAGED))?;
            }
        }
        if let Some(project) = self.project {
            recovery::announce(project, self.tree)?;
            hit("announced");
        }
        let journal = Journal { id: self.id.clone(), steps: self.steps.split_off(0), history };
        if let Err(failure) = journal.write(self.tree, self.key) {
            // It may stand all the same, and must not take place after it was called a failure.
            Journal::clear(self.tree)?;
            return Err(failure);
        }
        hit("recorded");
        for (at, step) in journal.steps.iter().enumerate() {
            match put(self.of(step), &step.action) {
                Ok(()) => hit("put"),
                Err(Halt::Undone(failure)) => return self.give_up(&journal, at, failure),
                Err(Halt::Stuck(error)) => {
                    // The record stays: whoever comes next looks where everything is.
                    tracing::error!(%error, id = journal.id, "a step could not be taken back");
                    return Err(error.into());
                }
            }
        }
        // From here on it has taken place, whatever comes.
        let finished = finish(&self.trees(), |root| self.tree_at(root), &journal);
        if let Err(error) = finished {
            // The next write or refresh does the rest, or whoever brings back a directory that was
            // moved away meanwhile.
            tracing::warn!(%error, id = journal.id, "a write is left to be tidied up");
        }
        if let Some(entry) = &journal.history {
            log(entry);
        }
        Ok(())
    }

    /// Takes back the steps before that one, the last first.
    fn give_up(&self, journal: &Journal, at: usize, why: Failure) -> Result<(), Failure> {
        let made = &journal.steps[..at];
        let taken_back = made.iter().rev().try_for_each(|step| {
            hit("taken-back");
            take_back(self.of(step), &step.action)
        });
        let synced = taken_back.and_then(|()| sync_all(|root| self.tree_at(root), &journal.steps));
        if let Err(error) = synced {
            // The record stays: whoever comes next goes forward.
            tracing::error!(%error, id = self.id, "a write could not be taken back");
            return Err(Failure::Io(error));
        }
        Journal::clear(self.tree)?;
        Err(why)
    }

    fn trees(&self) -> Vec<&'a Tree> {
        std::iter::once(self.tree).chain(self.project).collect()
    }

    fn of(&self, step: &Step) -> &'a Tree {
        self.tree_at(&step.root).unwrap_or(self.tree)
    }

    fn tree_at(&self, root: &str) -> Option<&'a Tree> {
        self.trees().into_iter().find(|tree| tree.path() == root)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // What a record still speaks of must stay.
        if Journal::is_in(self.tree).unwrap_or(true) {
            return;
        }
        for tree in self.trees() {
            let _ = tree.empty(&tree.own(STAGED));
        }
        for (tree, path) in self.made.iter().rev() {
            tree.remove_if_empty(path);
        }
    }
}

/// Logs a write of an artifact, in one line.
fn log(entry: &HistoryEntry) {
    let HistoryEntry { artifact, operation, by, revision_before, revision_after, .. } = entry;
    tracing::info!(
        %artifact, operation = operation.as_str(), by,
        revision_before = revision_before.as_ref().map(Revision::as_str),
        revision_after = revision_after.as_ref().map(Revision::as_str),
        "written"
    );
}

fn stage(tree: &Tree, path: &str, bytes: &[u8], like: &Like<'_>) -> io::Result<()> {
    #[cfg(feature = "failpoints")]
    fail::fail_point!("full", |_| Err(io::ErrorKind::StorageFull.into()));
    tree.write_new(path, bytes, like)
}

/// What follows once everything is in place: all of it on the disk, the history, and then the end
/// of the record.
pub(super) fn finish<'a>(
    trees: &[&'a Tree],
    tree_at: impl Fn(&str) -> Option<&'a Tree>,
    journal: &Journal,
) -> io::Result<()> {
    let Some(tree) = trees.first() else { return Ok(()) };
    sync_all(&tree_at, &journal.steps)?;
    hit("synced");
    if let Some(entry) = &journal.history {
        history::append(tree, entry)?;
        hit("told");
    }
    Journal::clear(tree)?;
    hit("cleared");
    for tree in trees {
        aside::clear_staged(tree)?;
    }
    if let Some(project) = trees.get(1) {
        recovery::withdraw(project)?;
    }
    Ok(())
}
