//! Artifacts, pages of them, and their facets.

use larder::domain::{
    artifact::CollectionArtifact,
    cursor::Cursor,
    facets::{FacetCount, Facets},
    freshness::{FreshRange, expires_at},
    id::CollectionId,
    page::ArtifactPage,
    query::ArtifactQuery,
};
use poem_openapi::{
    Object,
    types::{Any, Example},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

use super::{EXAMPLE_REVISION, Health, Moment, Nullable, PageInfo};
use crate::cursor;

/// An artifact in a collection.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "Artifact", example)]
pub(crate) struct Item {
    /// `type:name`.
    pub id: String,
    /// The name in the id: where the artifact lies, not what it calls itself.
    pub name: String,
    /// What the artifact calls itself.
    pub display_name: Nullable<String>,
    /// `skill`, `agent`, `command`, `hook`, `mcp`, `composite`, or another word of the manifest.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub kind: String,
    /// What it is for.
    pub description: Nullable<String>,
    /// Who wrote it.
    pub author: Nullable<String>,
    /// Its licence, as written.
    pub license: Nullable<String>,
    /// Tags, in the author's order.
    pub tags: Vec<String>,
    /// Tools it may use, in the author's order.
    pub tools: Vec<String>,
    /// The author's version, as written.
    pub version: Nullable<String>,
    /// The version asked for when it was added: `latest`, a tag, a branch.
    pub version_spec: Nullable<String>,
    /// Where it was taken from.
    pub source: Nullable<String>,
    /// `local`, `github`, `marketplace`, or another word of the manifest.
    pub origin: Nullable<String>,
    /// What is behind a marketplace: `github`, `gitlab`, `bitbucket`.
    pub origin_source: Nullable<String>,
    /// The commit it was taken at.
    pub resolved_sha: Nullable<String>,
    /// The version it was taken at.
    pub resolved_version: Nullable<String>,
    /// Its main file, relative to its source collection; one key of a JSON file has a JSON pointer
    /// behind `#`.
    pub path: String,
    /// The source collection whose files it is.
    pub source_collection: String,
    /// How well it could be read.
    pub health: Health,
    /// Why the health is not `ok`; or that a secret is written in clear text, and the line.
    pub problem: Nullable<String>,
    /// The hash of its source bytes: the token of optimistic locking.
    pub revision: String,
    /// When it joined the collection.
    pub added_at: Nullable<Moment>,
    /// When its main file was last changed; null without one.
    pub updated_at: Nullable<Moment>,
    /// When the row was last known to agree with its files; null once it is invalidated.
    pub synced_at: Nullable<Moment>,
    /// When it goes stale unless it is verified before; null once it is invalidated.
    pub expires_at: Nullable<Moment>,
}

impl Item {
    pub(crate) fn new(row: CollectionArtifact, ttl: Duration) -> Self {
        let CollectionArtifact { source, artifact, synced_at, .. } = row;
        let (metadata, provenance) = (artifact.metadata, artifact.provenance);
        let problem = artifact.problem.map(|problem| match problem.line {
            Some(line) => format!("{} (line {line})", problem.message),
            None => problem.message,
        });
        Self {
            name: artifact.id.name().to_owned(),
            kind: artifact.id.kind().as_str().to_owned(),
            id: artifact.id.to_string(),
            display_name: metadata.display_name.into(),
            description: metadata.description.into(),
            author: metadata.author.into(),
            license: metadata.license.into(),
            tags: metadata.tags,
            tools: metadata.tools,
            version: metadata.version.into(),
            version_spec: provenance.version_spec.into(),
            source: provenance.source.into(),
            origin: provenance.origin.into(),
            origin_source: provenance.origin_source.into(),
            resolved_sha: provenance.resolved_sha.into(),
            resolved_version: provenance.resolved_version.into(),
            path: artifact.path,
            source_collection: source.to_string(),
            health: artifact.health.into(),
            problem: problem.into(),
            revision: artifact.revision.to_string(),
            added_at: artifact.added_at.map(Moment).into(),
            updated_at: artifact.updated_at.map(Moment).into(),
            synced_at: synced_at.map(Moment).into(),
            expires_at: synced_at.and_then(|at| expires_at(at, ttl)).map(Moment).into(),
        }
    }
}

impl Example for Item {
    fn example() -> Self {
        let at = |text: &str| text.parse().ok().map(Moment).into();
        let text = |text: &str| Nullable(Some(text.to_owned()));
        Self {
            id: "skill:pdf".into(),
            name: "pdf".into(),
            display_name: text("PDF toolkit"),
            kind: "skill".into(),
            description: text("Fill, merge and split PDF files."),
            author: text("Ada"),
            license: text("MIT"),
            tags: vec!["documents".into()],
            tools: vec!["Read".into(), "Bash(qpdf:*)".into()],
            version: text("2.1.0"),
            version_spec: text("latest"),
            source: text("example/skills/pdf"),
            origin: text("github"),
            origin_source: Nullable(None),
            resolved_sha: text("0f3c9d2"),
            resolved_version: text("v2.1.0"),
            path: "skills/pdf/SKILL.md".into(),
            source_collection: "work".into(),
            health: Health::Ok,
            problem: Nullable(None),
            revision: EXAMPLE_REVISION.into(),
            added_at: at("2026-01-05T10:00:00Z"),
            updated_at: at("2026-01-06T08:30:00.123456Z"),
            synced_at: at("2026-01-06T09:00:00Z"),
            expires_at: at("2026-01-06T09:30:00Z"),
        }
    }
}

/// A page of a collection.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "ArtifactList", example)]
pub(crate) struct ArtifactList {
    /// The artifacts of this page.
    pub items: Vec<Item>,
    /// Where the page stands.
    pub page_info: PageInfo,
    /// The collection's counter of changes.
    pub generation: u64,
}

impl ArtifactList {
    pub(crate) fn new(
        page: ArtifactPage,
        collection: &CollectionId,
        query: &ArtifactQuery,
        ttl: Duration,
    ) -> Self {
        let cursor = |row: Option<&CollectionArtifact>| {
            Nullable(row.map(|row| cursor::encode(&Cursor::at(row, collection, query))))
        };
        Self {
            page_info: PageInfo {
                has_next_page: page.has_next,
                has_previous_page: page.has_previous,
                start_cursor: cursor(page.rows.first()),
                end_cursor: cursor(page.rows.last()),
                total_count: page.total_count,
            },
            items: page.rows.into_iter().map(|row| Item::new(row, ttl)).collect(),
            generation: page.generation,
        }
    }
}

impl Example for ArtifactList {
    fn example() -> Self {
        Self { items: vec![Item::example()], page_info: PageInfo::example(), generation: 8 }
    }
}

/// One artifact, with all that is known of it.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct ArtifactDetail {
    #[serde(flatten)]
    #[oai(flatten)]
    pub item: Item,
    /// Every other key of its frontmatter or manifest entry, secrets masked.
    pub extra: Any<Map<String, Value>>,
    /// Whether its metadata can be edited: what has no frontmatter of its own cannot.
    pub editable: bool,
    /// Whether the row is older than the TTL, invalidated, or dated in the future by a wrong clock.
    pub stale: bool,
    /// The collections that hold this artifact, by id.
    pub collections: Vec<String>,
}

/// What an [`ArtifactDetail`] needs to know beside the row.
pub(crate) struct Freshness {
    /// The collection's TTL.
    pub ttl: Duration,
    /// When a fresh row was synced.
    pub fresh: FreshRange,
}

impl ArtifactDetail {
    pub(crate) fn new(
        mut row: CollectionArtifact,
        freshness: &Freshness,
        managed: bool,
        collections: &[CollectionId],
    ) -> Self {
        Self {
            extra: Any(std::mem::take(&mut row.artifact.metadata.extra)),
            editable: row.is_editable(managed),
            stale: !freshness.fresh.contains(row.synced_at),
            collections: collections.iter().map(ToString::to_string).collect(),
            item: Item::new(row, freshness.ttl),
        }
    }
}

impl Example for ArtifactDetail {
    fn example() -> Self {
        Self {
            item: Item::example(),
            extra: Any(Map::from_iter([("model".to_owned(), "opus".into())])),
            editable: true,
            stale: false,
            collections: vec!["default".into(), "work".into()],
        }
    }
}

/// One value and how many artifacts have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct Facet {
    /// The value, as the filter of that name takes it.
    pub value: String,
    /// How many artifacts have it.
    pub count: u64,
}

/// Which values the artifacts of a filtered collection have, most frequent first.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "FacetList", example)]
pub(crate) struct FacetList {
    /// By type.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub types: Vec<Facet>,
    /// By tag, the 200 most frequent.
    pub tag: Vec<Facet>,
    /// By origin.
    pub origin: Vec<Facet>,
    /// By health.
    pub health: Vec<Facet>,
    /// The collection's counter of changes.
    pub generation: u64,
}

impl From<Facets> for FacetList {
    fn from(facets: Facets) -> Self {
        let list = |counts: Vec<FacetCount>| {
            counts.into_iter().map(|it| Facet { value: it.value, count: it.count }).collect()
        };
        Self {
            types: list(facets.types),
            tag: list(facets.tags),
            origin: list(facets.origins),
            health: list(facets.healths),
            generation: facets.generation,
        }
    }
}

impl Example for FacetList {
    fn example() -> Self {
        let one = |value: &str, count| vec![Facet { value: value.to_owned(), count }];
        Self {
            types: one("skill", 241),
            tag: one("documents", 12),
            origin: one("github", 200),
            health: one("ok", 230),
            generation: 8,
        }
    }
}
