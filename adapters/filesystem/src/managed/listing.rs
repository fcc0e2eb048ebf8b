//! Which ids a manifest lists, kept so that the read of any other id need not parse it.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use larder::{domain::id::ArtifactId, ports::SourceError};

use super::{
    entry::Entry,
    manifest::{self, ManifestFiles},
};
use crate::{files::Root, rows::Reader, unreadable};

/// The listings of all roots that single reads have asked for.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    of_roots: Mutex<HashMap<String, Arc<Listing>>>,
}

impl Listings {
    /// The one of a root.
    pub(crate) fn of(&self, root: &str) -> Arc<Listing> {
        Arc::clone(locked(&self.of_roots).entry(root.to_owned()).or_default())
    }
}

/// What single reads have learnt of one manifest.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Held while the manifest is in memory: a large one takes tens of megabytes, and reads come as
    /// many at a time as clients like.
    turn: Mutex<()>,
    kept: Mutex<Option<Kept>>,
}

/// The ids of a manifest in a state that its fingerprint proves.
#[derive(Debug)]
struct Kept {
    fingerprint: String,
    ids: HashSet<ArtifactId>,
}

impl Listing {
    /// The entry of an id, if the manifest has one with a path.
    pub(crate) fn entry(
        &self,
        reader: &Reader<'_>,
        root: &Root,
        id: &ArtifactId,
    ) -> Result<Option<Entry>, SourceError> {
        if self.lacks(root, id) {
            return Ok(None);
        }
        let _turn = locked(&self.turn);
        // Whoever had the turn before may have learnt it.
        if self.lacks(root, id) {
            return Ok(None);
        }
        let source = &reader.source.name;
        let read_at = reader.clock.now();
        let Some(files) = ManifestFiles::read(reader, root)? else {
            return Err(unreadable(source, io::ErrorKind::NotFound.into()));
        };
        if let Some(entry) = files.entry(source, id)? {
            return Ok(Some(entry));
        }
        // That an entry is nowhere is only true of a manifest that is valid as a whole.
        let entries = files.entries(source)?;
        *locked(&self.kept) = files.fingerprint(read_at).map(|fingerprint| {
            let entries = entries.iter().filter(|entry| entry.path().is_some());
            Kept { fingerprint, ids: entries.filter_map(|entry| entry.id()?.ok()).collect() }
        });
        Ok(entries.into_iter().find(|entry| entry.is(id)))
    }

    /// Whether the manifest is as it was when it was parsed last, and had no such id then.
    fn lacks(&self, root: &Root, id: &ArtifactId) -> bool {
        let now = manifest::fingerprint(root);
        let kept = locked(&self.kept);
        kept.as_ref().is_some_and(|kept| kept.fingerprint == now && !kept.ids.contains(id))
    }
}

/// A panic elsewhere leaves nothing half done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use larder::{
        domain::{
            Timestamp,
            collection::{Layout, Source},
            id::SourceName,
        },
        testing::FakeClock,
    };

    use super::*;

    const LATE: &str = "2100-01-01T00:00:00Z";

    fn asked(listing: &Listing, directory: &tempfile::TempDir, now: &str, id: &str) -> bool {
        let path = directory.path().to_str().unwrap();
        let clock = FakeClock::at(now.parse::<Timestamp>().unwrap());
        let name = SourceName::new("work").unwrap();
        let source = Source { name, root: path.to_owned(), layout: Layout::Managed };
        let reader = Reader { source: &source, kind: None, clock: &clock, max_manifest: 1024 };
        let id = ArtifactId::parse(id).unwrap();
        listing.entry(&reader, &Root::open(path).unwrap(), &id).unwrap().is_some()
    }

    fn write(directory: &tempfile::TempDir, name: &str) {
        let text = format!("[[artifacts]]\nname = \"{name}\"\ntype = \"skill\"\npath = \"x\"\n");
        fs::write(directory.path().join("collection.toml"), text).unwrap();
    }

    #[test]
    fn an_id_that_is_not_listed_is_answered_while_another_read_parses() {
        let (listing, directory) = (Listing::default(), tempfile::tempdir().unwrap());
        write(&directory, "pdf");
        assert!(!asked(&listing, &directory, LATE, "skill:other"));
        // It would wait for ever if it wanted to parse.
        let _turn = locked(&listing.turn);
        assert!(!asked(&listing, &directory, LATE, "skill:pd"));
        assert!(!asked(&listing, &directory, LATE, "agent:pdf"));
    }

    #[test]
    fn a_listing_ends_with_the_state_of_the_manifest() {
        let (listing, directory) = (Listing::default(), tempfile::tempdir().unwrap());
        write(&directory, "pdf");
        assert!(!asked(&listing, &directory, LATE, "skill:docx"));
        write(&directory, "docx");
        assert!(asked(&listing, &directory, LATE, "skill:docx"));
        assert!(!asked(&listing, &directory, LATE, "skill:pdf"));
    }

    #[test]
    fn a_state_that_its_times_do_not_prove_is_not_kept() {
        let (listing, directory) = (Listing::default(), tempfile::tempdir().unwrap());
        write(&directory, "pdf");
        assert!(!asked(&listing, &directory, "2000-01-01T00:00:00Z", "skill:other"));
        assert!(locked(&listing.kept).is_none());
        assert!(!asked(&listing, &directory, LATE, "skill:other"));
        assert!(locked(&listing.kept).is_some());
    }
}
