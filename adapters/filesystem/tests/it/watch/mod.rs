//! What is told of files that change, on real files.

mod files;
mod places;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use larder::{
    domain::watching::Change,
    ports::{ArtifactSource, Watch},
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
}

impl Watched {
    async fn new(files: Fixture) -> Self {
        let watch = watch(&files).await;
        assert_eq!(watch.silent, []);
        Self { files, changes: watch.changes, last: String::new() }
    }

    /// A plain directory with these files.
    async fn plain(paths: &[&str]) -> Self {
        let files = Fixture::plain();
        for path in paths {
            files.write(path, "old");
        }
        Self::new(files).await
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

    /// What is told of all that happened before, each thing once.
    async fn told_so_far(&mut self) -> Vec<String> {
        const MARKER: &str = "marker.md";
        self.files.write(MARKER, "told when all before it is told");
        let mut told = Vec::new();
        loop {
            let next = self.told().await;
            let seen = next == "tree" || next.split(' ').any(|path| path == MARKER);
            let rest: Vec<&str> = next.split(' ').filter(|path| *path != MARKER).collect();
            if !rest.is_empty() && !told.contains(&rest.join(" ")) {
                told.push(rest.join(" "));
            }
            if seen {
                return told;
            }
        }
    }
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

/// What a cache would hold that does nothing but what it is told.
struct Mirror {
    watched: Watched,
    kept: BTreeMap<String, String>,
}

impl Mirror {
    fn of(watched: Watched) -> Self {
        let kept = markdown(&watched.files.root);
        Self { watched, kept }
    }

    /// Waits until the files and what is kept of them agree.
    async fn agrees(&mut self) {
        while self.kept != markdown(&self.watched.files.root) {
            match self.watched.next().await {
                Some(Change::Files(_, paths)) => {
                    for path in paths {
                        match fs::read_to_string(self.watched.path(&path)) {
                            Ok(text) if self.kept.contains_key(&path) => {
                                self.kept.insert(path, text);
                            }
                            _ => self.kept = markdown(&self.watched.files.root),
                        }
                    }
                }
                Some(Change::Tree(_)) => self.kept = markdown(&self.watched.files.root),
                other => panic!("{}", in_words(other)),
            }
        }
    }
}

/// All Markdown that a scan would see, with its text.
fn markdown(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
            } else if path.is_dir() {
                waiting.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(path, text);
            }
        }
    }
    found
}
