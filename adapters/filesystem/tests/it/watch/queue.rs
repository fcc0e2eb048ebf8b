//! The kernel's queue of events, when nobody takes any out of it.

use std::{
    fs::{self, File},
    io::Write as _,
    sync::Arc,
    time::Duration,
};

use larder::{domain::watching::Change, ports::ArtifactSource, testing::FakeClock};
use larder_filesystem::{FileSystem, FileSystemConfig, PlainDirectory};
use tokio::time::{sleep, timeout};

use super::PATIENCE;

/// More than changes may wait for their reader.
const DIRECTORIES: usize = 80;

#[tokio::test]
async fn a_queue_that_overflows_has_the_sources_looked_for() {
    let root = tempfile::tempdir().unwrap();
    let directories: Vec<_> = (0..DIRECTORIES)
        .map(|number| {
            let path = root.path().join(number.to_string());
            fs::create_dir(&path).unwrap();
            fs::write(path.join("a.md"), "old").unwrap();
            PlainDirectory { name: format!("d{number}"), path, kind: None }
        })
        .collect();
    let files: Vec<_> = directories.iter().map(|directory| directory.path.join("a.md")).collect();
    let clock = Arc::new(FakeClock::at("2100-01-01T00:00:00Z".parse().unwrap()));
    let config = FileSystemConfig { directories, ..FileSystemConfig::default() };
    let file_system = FileSystem::new(config, clock);
    let sources = file_system.discover(&[]).await;
    let mut watch = file_system.watch(&sources).await;
    assert_eq!(watch.silent, []);

    // A change of each directory is more than the reader's own queue holds: it waits for room.
    for file in &files {
        fs::write(file, "new").unwrap();
    }
    let full = async {
        while watch.changes.len() < watch.changes.max_capacity() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, full).await.expect("the reader goes on");

    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    // Two by turns: the kernel makes one of an event that is the same as the last.
    let mut two = [File::create(&files[0]).unwrap(), File::create(&files[1]).unwrap()];
    for _ in 0..=limit / 2 {
        for file in &mut two {
            file.write_all(b".").unwrap();
        }
    }

    let mut told = Vec::new();
    while let Some(change) = timeout(PATIENCE, watch.changes.recv()).await.expect("it hangs") {
        told.push(change);
    }
    assert_eq!(told.last(), Some(&Change::Sources), "and then the stream ends");
}
