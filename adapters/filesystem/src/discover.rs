//! Which directories are sources, and what they are called.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use larder::domain::{
    collection::{Layout, Source},
    id::SourceName,
};

use crate::{FileKind, FileSystemConfig, managed::MANIFEST};

/// The sources that a configuration covers, by precedence; see the port.
pub(crate) fn sources(config: &FileSystemConfig, known: &[Source]) -> Vec<Source> {
    let mut found = Found { known, sources: Vec::new(), roots: HashSet::new() };
    for directory in &config.collections {
        found.collections_in(&lasting(directory));
    }
    for directory in &config.directories {
        found.plain(&directory.name, &lasting(&directory.path));
    }
    found.named()
}

/// Whether a source's root is one that the configuration covers, wherever it was recorded.
pub(crate) fn covers(config: &FileSystemConfig, source: &Source) -> bool {
    let root = Path::new(&source.root);
    match source.layout {
        Layout::Managed => config.collections.iter().any(|it| may_hold(&lasting(it), root)),
        Layout::Plain => config.directories.iter().any(|it| lasting(&it.path) == root),
    }
}

/// Whether a managed source may have that root: the directory of collections itself, whatever its
/// name, or a sub-directory that is not hidden.
fn may_hold(directory: &Path, root: &Path) -> bool {
    root == directory || (root.parent() == Some(directory) && !is_hidden(root))
}

/// The kind that all Markdown of a source is, if the configuration says so.
pub(crate) fn configured_kind(config: &FileSystemConfig, source: &Source) -> Option<FileKind> {
    let is_it = |path: &Path| lasting(path) == Path::new(&source.root);
    config.directories.iter().find(|directory| is_it(&directory.path))?.kind
}

struct Found<'a> {
    known: &'a [Source],
    /// With the name that each would like to have.
    sources: Vec<(String, Source)>,
    /// Where they really are, so that none is taken twice.
    roots: HashSet<PathBuf>,
}

impl Found<'_> {
    fn collections_in(&mut self, directory: &Path) {
        if directory.join(MANIFEST).is_file() {
            return self.add(None, directory, Layout::Managed);
        }
        let mut roots: Vec<PathBuf> = match sub_directories(directory) {
            Ok(roots) => roots.into_iter().filter(|root| root.join(MANIFEST).is_file()).collect(),
            Err(error) => {
                let shown = directory.display();
                tracing::warn!(directory = %shown, %error, "collections cannot be listed");
                Vec::new()
            }
        };
        // One that is absent, or has lost its manifest, is covered all the same.
        let covered = |source: &&Source| {
            source.layout == Layout::Managed && may_hold(directory, Path::new(&source.root))
        };
        roots.extend(self.known.iter().filter(covered).map(|source| PathBuf::from(&source.root)));
        roots.sort_unstable();
        for root in roots {
            self.add(None, &root, Layout::Managed);
        }
    }

    fn plain(&mut self, name: &str, root: &Path) {
        let known = self.known.iter().any(|source| Path::new(&source.root) == root);
        if known || root.is_dir() {
            self.add(Some(name), root, Layout::Plain);
        } else {
            tracing::warn!(source = name, directory = %root.display(), "the directory is not there");
        }
    }

    fn add(&mut self, name: Option<&str>, root: &Path, layout: Layout) {
        let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        if !self.roots.insert(real) {
            return;
        }
        let name = name.or_else(|| root.file_name()?.to_str());
        let (Some(name), Some(path)) = (name, root.to_str()) else {
            tracing::warn!(directory = %root.display(), "left out: its path is not UTF-8");
            return;
        };
        match SourceName::new(name) {
            Ok(valid) => {
                let source = Source { name: valid, root: path.to_owned(), layout };
                self.sources.push((name.to_owned(), source));
            }
            Err(error) => {
                tracing::warn!(directory = %root.display(), %error, "left out: its name is unfit");
            }
        }
    }

    /// Gives each its name: a known root the one it has, unless it was given another in the
    /// configuration; the others the first that is free.
    fn named(self) -> Vec<Source> {
        let name_of = |wanted: &str, source: &Source| {
            let known = self.known.iter().find(|known| known.root == source.root)?;
            is_made_of(wanted, &known.name).then(|| known.name.clone())
        };
        let mut taken: HashSet<SourceName> =
            self.sources.iter().filter_map(|(wanted, source)| name_of(wanted, source)).collect();
        let mut sources = Vec::with_capacity(self.sources.len());
        for (wanted, source) in &self.sources {
            let name = name_of(wanted, source).or_else(|| free_name(wanted, source, &mut taken));
            sources.extend(name.map(|name| Source { name, ..source.clone() }));
        }
        sources.sort_by(|a, b| a.name.precedence().cmp(&b.name.precedence()));
        sources
    }
}

/// The wanted name, or with `-2`, `-3` and so on the first that is not taken; takes it.
fn free_name(wanted: &str, source: &Source, taken: &mut HashSet<SourceName>) -> Option<SourceName> {
    let numbered = (2_u64..).map(|number| format!("{wanted}-{number}"));
    for name in std::iter::once(wanted.to_owned()).chain(numbered) {
        // A long name may have no room for a number.
        let name = SourceName::new(name).ok()?;
        if taken.insert(name.clone()) {
            if name.as_str() != wanted {
                tracing::warn!(directory = %source.root, %name, "another source is called {wanted}");
            }
            return Some(name);
        }
    }
    None
}

/// Whether [`free_name`] may have made a name of the wanted one.
fn is_made_of(wanted: &str, name: &SourceName) -> bool {
    name.as_str().strip_prefix(wanted).is_some_and(|rest| {
        let number = rest.strip_prefix('-');
        rest.is_empty() || number.is_some_and(|number| number.parse::<u64>().is_ok())
    })
}

/// A path that stays the same while links and mounts come and go: absolute, as written.
pub(crate) fn lasting(path: &Path) -> PathBuf {
    // Collected from its components it has no slash at the end.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components().collect()
}

/// Those that are not hidden.
pub(crate) fn sub_directories(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| !is_hidden(path) && path.is_dir()).collect())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
