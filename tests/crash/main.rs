//! Writers that are killed: whoever comes next finds nothing done, or finishes it. Each operation is
//! killed at every point that it reaches, and so is who finishes it.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the right answer")]

mod snapshot;

use std::{path::Path, process::Command};

use larder_tests::writes::{MANIFEST, Operation, SAVED, prepare, run};
use snapshot::Snapshot;
use tempfile::TempDir;

/// More points than any write has: a loop that never ends is a failure.
const MANY: usize = 200;

/// Runs the writer, to be killed at that point; whether it came to its end.
fn write(root: &Path, operation: Operation, kill_at: usize, ways: &[&str]) -> bool {
    let output = Command::new(env!("CARGO_BIN_EXE_larder-crash-writer"))
        .args([root.to_str().unwrap(), &operation.name(), &kill_at.to_string()])
        .args(ways)
        .output()
        .unwrap();
    let status = output.status;
    let killed = std::os::unix::process::ExitStatusExt::signal(&status).is_some();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(status.success() || killed, "{operation:?} failed at {kill_at}: {told}");
    status.success()
}

async fn prepared(operation: Operation) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    prepare(root.path(), operation).await;
    root
}

/// Kills the operation at every point, and whoever finishes it at every point as well; answers how
/// many times.
async fn kill_everywhere(operation: Operation, ways: &[&str]) -> usize {
    let world = prepared(operation).await;
    let old = Snapshot::of(world.path());
    run(world.path(), operation).await.unwrap();
    let new = Snapshot::of(world.path());
    assert_ne!(old, new, "{operation:?} changes something");
    assert!(new.is_clean(), "{operation:?} leaves nothing of itself: {new:?}");

    let (mut cases, mut ended_old, mut ended_new) = (0, 0, 0);
    for first in 1..MANY {
        for second in 1..MANY {
            let world = prepared(operation).await;
            if write(world.path(), operation, first, ways) {
                assert!(ended_old > 0 && ended_new > 0, "both ends were seen");
                return cases;
            }
            Snapshot::of(world.path()).assert_whole(&old, &new, operation, first);
            let finished = write(world.path(), Operation::Tidy, second, ways);
            if !finished {
                run(world.path(), Operation::Tidy).await.unwrap();
            }
            cases += 1;
            let end = Snapshot::of(world.path()).with_project_tidied();
            assert!(end.is_clean(), "{operation:?} killed at {first}, {second}: {end:?}");
            if end == new {
                ended_new += 1;
            } else {
                assert_eq!(end, old, "{operation:?} killed at {first}, {second}");
                ended_old += 1;
                run(world.path(), operation).await.unwrap();
                assert_eq!(Snapshot::of(world.path()), new, "{operation:?} once more");
            }
            if finished {
                break;
            }
        }
    }
    panic!("{operation:?} reaches more than {MANY} points");
}

macro_rules! killed_everywhere {
    ($($case:ident: $operation:ident, at_least $least:literal;)+) => { $(
        #[tokio::test]
        async fn $case() {
            let cases = kill_everywhere(Operation::$operation, &[]).await;
            println!("{cases} times killed");
            assert!(cases >= $least, "only {cases} times killed: are the fail points in this build?");
        }
    )+ };
}

killed_everywhere! {
    an_edit_of_two_files_is_done_or_not_at_all: Edit, at_least 20;
    an_edit_of_the_manifest_is_done_or_not_at_all: EditEntry, at_least 15;
    a_skill_is_created_or_not_at_all: CreateSkill, at_least 20;
    a_command_is_created_or_not_at_all: CreateCommand, at_least 20;
    a_skill_is_deleted_or_not_at_all: Delete, at_least 25;
    a_skill_is_restored_or_not_at_all: Restore, at_least 25;
    a_skill_is_deployed_or_not_at_all: Deploy, at_least 25;
    a_server_is_deployed_or_not_at_all: DeployServer, at_least 20;
    hooks_are_deployed_or_not_at_all: DeployHooks, at_least 20;
    a_skill_is_undeployed_or_not_at_all: Undeploy, at_least 25;
    a_skill_is_taken_from_a_project_or_not_at_all: Sync, at_least 25;
}

#[tokio::test]
async fn where_files_cannot_be_exchanged_it_is_the_same() {
    let mut cases = 0;
    for operation in [Operation::Edit, Operation::CreateSkill, Operation::Delete, Operation::Deploy]
    {
        cases += kill_everywhere(operation, &["without-exchange"]).await;
    }
    assert!(cases >= 80, "only {cases} times killed");
}

/// Somebody saves the manifest while an edit goes on that is killed: the save is there in the end,
/// and both files are old, or both new, or what has no place any more is kept aside.
#[tokio::test]
async fn a_save_beside_a_killed_edit_is_never_lost() {
    let world = prepared(Operation::Edit).await;
    let old = Snapshot::of(world.path());
    let mut cases = 0;
    for save_at in 1..MANY {
        for kill_at in save_at..MANY {
            let world = prepared(Operation::Edit).await;
            let save = format!("save={save_at}");
            let finished = write(world.path(), Operation::Edit, kill_at, &[&save]);
            run(world.path(), Operation::Tidy).await.unwrap();
            let end = Snapshot::of(world.path());
            let what = format!("saved at {save_at}, killed at {kill_at}: {end:?}");
            let manifest = end.text(MANIFEST);
            if finished && !manifest.contains(SAVED) {
                // The write has fewer points.
                return assert!(cases > 20, "only {cases} times killed");
            }
            assert!(manifest.contains(SAVED), "{what}");
            let skill = "collections/work/skills/pdf/SKILL.md";
            let is_new = end.text(skill) != old.text(skill);
            assert!(manifest.contains("2026-01-01") == is_new || !end.is_clean(), "{what}");
            cases += 1;
            if finished {
                break;
            }
        }
    }
    panic!("an edit reaches more than {MANY} points");
}

/// The command line of another user is killed, and the server comes next. Its key proves nothing, so
/// it completes edits of metadata alone, sets other records aside, and goes on.
#[tokio::test]
async fn a_writer_with_another_key_that_is_killed_locks_no_collection_and_loses_nothing() {
    for operation in [Operation::Edit, Operation::CreateSkill, Operation::Delete, Operation::Deploy]
    {
        let world = prepared(operation).await;
        let old = Snapshot::of(world.path());
        run(world.path(), operation).await.unwrap();
        let new = Snapshot::of(world.path());
        let mut set_aside = 0;
        for kill_at in 1..MANY {
            let world = prepared(operation).await;
            if write(world.path(), operation, kill_at, &["other-key"]) {
                break;
            }
            run(world.path(), Operation::Tidy).await.unwrap();
            let end = Snapshot::of(world.path()).with_project_tidied();
            let what = format!("{operation:?} killed at {kill_at}");
            end.assert_nothing_lost(&old, &new, &what);
            if operation == Operation::Edit {
                assert!(end == old || end == new, "{what}: {end:?}");
            }
            set_aside += usize::from(!end.is_clean());
            run(world.path(), Operation::EditEntry).await.expect(&what);
        }
        assert_eq!(set_aside > 0, operation != Operation::Edit, "{operation:?}: {set_aside}");
    }
}
