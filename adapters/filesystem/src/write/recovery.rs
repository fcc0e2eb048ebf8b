//! What the next writer does about one that was killed.

use std::io;

use super::{
    failure::Failure,
    hit,
    journal::{Action, Journal, STAGED, Step},
    steps::{Halt, put},
    transaction::finish,
    tree::{Like, Patience, Tree},
};
use crate::files::Root;

/// Where a source's and a project's own files are.
pub(crate) const SOURCE_STATE: &str = ".larder";
/// Not `.larder`: a project's `.claude` may be a source itself.
pub(crate) const PROJECT_STATE: &str = ".claude/.larder-project";

/// Where contents go that could not be put in place, for a person to look at.
const CONFLICTS: &str = "conflicts";

/// Names, in a project, the source whose journal may speak of its files.
const PENDING: &str = "pending";

/// Locks a source, and finishes what a killed writer had begun there.
pub(crate) fn lock_source(root: Root, patience: Patience) -> Result<Tree, Failure> {
    let tree = Tree::lock(root, SOURCE_STATE, patience)?;
    roll(&tree, None, patience)?;
    Ok(tree)
}

/// Locks a project for a write from `source`, which is locked already, and finishes what a killed
/// writer had begun there from another source.
pub(crate) fn lock_project(root: Root, source: &Tree, patience: Patience) -> Result<Tree, Failure> {
    let tree = Tree::lock(root, PROJECT_STATE, patience)?;
    let pending = tree.own(PENDING);
    if let Some(other) = tree.read(&pending)? {
        let other = String::from_utf8_lossy(&other).into_owned();
        // Without waiting: whoever has it may be waiting for this project.
        if other != source.path()
            && let Ok(other) = Root::open(&other)
            && Journal::stands_in(&other, SOURCE_STATE)?
        {
            let Some(other) = Tree::try_lock(other, SOURCE_STATE)? else {
                return Err(Failure::Busy);
            };
            roll(&other, Some(&tree), patience)?;
        }
        tree.unlink(&pending)?;
    }
    tree.empty(&tree.own(STAGED))?;
    Ok(tree)
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
pub(crate) fn recover(tree: &Tree) -> Result<(), Failure> {
    roll(tree, None, Patience::new())
}

fn roll(tree: &Tree, project: Option<&Tree>, patience: Patience) -> Result<(), Failure> {
    let Some(journal) = Journal::read(tree)? else {
        return Ok(tree.empty(&tree.own(STAGED))?);
    };
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
                && holds_a_save(at, &step.action)?
            {
                set_aside(at, &journal.id, number, &step.action)?;
            }
        }
        Journal::clear(tree)?;
        for tree in std::iter::once(tree).chain(project) {
            tree.empty(&tree.own(STAGED))?;
        }
        return Ok(());
    }
    for (number, (step, state)) in states.iter().enumerate() {
        let Some(at) = tree_at(&step.root) else { continue };
        match state {
            State::Placed => {}
            State::Pending => match put(at, &step.action) {
                Ok(()) => {}
                Err(Halt::Undone(Failure::Overtaken)) => {
                    set_aside(at, &journal.id, number, &step.action)?;
                }
                Err(Halt::Undone(failure)) => return Err(failure),
                Err(Halt::Stuck(error)) => return Err(error.into()),
            },
            State::Foreign => set_aside(at, &journal.id, number, &step.action)?,
        }
        hit("rolled");
    }
    let trees: Vec<&Tree> = std::iter::once(tree).chain(project).collect();
    Ok(finish(&trees, tree_at, &journal)?)
}

/// The project that a source's journal speaks of; `None` when it is gone, or does not say so itself:
/// a journal that came with a clone must not reach into other directories.
fn project_of(root: &str, source: &str, patience: Patience) -> Result<Option<Tree>, Failure> {
    /// More than a path has (`PATH_MAX`, limits.h).
    const MOST: u64 = 8_192;
    let pending = format!("{PROJECT_STATE}/{PENDING}");
    let project = Root::open(root).ok().filter(|project| {
        project.read_end(&pending, MOST).is_ok_and(|said| said == source.as_bytes())
    });
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

fn is_staged(tree: &Tree, path: &str) -> bool {
    path.starts_with(&tree.own(STAGED))
}

/// Whether somebody's save lies where new content was staged: its writer was killed while it put
/// several back.
fn holds_a_save(tree: &Tree, action: &Action) -> io::Result<bool> {
    let Action::Exchange { staged, before, after, .. } = action else { return Ok(false) };
    Ok(tree.hash_of(staged)?.is_some_and(|aside| aside != *before && aside != *after))
}

/// Keeps content that somebody else's save left no place for.
fn set_aside(tree: &Tree, id: &str, number: usize, action: &Action) -> Result<(), Failure> {
    let (staged, about) = match action {
        Action::Exchange { staged, path, .. } => (staged, path),
        Action::Move { from, to, .. } if is_staged(tree, from) => (from, to),
        // What was to be moved away was changed: it stays.
        Action::Move { .. } => return Ok(()),
    };
    tree.make_directories(&tree.own(CONFLICTS))?;
    let kept = tree.own(&format!("{CONFLICTS}/{id}-{number}"));
    tracing::warn!(path = about, kept, "somebody saved this file while a write was unfinished");
    match tree.rename(staged, &kept) {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) =>
        {
            Ok(())
        }
        renamed => Ok(renamed?),
    }
}
