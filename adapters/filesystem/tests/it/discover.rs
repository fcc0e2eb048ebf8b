//! Which directories are sources.

use std::{fs, os::unix::ffi::OsStrExt as _, path::Path, sync::Arc};

use larder::{
    domain::{
        collection::{Layout, Source},
        edit::{Change, Field, MetadataEdit},
        id::{ArtifactId, SourceName},
        writing::{Place, Precondition},
    },
    ports::{ArtifactSource, ArtifactWriter},
    testing::FakeClock,
};
use larder_filesystem::{FileSystem, FileSystemConfig, PlainDirectory};

fn file_system(collections: &[&Path], directories: &[(&str, &Path)]) -> FileSystem {
    let plain = |(name, path): &(&str, &Path)| PlainDirectory {
        name: (*name).to_owned(),
        path: path.to_path_buf(),
        kind: None,
    };
    let config = FileSystemConfig {
        collections: collections.iter().map(|path| path.to_path_buf()).collect(),
        directories: directories.iter().map(plain).collect(),
    };
    let clock = FakeClock::at("2100-01-01T00:00:00Z".parse().unwrap());
    FileSystem::new(config, Arc::new(clock))
}

fn collection(root: &Path) {
    fs::create_dir_all(root).unwrap();
    fs::write(root.join("collection.toml"), "").unwrap();
}

fn names(sources: &[Source]) -> Vec<&str> {
    sources.iter().map(|source| source.name.as_str()).collect()
}

#[tokio::test]
async fn sub_directories_with_a_manifest_are_sources_and_default_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["work", "default", "a", ".hidden"] {
        collection(&dir.path().join(name));
    }
    fs::create_dir(dir.path().join("no-manifest")).unwrap();
    let found = file_system(&[dir.path()], &[]).discover(&[]).await;
    assert_eq!(names(&found), ["default", "a", "work"]);
    assert!(found.iter().all(|source| source.layout == Layout::Managed));
    assert_eq!(found[1].root, dir.path().join("a").to_str().unwrap());
}

#[tokio::test]
async fn a_directory_that_holds_a_manifest_itself_is_one_source() {
    let dir = tempfile::tempdir().unwrap();
    collection(&dir.path().join("mine"));
    let found = file_system(&[&dir.path().join("mine/")], &[]).discover(&[]).await;
    assert_eq!(names(&found), ["mine"]);
}

#[tokio::test]
async fn a_configured_collection_whose_own_directory_is_hidden_is_read_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(".mine");
    collection(&root);
    fs::create_dir(root.join("agents")).unwrap();
    fs::write(root.join("agents/a.md"), "---\ndescription: d\n---\n").unwrap();
    let entry = "[[artifacts]]\nname = \"a\"\ntype = \"agent\"\npath = \"agents/a.md\"\n";
    fs::write(root.join("collection.toml"), entry).unwrap();
    let files = file_system(&[&root], &[]);
    let source = files.discover(&[]).await.remove(0);
    let id = ArtifactId::parse("agent:a").unwrap();
    let place = Place { source, id, path: String::new() };
    let edit = MetadataEdit::new([(Field::License, Change::Text("MIT".to_owned()))]).unwrap();
    files.edit(&place, &edit, &Precondition::any(), "local").await.unwrap();
    assert!(fs::read_to_string(root.join("agents/a.md")).unwrap().contains("MIT"));
}

#[tokio::test]
async fn a_root_that_is_configured_twice_is_one_source() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("work");
    collection(&root);
    std::os::unix::fs::symlink(&root, dir.path().join("link")).unwrap();
    let files = file_system(
        &[dir.path(), &root],
        &[("again", &root), ("linked", &dir.path().join("link"))],
    );
    assert_eq!(files.discover(&[]).await.len(), 1);
}

#[tokio::test]
async fn a_second_source_of_a_name_gets_a_number_and_a_known_root_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let roots = ["one/work", "two/work", "three/work"].map(|path| dir.path().join(path));
    for root in &roots {
        collection(root);
    }
    let parents: Vec<&Path> = roots.iter().map(|root| root.parent().unwrap()).collect();
    let files = file_system(&parents, &[]);
    let first = files.discover(&[]).await;
    assert_eq!(names(&first), ["work", "work-2", "work-3"]);
    assert_eq!(first[1].root, roots[1].to_str().unwrap());

    let turned = file_system(&[parents[2], parents[1]], &[]);
    let found = turned.discover(&first).await;
    assert_eq!(names(&found), ["work-2", "work-3"]);
    assert_eq!(found[1].root, roots[2].to_str().unwrap());
}

#[tokio::test]
async fn a_source_that_is_renamed_in_the_configuration_gets_its_new_name() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|path| dir.path().join(path));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let first = file_system(&[], &[("work", &one), ("work", &two)]).discover(&[]).await;
    assert_eq!(names(&first), ["work", "work-2"]);
    let renamed = file_system(&[], &[("home", &one), ("work", &two)]).discover(&first).await;
    assert_eq!(names(&renamed), ["home", "work-2"]);
    let shorter = file_system(&[], &[("wor", &one), ("work", &two)]).discover(&first).await;
    assert_eq!(names(&shorter), ["wor", "work-2"]);
    let swapped = file_system(&[], &[("b", &one), ("a", &two)]);
    let before = file_system(&[], &[("a", &one), ("b", &two)]).discover(&[]).await;
    let after = swapped.discover(&before).await;
    assert_eq!(names(&after), ["a", "b"]);
    assert_eq!(after[0].root, two.to_str().unwrap());
}

#[tokio::test]
async fn what_is_known_and_absent_is_covered_and_what_is_neither_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let source = |name: &str, root: &Path, layout| Source {
        name: SourceName::new(name).unwrap(),
        root: root.to_str().unwrap().to_owned(),
        layout,
    };
    let absent = dir.path().join("unmounted");
    let plain = dir.path().join("plain");
    let known = [
        source("old", &absent.join("old"), Layout::Managed),
        source("deeper", &absent.join("x/deeper"), Layout::Managed),
        source("was-plain", &absent.join("was-plain"), Layout::Plain),
        source("p", &plain, Layout::Plain),
        source("elsewhere", &dir.path().join("elsewhere"), Layout::Managed),
    ];
    let never = dir.path().join("never");
    let files = file_system(&[&absent], &[("p", &plain), ("never", &never)]);
    assert_eq!(names(&files.discover(&known).await), ["old", "p"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    collection(&dir.path().join("a\nb"));
    collection(&dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")));
    collection(&dir.path().join("fine"));
    let empty = dir.path().join("fine");
    let files = file_system(&[dir.path()], &[("", &empty)]);
    assert_eq!(names(&files.discover(&[]).await), ["fine"]);
}
