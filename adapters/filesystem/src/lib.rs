//! The artifact source on a file system: finds the directories that the configuration covers, and
//! reads the artifacts in them, whoever wrote them.
//!
//! - `discover`: which directories are sources, and what they are called.
//! - `managed`: sources with a `collection.toml`; `plain`: any other tree.
//! - `frontmatter`, `json`, `lists`, `reading`: what one file says of its artifact.
//! - `files`, `open`, `fingerprint`: reading within the root and within limits, without following links out of
//!   it, and what a stat proves.
//! - `secrets`: what is masked in everything that leaves the files.
//! - `disks`: which disks a source is on, and whether files on them can be out of reach.
//! - `write`: edits, creations and deletions, all or nothing.
//! - `watch`: what changes while nobody asks.
//! - `rows`: artifacts made of all this, and which of them a scan needs to read.

mod content;
mod discover;
mod disks;
mod faults;
mod files;
mod fingerprint;
mod frontmatter;
mod gentle;
mod json;
mod json_edit;
mod lists;
mod managed;
mod open;
mod plain;
mod project;
mod reading;
#[cfg(target_os = "linux")]
mod remote;
mod rows;
mod secrets;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(not(target_os = "linux"))]
#[path = "watch/elsewhere.rs"]
mod watch;
mod write;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use larder::{
    domain::{
        artifact::Artifact,
        collection::{Layout, Source},
        delta::Known,
        id::{ArtifactId, SourceName},
    },
    ports::{ArtifactSource, Clock, Pace, Scan, ScanOptions, SourceError, Watch},
};

use crate::{
    files::Root,
    rows::{Reader, in_path_order},
};

/// Where the sources are.
#[derive(Debug, Clone, Default)]
pub struct FileSystemConfig {
    /// Directories whose sub-directories with a `collection.toml` are source collections. One that
    /// holds a `collection.toml` itself is a source collection itself.
    pub collections: Vec<PathBuf>,
    /// Directories that are sources without a manifest.
    pub directories: Vec<PlainDirectory>,
}

/// A directory in which artifacts are recognised by where they lie.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainDirectory {
    /// What the source is called.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// When set, every Markdown file below it is of this kind, and nothing else is looked for.
    pub kind: Option<FileKind>,
}

/// A kind of artifact that is one Markdown file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// An agent.
    Agent,
    /// A command.
    Command,
}

/// The sources of a configuration, on the disk. Cheap to clone; its work runs on threads that may
/// block.
#[derive(Clone)]
pub struct FileSystem {
    config: Arc<FileSystemConfig>,
    clock: Arc<dyn Clock>,
    listings: Arc<managed::Listings>,
    manifests: Arc<managed::KnownValid>,
    turns: Arc<write::Turns>,
    journal_key: Arc<write::JournalKey>,
    max_manifest: u64,
}

/// The largest `collection.toml` or `collection.lock`, in MiB, unless [`FileSystem::with_manifest_limit`]
/// says otherwise. 20,000 entries have 10 MB; parsing takes some forty times as much memory.
pub const MANIFEST_MIB: u32 = 16;

impl FileSystem {
    /// Reads the sources that `config` covers.
    #[must_use]
    pub fn new(config: FileSystemConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config: Arc::new(config),
            clock,
            listings: Arc::default(),
            manifests: Arc::default(),
            turns: Arc::default(),
            journal_key: Arc::new(write::JournalKey::new(None)),
            max_manifest: 0,
        }
        .with_manifest_limit(MANIFEST_MIB)
    }

    /// Sets the largest `collection.toml` or `collection.lock` that is read, in MiB.
    #[must_use]
    pub fn with_manifest_limit(self, mib: u32) -> Self {
        Self { max_manifest: u64::from(mib) * 1024 * 1024, ..self }
    }

    /// Proves records of unfinished writes by the key in that file, which is made when it is missing.
    ///
    /// A process completes the write of another one only if both use the same key. Without this call
    /// the key lasts as long as the process.
    #[must_use]
    pub fn with_journal_key(self, path: PathBuf) -> Self {
        Self { journal_key: Arc::new(write::JournalKey::new(Some(path))), ..self }
    }

    /// Runs `work` on a blocking thread, with a reader of `source`.
    async fn reading<T: Send + 'static>(
        &self,
        source: &Source,
        work: impl FnOnce(&Reader<'_>) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let (this, source) = (self.clone(), source.clone());
        let source_name = source.name.clone();
        tokio::task::spawn_blocking(move || {
            let kind = discover::configured_kind(&this.config, &source);
            let (clock, max_manifest) = (this.clock.as_ref(), this.max_manifest);
            work(&Reader { source: &source, kind, clock, max_manifest })
        })
        .await
        .unwrap_or_else(|cause| Err(SourceError::Aborted { source_name, cause: Box::new(cause) }))
    }
}

#[async_trait]
impl ArtifactSource for FileSystem {
    async fn discover(&self, known: &[Source]) -> Vec<Source> {
        let (config, covered) = (Arc::clone(&self.config), known.to_vec());
        let found = tokio::task::spawn_blocking(move || discover::sources(&config, &covered)).await;
        found.unwrap_or_else(|error| {
            tracing::error!(%error, "looking for sources was cut off");
            known.to_vec()
        })
    }

    async fn scan(
        &self,
        source: &Source,
        known: Arc<Known>,
        options: ScanOptions,
    ) -> Result<Scan, SourceError> {
        let ScanOptions { manifest_hash, force, pace } = options;
        self.reading(source, move |reader| {
            let scan = || match reader.source.layout {
                Layout::Managed => managed::scan(reader, &known, manifest_hash.as_deref(), force),
                Layout::Plain => plain::scan(reader, &known, force),
            };
            let mut scan = match pace {
                Pace::Swift => scan(),
                Pace::Gentle => gentle::run(scan),
            }?;
            if let Ok(root) = Root::open(&reader.source.root) {
                scan.issues.extend(write::issues(&root));
            }
            scan.issues = in_path_order(scan.issues);
            Ok(scan)
        })
        .await
    }

    async fn read(
        &self,
        source: &Source,
        id: &ArtifactId,
        path: Option<String>,
    ) -> Result<Option<Artifact>, SourceError> {
        let (id, listings) = (id.clone(), Arc::clone(&self.listings));
        self.reading(source, move |reader| match (reader.source.layout, path) {
            (Layout::Managed, _) => managed::read(reader, &listings, &id),
            (Layout::Plain, Some(path)) => plain::read(reader, &id, &path),
            (Layout::Plain, None) => Ok(None),
        })
        .await
    }

    async fn content(
        &self,
        source: &Source,
        id: &ArtifactId,
        path: &str,
    ) -> Result<Option<String>, SourceError> {
        let (id, path) = (id.clone(), path.to_owned());
        self.reading(source, move |reader| content::of(reader, &id, &path)).await
    }

    async fn watch(&self, sources: &[Source]) -> Watch {
        watch::watch(&self.config, sources).await
    }
}

/// The error of a root, or a manifest, that the system will not give.
fn unreadable(source: &SourceName, cause: std::io::Error) -> SourceError {
    SourceError::Unreadable { source_name: source.clone(), cause: Box::new(cause) }
}
