//! Records that are not to be obeyed, or cannot be: each is set aside, and the tree stays usable.

use std::{fs, os::unix::fs::symlink, path::Path};

use larder::{domain::report::Issue, ports::WriteError};
use tempfile::TempDir;

use super::{
    Failure, SOURCE_STATE, Side, Transaction,
    aside::issues,
    journal::{Action, Journal, Step},
    key::JournalKey,
    tests::{is_tidy, key, lock_project, lock_source, place, read, unfinished},
    tree::{Like, Patience, Tree, hash},
};

fn lock(dir: &TempDir) -> Result<Tree, Failure> {
    lock_source(dir.path().to_str().unwrap(), Patience::new())
}

/// Leaves a record of one step, proven by that key.
fn leave(dir: &TempDir, root: &Path, action: Action, key: &JournalKey) {
    let tree = lock(dir).unwrap();
    let root = fs::canonicalize(root).unwrap().to_str().unwrap().to_owned();
    let steps = vec![Step { root, action }];
    Journal { id: "1".to_owned(), steps, history: None }.write(&tree, key).unwrap();
}

/// A key that is not the user's.
fn foreign() -> JournalKey {
    JournalKey::new(None)
}

fn moved(from: &str, to: &str) -> Action {
    Action::Move { from: from.to_owned(), to: to.to_owned(), check: None }
}

/// Checks that the record is set aside and reported, and that the tree can be written.
#[track_caller]
fn is_set_aside(dir: &TempDir) {
    let tree = lock(dir).unwrap();
    assert!(is_tidy(dir));
    let reported: Vec<Issue> = issues(&tree.root);
    assert_eq!(reported[0].path, ".larder/conflicts/unfinished-1");
    assert!(dir.path().join(".larder/conflicts/unfinished-1/journal.json").exists());
    let mut write = Transaction::new(&tree, None, key(), "2".to_owned());
    write.create(Side::Source, "written-since.md", b"x", None).unwrap();
    write.commit(None).unwrap();
}

#[test]
fn a_record_that_came_with_a_clone_moves_nothing_and_removes_nothing() {
    for action in [
        moved(".env", "public/.env"),
        moved("notes.md", ".larder/staged/1-0"),
        moved(".larder/staged/hook", ".git/hooks/post-checkout"),
        moved(".larder/staged/hook", "made.md"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for name in [".env", "notes.md"] {
            fs::write(dir.path().join(name), "mine").unwrap();
        }
        for name in ["public", ".git/hooks", ".larder/staged"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        leave(&dir, dir.path(), action, &foreign());
        fs::create_dir_all(dir.path().join(".larder/staged")).unwrap();
        fs::write(dir.path().join(".larder/staged/hook"), "#!/bin/sh").unwrap();
        is_set_aside(&dir);
        assert_eq!(
            (read(&dir, ".env").as_str(), read(&dir, "notes.md").as_str()),
            ("mine", "mine")
        );
        for empty in ["public", ".git/hooks"] {
            assert_eq!(fs::read_dir(dir.path().join(empty)).unwrap().count(), 0, "{empty}");
        }
        assert!(!dir.path().join("made.md").exists());
        assert_eq!(read(&dir, ".larder/conflicts/unfinished-1/staged/hook"), "#!/bin/sh");
    }
}

#[test]
fn a_record_that_came_with_a_clone_reaches_into_no_other_directory() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(elsewhere.path().join("precious"), "x").unwrap();
    // The other directory seems to agree.
    let state = elsewhere.path().join(".claude/.larder-project");
    fs::create_dir_all(&state).unwrap();
    let source = fs::canonicalize(dir.path()).unwrap();
    fs::write(state.join("pending"), source.to_str().unwrap()).unwrap();
    leave(&dir, elsewhere.path(), moved("precious", "gone"), &foreign());
    is_set_aside(&dir);
    assert!(elsewhere.path().join("precious").exists());
}

#[test]
fn a_project_that_names_a_directory_of_its_own_clone_gives_its_record_no_power() {
    let [project, source] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let planted = project.path().join("vendor");
    fs::create_dir_all(planted.join(SOURCE_STATE)).unwrap();
    fs::create_dir_all(project.path().join("public")).unwrap();
    fs::write(project.path().join(".env"), "secret").unwrap();
    fs::write(planted.join(".larder/lock"), "").unwrap();
    let root = fs::canonicalize(project.path()).unwrap();
    let record = serde_json::json!({"id": "1", "history": null, "steps": [
        {"root": root, "action": "move", "from": ".env", "to": "public/.env", "check": null},
    ]});
    let planted = fs::canonicalize(planted).unwrap();
    fs::write(planted.join(".larder/journal.json"), record.to_string()).unwrap();
    fs::create_dir_all(root.join(".claude/.larder-project")).unwrap();
    fs::write(root.join(".claude/.larder-project/pending"), planted.to_str().unwrap()).unwrap();

    let source = lock(&source).unwrap();
    lock_project(root.to_str().unwrap(), &source, Patience::new()).unwrap();
    assert_eq!(read(&project, ".env"), "secret");
    assert!(!root.join("public/.env").exists());
    assert!(planted.join(".larder/journal.json").exists(), "nothing is written there");
    assert!(!planted.join(".larder/conflicts").exists());
}

#[test]
fn an_edit_whose_key_is_gone_is_completed_for_it_adds_no_power() {
    for placed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let tree = unfinished(dir.path());
        strip_proof(&dir);
        drop(tree);
        if placed {
            place(dir.path(), "a.md");
        }
        lock(&dir).unwrap();
        assert_eq!(
            (read(&dir, "a.md").as_str(), read(&dir, "b.md").as_str()),
            ("new a.md", "new b.md")
        );
        assert!(is_tidy(&dir) && !dir.path().join(".larder/conflicts").exists());
    }
}

/// As the version before wrote it.
fn strip_proof(dir: &TempDir) {
    let path = dir.path().join(".larder/journal.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.lines().next().unwrap()).unwrap();
}

#[test]
fn an_unproven_edit_replaces_only_metadata_whose_content_it_knows() {
    let cases = [
        ("x.md", "another content", ".larder/staged/x"),
        (".env", "known", ".larder/staged/x"),
        ("x.md", "known", ".env"),
        ("x.md", "known", ".larder/staged/../../.env"),
        (".larder/trash/x.md", "known", ".larder/staged/x"),
    ];
    for (path, content, staged) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".larder/trash")).unwrap();
        fs::write(dir.path().join(path), content).unwrap();
        let before = hash(b"known");
        let (path, staged) = (path.to_owned(), staged.to_owned());
        let action = Action::Exchange { path: path.clone(), staged, before, after: hash(b"evil") };
        leave(&dir, dir.path(), action, &foreign());
        fs::create_dir_all(dir.path().join(".larder/staged")).unwrap();
        fs::write(dir.path().join(".larder/staged/x"), "evil").unwrap();
        if path != ".env" {
            fs::write(dir.path().join(".env"), "evil").unwrap();
        }
        is_set_aside(&dir);
        assert_eq!(read(&dir, &path), content);
    }
}

#[test]
fn a_record_of_a_copied_tree_is_not_proven_for_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.txt"), "x").unwrap();
    leave(&dir, dir.path(), moved("x.txt", "y.txt"), key());
    // A copy has lock files of its own.
    fs::write(dir.path().join(".larder/other"), "").unwrap();
    fs::rename(dir.path().join(".larder/other"), dir.path().join(".larder/lock")).unwrap();
    is_set_aside(&dir);
    assert!(dir.path().join("x.txt").exists());
}

#[test]
fn a_damaged_record_and_what_is_none_at_all_are_set_aside() {
    for damage in [
        (|path| fs::write(path, "{").unwrap()) as fn(&Path),
        |path| fs::write(path, [0xff; 100]).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("/etc/hostname", path).unwrap(),
        |path| symlink("nowhere", path).unwrap(),
        |path| {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        },
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(lock(&dir).unwrap());
        damage(&dir.path().join(".larder/journal.json"));
        let tree = lock(&dir).unwrap();
        assert!(is_tidy(&dir));
        assert_eq!(issues(&tree.root).len(), 1);
    }
}

#[test]
fn a_proven_record_that_can_never_be_completed_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".git/hooks")).unwrap();
    fs::write(dir.path().join("evil"), "#!/bin/sh").unwrap();
    leave(&dir, dir.path(), moved("evil", ".git/hooks/post-checkout"), key());
    is_set_aside(&dir);
    assert_eq!(fs::read_dir(dir.path().join(".git/hooks")).unwrap().count(), 0);
}

#[test]
fn a_record_whose_target_directory_is_gone_is_completed_in_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let tree = lock(&dir).unwrap();
    tree.make_directories(".larder/staged").unwrap();
    tree.write_new(".larder/staged/x", b"new", &Like::New).unwrap();
    let action = moved(".larder/staged/x", "agents/deep/x.md");
    let steps = vec![Step { root: tree.path(), action }];
    Journal { id: "1".to_owned(), steps, history: None }.write(&tree, key()).unwrap();
    drop(tree);
    lock(&dir).unwrap();
    assert_eq!(read(&dir, "agents/deep/x.md"), "new");
    assert!(is_tidy(&dir));
}

#[test]
fn something_else_in_a_place_of_larders_own_is_named() {
    type Plant = fn(&Path);
    let file: Plant = |path| fs::write(path, "").unwrap();
    let directory: Plant = |path| fs::create_dir(path).unwrap();
    let link: Plant = |path| symlink("elsewhere", path).unwrap();
    let pipe: Plant = |path| {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
    };
    for (name, wrong) in [
        (".larder", [file, link, pipe]),
        (".larder/staged", [file, link, pipe]),
        (".larder/trash", [file, link, pipe]),
        (".larder/conflicts", [file, link, pipe]),
        (".larder/lock", [directory, link, pipe]),
        (".larder/history.jsonl", [directory, link, pipe]),
        (".larder/deployments.toml", [directory, link, pipe]),
    ] {
        for plant in wrong {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            plant(&path);
            let refused = lock(&dir).err().map(WriteError::from);
            let Some(WriteError::Unfit { message, .. }) = refused else {
                panic!("{name}: {refused:?}")
            };
            assert!(message.starts_with(name), "{message}");
        }
    }
}
