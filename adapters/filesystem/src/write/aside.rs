//! What a write has left over for a person to look at, in `.larder/conflicts`: contents for which a save
//! of somebody else left no place, and records that were not completed.

use std::io;

use larder::domain::report::{Issue, IssueKind};

use super::{
    SOURCE_STATE,
    journal::{Action, JOURNAL, STAGED},
    tree::Tree,
};
use crate::{files::Root, rows::shown};

/// The directory, among Larder's own.
pub(super) const CONFLICTS: &str = "conflicts";

/// Whether somebody's save lies where new content was staged: its writer was killed while it put
/// several back.
pub(super) fn holds_a_save(tree: &Tree, action: &Action) -> io::Result<bool> {
    let Action::Exchange { staged, before, after, .. } = action else { return Ok(false) };
    Ok(tree.hash_of(staged)?.is_some_and(|aside| aside != *before && aside != *after))
}

/// Keeps content that somebody else's save left no place for.
pub(super) fn content(tree: &Tree, id: &str, number: usize, action: &Action) -> io::Result<()> {
    let (staged, about) = match action {
        Action::Exchange { staged, path, .. } => (staged, path),
        Action::Move { from, to, .. } if from.starts_with(&tree.own(STAGED)) => (from, to),
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
        renamed => renamed,
    }
}

/// Empties the directory of staged contents, or sets it aside when that fails: a clone can bring one
/// that cannot be removed, nested too deeply, say, and writes go on all the same.
pub(super) fn clear_staged(tree: &Tree) -> io::Result<()> {
    let staged = tree.own(STAGED);
    let Err(error) = tree.empty(&staged) else { return Ok(()) };
    let place = new_place(tree)?;
    tree.rename(&staged, &format!("{place}/{STAGED}"))?;
    tracing::warn!(source = tree.path(), place, %error, "staged contents were set aside");
    Ok(())
}

/// Makes a directory in which nothing was set aside yet.
fn new_place(tree: &Tree) -> io::Result<String> {
    let mut number = 1;
    let place = loop {
        let place = tree.own(&format!("{CONFLICTS}/unfinished-{number}"));
        if !tree.exists(&place)? {
            break place;
        }
        number += 1;
    };
    tree.make_directories(&place)?;
    Ok(place)
}

/// Sets a record aside with all that is staged, so that the next write finds neither. The record goes
/// last: until then it is found again.
pub(super) fn record(tree: &Tree, why: &str) -> io::Result<()> {
    let place = new_place(tree)?;
    for name in [STAGED, JOURNAL] {
        match tree.rename(&tree.own(name), &format!("{place}/{name}")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
    }
    tree.sync(&place)?;
    tree.sync(tree.own("").trim_end_matches('/'))?;
    tracing::error!(
        source = tree.path(),
        place,
        why,
        "the record of an unfinished write was set aside and not obeyed: look at the files that it \
         names, then delete it"
    );
    Ok(())
}

/// What lies there, a line of a report each.
pub(crate) fn issues(root: &Root) -> Vec<Issue> {
    /// Enough to be noticed.
    const MOST: usize = 20;
    let path = format!("{SOURCE_STATE}/{CONFLICTS}");
    let names = root.names(&path).unwrap_or_default();
    let issue = |name: String| Issue {
        artifact_id: None,
        path: shown(&format!("{path}/{name}")),
        kind: IssueKind::Refused,
        message: "it belongs to a write that was cut off and could not be completed: compare it \
                  with the files that it is about, then delete it"
            .to_owned(),
        line: None,
    };
    names.into_iter().take(MOST).map(issue).collect()
}
