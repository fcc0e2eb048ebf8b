//! What the next writer does about one that was killed.

use std::io;

use super::{
    aside,
    failure::{Failure, is_lasting, unfinished},
    hit,
    journal::{Action, JOURNAL, Journal, Left, STAGED, Step},
    key::JournalKey,
    places,
    steps::{Halt, put},
    transaction::finish,
    tree::{Like, Patience, Tree},
};
use crate::{
    files::{Root, split},
    managed::{LOCK, MANIFEST},
    reading::is_markdown,
};

/// Where a source's and a project's own files are.
pub(crate) const SOURCE_STATE: &str = ".larder";
/// Not `.larder`: a project's `.claude` may be a source itself.
pub(crate) const PROJECT_STATE: &str = ".claude/.larder-project";

/// Names, in a project, the source whose journal may speak of its files.
pub(super) const PENDING: &str = "pending";

/// Locks a source, and finishes what a killed writer had begun there.
pub(crate) fn lock_source(
    root: Root,
    key: &JournalKey,
    patience: Patience,
) -> Result<Tree, Failure> {
    places::check(&root, SOURCE_STATE)?;
    let tree = Tree::lock(root, SOURCE_STATE, patience)?;
    roll(&tree, None, key, patience)?;
    Ok(tree)
}

/// Locks a project for a write from `source`, which is locked already, and finishes what a killed
/// writer had begun there from another source.
pub(crate) fn lock_project(
    root: Root,
    source: &Tree,
    key: &JournalKey,
    patience: Patience,
) -> Result<Tree, Failure> {
    places::check(&root, PROJECT_STATE)?;
    let tree = Tree::lock(root, PROJECT_STATE, patience)?;
    let pending = tree.own(PENDING);
    if let Some(other) = tree.read(&pending)? {
        let other = String::from_utf8_lossy(&other).into_owned();
        if other != source.path() {
            finish_from(&other, &tree, key, patience)?;
        }
        tree.unlink(&pending)?;
    }
    aside::clear_staged(&tree)?;
    Ok(tree)
}

/// Finishes in a project what a killed writer had begun from another source. The name of that source
/// can have come with a clone, so nothing is changed there without a proven record.
fn finish_from(
    other: &str,
    project: &Tree,
    key: &JournalKey,
    patience: Patience,
) -> Result<(), Failure> {
    let Ok(other) = Root::open(other) else { return Ok(()) };
    if !Journal::stands_in(&other, SOURCE_STATE)? {
        return Ok(());
    }
    // Without waiting: whoever has it may be waiting for this project.
    let Some(other) = Tree::try_lock(other, SOURCE_STATE)? else { return Err(Failure::Busy) };
    match Journal::read(&other, key)? {
        Some(Left::Proven(_)) => roll(&other, Some(project), key, patience),
        _ => Ok(()),
    }
}

/// Tells in a project that a journal of that source may speak of its files.
pub(super) fn announce(project: &Tree, source: &Tree) -> Result<(), Failure> {
    let pending = project.own(PENDING);
    project.unlink(&pending)?;
    project.write_new(&pending, source.path().as_bytes(), &Like::New)?;
    Ok(project.sync(PROJECT_STATE)?)
}

/// Takes that word back.
pub(super) fn withdraw(project: &Tree) -> io::Result<()> {
    project.unlink(&project.own(PENDING))
}

/// Finishes, or takes away, what a killed writer had begun in a tree that is locked.
pub(crate) fn recover(tree: &Tree, key: &JournalKey) -> Result<(), Failure> {
    roll(tree, None, key, Patience::new())
}

/// Completes the write of a record, or sets the record aside: one that is not to be obeyed, and one
/// that cannot be completed however often it is tried. Only trouble of the disk lets a record stay.
fn roll(
    tree: &Tree,
    project: Option<&Tree>,
    key: &JournalKey,
    patience: Patience,
) -> Result<(), Failure> {
    let disk = |error| unfinished(&tree.own(JOURNAL), error);
    let journal = match Journal::read(tree, key).map_err(disk)? {
        None => return Ok(aside::clear_staged(tree)?),
        Some(Left::Proven(journal)) => journal,
        Some(Left::Unproven(journal)) if adds_no_power(tree, &journal).map_err(disk)? => journal,
        Some(Left::Unproven(_)) => {
            return aside::record(tree, "it was not written by this Larder").map_err(disk);
        }
        Some(Left::Damaged) => return aside::record(tree, "it is damaged").map_err(disk),
    };
    match complete(tree, project, &journal, patience) {
        Err(Failure::Io(error)) if is_lasting(&error) => {
            aside::record(tree, &format!("it cannot be completed ({error})")).map_err(disk)
        }
        Err(Failure::Io(error)) => Err(disk(error)),
        completed => completed,
    }
}

/// Whether an unproven record asks for nothing that a clone could not bring by itself: contents staged
/// in this tree take the place of Markdown, or of the manifest, whose bytes are known to the record.
fn adds_no_power(tree: &Tree, journal: &Journal) -> io::Result<bool> {
    for Step { root, action } in &journal.steps {
        let Action::Exchange { path, staged, before, after } = action else { return Ok(false) };
        let slot = staged.strip_prefix(&tree.own(STAGED)).and_then(|it| it.strip_prefix('/'));
        let is_staged = slot.is_some_and(|name| !name.contains('/'));
        let is_metadata = is_markdown(path) || [MANIFEST, LOCK].contains(&path.as_str());
        if *root != tree.path() || !is_staged || !is_metadata || is_own(tree, path) {
            return Ok(false);
        }
        let found = (hash_if_file(tree, path)?, hash_if_file(tree, staged)?);
        let (before, after) = (Some(before.clone()), Some(after.clone()));
        if found != (before.clone(), after.clone()) && found != (after, before) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The hash of a file; `None` where there is none, or something else.
fn hash_if_file(tree: &Tree, path: &str) -> io::Result<Option<String>> {
    match tree.hash_of(path) {
        Err(error) if is_lasting(&error) => Ok(None),
        hash => hash,
    }
}

fn complete(
    tree: &Tree,
    project: Option<&Tree>,
    journal: &Journal,
    patience: Patience,
) -> Result<(), Failure> {
    let own = tree.path();
    let foreign = journal.steps.iter().map(|step| step.root.as_str()).find(|root| *root != own);
    let project = project.filter(|project| foreign == Some(project.path().as_str()));
    let locked = match foreign.filter(|_| project.is_none()) {
        Some(root) => project_of(root, &own, patience)?,
        None => None,
    };
    let project = locked.as_ref().or(project);
    let tree_at =
        |root: &str| std::iter::once(tree).chain(project).find(|tree| tree.path() == root);
    let states: Vec<(&Step, State)> = journal
        .steps
        .iter()
        .map(|step| Ok((step, State::of(tree_at(&step.root), &step.action)?)))
        .collect::<io::Result<_>>()?;
    let has_begun = states.iter().any(|(_, state)| *state == State::Placed);
    let is_overtaken = states.iter().any(|(_, state)| *state == State::Foreign);
    tracing::warn!(id = journal.id, has_begun, is_overtaken, "an unfinished write was found");
    if is_overtaken && !has_begun {
        for (number, (step, _)) in states.iter().enumerate() {
            if let Some(at) = tree_at(&step.root)
                && aside::holds_a_save(at, &step.action)?
            {
                aside::content(at, &journal.id, number, &step.action)?;
            }
        }
        Journal::clear(tree)?;
        for tree in std::iter::once(tree).chain(project) {
            aside::clear_staged(tree)?;
        }
        return Ok(());
    }
    for (number, (step, state)) in states.iter().enumerate() {
        let Some(at) = tree_at(&step.root) else { continue };
        match state {
            State::Placed => {}
            State::Pending => match made_room(at, &step.action) {
                Ok(()) => {}
                Err(Halt::Undone(Failure::Overtaken)) => {
                    aside::content(at, &journal.id, number, &step.action)?;
                }
                Err(Halt::Undone(failure)) => return Err(failure),
                Err(Halt::Stuck(error)) => return Err(error.into()),
            },
            State::Foreign => aside::content(at, &journal.id, number, &step.action)?,
        }
        hit("rolled");
    }
    let trees: Vec<&Tree> = std::iter::once(tree).chain(project).collect();
    Ok(finish(&trees, tree_at, journal)?)
}

/// The project that a source's journal speaks of; `None` when it is gone, or does not say so itself:
/// a journal that came with a clone must not reach into other directories.
fn project_of(root: &str, source: &str, patience: Patience) -> Result<Option<Tree>, Failure> {
    let pending = format!("{PROJECT_STATE}/{PENDING}");
    let project = Root::open(root)
        .ok()
        .filter(|project| project.read_own(&pending).is_ok_and(|said| said == source.as_bytes()));
    let Some(project) = project else {
        tracing::warn!(project = root, "a journal speaks of a project that knows nothing of it");
        return Ok(None);
    };
    match Tree::lock(project, PROJECT_STATE, patience) {
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        locked => locked.map(Some),
    }
}

/// How far a killed writer had come with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It was made.
    Placed,
    /// It can still be made.
    Pending,
    /// It was not made, and somebody else has changed what it is about.
    Foreign,
}

impl State {
    /// Looks where a step was left. One that had pushed somebody's save aside when its writer was
    /// killed is undone first, as the writer would have done.
    fn of(tree: Option<&Tree>, action: &Action) -> io::Result<Self> {
        let Some(tree) = tree else { return Ok(Self::Foreign) };
        match action {
            Action::Exchange { path, staged, before, after } => {
                let (aside, here) = (tree.hash_of(staged)?, tree.hash_of(path)?);
                match aside {
                    Some(aside) if aside == *after && here.as_ref() == Some(before) => {
                        Ok(Self::Pending)
                    }
                    Some(aside) if aside == *after => Ok(Self::Foreign),
                    Some(aside) if aside != *before => {
                        if here.as_ref() == Some(after) {
                            tree.exchange(staged, path)?;
                        }
                        Ok(Self::Foreign)
                    }
                    Some(_) => Ok(Self::Placed),
                    // Killed between the two renames that stand for an exchange.
                    None if here.as_ref() == Some(after) => Ok(Self::Placed),
                    None => Ok(Self::Foreign),
                }
            }
            Action::Move { from, to, check } => {
                let as_read = |at: &str| match check {
                    Some((file, expected)) => {
                        let file = if file.is_empty() { at.into() } else { format!("{at}/{file}") };
                        Ok(tree.hash_of(&file)?.as_ref() == Some(expected))
                    }
                    None => io::Result::Ok(true),
                };
                match (tree.exists(from)?, tree.exists(to)?) {
                    (false, true) if !as_read(to)? => {
                        tree.rename(to, from)?;
                        Ok(Self::Foreign)
                    }
                    // What was to come out of Larder's own directory waits there still, or is gone
                    // without having come.
                    (here, there) if here == there && is_own(tree, from) => Ok(Self::Foreign),
                    // What was moved away may have been made anew since.
                    (false, _) | (true, true) => Ok(Self::Placed),
                    (true, false) if as_read(from)? => Ok(Self::Pending),
                    (true, false) => Ok(Self::Foreign),
                }
            }
        }
    }
}

fn is_own(tree: &Tree, path: &str) -> bool {
    path.starts_with(&tree.own(""))
}

/// Makes a step, and the directory that it moves something to: git keeps no empty ones.
fn made_room(tree: &Tree, action: &Action) -> Result<(), Halt> {
    if let Action::Move { to, .. } = action {
        tree.make_directories(split(to).0)?;
    }
    put(tree, action)
}
