//! What is told of files that change, on real files.

mod files;
mod places;
mod queue;
mod random;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use larder::{
    domain::{
        artifact::{Artifact, Health, Metadata},
        collection::Source,
        id::ArtifactId,
        revision::Revision,
        watching::Change,
    },
    ports::{ArtifactSource, ScanOptions, Watch},
};
use tokio::{sync::mpsc, time::timeout};

use crate::support::Fixture;

/// Far longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A source that is watched.
struct Watched {
    files: Fixture,
    changes: mpsc::Receiver<Change>,
    /// What was told last, as it was expected.
    last: String,
    /// How many markers were written.
    markers: u32,
}

impl Watched {
    async fn new(files: Fixture) -> Self {
        let watch = watch(&files).await;
        assert_eq!(watch.silent, []);
        Self { files, changes: watch.changes, last: String::new(), markers: 0 }
    }

    /// A plain directory with these files.
    async fn plain(paths: &[&str]) -> Self {
        Self::new(plain(paths)).await
    }

    fn path(&self, path: &str) -> PathBuf {
        self.files.root.join(path)
    }

    /// The next thing that is told; `None` at the end.
    async fn next(&mut self) -> Option<Change> {
        let next = timeout(PATIENCE, self.changes.recv()).await;
        next.expect("nothing is told")
    }

    async fn told(&mut self) -> String {
        in_words(self.next().await)
    }

    /// Waits until this is told. A step that took a pause may be told twice, but nothing else.
    async fn tells(&mut self, expected: &str) {
        loop {
            let told = self.told().await;
            if told == expected {
                told.clone_into(&mut self.last);
                return;
            }
            assert_eq!(told, self.last, "expected {expected}");
        }
    }

    /// The words told of all that happened before, sorted, each once.
    async fn told_so_far(&mut self) -> Vec<String> {
        let mut words = BTreeSet::new();
        // A marker that goes down in a scan is followed by another one.
        loop {
            self.markers += 1;
            let marker = format!("marker-{}.md", self.markers);
            self.files.write(&marker, "told when all before it is told");
            let mut next = String::new();
            while next != "tree" {
                next = self.told().await;
                words.extend(next.split(' ').map(str::to_owned));
                if words.contains(&marker) {
                    words.retain(|word| !word.starts_with("marker-"));
                    return words.into_iter().collect();
                }
            }
        }
    }
}

/// A plain directory with these files.
fn plain(paths: &[&str]) -> Fixture {
    let files = Fixture::plain();
    for path in paths {
        files.write(path, "old");
    }
    files
}

async fn watch(files: &Fixture) -> Watch {
    let sources = files.files.discover(&[]).await;
    files.files.watch(&sources).await
}

fn in_words(change: Option<Change>) -> String {
    match change {
        Some(Change::Files(_, paths)) => paths.join(" "),
        Some(Change::Tree(_)) => "tree".to_owned(),
        Some(Change::Sources) => "sources".to_owned(),
        Some(Change::Silent(_, why)) => format!("silent: {why}"),
        None => "the end".to_owned(),
    }
}

/// What a cache holds of one artifact.
type Row = (String, Revision, Health, Metadata);

/// A cache that reads again what it is told, and nothing else: one row where a file has one, else
/// everything.
struct Cache {
    watched: Watched,
    source: Source,
    rows: BTreeMap<ArtifactId, Row>,
}

impl Cache {
    async fn of(files: Fixture) -> Self {
        let source = files.source().await;
        let mut cache = Self { watched: Watched::new(files).await, source, rows: BTreeMap::new() };
        cache.rows = cache.scanned().await;
        cache
    }

    async fn scanned(&self) -> BTreeMap<ArtifactId, Row> {
        let files = &self.watched.files.files;
        let scan = files
            .scan(
                &self.source,
                Arc::default(),
                ScanOptions { force: true, ..ScanOptions::default() },
            )
            .await;
        // A manifest that is not valid leaves what is cached as it is.
        scan.map_or_else(|_| self.rows.clone(), |scan| scan.read.into_iter().map(row).collect())
    }

    /// Waits until the cache and the files agree.
    async fn agrees(&mut self) {
        while self.rows != self.scanned().await {
            match self.watched.next().await {
                Some(Change::Files(_, paths)) => {
                    for path in paths {
                        self.read_again(&path).await;
                    }
                }
                Some(Change::Tree(_)) => self.rows = self.scanned().await,
                other => panic!("{}", in_words(other)),
            }
        }
    }

    async fn read_again(&mut self, path: &str) {
        let at_path = self.rows.iter().filter(|(_, row)| row.0 == path);
        let ids: Vec<ArtifactId> = at_path.map(|(id, _)| id.clone()).collect();
        for id in &ids {
            let files = &self.watched.files.files;
            let read = files.read(&self.source, id, Some(path.to_owned())).await;
            match read {
                Ok(Some(artifact)) => self.rows.extend([row(artifact)]),
                _ => self.rows = self.scanned().await,
            }
        }
        if ids.is_empty() {
            self.rows = self.scanned().await;
        }
    }
}

fn row(artifact: Artifact) -> (ArtifactId, Row) {
    let Artifact { id, path, revision, health, metadata, .. } = artifact;
    (id, (path, revision, health, metadata))
}
