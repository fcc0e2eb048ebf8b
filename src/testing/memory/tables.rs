//! What is kept, and the questions about it that reading and writing share.

use std::collections::BTreeMap;

use crate::domain::{
    Timestamp,
    artifact::{Artifact, CollectionArtifact},
    collection::{CollectionKind, RegisteredSource, Source},
    disks::Disks,
    freshness::{Seen, effective_synced_at},
    id::{ArtifactId, CollectionId, SourceName},
    read_order::ReadOrder,
    report::SourceReport,
};

/// Everything the repository holds.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) collections: BTreeMap<CollectionId, KeptCollection>,
    pub(super) sources: BTreeMap<SourceName, KeptSource>,
    /// The last order that was issued.
    pub(super) last_order: ReadOrder,
}

pub(super) struct KeptCollection {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) created_by: Option<String>,
    pub(super) kind: CollectionKind,
    pub(super) source: Option<SourceName>,
    pub(super) generation: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) rows: BTreeMap<ArtifactId, Row>,
}

pub(super) struct KeptSource {
    pub(super) source: Source,
    pub(super) home: CollectionId,
    pub(super) attached: bool,
    pub(super) verified: Option<Seen>,
    pub(super) manifest_hash: Option<String>,
    pub(super) disks: Option<Disks>,
    /// The last report, and the order of its look.
    pub(super) last_report: Option<(ReadOrder, SourceReport)>,
}

/// A row; its own `synced_at` is the artifact's `read_at`.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) source: SourceName,
    pub(super) artifact: Artifact,
    pub(super) order: ReadOrder,
    pub(super) invalidated: Option<ReadOrder>,
    /// Since when a member of a curated collection is hidden.
    pub(super) missing_since: Option<Timestamp>,
}

impl Row {
    pub(super) fn is_invalidated(&self) -> bool {
        self.invalidated.is_some_and(|order| order >= self.order)
    }

    /// Whether it shows a reader the same; nobody is shown a fingerprint.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        self.order == other.order && self.says_the_same(other, self.artifact.read_at)
    }

    /// The same of one that was read by another look, as if this one had been read at that time.
    pub(super) fn says_the_same(&self, other: &Self, read_at: Timestamp) -> bool {
        let fingerprint = other.artifact.fingerprint.clone();
        let own = Artifact { fingerprint, read_at, ..self.artifact.clone() };
        self.source == other.source && own == other.artifact
    }
}

impl Tables {
    /// The attached sources in the order in which they win an id.
    pub(super) fn attached(&self) -> Vec<&KeptSource> {
        let mut sources: Vec<_> = self.sources.values().filter(|kept| kept.attached).collect();
        sources.sort_by(|a, b| a.source.name.precedence().cmp(&b.source.name.precedence()));
        sources
    }

    pub(super) fn registered(&self) -> Vec<RegisteredSource> {
        self.attached().into_iter().map(KeptSource::registered).collect()
    }

    pub(super) fn row(&self, collection: &CollectionId, id: &ArtifactId) -> Option<&Row> {
        self.collections.get(collection)?.rows.get(id)
    }

    /// The rows of a collection as they are answered; none when there is no such collection.
    pub(super) fn visible<'a>(
        &'a self,
        collection: &'a CollectionId,
    ) -> impl Iterator<Item = CollectionArtifact> + 'a {
        let kept = self.collections.get(collection).into_iter();
        kept.flat_map(KeptCollection::shown).map(|row| CollectionArtifact {
            collection: collection.clone(),
            source: row.source.clone(),
            artifact: row.artifact.clone(),
            synced_at: effective_synced_at(
                (row.order, row.artifact.read_at),
                row.invalidated,
                self.sources.get(&row.source).and_then(|kept| kept.verified),
            ),
        })
    }
}

impl KeptCollection {
    /// Its rows that are not hidden.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| row.missing_since.is_none())
    }
}

impl KeptSource {
    pub(super) fn registered(&self) -> RegisteredSource {
        RegisteredSource {
            source: self.source.clone(),
            home: self.home.clone(),
            verified_at: self.verified.map(|(_, at)| at),
            manifest_hash: self.manifest_hash.clone(),
            disks: self.disks.clone(),
        }
    }

    /// Whether its rows live in `default` itself.
    pub(super) fn lives_in_default(&self) -> bool {
        self.home == CollectionId::default_collection()
    }
}
