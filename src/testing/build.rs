//! Values for tests, each built from what the test is about; the rest is sensible.
//!
//! All of them panic on a name that is none: in a test that is the right answer.

use crate::domain::{
    Timestamp,
    artifact::{Artifact, Health, Metadata, Problem, Provenance},
    collection::{Layout, Source},
    id::{ArtifactId, CollectionId, SourceName},
    query::Limit,
    read_order::ReadOrder,
    report::SourceReport,
    revision::Revision,
};

/// 2026-01-01T00:00:00Z in seconds since the epoch.
const BEGINNING: i64 = 1_767_225_600;

/// The moment so many seconds after a fixed beginning, 2026-01-01T00:00:00Z.
///
/// # Panics
/// Beyond the calendar.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(BEGINNING + seconds, 0).expect("a moment of the calendar")
}

/// The order that a look at that moment gets where every clock is right.
///
/// # Panics
/// Beyond the calendar.
#[must_use]
pub fn order(seconds: i64) -> ReadOrder {
    ReadOrder::after(ReadOrder::default(), at(seconds))
}

/// The id, such as `skill:pdf`.
///
/// # Panics
/// When the text is no id.
#[must_use]
pub fn artifact_id(text: &str) -> ArtifactId {
    ArtifactId::parse(text).expect("an artifact id")
}

/// The id of a collection.
///
/// # Panics
/// When the text is no id.
#[must_use]
pub fn collection_id(text: &str) -> CollectionId {
    CollectionId::new(text).expect("a collection id")
}

/// The name of a source.
///
/// # Panics
/// When the text is no name.
#[must_use]
pub fn source_name(text: &str) -> SourceName {
    SourceName::new(text).expect("a source name")
}

/// A page's limit.
///
/// # Panics
/// When it is not one of 1 to [`Limit::MAX`].
#[must_use]
pub fn limit(rows: u32) -> Limit {
    Limit::new(rows).expect("a page's limit")
}

/// A managed source of that name, below `/collections`.
///
/// # Panics
/// When the text is no name.
#[must_use]
pub fn source(name: &str) -> Source {
    Source {
        name: source_name(name),
        root: format!("/collections/{name}"),
        layout: Layout::Managed,
    }
}

/// The report of a refresh that completed and found nothing.
///
/// # Panics
/// When the text is no name.
#[must_use]
pub fn report(name: &str, started_at: Timestamp) -> SourceReport {
    SourceReport::untouched(source_name(name), started_at)
}

/// A healthy artifact with a description, read and last changed at `at(0)`.
///
/// # Panics
/// When the text is no id.
#[must_use]
pub fn artifact(id: &str) -> Artifact {
    let id = artifact_id(id);
    let artifact = Artifact {
        metadata: Metadata {
            description: Some(format!("What {} does.", id.name())),
            ..Metadata::default()
        },
        provenance: Provenance { origin: Some("local".to_owned()), ..Provenance::default() },
        path: format!("{}s/{}", id.kind(), id.name()),
        revision: Revision::of(&[]),
        fingerprint: None,
        health: Health::Ok,
        problem: None,
        added_at: None,
        updated_at: Some(at(0)),
        read_at: at(0),
        id,
    };
    artifact.rewritten()
}

/// Setters to chain behind [`artifact`]. Those of what stands in its files give it another
/// revision and fingerprint, as a change of the files would.
pub trait BuildArtifact: Sized {
    /// With this description.
    #[must_use]
    fn described(self, description: &str) -> Self;

    /// With these tags.
    #[must_use]
    fn tagged(self, tags: &[&str]) -> Self;

    /// With this origin, or none.
    #[must_use]
    fn of_origin(self, origin: Option<&str>) -> Self;

    /// In this state of health, with a problem unless it is [`Health::Ok`].
    #[must_use]
    fn in_health(self, health: Health) -> Self;

    /// With a main file last changed then; `None` for one without a file.
    #[must_use]
    fn changed_at(self, at: Option<Timestamp>) -> Self;

    /// Read then: what becomes the row's `synced_at`.
    #[must_use]
    fn read_at(self, at: Timestamp) -> Self;

    /// With the revision and fingerprint that its present metadata give it.
    #[must_use]
    fn rewritten(self) -> Self;
}

impl BuildArtifact for Artifact {
    fn described(mut self, description: &str) -> Self {
        self.metadata.description = Some(description.to_owned());
        self.rewritten()
    }

    fn tagged(mut self, tags: &[&str]) -> Self {
        self.metadata.tags = tags.iter().map(ToString::to_string).collect();
        self.rewritten()
    }

    fn of_origin(mut self, origin: Option<&str>) -> Self {
        self.provenance.origin = origin.map(ToOwned::to_owned);
        self.rewritten()
    }

    fn in_health(mut self, health: Health) -> Self {
        self.health = health;
        self.problem = (health != Health::Ok)
            .then(|| Problem { message: "its frontmatter is odd".to_owned(), line: Some(3) });
        self.rewritten()
    }

    fn changed_at(mut self, at: Option<Timestamp>) -> Self {
        self.updated_at = at;
        self
    }

    fn read_at(mut self, at: Timestamp) -> Self {
        self.read_at = at;
        self
    }

    fn rewritten(mut self) -> Self {
        let content = serde_json::to_vec(&(&self.metadata, &self.provenance, self.health))
            .expect("metadata is JSON");
        self.revision = Revision::of(&[&content]);
        self.fingerprint = Some(self.revision.as_str()[..16].to_owned());
        self
    }
}
