//! A program that saves while contents are exchanged.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::{
    failure::Failure,
    recovery::SOURCE_STATE,
    steps::{Halt, exchange},
    tree::{Like, Patience, Tree, hash},
};
use crate::files::Root;

const FILE: &str = "file.md";
const STAGED: &str = "staged.md";

#[test]
fn the_last_save_stays_however_often_somebody_saves_while_a_step_is_made() {
    /// Saves that follow one another at once: the later ones fall into the return of the first.
    const SAVES_AT_ONCE: usize = 4;
    const ROUNDS: usize = 500;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    fs::write(&path, "save 0").unwrap();
    let root = Root::open(directory.path().to_str().unwrap()).unwrap();
    let tree = Tree::lock(root, SOURCE_STATE, Patience::new()).unwrap();
    let going = AtomicBool::new(true);
    let (exchanged, overtaken) = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut exchanged, mut overtaken) = (0, 0);
            for number in 0.. {
                if !going.load(Ordering::Relaxed) {
                    break;
                }
                let before = fs::read(&path).unwrap();
                // What is edited is told apart from what it was made of, as an edit's result is.
                let before_text = str::from_utf8(&before).unwrap();
                let save = before_text.split(", edited").next().unwrap();
                let after = format!("{save}, edited {number}");
                tree.write_new(STAGED, after.as_bytes(), &Like::New).unwrap();
                // Without the look before it, which leaves little to be seen here.
                match exchange(&tree, FILE, STAGED, &hash(&before), &hash(after.as_bytes())) {
                    Ok(()) => exchanged += 1,
                    Err(Halt::Undone(Failure::Overtaken)) => overtaken += 1,
                    Err(failure) => panic!("{failure:?}"),
                }
                tree.unlink(STAGED).unwrap();
            }
            (exchanged, overtaken)
        });
        let draft = directory.path().join("draft.md");
        let mut missing = None;
        for round in 1..=ROUNDS {
            for at in 0..SAVES_AT_ONCE {
                fs::write(&draft, format!("save {round}.{at}")).unwrap();
                fs::rename(&draft, &path).unwrap();
            }
            let last = format!("save {round}.{}", SAVES_AT_ONCE - 1);
            let is_there = || fs::read_to_string(&path).unwrap().starts_with(&last);
            if !(0..2_000).any(|_| {
                is_there() || {
                    thread::yield_now();
                    false
                }
            }) {
                missing = Some(last);
                break;
            }
            if round.is_multiple_of(16) {
                // Steps succeed as well.
                thread::sleep(Duration::from_millis(1));
            }
        }
        going.store(false, Ordering::Relaxed);
        let counts = writer.join().unwrap();
        assert_eq!(missing, None, "after {counts:?}");
        counts
    });
    assert!(exchanged > 0 && overtaken > 0, "{exchanged} and {overtaken}");
}
