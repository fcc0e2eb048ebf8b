//! What a killed writer left, beside saves of somebody else: made by hand, since a kill cannot be
//! timed so well.

use std::{fs, path::Path, sync::LazyLock};

use larder::ports::WriteError;
use tempfile::TempDir;

use super::{
    Failure, SOURCE_STATE, Side, Transaction, Tree,
    journal::{Action, Journal, Left, Step},
    key::JournalKey,
    recovery::{self, announce, recover},
    tree::{Like, Patience, hash},
};
use crate::files::Root;

pub(super) fn open(path: &str) -> Root {
    Root::open(path).unwrap()
}

pub(super) fn lock_source(path: &str, patience: Patience) -> Result<Tree, Failure> {
    recovery::lock_source(open(path), key(), patience)
}

pub(super) fn lock_project(path: &str, source: &Tree, patience: Patience) -> Result<Tree, Failure> {
    recovery::lock_project(open(path), source, key(), patience)
}

/// The key of this process.
pub(super) fn key() -> &'static JournalKey {
    static KEY: LazyLock<JournalKey> = LazyLock::new(|| JournalKey::new(None));
    &KEY
}

/// A tree with a record of a write of `a.md` and `b.md`, neither of them in place.
pub(super) fn unfinished(dir: &Path) -> Tree {
    for name in ["a.md", "b.md"] {
        fs::write(dir.join(name), format!("old {name}")).unwrap();
    }
    let tree = lock_source(dir.to_str().unwrap(), Patience::new()).unwrap();
    tree.make_directories(".larder/staged").unwrap();
    let steps = ["a.md", "b.md"].map(|name| {
        let staged = format!(".larder/staged/{name}");
        let (before, after) = (format!("old {name}"), format!("new {name}"));
        tree.write_new(&staged, after.as_bytes(), &Like::New).unwrap();
        let (before, after) = (hash(before.as_bytes()), hash(after.as_bytes()));
        let action = Action::Exchange { path: name.to_owned(), staged, before, after };
        Step { root: tree.path(), action }
    });
    let journal = Journal { id: "1".to_owned(), steps: steps.to_vec(), history: None };
    journal.write(&tree, key()).unwrap();
    tree
}

pub(super) fn place(dir: &Path, name: &str) {
    let (staged, path) = (dir.join(".larder/staged").join(name), dir.join(name));
    let staged_content = fs::read(&staged).unwrap();
    fs::rename(&path, &staged).unwrap();
    fs::write(path, staged_content).unwrap();
}

pub(super) fn read(dir: &TempDir, path: &str) -> String {
    fs::read_to_string(dir.path().join(path)).unwrap()
}

pub(super) fn is_tidy(dir: &TempDir) -> bool {
    let own = dir.path().join(SOURCE_STATE);
    let staged = fs::read_dir(own.join("staged"));
    !own.join("journal.json").exists() && staged.into_iter().flatten().next().is_none()
}

#[test]
fn a_save_before_anything_was_in_place_wins_and_the_write_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    fs::write(dir.path().join("b.md"), "saved").unwrap();
    recover(&tree, key()).unwrap();
    assert_eq!((read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()), ("old a.md", "saved"));
    assert!(is_tidy(&dir));
}

#[test]
fn a_save_beside_what_is_in_place_stays_and_what_it_displaced_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    place(dir.path(), "a.md");
    fs::write(dir.path().join("b.md"), "saved").unwrap();
    recover(&tree, key()).unwrap();
    assert_eq!((read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()), ("new a.md", "saved"));
    assert_eq!(read(&dir, ".larder/conflicts/1-1"), "new b.md");
    assert!(is_tidy(&dir));
}

#[test]
fn a_save_over_what_is_in_place_stays() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    place(dir.path(), "a.md");
    place(dir.path(), "b.md");
    fs::write(dir.path().join("a.md"), "saved").unwrap();
    recover(&tree, key()).unwrap();
    assert_eq!((read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()), ("saved", "new b.md"));
    assert!(is_tidy(&dir));
}

#[test]
fn a_save_that_the_killed_writer_had_pushed_aside_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    fs::write(dir.path().join("a.md"), "saved").unwrap();
    place(dir.path(), "a.md");
    assert_eq!(read(&dir, ".larder/staged/a.md"), "saved", "killed before it looked");
    recover(&tree, key()).unwrap();
    assert_eq!((read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()), ("saved", "old b.md"));
    assert!(is_tidy(&dir));
}

#[test]
fn the_newer_of_two_saves_is_kept_when_the_writer_was_killed_between_putting_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    fs::write(dir.path().join("a.md"), "older save").unwrap();
    fs::write(dir.path().join(".larder/staged/a.md"), "newer save").unwrap();
    recover(&tree, key()).unwrap();
    assert_eq!(
        (read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()),
        ("older save", "old b.md")
    );
    assert_eq!(read(&dir, ".larder/conflicts/1-0"), "newer save");
    assert!(is_tidy(&dir));
}

#[test]
fn what_waits_in_the_trash_is_not_taken_for_restored_because_something_is_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    let Some(Left::Proven(mut journal)) = Journal::read(&tree, key()).unwrap() else { panic!() };
    let from = ".larder/trash/1/files/x.md".to_owned();
    tree.make_directories(".larder/trash/1/files").unwrap();
    tree.write_new(&from, b"deleted", &Like::New).unwrap();
    fs::write(dir.path().join("x.md"), "made since").unwrap();
    let action = Action::Move { from: from.clone(), to: "x.md".to_owned(), check: None };
    journal.steps.insert(0, Step { root: tree.path(), action });
    journal.write(&tree, key()).unwrap();
    recover(&tree, key()).unwrap();
    assert_eq!(
        (read(&dir, "x.md").as_str(), read(&dir, &from).as_str()),
        ("made since", "deleted")
    );
    assert_eq!(
        (read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()),
        ("old a.md", "old b.md")
    );
    assert!(is_tidy(&dir));
}

#[test]
fn what_was_staged_and_is_gone_is_not_taken_for_placed() {
    let dir = tempfile::tempdir().unwrap();
    let tree = unfinished(dir.path());
    fs::remove_file(dir.path().join(".larder/staged/a.md")).unwrap();
    recover(&tree, key()).unwrap();
    assert_eq!(
        (read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()),
        ("old a.md", "old b.md")
    );
    assert!(is_tidy(&dir));
}

#[test]
fn a_step_whose_outcome_cannot_be_looked_at_is_undone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("real.md"), "x").unwrap();
    std::os::unix::fs::symlink("real.md", dir.path().join("link.md")).unwrap();
    let tree = lock_source(dir.path().to_str().unwrap(), Patience::new()).unwrap();
    let mut write = Transaction::new(&tree, None, key(), "1".to_owned());
    write.remove(Side::Source, "link.md", b"x").unwrap();
    assert!(write.commit(None).is_err());
    assert!(dir.path().join("link.md").is_symlink(), "it is where it was");
    assert!(is_tidy(&dir));
}

#[test]
fn a_save_during_a_write_is_put_back_and_the_write_is_overtaken() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.md"), "read").unwrap();
    fs::write(dir.path().join("b.md"), "saved since it was read").unwrap();
    let tree = lock_source(dir.path().to_str().unwrap(), Patience::new()).unwrap();
    let mut write = Transaction::new(&tree, None, key(), "1".to_owned());
    write.replace(Side::Source, "a.md", b"read", b"new").unwrap();
    write.replace(Side::Source, "b.md", b"read", b"new").unwrap();
    assert!(matches!(write.commit(None), Err(Failure::Overtaken)));
    assert_eq!(read(&dir, "a.md"), "read", "what was in place is taken back");
    assert_eq!(read(&dir, "b.md"), "saved since it was read");
    assert!(is_tidy(&dir));
}

#[test]
fn a_file_that_came_or_went_during_a_write_overtakes_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("there.md"), "saved").unwrap();
    let tree = lock_source(dir.path().to_str().unwrap(), Patience::new()).unwrap();
    let mut write = Transaction::new(&tree, None, key(), "1".to_owned());
    write.create(Side::Source, "there.md", b"new", None).unwrap();
    assert!(matches!(write.commit(None), Err(Failure::Overtaken)));
    assert_eq!(read(&dir, "there.md"), "saved");
    let mut write = Transaction::new(&tree, None, key(), "2".to_owned());
    let gone = write.replace(Side::Source, "gone.md", b"read", b"new");
    assert!(gone.is_err(), "there is nothing whose mode it could have");
    drop(write);
    assert!(is_tidy(&dir));
}

#[test]
fn a_write_that_was_not_committed_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let tree = lock_source(dir.path().to_str().unwrap(), Patience::new()).unwrap();
    let mut write = Transaction::new(&tree, None, key(), "1".to_owned());
    write.create(Side::Source, "new/a.md", b"new", None).unwrap();
    drop(write);
    assert!(!dir.path().join("new/a.md").exists() && is_tidy(&dir));
}

#[test]
fn what_another_source_has_left_unfinished_in_a_project_is_finished_by_who_comes_there_next() {
    let [first, second, project] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let path = |dir: &TempDir| dir.path().to_str().unwrap().to_owned();
    let source = lock_source(&path(&first), Patience::new()).unwrap();
    let tree = lock_project(&path(&project), &source, Patience::new()).unwrap();
    let staged = tree.own("staged/x");
    tree.make_directories(&tree.own("staged")).unwrap();
    tree.make_directories(".claude/agents").unwrap();
    tree.write_new(&staged, b"new", &Like::New).unwrap();
    announce(&tree, &source).unwrap();
    let to = ".claude/agents/x.md".to_owned();
    let action = Action::Move { from: staged, to, check: None };
    let steps = vec![Step { root: tree.path(), action }];
    Journal { id: "1".to_owned(), steps, history: None }.write(&source, key()).unwrap();
    drop(tree);

    let other = lock_source(&path(&second), Patience::new()).unwrap();
    let busy = lock_project(&path(&project), &other, Patience::new());
    assert!(matches!(busy, Err(Failure::Busy)), "the first one may still be at it");
    drop(source);
    let tree = lock_project(&path(&project), &other, Patience::new()).unwrap();
    assert_eq!(read(&project, ".claude/agents/x.md"), "new");
    assert!(is_tidy(&first) && !tree.exists(&tree.own("pending")).unwrap());
}

#[test]
fn what_one_tree_has_locked_another_cannot_try() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    assert!(Tree::try_lock(open(root), SOURCE_STATE).unwrap().is_none(), "nobody ever wrote there");
    let tree = lock_source(root, Patience::new()).unwrap();
    assert!(Tree::try_lock(open(root), SOURCE_STATE).unwrap().is_none());
    drop(tree);
    assert!(Tree::try_lock(open(root), SOURCE_STATE).unwrap().is_some());
}

#[test]
fn modes_are_kept_and_links_within_the_root_are_written_through() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    fs::write(dir.path().join("real/a.md"), "old").unwrap();
    fs::set_permissions(dir.path().join("real/a.md"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real/a.md", dir.path().join("link.md")).unwrap();
    let tree = lock_source(dir.path().to_str().unwrap(), Patience::new()).unwrap();
    let path = tree.real("link.md").unwrap();
    assert_eq!(path, "real/a.md");
    let mut write = Transaction::new(&tree, None, key(), "1".to_owned());
    write.replace(Side::Source, &path, b"old", b"new").unwrap();
    write.commit(None).unwrap();
    assert!(dir.path().join("link.md").is_symlink());
    assert_eq!(read(&dir, "link.md"), "new");
    let mode = fs::metadata(dir.path().join("real/a.md")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_directory_of_larders_own_that_is_a_link_is_refused() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(outside.path(), dir.path().join(".larder")).unwrap();
    let locked = lock_source(dir.path().to_str().unwrap(), Patience::new());
    let error = WriteError::from(locked.err().unwrap());
    assert!(matches!(error, WriteError::Unfit { .. }), "{error:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
