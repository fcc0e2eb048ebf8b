//! Full and read-only disks, and a collection that another program has locked.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    edit, files, open,
    own_mounts::{inside, mount},
    snapshot,
};
use crate::house::{House, managed};

/// What takes a disk's room.
const FILLER: &str = "filler";

/// How many files a small disk has room for.
const FILES: usize = 100;

const UNWRITABLE: [(u16, &str); 1] = [(507, "unwritable")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_that_another_program_has_locked_is_busy() {
    let files = files();
    let house = open(&files).await;
    house.put("artifacts/skill:s0/metadata", Some("*"), &edit()).await.is(200);
    // A lock belongs to the open file: one opened here is another program's to Larder.
    let path = files.path().join("collections/work/.larder/lock");
    let held = OpenOptions::new().read(true).write(true).open(path).unwrap();
    held.lock().unwrap();
    let before = house.snapshot();
    let other = json!({"author": "Ada"});
    let (put, deleted) = tokio::join!(
        house.put("artifacts/skill:s0/metadata", Some("*"), &other),
        house.delete("artifacts/skill:s1"),
    );
    for answer in [put, deleted] {
        house.refused(&answer, &[(503, "busy")], &before, "locked");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    drop(held);
    house.put("artifacts/skill:s0/metadata", Some("*"), &other).await.is(200);
    house.close().await;
}

/// Every operation that writes, and what is wrong with the disk.
async fn refuses_every_write(house: &House, reason: &str) {
    let before = house.snapshot();
    let project = json!({"project_path": house.files.path().join("projects/shop")});
    let new = json!({"type": "skill", "name": "a", "description": "d"});
    for answer in [
        house.put("artifacts/skill:s0/metadata", Some("*"), &edit()).await,
        house.post("artifacts", &new).await,
        house.delete("artifacts/skill:s0").await,
        house.post("artifacts/skill:s0/deploy", &project).await,
    ] {
        let problem = house.refused(&answer, &UNWRITABLE, &before, reason);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    assert_eq!(house.get("artifacts/skill:s0").await["description"], "The skill 0.", "reads go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_file_system_is_read_and_not_written() {
    if !inside("hostile_writes::disks::a_read_only_file_system_is_read_and_not_written") {
        return;
    }
    for with_state in [false, true] {
        let files = files();
        let root = files.path().join("collections");
        if with_state {
            let state = root.join("work/.larder");
            fs::create_dir(&state).unwrap();
            fs::write(state.join(".gitignore"), "*\n").unwrap();
            fs::write(state.join("lock"), "").unwrap();
        }
        let root = root.to_str().unwrap();
        mount(&["--bind", root, root]);
        mount(&["-o", "remount,bind,ro", root]);
        let house = open(&files).await;
        refuses_every_write(&house, "the file system is read-only").await;
        house.close().await;
        std::process::Command::new("umount").arg(root).status().unwrap();
    }
}

/// Takes all the space of a disk.
fn fill(root: &Path) {
    let mut filler = File::create(root.join(FILLER)).unwrap();
    while filler.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
}

/// Takes all the files that a disk can have, but for so many: each step of a write makes one.
fn fill_but_for(root: &Path, left: usize) {
    let filler = root.join(FILLER);
    fs::create_dir(&filler).unwrap();
    let names = (0..FILES).map(|number| filler.join(number.to_string()));
    let made: Vec<PathBuf> = names.take_while(|path| File::create(path).is_ok()).collect();
    assert!(made.len() < FILES, "the disk is full");
    for path in &made[made.len() - left..] {
        fs::remove_file(path).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_leaves_everything_as_it_was() {
    if !inside("hostile_writes::disks::a_full_disk_leaves_everything_as_it_was") {
        return;
    }
    let files = files();
    let root = files.path().join("collections");
    let options = format!("size=256k,nr_inodes={FILES}");
    mount(&["-t", "tmpfs", "-o", &options, "tmpfs", root.to_str().unwrap()]);
    managed(files.path(), "work", 2);
    let house = open(&files).await;
    fill(&root);
    refuses_every_write(&house, "the disk is full").await;
    fs::remove_file(root.join(FILLER)).unwrap();
    fs::remove_dir_all(root.join("work/.larder")).unwrap();

    let (mut refused, mut accepted) = (0, 0);
    for left in 0..12 {
        fill_but_for(&root, left);
        let before = house.snapshot();
        let body = json!({"description": format!("With {left} files.")});
        let answer = house.put("artifacts/skill:s0/metadata", Some("*"), &body).await;
        if answer.status == 200 {
            accepted += 1;
            assert_eq!(answer.json()["description"], body["description"]);
        } else {
            refused += 1;
            house.refused(&answer, &UNWRITABLE, &before, &format!("with {left} files"));
        }
        fs::remove_dir_all(root.join(FILLER)).unwrap();
    }
    assert!(refused > 3 && accepted > 1, "{refused} refused, {accepted} accepted");
    let body = json!({"author": "Ada"});
    house.put("artifacts/skill:s0/metadata", Some("*"), &body).await.is(200);
    let history = house.get("artifacts/skill:s0/history").await;
    let told = history["items"].as_array().unwrap().len();
    assert_eq!(told, accepted + 1, "the history tells what was accepted, and that alone");
    assert_eq!(fs::read(root.join("work/.larder/.gitignore")).unwrap(), b"*\n");
    let left: Vec<String> = snapshot(&root).into_keys().collect();
    let is_left = |name: &&String| name.contains("journal") || name.contains("staged/");
    assert_eq!(left.iter().find(is_left), None);
    house.close().await;
}
