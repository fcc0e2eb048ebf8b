//! Roots that come and go, links, and what is watched at all.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::Path,
    process::Command,
    sync::Arc,
};

use larder::{
    domain::watching::Change,
    ports::{ArtifactSource, Watch},
    testing::FakeClock,
};
use larder_filesystem::{FileSystem, FileSystemConfig, PlainDirectory};
use tokio::{
    task::yield_now,
    time::{Instant, timeout},
};

use super::{Fixture, PATIENCE, Watched, in_words, watch};

fn file_system(collections: &Path, plain: &Path) -> FileSystem {
    let plain = PlainDirectory { name: "plain".into(), path: plain.into(), kind: None };
    let config =
        FileSystemConfig { collections: vec![collections.into()], directories: vec![plain] };
    FileSystem::new(config, Arc::new(FakeClock::at("2100-01-01T00:00:00Z".parse().unwrap())))
}

fn collection(root: &Path) {
    fs::create_dir_all(root).unwrap();
    fs::write(root.join("collection.toml"), "").unwrap();
}

async fn told(watch: &mut Watch) -> String {
    in_words(timeout(PATIENCE, watch.changes.recv()).await.expect("nothing is told"))
}

async fn until_sources(watch: &mut Watch, what: &str) {
    let mut seen = String::new();
    while seen != "sources" {
        seen = told(watch).await;
        assert_ne!(seen, "the end", "{what}");
    }
}

#[tokio::test]
async fn a_source_that_appears_anywhere_has_the_sources_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (collections, plain) = (dir.path().join("not/yet/collections"), dir.path().join("plain"));
    let files = file_system(&collections, &plain);
    let steps: [(&str, &dyn Fn()); 9] = [
        ("the plain root", &|| fs::create_dir(&plain).unwrap()),
        ("a directory on the way", &|| fs::create_dir(dir.path().join("not")).unwrap()),
        ("the directory of collections", &|| fs::create_dir_all(&collections).unwrap()),
        ("a directory in it", &|| fs::create_dir(collections.join("work")).unwrap()),
        ("its manifest", &|| collection(&collections.join("work"))),
        ("one that is moved in", &|| {
            collection(&dir.path().join("elsewhere"));
            fs::rename(dir.path().join("elsewhere"), collections.join("moved")).unwrap();
        }),
        ("one that is linked", &|| {
            collection(&dir.path().join("linked"));
            symlink(dir.path().join("linked"), collections.join("link")).unwrap();
        }),
        ("one that is taken away", &|| fs::remove_dir_all(collections.join("moved")).unwrap()),
        ("all that is moved away", &|| {
            fs::rename(dir.path().join("not"), dir.path().join("gone")).unwrap();
        }),
    ];
    for (what, step) in steps {
        let sources = files.discover(&[]).await;
        let mut watch = files.watch(&sources).await;
        assert_eq!(watch.silent, []);
        step();
        // What is there already may be told before.
        until_sources(&mut watch, what).await;
        assert_eq!(told(&mut watch).await, "the end", "{what}");
    }
}

#[tokio::test]
async fn a_root_that_is_replaced_goes_or_comes_back_has_the_sources_looked_for() {
    let files = Fixture::managed("[collection]\n");
    let aside = files.root.with_file_name("old");
    let root = files.root.clone();
    let steps: [&dyn Fn(); 4] = [
        &|| {
            fs::rename(&root, &aside).unwrap();
            fs::create_dir(&root).unwrap();
            fs::write(root.join("collection.toml"), "").unwrap();
        },
        &|| fs::remove_dir_all(&root).unwrap(),
        &|| fs::rename(&aside, &root).unwrap(),
        &|| fs::rename(root.parent().unwrap(), root.parent().unwrap().with_extension("x")).unwrap(),
    ];
    let known = files.files.discover(&[]).await;
    for step in steps {
        let mut watch = files.files.watch(&known).await;
        step();
        until_sources(&mut watch, "the root").await;
    }
    fs::rename(root.parent().unwrap().with_extension("x"), root.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn what_happens_beside_a_root_tells_nothing() {
    let mut watched = Watched::plain(&["a.md"]).await;
    let beside = watched.files.root.with_file_name("beside");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("SKILL.md"), "x").unwrap();
    fs::rename(&beside, watched.files.root.with_file_name("work2")).unwrap();
    assert!(watched.told_so_far().await.is_empty());
}

#[tokio::test]
async fn what_links_lead_to_is_watched_wherever_it_lies_in_the_root() {
    let files = Fixture::plain();
    files.write(".store/pdf/SKILL.md", "old");
    files.write(".store/docx/SKILL.md", "old");
    files.write(".store/body.txt", "old");
    files.link("skills/pdf", "../.store/pdf");
    files.link("one/SKILL.md", "../.store/body.txt");
    files.link("later/SKILL.md", "../.store/later.md");
    let mut watched = Watched::new(files).await;
    watched.files.write(".store/pdf/SKILL.md", "new");
    watched.tells("skills/pdf/SKILL.md").await;
    for path in [".store/body.txt", ".store/later.md"] {
        watched.files.write(path, "new");
        watched.tells("tree").await;
        watched.files.write(path, "and again");
        watched.tells("tree").await;
    }
    // Another target takes its place.
    symlink("../.store/docx", watched.path("skills/new")).unwrap();
    fs::rename(watched.path("skills/new"), watched.path("skills/pdf")).unwrap();
    watched.tells("tree").await;
    watched.files.write(".store/pdf/SKILL.md", "no longer linked");
    watched.files.write(".store/docx/SKILL.md", "new");
    watched.tells("skills/pdf/SKILL.md").await;
    fs::rename(watched.path(".store/docx"), watched.path(".store/away")).unwrap();
    watched.tells("tree").await;
    fs::rename(watched.path(".store/away"), watched.path(".store/docx")).unwrap();
    watched.tells("tree").await;
    watched.files.write(".store/docx/SKILL.md", "back");
    watched.tells("skills/pdf/SKILL.md").await;
    fs::remove_file(watched.path("skills/pdf")).unwrap();
    watched.tells("tree").await;
}

#[tokio::test]
async fn a_directory_that_is_reached_in_two_ways_is_told_in_both() {
    let files = Fixture::plain();
    files.write("shared/agents/a.md", "old");
    files.link("other", "shared");
    files.link("loop/up", "..");
    let mut watched = Watched::new(files).await;
    watched.files.write("shared/agents/a.md", "new");
    watched.tells("other/agents/a.md shared/agents/a.md").await;
}

#[tokio::test]
async fn a_root_that_is_a_link_is_followed_and_its_change_seen() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("a.md"), "old").unwrap();
    }
    let link = dir.path().join("link");
    symlink("one", &link).unwrap();
    let files = file_system(&dir.path().join("none"), &link);
    let sources = files.discover(&[]).await;
    let mut watch = files.watch(&sources).await;
    fs::write(dir.path().join("one/a.md"), "new").unwrap();
    assert_eq!(told(&mut watch).await, "a.md");
    symlink("two", dir.path().join("new")).unwrap();
    fs::rename(dir.path().join("new"), &link).unwrap();
    until_sources(&mut watch, "another target").await;
    let mut watch = files.watch(&sources).await;
    fs::rename(dir.path().join("two"), dir.path().join("away")).unwrap();
    until_sources(&mut watch, "no target").await;
}

#[tokio::test]
async fn two_sources_in_one_another_are_told_each_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    collection(&dir.path().join("plain/work"));
    let files = file_system(&dir.path().join("plain"), &dir.path().join("plain"));
    let sources = files.discover(&[]).await;
    assert_eq!(sources.len(), 2);
    let mut watch = files.watch(&sources).await;
    fs::write(dir.path().join("plain/work/a.md"), "new").unwrap();
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        seen.insert(told(&mut watch).await);
    }
    assert!(seen.contains("a.md") && seen.contains("work/a.md"), "{seen:?}");
}

/// How many watches this process has of a directory.
fn watches(directory: &Path) -> usize {
    let wanted = format!(" ino:{:x} ", fs::metadata(directory).unwrap().ino());
    let texts = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    let texts = texts.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    texts.map(|text| text.matches(&wanted).count()).sum()
}

#[tokio::test]
async fn whoever_stops_listening_gives_all_watches_back() {
    let watched = Watched::plain(&["skills/a/SKILL.md"]).await;
    let deep = watched.path("skills/a");
    assert_eq!(watches(&deep), 1);
    drop(watched.changes);
    let begun = Instant::now();
    while watches(&deep) > 0 {
        assert!(begun.elapsed() < PATIENCE, "they are kept");
        yield_now().await;
    }
    let again = watch(&watched.files).await;
    assert_eq!((again.silent.len(), watches(&deep)), (0, 1));
}

#[tokio::test]
async fn what_a_directory_took_is_given_back_when_it_goes() {
    let mut watched = Watched::plain(&["a/b/SKILL.md"]).await;
    let (deep, outside) = (watched.path("a/b"), watched.files.root.with_file_name("outside"));
    assert_eq!(watches(&deep), 1);
    fs::rename(watched.path("a"), &outside).unwrap();
    watched.tells("tree").await;
    assert_eq!(watches(&outside.join("b")), 0);
}

/// Set for the process whose user may watch next to nothing.
const FEW: &str = "LARDER_TEST_FEW_WATCHES";

/// In a user namespace of its own a process may limit itself; not every machine allows that.
#[tokio::test]
async fn where_the_system_allows_too_few_watches_the_source_is_silent_and_says_what_to_do() {
    if std::env::var_os(FEW).is_some() {
        return with_few_watches().await;
    }
    let limited = |script: &str| {
        let mut limited = Command::new("unshare");
        let script = format!("echo 60 > /proc/sys/user/max_inotify_watches && {script}");
        limited.args(["--user", "--map-root-user", "sh", "-c", script.as_str()]);
        limited
    };
    if !limited("true").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("left out: this machine has no user namespaces to limit");
    }
    let test = "watch::places::\
                where_the_system_allows_too_few_watches_the_source_is_silent_and_says_what_to_do";
    let mut again = limited("exec \"$0\" --exact \"$1\"");
    let output = again.arg(std::env::current_exe().unwrap()).arg(test).env(FEW, "1").output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

async fn with_few_watches() {
    let mut watched = Watched::plain(&["a/SKILL.md"]).await;
    for number in 0..100 {
        fs::create_dir(watched.path(&format!("d{number}"))).unwrap();
    }
    let mut told = String::new();
    while !told.starts_with("silent") {
        told = watched.told().await;
    }
    assert!(told.contains("fs.inotify.max_user_watches"), "{told}");
    assert_eq!(watches(&watched.path("a")), 0, "they are given back");
    let from_the_start = watch(&watched.files).await;
    assert_eq!(from_the_start.silent.len(), 1);
    assert!(from_the_start.silent[0].1.contains("fs.inotify.max_user_watches"));
    // Its root is seen all the same.
    fs::remove_dir_all(&watched.files.root).unwrap();
    assert_eq!(watched.next().await, Some(Change::Sources));
}
