//! What a scan or a single read changes in the cache, and what the cache tells a scan.

use std::collections::HashMap;

use super::{
    Timestamp,
    artifact::{Artifact, Health, State},
    change::CollectionChange,
    disks::Disks,
    id::{ArtifactId, CollectionId, SourceName},
    read_order::ReadOrder,
    report::{Issue, SourceReport},
    revision::Revision,
};

/// What the cache knows of one artifact of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownArtifact {
    /// Its path at the last read.
    pub path: String,
    /// Its revision at the last read.
    pub revision: Revision,
    /// Its fingerprint then; `None` where it proves nothing, and for an invalidated row: the scan
    /// must read such an artifact again.
    pub fingerprint: Option<String>,
    /// Whether the row is invalidated.
    pub invalidated: bool,
    /// How well it could be read.
    pub health: Health,
    /// The problem's message, whatever the health is.
    pub problem: Option<String>,
    /// The line of that problem.
    pub problem_line: Option<u32>,
    /// Its file's modification time.
    pub updated_at: Option<Timestamp>,
}

impl KnownArtifact {
    fn problem(&self) -> Option<(&str, Option<u32>)> {
        self.problem.as_deref().map(|message| (message, self.problem_line))
    }

    /// The line of a report about it, if it is broken or holds a secret.
    #[must_use]
    pub fn issue(&self, id: &ArtifactId) -> Option<Issue> {
        Issue::of_artifact(id, &self.path, self.health, self.problem())
    }

    /// By what it is compared with its artifact.
    #[must_use]
    pub fn state(&self) -> State<'_> {
        State {
            revision: &self.revision,
            path: &self.path,
            health: self.health,
            problem: self.problem().filter(|_| self.health == Health::Broken),
            updated_at: self.updated_at,
        }
    }
}

/// What the cache knows of a source: every row of its home collection that belongs to it.
pub type Known = HashMap<ArtifactId, KnownArtifact>;

/// An artifact that `default` does not show, because another source has the same id and comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadowed {
    /// Which artifact.
    pub id: ArtifactId,
    /// Its path in the source that loses.
    pub path: String,
    /// The source that loses.
    pub source: SourceName,
    /// The source whose artifact `default` shows.
    pub by: SourceName,
}

/// An artifact whose bytes are the same, although its fingerprint was another or proved nothing, or
/// its row was invalidated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recheck {
    /// Which artifact.
    pub id: ArtifactId,
    /// What it was and is: a row that has become another one meanwhile is left alone.
    pub revision: Revision,
    /// The fingerprint to compare next time.
    pub fingerprint: Option<String>,
    /// A moment before any of its files was looked at: what the `synced_at` of a confirmed row becomes.
    pub read_at: Timestamp,
}

impl Recheck {
    /// What was found when an artifact was read again.
    #[must_use]
    pub fn of(artifact: &Artifact) -> Self {
        Self {
            id: artifact.id.clone(),
            revision: artifact.revision.clone(),
            fingerprint: artifact.fingerprint.clone(),
            read_at: artifact.read_at,
        }
    }
}

/// That a whole source was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// When the walk began.
    pub at: Timestamp,
    /// The manifest's hash, as the source gave it.
    pub manifest_hash: Option<String>,
    /// The disks that the files were on.
    pub disks: Disks,
}

/// One change of the cache, applied in one transaction: all that one look at a source's files found.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta {
    /// Whose artifacts.
    pub source: SourceName,
    /// The order of the look. It was issued before any of the files was looked at; a row that a
    /// later look has written stays as it is.
    pub order: ReadOrder,
    /// Rows to make or replace. One that shows a reader nothing new only
    /// confirms the row, as `rechecks` and `confirmed` do, unless all are written `anew`: somebody else
    /// has seen that change, and told it.
    pub upserts: Vec<Artifact>,
    /// Whether rows are written although they show nothing new, since somebody asked for just that.
    pub anew: bool,
    /// Fingerprints to store, under the same condition. No visible change: no new generation.
    pub rechecks: Vec<Recheck>,
    /// The same, and every row of the source's artifact, in every collection, that was invalidated
    /// before the look is valid again.
    pub confirmed: Vec<Recheck>,
    /// Artifacts to remove.
    pub removals: Vec<ArtifactId>,
    /// Set when the source was scanned as a whole.
    pub verified: Option<Verified>,
    /// What to keep as the source's last report.
    pub report: Option<SourceReport>,
    /// Now: what rows and collections made by this get as `created_at`, `added_at`, `updated_at`.
    pub now: Timestamp,
}

impl Delta {
    /// A change of nothing, to be filled.
    #[must_use]
    pub fn new(source: SourceName, order: ReadOrder, now: Timestamp) -> Self {
        Self {
            source,
            order,
            upserts: Vec::new(),
            anew: false,
            rechecks: Vec::new(),
            confirmed: Vec::new(),
            removals: Vec::new(),
            verified: None,
            report: None,
            now,
        }
    }

    /// Takes note that an artifact was read and is what the cache has of it, be it invalidated or not.
    pub fn recheck(&mut self, artifact: &Artifact, invalidated: bool) {
        let list = if invalidated { &mut self.confirmed } else { &mut self.rechecks };
        list.push(Recheck::of(artifact));
    }

    /// Whether it changes what a reader sees.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        !(self.upserts.is_empty() && self.removals.is_empty() && self.confirmed.is_empty())
    }
}

/// What applying a delta did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Rows removed from the source's home collection.
    pub removed: u64,
    /// Rows of curated collections that were hidden because their artifact is gone.
    pub hidden: u64,
    /// Rows of curated collections that came back with their artifact.
    pub returned: u64,
    /// Every collection whose rows changed, by id.
    pub changes: Vec<CollectionChange>,
}

/// Which rows an invalidation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One artifact in one collection.
    Artifact(CollectionId, ArtifactId),
    /// A whole collection.
    Collection(CollectionId),
    /// Every row, in every collection, of a source's artifacts.
    Source(SourceName),
}
