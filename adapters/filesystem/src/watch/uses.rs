//! What directories are watched for, and which events concern them.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use larder::domain::collection::Source;
use rustix::fs::inotify::ReadFlags;

use super::{
    batch::Batch,
    fold::{Now, Rules, Touched},
    inotify::{COMES, GOES, ITSELF},
};

/// What a directory is watched for. The same may serve several ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is part of a source, at this path.
    Tree { source: usize, path: Box<str> },
    /// A source's link at this path leads over that name in it.
    Target { source: usize, path: Box<str>, name: Box<str> },
    /// The way to a source, or to where one may appear, leads over that name in it.
    Way(Box<str>),
    /// Each directory in it may be a source.
    Collections(PathBuf),
}

impl Use {
    /// The path, if it is watched for that source.
    pub(super) fn path_of(&self, of: usize) -> Option<&str> {
        match self {
            Self::Tree { source, path } | Self::Target { source, path, .. } if *source == of => {
                Some(path)
            }
            _ => None,
        }
    }
}

/// A source, and what of it cannot be seen from paths alone.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) source: Source,
    pub(super) rules: Rules,
    /// Paths of the links that are followed.
    pub(super) links: HashSet<String>,
}

impl Followed {
    /// What there is to say of a path that was touched.
    pub(super) fn look(&self, path: String, was_directory: bool) -> Touched {
        let now = now(&Path::new(&self.source.root).join(&path));
        let was_link = self.links.contains(&path);
        Touched { path, was_directory, now, was_link }
    }
}

/// Puts an event into the batch, for every end that its directory is watched for. Whether it
/// concerns any.
pub(super) fn note(
    (watch, flags, name): (i32, ReadFlags, Option<&str>),
    uses: &mut HashMap<i32, Vec<Use>>,
    sources: &[Followed],
    batch: &mut Batch,
) -> bool {
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        // Whatever was lost, the way to a root may have been part of it.
        batch.sources = true;
        return true;
    }
    let mut any = false;
    for end in uses.get(&watch).into_iter().flatten() {
        any |= note_for(end, flags, name, sources, batch);
    }
    if flags.contains(ReadFlags::IGNORED) {
        uses.remove(&watch);
    }
    any
}

fn note_for(
    end: &Use,
    flags: ReadFlags,
    name: Option<&str>,
    sources: &[Followed],
    batch: &mut Batch,
) -> bool {
    let directory = flags.contains(ReadFlags::ISDIR);
    match (end, name) {
        (Use::Way(wanted), Some(name)) if **wanted == *name && flags.intersects(COMES | GOES) => {
            batch.sources = true;
        }
        (Use::Collections(place), Some(name)) if flags.intersects(COMES) => {
            let hidden = name.starts_with('.');
            return !hidden && batch.candidates.insert(place.join(name));
        }
        (Use::Target { source, path, name: wanted }, Some(name)) if **wanted == *name => {
            batch.touch(*source, path.to_string(), false);
        }
        (Use::Tree { source, path }, None) if flags.intersects(ITSELF) => {
            batch.sources |= path.is_empty() && !flags.contains(ReadFlags::ATTRIB);
            batch.touch(*source, path.to_string(), true);
        }
        (Use::Tree { source, path }, Some(name)) => {
            let Followed { rules, links, .. } = &sources[*source];
            let child = joined(path, name);
            // A name that comes may be a link to a directory.
            let may_be_directory = directory || flags.intersects(COMES);
            let concerns = (!directory && rules.matters(name))
                || (may_be_directory && rules.enters(&child))
                || links.contains(&child);
            if !concerns {
                return false;
            }
            batch.touch(*source, child, directory);
        }
        _ => return false,
    }
    true
}

/// What stands at a path.
pub(super) fn now(path: &Path) -> Now {
    match fs::symlink_metadata(path).map(|meta| meta.file_type()) {
        Ok(kind) if kind.is_dir() => Now::Directory,
        Ok(kind) if kind.is_symlink() => Now::Link,
        Ok(kind) if kind.is_file() => Now::File,
        _ => Now::Nothing,
    }
}

/// The path of a name in a directory.
pub(super) fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_were_lost_have_the_sources_looked_for() {
        let mut batch = Batch::default();
        let lost = (-1, ReadFlags::QUEUE_OVERFLOW, None);
        assert!(note(lost, &mut HashMap::new(), &[], &mut batch));
        assert!(batch.sources && !batch.is_empty());
    }

    #[test]
    fn a_file_system_that_is_unmounted_has_them_looked_for_and_its_watch_is_gone() {
        let mut uses = HashMap::from([(7, vec![Use::Tree { source: 0, path: "".into() }])]);
        let mut batch = Batch::default();
        note((7, ReadFlags::UNMOUNT, None), &mut uses, &[], &mut batch);
        note((7, ReadFlags::IGNORED, None), &mut uses, &[], &mut batch);
        assert!(batch.sources && uses.is_empty());
        assert!(!note((7, ReadFlags::MODIFY, None), &mut uses, &[], &mut batch));
    }

    #[test]
    fn on_a_way_only_its_own_name_counts_and_only_when_it_comes_or_goes() {
        let mut uses = HashMap::from([(1, vec![Use::Way("work".into())])]);
        let mut concerns =
            |flags, name| note((1, flags, Some(name)), &mut uses, &[], &mut Batch::default());
        for flags in
            [ReadFlags::CREATE, ReadFlags::MOVED_FROM, ReadFlags::MOVED_TO, ReadFlags::DELETE]
        {
            assert!(concerns(flags, "work") && !concerns(flags, "other"));
        }
        assert!(!concerns(ReadFlags::ATTRIB | ReadFlags::ISDIR, "work"));
        assert!(!concerns(ReadFlags::MODIFY, "work"));
    }
}
