//! A row of `collection_artifacts`, to and from the domain.
//!
//! A page's rows come as JSON, all in one value: fetched column by column they cost several times
//! as much.

use std::{borrow::Cow, sync::LazyLock};

use chrono::DateTime;
use larder::domain::{
    Timestamp,
    artifact::{Artifact, CollectionArtifact, Health, Metadata, Problem, Provenance},
    id::{ArtifactId, CollectionId, SourceName},
    read_order::ReadOrder,
    revision::Revision,
    text,
};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, query_builder::Separated};

use crate::error::{Result, undecodable};

/// Rows of one statement.
pub(crate) const CHUNK: usize = 500;

/// Which rows are shown: those that a refresh has filled and that are not hidden. It stands in
/// every query as it stands in the partial indexes.
pub(crate) const VISIBLE: &str = "a.type IS NOT NULL AND a.missing_since IS NULL";

/// The effective `synced_at` of row `a` whose source is `s`, as
/// [`larder::domain::freshness::effective_synced_at`] has it.
pub(crate) const EFFECTIVE: &str = "CASE WHEN a.invalidated_order >= a.read_order THEN NULL \
     WHEN s.verified_order > a.read_order THEN s.verified_at ELSE a.synced_at END";

/// The columns that follow from the files, which rows of one artifact have in common.
pub(crate) const VALUES: [&str; 26] = [
    "name",
    "sort_name",
    "type",
    "display_name",
    "description",
    "author",
    "license",
    "tags_json",
    "tools_json",
    "version",
    "version_spec",
    "source",
    "origin",
    "origin_source",
    "resolved_sha",
    "resolved_version",
    "path",
    "extra_json",
    "revision",
    "fingerprint",
    "health",
    "problem",
    "problem_line",
    "updated_at",
    "synced_at",
    "read_order",
];

/// Those of [`VALUES`] that say how a row was read, not what a reader sees in it.
pub(crate) const UNSEEN: [&str; 3] = ["fingerprint", "synced_at", "read_order"];

/// [`VALUES`] as a list in which each is written by `form`.
pub(crate) fn values(form: impl Fn(&str) -> String) -> String {
    VALUES.map(form).join(", ")
}

/// A JSON array of row `a`, read by [`Row`]: its fields in their order.
pub(crate) static ROW_AS_JSON: LazyLock<String> = LazyLock::new(|| {
    let columns = values(|column| format!("a.{column}"));
    format!(
        "json_build_array(a.artifact_id, a.source_collection, a.added_at, {columns}, {EFFECTIVE})"
    )
});

/// The columns that [`Row::push_to`] binds.
pub(crate) fn columns_of_row() -> String {
    format!("artifact_id, source_collection, added_at, {}", values(str::to_owned))
}

/// A row as it is stored; times in microseconds since the epoch.
#[derive(Deserialize)]
pub(crate) struct Row {
    artifact_id: String,
    source_collection: String,
    added_at: i64,
    name: String,
    sort_name: String,
    r#type: String,
    display_name: Option<String>,
    description: Option<String>,
    author: Option<String>,
    license: Option<String>,
    tags_json: String,
    tools_json: String,
    version: Option<String>,
    version_spec: Option<String>,
    source: Option<String>,
    origin: Option<String>,
    origin_source: Option<String>,
    resolved_sha: Option<String>,
    resolved_version: Option<String>,
    path: String,
    extra_json: String,
    revision: String,
    fingerprint: Option<String>,
    health: String,
    problem: Option<String>,
    problem_line: Option<u32>,
    updated_at: Option<i64>,
    synced_at: Option<i64>,
    read_order: Option<i64>,
    effective_synced_at: Option<i64>,
}

impl Row {
    /// The row of an artifact as its files gave it.
    pub(crate) fn new(
        artifact: Artifact,
        source: &SourceName,
        order: ReadOrder,
        now: Timestamp,
    ) -> Result<Self> {
        let Artifact { id, metadata, provenance, health, problem, .. } = artifact;
        let (problem, problem_line) =
            problem.map_or((None, None), |problem| (Some(problem.message), problem.line));
        Ok(Self {
            source_collection: source.to_string(),
            added_at: micros(artifact.added_at.unwrap_or(now)),
            name: id.name().to_owned(),
            sort_name: text::sort_key(id.name()),
            r#type: id.kind().to_string(),
            artifact_id: id.to_string(),
            display_name: metadata.display_name,
            description: metadata.description,
            author: metadata.author,
            license: metadata.license,
            tags_json: to_json(&metadata.tags)?,
            tools_json: to_json(&metadata.tools)?,
            version: metadata.version,
            version_spec: provenance.version_spec,
            source: provenance.source,
            origin: provenance.origin,
            origin_source: provenance.origin_source,
            resolved_sha: provenance.resolved_sha,
            resolved_version: provenance.resolved_version,
            path: artifact.path,
            extra_json: to_json(&metadata.extra)?,
            revision: artifact.revision.as_str().to_owned(),
            fingerprint: artifact.fingerprint,
            health: health.as_str().to_owned(),
            problem,
            problem_line,
            updated_at: artifact.updated_at.map(micros),
            synced_at: Some(micros(artifact.read_at)),
            read_order: Some(order.number()),
            effective_synced_at: None,
        })
    }

    /// Binds the row's values, in the order of [`columns_of_row`].
    pub(crate) fn push_to(self, tuple: &mut Separated<'_, Postgres, &'static str>) {
        tuple
            .push_bind(self.artifact_id)
            .push_bind(self.source_collection)
            .push_bind(self.added_at)
            .push_bind(self.name)
            .push_bind(self.sort_name)
            .push_bind(self.r#type)
            .push_bind(self.display_name)
            .push_bind(self.description)
            .push_bind(self.author)
            .push_bind(self.license)
            .push_bind(self.tags_json)
            .push_bind(self.tools_json)
            .push_bind(self.version)
            .push_bind(self.version_spec)
            .push_bind(self.source)
            .push_bind(self.origin)
            .push_bind(self.origin_source)
            .push_bind(self.resolved_sha)
            .push_bind(self.resolved_version)
            .push_bind(self.path)
            .push_bind(self.extra_json)
            .push_bind(self.revision)
            .push_bind(self.fingerprint)
            .push_bind(self.health)
            .push_bind(self.problem)
            .push_bind(self.problem_line.map(i64::from))
            .push_bind(self.updated_at)
            .push_bind(self.synced_at)
            .push_bind(self.read_order);
    }

    /// The row as the domain knows it.
    pub(crate) fn into_domain(self, collection: &CollectionId) -> Result<CollectionArtifact> {
        let line = self.problem_line;
        let artifact = Artifact {
            id: ArtifactId::parse(&self.artifact_id).map_err(undecodable)?,
            metadata: Metadata {
                display_name: self.display_name,
                description: self.description,
                author: self.author,
                license: self.license,
                version: self.version,
                tags: from_json(&self.tags_json)?,
                tools: from_json(&self.tools_json)?,
                extra: from_json(&self.extra_json)?,
            },
            provenance: Provenance {
                version_spec: self.version_spec,
                source: self.source,
                origin: self.origin,
                origin_source: self.origin_source,
                resolved_sha: self.resolved_sha,
                resolved_version: self.resolved_version,
            },
            path: self.path,
            revision: Revision::stored(self.revision),
            fingerprint: self.fingerprint,
            health: health(&self.health)?,
            problem: self.problem.map(|message| Problem { message, line }),
            added_at: Some(timestamp(self.added_at)?),
            updated_at: self.updated_at.map(timestamp).transpose()?,
            read_at: self.synced_at.map_or(Ok(DateTime::UNIX_EPOCH), timestamp)?,
        };
        Ok(CollectionArtifact {
            collection: collection.clone(),
            source: SourceName::new(self.source_collection).map_err(undecodable)?,
            artifact,
            synced_at: self.effective_synced_at.map(timestamp).transpose()?,
        })
    }
}

/// A text of a client's as Postgres takes it, which refuses NUL. No row holds any control
/// character, so a question about another one has the same answer.
pub(crate) fn askable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{1}").into() } else { text.into() }
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

pub(crate) fn timestamp(micros: i64) -> Result<Timestamp> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| undecodable(format!("{micros} is no time")))
}

pub(crate) fn health(word: &str) -> Result<Health> {
    Health::parse(word).ok_or_else(|| undecodable(format!("{word} is no state of health")))
}

/// A counter, which SQL keeps signed.
pub(crate) fn count(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(undecodable)
}

pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(crate) fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(undecodable)
}
