//! When an artifact of two files counts as read.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use larder::{
    domain::Timestamp,
    ports::{ArtifactSource, Clock, ScanOptions},
    testing::{artifact_id, at},
};
use larder_filesystem::{FileSystem, FileSystemConfig};

/// A clock that goes on by a second whenever somebody looks at it.
#[derive(Default)]
struct Ticking(AtomicI64);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        at(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {}
}

/// What is written between the read of the manifest and that of the file may be half of a change: a
/// later read must win over it.
#[tokio::test]
async fn an_artifact_is_as_old_as_the_first_of_its_files_that_was_looked_at() {
    let collections = tempfile::tempdir().unwrap();
    let root = collections.path().join("work");
    fs::create_dir_all(root.join("agents")).unwrap();
    let entry = |n: u8| {
        format!("[[artifacts]]\nname = \"a{n}\"\ntype = \"agent\"\npath = \"agents/a{n}.md\"\n")
    };
    fs::write(root.join("collection.toml"), entry(1) + &entry(2)).unwrap();
    for n in [1, 2] {
        fs::write(root.join(format!("agents/a{n}.md")), "# A\n").unwrap();
    }
    let config = FileSystemConfig {
        collections: vec![collections.path().into()],
        ..FileSystemConfig::default()
    };
    let clock = Arc::new(Ticking::default());
    let files = FileSystem::new(config, clock.clone());
    let source = files.discover(&[]).await.remove(0);
    let scan = files.scan(&source, Arc::default(), ScanOptions::default()).await.unwrap();
    assert_eq!(scan.read.len(), 2);
    assert!(scan.read.iter().all(|artifact| artifact.read_at == scan.started_at));

    let before = clock.now();
    let read = files.read(&source, &artifact_id("agent:a1"), None).await.unwrap().unwrap();
    assert_eq!(read.read_at, before + Duration::from_secs(1), "nobody looked at the clock earlier");
}
