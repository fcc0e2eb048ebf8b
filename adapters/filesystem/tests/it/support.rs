//! A directory to fill, and a source that reads it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use larder::{
    domain::{
        artifact::Artifact,
        collection::Source,
        delta::{Known, KnownArtifact},
        id::ArtifactId,
        report::{Issue, IssueKind},
    },
    ports::{ArtifactSource, Scan, ScanOptions},
    testing::FakeClock,
};
use larder_filesystem::{FileKind, FileSystem, FileSystemConfig, PlainDirectory};
use tempfile::TempDir;

/// One source in a temporary directory.
pub(crate) struct Fixture {
    _dir: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) files: FileSystem,
    pub(crate) clock: Arc<FakeClock>,
}

impl Fixture {
    /// A plain directory.
    pub(crate) fn plain() -> Self {
        Self::plain_of(None)
    }

    /// A plain directory in which all Markdown is of one kind, perhaps.
    pub(crate) fn plain_of(kind: Option<FileKind>) -> Self {
        Self::new(|root| FileSystemConfig {
            directories: vec![PlainDirectory { name: "work".into(), path: root.into(), kind }],
            ..FileSystemConfig::default()
        })
    }

    /// A managed collection with this manifest.
    pub(crate) fn managed(manifest: &str) -> Self {
        let fixture = Self::new(|root| FileSystemConfig {
            collections: vec![root.parent().unwrap().into()],
            ..FileSystemConfig::default()
        });
        fixture.write("collection.toml", manifest);
        fixture
    }

    fn new(config: impl Fn(&Path) -> FileSystemConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("work");
        fs::create_dir(&root).unwrap();
        // So late that the times of files written just now prove something.
        let clock = Arc::new(FakeClock::at("2100-01-01T00:00:00Z".parse().unwrap()));
        let files = FileSystem::new(config(&root), clock.clone());
        Self { _dir: dir, root, files, clock }
    }

    /// Writes a file, and the directories above it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes a link.
    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// The source as it is discovered.
    pub(crate) async fn source(&self) -> Source {
        self.files.discover(&[]).await.into_iter().next().unwrap()
    }

    /// A first scan.
    pub(crate) async fn scan(&self) -> Scan {
        self.files.scan(&self.source().await, Arc::default(), ScanOptions::default()).await.unwrap()
    }

    /// A scan after another one.
    pub(crate) async fn rescan(&self, known: &Known, hash: Option<String>) -> Scan {
        let known = Arc::new(known.clone());
        self.files
            .scan(
                &self.source().await,
                known,
                ScanOptions { manifest_hash: hash, ..ScanOptions::default() },
            )
            .await
            .unwrap()
    }

    /// A single read.
    pub(crate) async fn read(&self, id: &str, path: Option<&str>) -> Option<Artifact> {
        let id = ArtifactId::parse(id).unwrap();
        self.files.read(&self.source().await, &id, path.map(str::to_owned)).await.unwrap()
    }

    /// The text of a content.
    pub(crate) async fn content(&self, id: &str, path: &str) -> Option<String> {
        let id = ArtifactId::parse(id).unwrap();
        self.files.content(&self.source().await, &id, path).await.unwrap()
    }
}

/// What a cache would know after a scan.
pub(crate) fn known(scan: &Scan) -> Known {
    let row = |artifact: &Artifact| KnownArtifact {
        path: artifact.path.clone(),
        revision: artifact.revision.clone(),
        fingerprint: artifact.fingerprint.clone(),
        invalidated: false,
        health: artifact.health,
        problem: None,
        problem_line: None,
        updated_at: artifact.updated_at,
    };
    scan.read.iter().map(|artifact| (artifact.id.clone(), row(artifact))).collect()
}

/// The ids of what was read, sorted.
pub(crate) fn ids(scan: &Scan) -> Vec<&str> {
    let mut ids: Vec<&str> = scan.read.iter().map(|artifact| artifact.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// One artifact that was read.
pub(crate) fn artifact<'a>(scan: &'a Scan, id: &str) -> &'a Artifact {
    scan.read.iter().find(|artifact| artifact.id.as_str() == id).unwrap()
}

/// The message of an artifact's problem.
pub(crate) fn problem<'a>(scan: &'a Scan, id: &str) -> &'a str {
    &artifact(scan, id).problem.as_ref().unwrap().message
}

/// Kind and path of the issues, in order.
pub(crate) fn issues(scan: &Scan) -> Vec<(IssueKind, &str)> {
    scan.issues.iter().map(|Issue { kind, path, .. }| (*kind, path.as_str())).collect()
}
