//! Which directories are watched.

use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, OsStr},
    fs, io, iter, mem,
    path::{Path, PathBuf},
    time::Duration,
};

use larder::domain::{collection::Source, id::SourceName, watching::Change};

use super::{
    batch::Batch,
    fold::{self, Folded, Now, Rules, Touched},
    inotify::Inotify,
    mounts::Mounts,
    uses::{Followed, Use, joined, note, now},
    ways,
};
use crate::{FileSystemConfig, discover, files::Root, managed::MANIFEST, remote};

/// All that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    inotify: Inotify,
    mounts: Option<Mounts>,
    /// By the number of the watch.
    uses: HashMap<i32, Vec<Use>>,
    sources: Vec<Followed>,
    /// What happened and was not told yet.
    batch: Batch,
}

impl Watched {
    /// Watches everything, and says of which sources nothing will be told, and why.
    pub(super) fn set_up(
        config: &FileSystemConfig,
        sources: Vec<Source>,
        inotify: Inotify,
    ) -> (Self, Vec<(SourceName, String)>) {
        let mounts = Mounts::around(places(config, &sources));
        let followed = sources.into_iter().map(|source| {
            let rules = Rules::of(&source);
            Followed { source, rules, links: HashSet::new() }
        });
        let (sources, uses, batch) = (followed.collect(), HashMap::new(), Batch::default());
        let mut watched = Self { inotify, mounts, uses, sources, batch };
        let mut silent = Vec::new();
        for source in 0..watched.sources.len() {
            let root = PathBuf::from(&watched.sources[source].source.root);
            let entered = watched.way_to(&root).and_then(|()| watched.enter(source, ""));
            if let Err(why) = entered {
                silent.push((watched.give_up(source), why));
            }
        }
        if let Err(why) = watched.expect_others(config) {
            tracing::warn!(why, "a source that appears may not be noticed at once");
        }
        (watched, silent)
    }

    /// Watches the places where the configuration has sources that are not there yet.
    fn expect_others(&mut self, config: &FileSystemConfig) -> Result<(), String> {
        for directory in &config.directories {
            self.way_to(&discover::lasting(&directory.path))?;
        }
        config.collections.iter().try_for_each(|directory| self.collections_in(directory))
    }

    /// Whether nothing happened that is not told yet.
    pub(super) fn is_quiet(&self) -> bool {
        self.batch.is_empty()
    }

    /// Waits for events, and gathers what concerns any source. Whether anything did.
    pub(super) fn read(&mut self, wait: Duration) -> io::Result<bool> {
        let Self { inotify, mounts, uses, sources, batch } = self;
        let mut any = false;
        let list = mounts.as_ref().map(Mounts::descriptor);
        let is_remounted = inotify.read(wait, list, |event| {
            // A name that is no text is refused by a scan just as well.
            if let Ok(name) = event.file_name().map(CStr::to_str).transpose() {
                let event = (event.wd(), event.events(), name);
                any |= note(event, uses, sources, batch);
            }
        })?;
        if is_remounted && mounts.as_mut().is_some_and(Mounts::have_changed) {
            // What is watched may be hidden below a mount point, or gone with its disk.
            batch.sources = true;
            any = true;
        }
        Ok(any)
    }

    /// What all that happened means; `None` when the sources must be looked for. What came is
    /// watched before it is told, so that whoever looks then misses nothing.
    pub(super) fn settle(&mut self) -> Option<Vec<Change>> {
        let batch = mem::take(&mut self.batch);
        if batch.sources || batch.candidates.iter().any(|path| path.is_dir()) {
            return None;
        }
        let mut changes = Vec::new();
        for (source, touches) in batch.touched {
            let followed = &self.sources[source];
            let touched: Vec<Touched> = touches
                .into_iter()
                .map(|(path, was_directory)| followed.look(path, was_directory))
                .collect();
            let Folded { change, moved } =
                fold::fold(&followed.source.name, &followed.rules, &touched);
            changes.extend(change);
            if let Err(why) = self.renew(source, &moved) {
                changes.push(Change::Silent(self.give_up(source), why));
            }
        }
        Some(changes)
    }

    /// Watches what stands at these paths now, and nothing that stood there before.
    fn renew(&mut self, source: usize, paths: &[String]) -> Result<(), String> {
        if paths.is_empty() {
            return Ok(());
        }
        let tops: HashSet<&str> = paths.iter().map(String::as_str).collect();
        self.forget(source, &tops);
        let is_top = |path: &&str| !upwards(path).skip(1).any(|above| tops.contains(above));
        tops.iter().copied().filter(is_top).try_for_each(|path| self.enter(source, path))?;
        // A directory that moved keeps its watch, so what is left over is known only now.
        self.release();
        Ok(())
    }

    /// Watches nothing of a source any more. Its name.
    fn give_up(&mut self, source: usize) -> SourceName {
        self.forget(source, &HashSet::from([""]));
        self.release();
        self.sources[source].source.name.clone()
    }

    /// Watches what stands at a path of a source, and all below it that a scan looks into.
    fn enter(&mut self, source: usize, path: &str) -> Result<(), String> {
        let Ok(root) = Root::open(&self.sources[source].source.root) else { return Ok(()) };
        let mut waiting = Vec::new();
        match now(&root.join(path)) {
            Now::Directory => waiting.push(path.to_owned()),
            Now::Link => self.follow(source, &root, path.to_owned(), &mut waiting)?,
            Now::File | Now::Nothing => {}
        }
        while let Some(path) = waiting.pop() {
            let directory = root.join(&path);
            if let Some(name) = remote::name(&directory) {
                return Err(format!("it is on {name}, which does not report what others change"));
            }
            if !self.add(&directory, Use::Tree { source, path: path.as_str().into() })? {
                continue;
            }
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            for entry in entries.flatten() {
                let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string())
                else {
                    continue;
                };
                let child = joined(&path, &name);
                if kind.is_symlink() {
                    self.follow(source, &root, child, &mut waiting)?;
                } else if kind.is_dir() && self.sources[source].rules.enters(&child) {
                    waiting.push(child);
                }
            }
        }
        Ok(())
    }

    /// Follows a link as far as a scan does: within the root, to a file, and to a directory unless
    /// the link lies in a linked one.
    fn follow(
        &mut self,
        source: usize,
        root: &Root,
        path: String,
        waiting: &mut Vec<String>,
    ) -> Result<(), String> {
        let Followed { rules, links, .. } = &mut self.sources[source];
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if !rules.matters(name) && !rules.enters(&path) {
            return Ok(());
        }
        let is_linked = upwards(parent).any(|above| links.contains(above));
        let place = root.join(&path);
        let leads_down = root.resolve(&path).is_ok_and(|target| {
            target.is_dir() && !root.join(parent).starts_with(target) && rules.enters(&path)
        });
        links.insert(path.clone());
        let steps = ways::steps(&place).into_iter();
        let behind_link =
            steps.skip_while(|(directory, name)| directory.join(name) != place).skip(1);
        for (directory, name) in behind_link {
            if directory.starts_with(root.join(""))
                && let Some(name) = text(&name)
            {
                self.add(&directory, Use::Target { source, path: path.as_str().into(), name })?;
            }
        }
        if leads_down && !is_linked {
            waiting.push(path);
        }
        Ok(())
    }

    /// Watches the way to a path.
    fn way_to(&mut self, path: &Path) -> Result<(), String> {
        for (directory, name) in ways::steps(path) {
            if let Some(name) = text(&name) {
                self.add(&directory, Use::Way(name))?;
            }
        }
        Ok(())
    }

    /// Watches for sources that may appear in a directory of collections.
    fn collections_in(&mut self, directory: &Path) -> Result<(), String> {
        let directory = discover::lasting(directory);
        self.way_to(&directory)?;
        // What has a manifest is a source itself, or is none for a reason that lasts.
        let has_none = |path: &PathBuf| !path.join(MANIFEST).is_file();
        if !has_none(&directory) {
            return Ok(());
        }
        self.add(&directory, Use::Collections(directory.clone()))?;
        let inside = discover::sub_directories(&directory).unwrap_or_default();
        for candidate in iter::once(directory).chain(inside).filter(has_none) {
            self.add(&candidate, Use::Way(MANIFEST.into()))?;
        }
        Ok(())
    }

    /// Watches one directory; whether it is there.
    fn add(&mut self, directory: &Path, end: Use) -> Result<bool, String> {
        let Some(watch) = self.inotify.add(directory)? else { return Ok(false) };
        let uses = self.uses.entry(watch).or_insert_with(|| Vec::with_capacity(1));
        if !uses.contains(&end) {
            uses.push(end);
        }
        Ok(true)
    }

    /// Has no use any more for what lies at these paths of a source or below.
    fn forget(&mut self, source: usize, tops: &HashSet<&str>) {
        let is_below = |path: &str| upwards(path).any(|above| tops.contains(above));
        self.sources[source].links.retain(|path| !is_below(path));
        for ends in self.uses.values_mut() {
            ends.retain(|end| !end.path_of(source).is_some_and(is_below));
        }
    }

    /// Gives back the watches that have no use.
    fn release(&mut self) {
        /// Half of what is read in one go.
        const AT_ONCE: usize = 512;
        let idle = self.uses.iter().filter(|(_, ends)| ends.is_empty()).map(|(watch, _)| *watch);
        for some in idle.collect::<Vec<i32>>().chunks(AT_ONCE) {
            for watch in some {
                self.uses.remove(watch);
                self.inotify.remove(*watch);
            }
            // Each is told to have gone, which would fill the queue. An error comes again.
            let _ = self.read(Duration::ZERO);
        }
    }
}

/// Where the sources are, and where the configuration has some that may be missing: each path as it is
/// written, and as far as it leads.
fn places(config: &FileSystemConfig, sources: &[Source]) -> Vec<PathBuf> {
    let roots = sources.iter().map(|source| PathBuf::from(&source.root));
    let directories = config.directories.iter().map(|directory| discover::lasting(&directory.path));
    let collections = config.collections.iter().map(|path| discover::lasting(path));
    let end =
        |path: &PathBuf| ways::steps(path).pop().map(|(directory, name)| directory.join(name));
    let paths = roots.chain(directories).chain(collections);
    paths.flat_map(|path| [end(&path), Some(path)]).flatten().collect()
}

/// A path and all directories above it, up to the root of its source.
fn upwards(path: &str) -> impl Iterator<Item = &str> {
    iter::successors(Some(path), |path| {
        (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(parent, _)| parent))
    })
}

/// A name as text; others are refused wherever they could lead to an artifact.
fn text(name: &OsStr) -> Option<Box<str>> {
    name.to_str().map(Into::into)
}
