//! The artifacts of a managed collection: one row for each entry of its manifest.

use std::{cell::LazyCell, collections::HashSet, thread, time::Duration};

use larder::{
    domain::{
        Timestamp,
        artifact::{Artifact, Metadata},
        collection::Source,
        delta::{Known, KnownArtifact},
        guard::RootState,
        id::{ArtifactId, ArtifactKind},
        report::{Issue, IssueKind},
        revision::Revision,
    },
    ports::{Scan, SourceError},
};
use rayon::prelude::*;

use super::{
    entry::{self, Entry},
    listing::Listings,
    main_file::{self, Found},
    manifest::{MANIFEST, ManifestFiles},
    unlisted,
};
use crate::{
    disks,
    files::{Refusal, Root},
    fingerprint::{Stat, depth, entry_hash},
    gentle::give_way,
    json::{self, pointer_step, split_pointer},
    reading::Reading,
    rows::{
        Outcome, Parts, Reader, in_path_order, is_still_there, outdated, scan_without_root, settle,
        shown, shown_message,
    },
    unreadable,
};

/// How long a manifest must stay as it is before its lost entries are believed, if it was written just
/// before the scan: another program may be in the middle of a save. It is read so many times at most.
const SETTLING: Duration = Duration::from_millis(200);
const MOST_TRIES: u32 = 5;

/// Reads what differs from `known`. If a manifest that is being written is invalid, or has lost entries
/// whose files are still there, it is read again. If it does not settle, these entries are kept: the end
/// of the save is reported by the watcher.
pub(crate) fn scan(
    reader: &Reader<'_>,
    known: &Known,
    manifest_hash: Option<&str>,
    force: bool,
) -> Result<Scan, SourceError> {
    let mut tries = 1;
    loop {
        let before = manifest_stat(reader);
        let mut scan = scan_once(reader, known, manifest_hash, force);
        let is_doubtful = match &scan {
            Ok(scan) => scan.still_there > 0,
            Err(error) => matches!(error, SourceError::Manifest { .. }),
        };
        if !is_doubtful || before.is_trusted(reader.clock.now()) {
            return scan;
        }
        thread::sleep(SETTLING);
        if manifest_stat(reader) == before {
            return scan;
        }
        if tries == MOST_TRIES {
            if let (Ok(scan), Ok(root)) = (&mut scan, Root::open(&reader.source.root)) {
                scan.gone.retain(|id| !is_still_there(&root, known, id));
                (scan.still_there, scan.manifest_hash) = (0, None);
            }
            return scan;
        }
        tries += 1;
    }
}

fn manifest_stat(reader: &Reader<'_>) -> Stat {
    let root = Root::open(&reader.source.root);
    root.map_or_else(|_| Stat::nothing(), |root| root.stat(MANIFEST))
}

fn scan_once(
    reader: &Reader<'_>,
    known: &Known,
    manifest_hash: Option<&str>,
    force: bool,
) -> Result<Scan, SourceError> {
    let started_at = reader.clock.now();
    let disks = disks::of(&reader.source.root);
    let source = &reader.source.name;
    let root = match reader.root()? {
        Ok(root) => root,
        Err(state) => return Ok(scan_without_root(reader, state, started_at, known)),
    };
    let Some(files) = ManifestFiles::read(reader, &root)? else {
        let state = RootState::ManifestMissing;
        return Ok(scan_without_root(reader, state, started_at, known));
    };
    // The rows' entries belong to the hash: a single read may have stored one of another manifest
    // while this one was looked at, and rows may have gone by other ways.
    let files_hash = files.hash();
    let hash = |entries: u64| format!("{files_hash}:{entries:x}");
    let mut scan = Scan {
        started_at,
        root: RootState::Present,
        read: Vec::new(),
        gone: Vec::new(),
        still_there: 0,
        disks,
        doubt: None,
        issues: Vec::new(),
        outdated: outdated(known),
        manifest_hash: entries_of(known.values().map(fingerprint_of)).map(hash),
    };
    let same = scan.manifest_hash.is_some() && scan.manifest_hash.as_deref() == manifest_hash;
    if !force && same && !scan.outdated && all_untouched(&root, known) {
        return Ok(scan);
    }
    let entries = files.entries(source)?;
    let items = distinct(entries, &files, &mut scan.issues);
    scan.issues.extend(unlisted::issues(&root, &items));
    scan.issues = in_path_order(scan.issues);
    let outcome = |id: &ArtifactId, entry: &Entry| {
        read_entry(&root, id, entry, started_at, known.get(id).filter(|_| !force))
    };
    (scan.read, scan.gone) = settle(&items, known, |_| false, outcome);
    root.faults.fail_on_shortage(source)?;
    // An entry that was renamed gives its files to another id.
    let renamed: HashSet<&str> = scan.read.iter().map(|artifact| artifact.path.as_str()).collect();
    let is_left = |id: &&ArtifactId| {
        let path = known.get(*id).map(|row| row.path.as_str());
        path.is_some_and(|path| !renamed.contains(path)) && is_still_there(&root, known, id)
    };
    scan.still_there = scan.gone.iter().filter(is_left).count();
    let missed = scan.gone.iter().filter_map(|id| Some(known.get(id)?.path.as_str()));
    scan.doubt = disks::doubt(&root, &scan.disks, &disks::of(&reader.source.root), missed);
    scan.read.sort_by(|a, b| a.path.cmp(&b.path));
    // What was left out is told anew by every scan, so the next one must parse the manifest again.
    scan.manifest_hash =
        if scan.issues.is_empty() { entries_after(&scan, known).map(hash) } else { None };
    Ok(scan)
}

/// Reads one artifact by its manifest entry.
pub(crate) fn read(
    reader: &Reader<'_>,
    listings: &Listings,
    id: &ArtifactId,
) -> Result<Option<Artifact>, SourceError> {
    let read_at = reader.clock.now();
    let Source { name, root, .. } = reader.source;
    let listing = listings.of(root);
    let root = Root::open(root).map_err(|error| unreadable(name, error))?;
    let entry = listing.entry(reader, &root, id)?;
    let outcome = entry.map(|entry| read_entry(&root, id, &entry, read_at, None));
    root.faults.fail_on_shortage(name)?;
    Ok(match outcome {
        Some(Outcome::Read(artifact)) => Some(*artifact),
        Some(Outcome::Unchanged | Outcome::Vanished) | None => None,
    })
}

fn fingerprint_of(row: &KnownArtifact) -> Option<&str> {
    row.fingerprint.as_deref()
}

/// What the rows' entries come to, in whatever order: the sum of their hashes. `None` where a row
/// does not tell its own.
fn entries_of<'a>(fingerprints: impl Iterator<Item = Option<&'a str>>) -> Option<u64> {
    fingerprints.map(entry_hash).try_fold(0, |sum: u64, hash| Some(sum.wrapping_add(hash?)))
}

/// The same, of the rows as they are once the scan is applied.
fn entries_after(scan: &Scan, known: &Known) -> Option<u64> {
    let replaced: HashSet<_> =
        scan.read.iter().map(|artifact| &artifact.id).chain(&scan.gone).collect();
    let kept = known.iter().filter(|(id, _)| !replaced.contains(id));
    let read = scan.read.iter().map(|artifact| artifact.fingerprint.as_deref());
    entries_of(kept.map(|(_, row)| fingerprint_of(row)).chain(read))
}

/// Whether every known file is as it was; the entries are, since the manifest is.
fn all_untouched(root: &Root, known: &Known) -> bool {
    known.par_iter().all(|(_, row)| {
        give_way();
        let fingerprint = row.fingerprint.as_deref();
        fingerprint.is_some_and(|text| stat_like(root, &row.path, text).ends(text))
    })
}

/// What stands at a row's path now, and at its directory if that was part of the fingerprint.
fn stat_like(root: &Root, path: &str, fingerprint: &str) -> Stat {
    let file = split_pointer(path).0;
    let stat = root.stat(file);
    let Some(depth) = depth(fingerprint) else { return stat };
    let directory = file.rsplitn(depth + 1, '/').last().unwrap_or_default();
    stat.chosen_in(&root.stat(directory), depth)
}

/// The entries that have an id of their own; the others are reported.
fn distinct(
    entries: Vec<Entry>,
    files: &ManifestFiles,
    issues: &mut Vec<Issue>,
) -> Vec<(ArtifactId, Entry)> {
    let count = entries.iter().filter(|entry| !entry.is_server()).count();
    let lines = LazyCell::new(|| files.entry_lines(count));
    let mut taken = HashSet::with_capacity(entries.len());
    let mut kept = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let path = entry.path();
        let mut report = |id: Option<ArtifactId>, kind, message: String| {
            let path = shown(path.unwrap_or(MANIFEST));
            let line = lines.get(index).copied();
            let message = shown_message(message);
            issues.push(Issue { artifact_id: id, path, kind, message, line });
        };
        let id = match (entry.id(), path) {
            (Some(Ok(id)), Some(_)) => id,
            (Some(Err(invalid)), _) => {
                let message = format!("no id can be made of the entry's type and name: {invalid}");
                report(None, IssueKind::Refused, message);
                continue;
            }
            (id, _) => {
                let message = "the entry lacks its name, type or path".to_owned();
                report(id.and_then(Result::ok), IssueKind::Unreadable, message);
                continue;
            }
        };
        if taken.insert(id.clone()) {
            kept.push((id, entry));
        } else {
            let message = "an earlier entry has the same type and name and comes first".to_owned();
            report(Some(id), IssueKind::Shadowed, message);
        }
    }
    kept
}

/// Reads the file of an entry. `read_at` is a moment before the manifest was looked at: what was
/// written after it may have changed both, and only one of them be seen here.
fn read_entry(
    root: &Root,
    id: &ArtifactId,
    entry: &Entry,
    read_at: Timestamp,
    known: Option<&KnownArtifact>,
) -> Outcome {
    let hash = entry::hash(&entry.bytes());
    if let Some(KnownArtifact { path, fingerprint: Some(known), .. }) = known
        && stat_like(root, path, known).managed(&hash) == *known
    {
        return Outcome::Unchanged;
    }
    let main = MainFile::of_entry(root, id, entry);
    Outcome::Read(Box::new(composed(id, entry, main, read_at)))
}

/// The artifact that an entry and its main file make.
pub(super) fn composed(
    id: &ArtifactId,
    entry: &Entry,
    main: MainFile,
    read_at: Timestamp,
) -> Artifact {
    let bytes = entry.bytes();
    let metadata = entry.complete(main.reading.metadata);
    let parts = Parts {
        id,
        path: main.path,
        reading: Reading { metadata, ..main.reading },
        provenance: entry.provenance(),
        added_at: entry.added_at(),
        revision: Revision::of(&[&main.bytes, &bytes[0], &bytes[1]]),
        fingerprint: main.stat.managed(&entry::hash(&bytes)),
        stat: &main.stat,
        read_at,
    };
    parts.into_artifact()
}

/// The main file of an entry as it was read.
pub(super) struct MainFile {
    path: String,
    stat: Stat,
    pub(super) bytes: Vec<u8>,
    pub(super) reading: Reading,
}

impl MainFile {
    pub(super) fn of_entry(root: &Root, id: &ArtifactId, entry: &Entry) -> Self {
        let path = entry.path().unwrap_or_default();
        if entry.is_server() {
            let (path, stat) = (path.to_owned(), root.stat(MANIFEST));
            return Self {
                path,
                stat,
                bytes: Vec::new(),
                reading: Reading::ok(Metadata::default()),
            };
        }
        Self::read(root, id, path)
    }

    fn read(root: &Root, id: &ArtifactId, path: &str) -> Self {
        let (kind, name) = (id.kind(), id.name());
        let kind = kind.as_str();
        let Found { file, directory } = match main_file::find(root, path, name) {
            Ok(found) => found,
            Err(refusal) => return Self::refused(root, path.to_owned(), &refusal),
        };
        let main = match root.read(&file) {
            Ok((stat, bytes)) => Self::of(kind, name, file, stat, bytes),
            Err(refusal) => Self::refused(root, file, &refusal),
        };
        match directory {
            Some((stat, depth)) => Self { stat: main.stat.chosen_in(&stat, depth), ..main },
            None => main,
        }
    }

    fn of(kind: &str, name: &str, file: String, stat: Stat, bytes: Vec<u8>) -> Self {
        if let Some((pointer, value)) = own_server(kind, name, &file, &bytes) {
            let own = value.to_string().into_bytes();
            let (path, reading) =
                (format!("{file}#{pointer}"), Reading::of_json(kind, value, &bytes));
            return Self { path, stat, bytes: own, reading };
        }
        let reading = Reading::of_file(kind, &file, &bytes);
        Self { path: file, stat, bytes, reading }
    }

    fn refused(root: &Root, path: String, refusal: &Refusal) -> Self {
        let mut stat = root.stat_refused(&path, refusal);
        if !matches!(refusal, Refusal::TooLarge | Refusal::Io(_)) {
            // What stands there is not the artifact's file.
            stat.modified = None;
        }
        let reading = Reading::broken(refusal.to_string(), None);
        Self { path, stat, bytes: Vec::new(), reading }
    }
}

/// The server of an entry's name, where its file is one of several servers.
fn own_server(
    kind: &str,
    name: &str,
    file: &str,
    bytes: &[u8],
) -> Option<(String, serde_json::Value)> {
    if kind != ArtifactKind::MCP || !json::is_json(file) {
        return None;
    }
    let pointer = format!("/mcpServers{}", pointer_step(name));
    let value = json::parse(bytes).ok()?.pointer(&pointer)?.clone();
    Some((pointer, value))
}
