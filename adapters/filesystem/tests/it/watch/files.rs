//! Files and directories within a source.

use std::{
    fs,
    os::unix::fs::symlink,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use larder::domain::edit::Field;

use super::{Cache, Fixture, Watched, plain};

#[tokio::test]
async fn a_save_in_place_tells_that_file() {
    let mut watched = Watched::plain(&["skills/pdf/SKILL.md", "agents/a.md"]).await;
    watched.files.write("skills/pdf/SKILL.md", "new");
    watched.tells("skills/pdf/SKILL.md").await;
    watched.files.write("agents/a.md", "new");
    watched.files.write("skills/pdf/SKILL.md", "newer");
    assert_eq!(watched.told_so_far().await, ["agents/a.md", "skills/pdf/SKILL.md"]);
}

#[tokio::test]
async fn a_save_by_rename_tells_that_file_alone() {
    let mut watched = Watched::plain(&["a/SKILL.md"]).await;
    for draft in ["a/SKILL.md.tmp.17", "a/.SKILL.md.swp", "a/SKILL.md~", "a/sedX1y2Z3", "a/#x#"] {
        watched.files.write(draft, draft);
        fs::rename(watched.path(draft), watched.path("a/SKILL.md")).unwrap();
        watched.tells("a/SKILL.md").await;
    }
    let sed = Command::new("sed").arg("-i").arg("s/#/x/").arg(watched.path("a/SKILL.md")).status();
    assert!(sed.unwrap().success());
    watched.tells("a/SKILL.md").await;
}

#[tokio::test]
async fn a_file_that_comes_and_goes_at_once_is_told_since_a_scan_may_have_read_it() {
    let mut watched = Watched::plain(&["a/SKILL.md"]).await;
    watched.files.write("a/b.md", "new");
    fs::remove_file(watched.path("a/b.md")).unwrap();
    watched.tells("tree").await;
}

#[tokio::test]
async fn what_editors_leave_beside_a_file_tells_nothing() {
    let mut watched = Watched::plain(&["a/SKILL.md"]).await;
    // vim: may it write, a backup by rename, the new file, no backup any more.
    watched.files.write("a/4913", "");
    fs::remove_file(watched.path("a/4913")).unwrap();
    fs::rename(watched.path("a/SKILL.md"), watched.path("a/SKILL.md~")).unwrap();
    watched.files.write("a/SKILL.md", "by vim");
    fs::remove_file(watched.path("a/SKILL.md~")).unwrap();
    watched.tells("a/SKILL.md").await;
    // Emacs: a lock that is a link to nothing, its own saves, a backup.
    symlink("ada@host.17", watched.path("a/.#SKILL.md")).unwrap();
    watched.files.write("a/#SKILL.md#", "saved by itself");
    fs::remove_file(watched.path("a/#SKILL.md#")).unwrap();
    fs::copy(watched.path("a/SKILL.md"), watched.path("a/SKILL.md~")).unwrap();
    fs::remove_file(watched.path("a/.#SKILL.md")).unwrap();
    // Whatever reads it.
    fs::read(watched.path("a/SKILL.md")).unwrap();
    fs::read_dir(watched.path("a")).unwrap().for_each(drop);
    watched.files.scan().await;
    assert!(watched.told_so_far().await.is_empty());
}

#[tokio::test]
async fn what_git_and_larder_keep_for_themselves_tells_nothing() {
    let mut watched =
        Watched::plain(&[".git/HEAD", ".larder/lock", "node_modules/x/SKILL.md"]).await;
    for path in [".git/index.lock", ".git/refs/a.md", ".larder/staged/1.md", ".larder/journal.json"]
    {
        watched.files.write(path, "x");
    }
    watched.files.write("node_modules/x/SKILL.md", "x");
    watched.files.write("node_modules/y/SKILL.md", "x");
    fs::remove_dir_all(watched.path(".larder/staged")).unwrap();
    fs::create_dir(watched.path(".venv")).unwrap();
    assert!(watched.told_so_far().await.is_empty());
}

#[tokio::test]
async fn a_file_that_is_written_without_a_pause_is_told_meanwhile() {
    let mut watched = Watched::plain(&["a.md"]).await;
    let (path, enough) = (watched.path("a.md"), Arc::new(AtomicBool::new(false)));
    let until = Arc::clone(&enough);
    let writer = thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            fs::write(&path, "again").unwrap();
        }
    });
    for _ in 0..3 {
        watched.tells("a.md").await;
    }
    enough.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[tokio::test]
async fn an_artifact_that_appears_is_not_missed_whenever_its_files_are_written() {
    let mut cache = Cache::of(plain(&["skills/old/SKILL.md"])).await;
    for number in 0..40 {
        cache.watched.files.write(&format!("skills/n{number}/SKILL.md"), "first");
        if number % 4 == 0 {
            cache.agrees().await;
        }
        cache.watched.files.write(&format!("skills/n{number}/SKILL.md"), "second");
        cache.watched.files.write(&format!("deep/{number}/a/b/c/agents/x.md"), "deep");
    }
    cache.agrees().await;
}

#[tokio::test]
async fn a_tree_that_is_moved_removed_or_brought_in_is_followed() {
    let mut cache = Cache::of(plain(&["a/one/SKILL.md", "a/two/SKILL.md"])).await;
    let root = cache.watched.files.root.clone();
    let outside = root.with_file_name("outside");
    fs::rename(root.join("a"), root.join("b")).unwrap();
    cache.agrees().await;
    cache.watched.files.write("b/one/SKILL.md", "written after the move");
    assert_eq!(cache.watched.told_so_far().await, ["b/one/SKILL.md"]);
    cache.rows = cache.scanned().await;

    fs::rename(root.join("b"), &outside).unwrap();
    cache.agrees().await;
    fs::write(outside.join("one/SKILL.md"), "written elsewhere").unwrap();
    assert!(cache.watched.told_so_far().await.is_empty());
    cache.rows = cache.scanned().await;

    fs::rename(&outside, root.join("c")).unwrap();
    cache.watched.files.write("c/two/SKILL.md", "written after it came");
    cache.agrees().await;
    fs::remove_dir_all(root.join("c")).unwrap();
    cache.agrees().await;
    assert!(cache.rows.is_empty());
}

#[tokio::test]
async fn a_thousand_files_that_change_at_once_are_all_seen() {
    let files = Fixture::plain();
    for number in 0..1000 {
        files.write(&format!("skills/s{number}/SKILL.md"), "old");
    }
    let mut cache = Cache::of(files).await;
    for number in 0..1000 {
        let path = cache.watched.path(&format!("skills/s{number}/SKILL.md"));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "new").unwrap();
    }
    cache.agrees().await;
    fs::rename(cache.watched.path("skills"), cache.watched.path("replaced")).unwrap();
    for number in 0..1000 {
        cache.watched.files.write(&format!("skills/s{number}/SKILL.md"), "replaced");
    }
    cache.agrees().await;
    cache.watched.files.write("skills/s999/SKILL.md", "and one more");
    cache.agrees().await;
}

#[tokio::test]
async fn what_others_hang_on_is_told_as_the_whole_source() {
    let mut watched = Watched::plain(&[".claude-plugin/plugin.json", ".mcp.json"]).await;
    for path in [".claude-plugin/plugin.json", ".mcp.json", "settings.json"] {
        watched.files.write(path, "{}");
        watched.tells("tree").await;
    }
    let mut managed = Watched::new(Fixture::managed("[collection]\n")).await;
    for path in ["collection.toml", "collection.lock", "hooks.json"] {
        managed.files.write(path, "");
        managed.tells("tree").await;
    }
    managed.files.write("collection.toml.new", "");
    fs::rename(managed.path("collection.toml.new"), managed.path("collection.toml")).unwrap();
    managed.tells("tree").await;
}

#[tokio::test]
async fn an_edit_by_larder_is_told_once_and_reading_it_tells_nothing() {
    let manifest = "[[artifacts]]\nname = \"pdf\"\ntype = \"skill\"\npath = \"pdf\"\n";
    let files = Fixture::managed(manifest);
    files.write("pdf/SKILL.md", "---\ndescription: old\n---\n");
    let mut watched = Watched::new(files).await;
    watched.files.edit("skill:pdf", &[(Field::Description, "new")]).await.unwrap();
    watched.files.read("skill:pdf", None).await.unwrap();
    watched.files.scan().await;
    assert_eq!(watched.told_so_far().await, ["pdf/SKILL.md"]);
}
