//! Artifacts made of what was read, and which of them a scan needs to read.

use std::{borrow::Cow, collections::HashSet, fs, io};

use larder::{
    domain::{
        Timestamp,
        artifact::{Artifact, Health, Metadata, Problem, Provenance, SECRET_IN_CLEAR},
        collection::Source,
        delta::{Known, KnownArtifact},
        guard::RootState,
        id::ArtifactId,
        report::Issue,
        revision::Revision,
        text::without_controls,
    },
    ports::{Clock, Scan, SourceError},
};
use rayon::prelude::*;

use crate::{
    FileKind, disks,
    files::Root,
    fingerprint::{Stat, is_outdated},
    gentle::give_way,
    json::split_pointer,
    reading::Reading,
    secrets::{self, Setting},
    unreadable,
};

/// What the reading of one source needs.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    /// For a plain directory of one kind.
    pub(crate) kind: Option<FileKind>,
    pub(crate) clock: &'a dyn Clock,
    /// The largest `collection.toml` or `collection.lock` that is read, in bytes.
    pub(crate) max_manifest: u64,
}

impl Reader<'_> {
    /// The root, or what stands in its place.
    pub(crate) fn root(&self) -> Result<Result<Root, RootState>, SourceError> {
        let present = Root::open(&self.source.root).and_then(|root| {
            let empty = fs::read_dir(root.join(""))?.next().is_none();
            Ok(if empty { Err(RootState::Empty) } else { Ok(root) })
        });
        match present {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(RootState::Missing)),
            Err(error) => Err(unreadable(&self.source.name, error)),
            Ok(present) => Ok(present),
        }
    }
}

/// A scan that did not get as far as the artifacts; `root` is what is at the path of the root.
pub(crate) fn scan_without_root(
    reader: &Reader<'_>,
    root: RootState,
    started_at: Timestamp,
    known: &Known,
) -> Scan {
    let gone: Vec<ArtifactId> = known.keys().cloned().collect();
    let there = Root::open(&reader.source.root).ok();
    Scan {
        started_at,
        root,
        still_there: there
            .map_or(0, |root| gone.iter().filter(|id| is_still_there(&root, known, id)).count()),
        disks: disks::of(&reader.source.root),
        gone,
        read: Vec::new(),
        issues: Vec::new(),
        doubt: None,
        outdated: false,
        manifest_hash: None,
    }
}

/// Whether the file of a known artifact is there.
pub(crate) fn is_still_there(root: &Root, known: &Known, id: &ArtifactId) -> bool {
    known.get(id).is_some_and(|row| root.stat(split_pointer(&row.path).0) != Stat::nothing())
}

/// Whether an earlier version of the reader has read some of the known rows.
pub(crate) fn outdated(known: &Known) -> bool {
    known.values().filter_map(|row| row.fingerprint.as_deref()).any(is_outdated)
}

/// What became of one artifact in a scan.
pub(crate) enum Outcome {
    /// Its fingerprint is the known one.
    Unchanged,
    Read(Box<Artifact>),
    /// Its file went away between walk and read.
    Vanished,
}

/// Reads artifacts on all cores. `items` are those that stand on the disk, in path order, each with
/// another id; what is known beside them is gone, unless `spared`.
pub(crate) fn settle<T: Sync>(
    items: &[(ArtifactId, T)],
    known: &Known,
    spared: impl Fn(&KnownArtifact) -> bool,
    outcome: impl Fn(&ArtifactId, &T) -> Outcome + Sync,
) -> (Vec<Artifact>, Vec<ArtifactId>) {
    let outcome = |(id, item): &(ArtifactId, T)| {
        give_way();
        outcome(id, item)
    };
    let outcomes: Vec<Outcome> = items.par_iter().map(outcome).collect();
    let (mut read, mut there) = (Vec::new(), HashSet::with_capacity(items.len()));
    for ((id, _), outcome) in items.iter().zip(outcomes) {
        match outcome {
            Outcome::Vanished => continue,
            Outcome::Unchanged => {}
            Outcome::Read(artifact) => read.push(*artifact),
        }
        there.insert(id);
    }
    let left = known.iter().filter(|(id, row)| !there.contains(id) && !spared(row));
    let mut gone: Vec<ArtifactId> = left.map(|(id, _)| id.clone()).collect();
    gone.sort();
    (read, gone)
}

/// Puts issues into the order of a report.
pub(crate) fn in_path_order(mut issues: Vec<Issue>) -> Vec<Issue> {
    issues.sort_by(|a, b| a.path.cmp(&b.path).then_with(|| a.message.cmp(&b.message)));
    issues
}

/// A path as it may be shown: on one line.
pub(crate) fn shown(path: &str) -> String {
    path.replace(char::is_control, "\u{fffd}")
}

/// What a parser or Larder says of a file, as it may be shown: parsers may quote the file.
pub(crate) fn shown_message(message: String) -> String {
    without_controls(match secrets::mask_text(&message, Setting::Prose) {
        Cow::Owned(masked) => masked,
        Cow::Borrowed(_) => message,
    })
}

/// What an artifact is made of, before the rules that hold for every row.
pub(crate) struct Parts<'a> {
    pub(crate) id: &'a ArtifactId,
    pub(crate) path: String,
    pub(crate) reading: Reading,
    pub(crate) provenance: Provenance,
    pub(crate) added_at: Option<Timestamp>,
    pub(crate) revision: Revision,
    pub(crate) stat: &'a Stat,
    pub(crate) fingerprint: String,
    pub(crate) read_at: Timestamp,
}

impl Parts<'_> {
    /// The row: without secrets and control characters, and with a fingerprint only where it proves
    /// something. Nothing that was read from files becomes a row in another way.
    pub(crate) fn into_artifact(mut self) -> Artifact {
        let Reading { mut metadata, first_paragraph, health, mut problem } = self.reading;
        metadata.description = metadata.description.or(first_paragraph);
        let found = secrets::mask_metadata(&mut metadata);
        let found = secrets::mask_provenance(&mut self.provenance) || found;
        let is_told = problem.as_ref().is_some_and(|it| it.message == SECRET_IN_CLEAR);
        if found && !is_told && health != Health::Broken {
            // It is in the manifest, or spelt in the file in a way that gives it no line.
            problem = Some(secrets::finding(None));
        }
        Artifact {
            id: self.id.clone(),
            metadata: Metadata::cleaned(metadata),
            provenance: cleaned(self.provenance),
            path: shown(&self.path),
            revision: self.revision,
            fingerprint: self.stat.is_trusted(self.read_at).then_some(self.fingerprint),
            health,
            problem: problem.map(|it| Problem { message: shown_message(it.message), ..it }),
            added_at: self.added_at,
            updated_at: self.stat.modified,
            read_at: self.read_at,
        }
    }
}

fn cleaned(provenance: Provenance) -> Provenance {
    let clean = |field: Option<String>| field.map(without_controls);
    Provenance {
        version_spec: clean(provenance.version_spec),
        source: clean(provenance.source),
        origin: clean(provenance.origin),
        origin_source: clean(provenance.origin_source),
        resolved_sha: clean(provenance.resolved_sha),
        resolved_version: clean(provenance.resolved_version),
    }
}
