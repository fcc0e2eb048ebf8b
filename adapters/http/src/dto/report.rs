//! What a refresh says of itself.

use larder::domain::report::{
    BatchReport as DomainBatch, CollectionReport, Issue as DomainIssue,
    IssueKind as DomainIssueKind, RefreshStatus as DomainStatus, Summary,
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::Nullable;

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum RefreshStatus {
    /// The cache agrees with the files.
    Completed,
    /// So much would have been removed that nothing was changed.
    Guarded,
    /// The source could not be read as a whole; nothing was changed.
    Failed,
}

impl From<DomainStatus> for RefreshStatus {
    fn from(status: DomainStatus) -> Self {
        match status {
            DomainStatus::Completed => Self::Completed,
            DomainStatus::Guarded => Self::Guarded,
            DomainStatus::Failed => Self::Failed,
        }
    }
}

/// The kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum IssueKind {
    /// The artifact is listed, but its metadata cannot be read.
    Broken,
    /// A file of the artifact holds a secret in clear text. Its value is masked everywhere.
    #[serde(rename = "secret-in-clear")]
    #[oai(rename = "secret-in-clear")]
    SecretInClear,
    /// Another path has the same id and comes first.
    Shadowed,
    /// It leads out of the collection, its name cannot be an id, or it belongs to a write that was cut
    /// off and not completed.
    Refused,
    /// The file system would not give it.
    Unreadable,
    /// It looks like an artifact, and `collection.toml` does not list it.
    Unlisted,
    /// The whole source gives no artifact; the message says what was looked for.
    Empty,
    /// The whole source was stopped by the mass-loss guard.
    Guarded,
    /// The whole source could not be read.
    Failed,
}

impl From<DomainIssueKind> for IssueKind {
    fn from(kind: DomainIssueKind) -> Self {
        match kind {
            DomainIssueKind::Broken => Self::Broken,
            DomainIssueKind::SecretInClear => Self::SecretInClear,
            DomainIssueKind::Shadowed => Self::Shadowed,
            DomainIssueKind::Refused => Self::Refused,
            DomainIssueKind::Unreadable => Self::Unreadable,
            DomainIssueKind::Unlisted => Self::Unlisted,
            DomainIssueKind::Empty => Self::Empty,
            DomainIssueKind::Guarded => Self::Guarded,
            DomainIssueKind::Failed => Self::Failed,
        }
    }
}

/// Trouble with one artifact or path, or with a whole source.
#[derive(Debug, Clone, Serialize, Object)]
pub(crate) struct Issue {
    /// The artifact, where the path has an id.
    pub artifact_id: Nullable<String>,
    /// Relative to the source collection; empty when all of it is meant.
    pub path: String,
    /// The kind of trouble.
    pub kind: IssueKind,
    /// One sentence.
    pub message: String,
    /// The line of the file.
    pub line: Nullable<u32>,
}

impl From<DomainIssue> for Issue {
    fn from(issue: DomainIssue) -> Self {
        Self {
            artifact_id: issue.artifact_id.map(|id| id.to_string()).into(),
            path: issue.path,
            kind: issue.kind.into(),
            message: issue.message,
            line: issue.line.into(),
        }
    }
}

/// The refresh of one collection.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "RefreshReport", example)]
pub(crate) struct RefreshReport {
    /// The collection.
    pub collection_id: String,
    /// The worst end among its sources.
    pub status: RefreshStatus,
    /// Rows made or changed.
    pub artifacts_refreshed: u64,
    /// Rows made.
    pub created: u64,
    /// Rows whose files had changed.
    pub updated: u64,
    /// Rows whose files had not.
    pub unchanged: u64,
    /// Rows whose files are gone.
    pub removed: u64,
    /// Members of curated collections that are hidden now, as their artifacts are gone.
    pub hidden: u64,
    /// Members of curated collections that are shown again, as their artifacts are back.
    pub returned: u64,
    /// Paths that gave no row: shadowed, refused or unreadable.
    pub skipped: u64,
    /// How many errors there were.
    pub errors_total: u64,
    /// The first 100 of them.
    pub errors: Vec<Issue>,
    /// How long it took.
    pub duration_ms: u64,
    /// The collection's counter of changes afterwards.
    pub generation: u64,
}

impl From<CollectionReport> for RefreshReport {
    fn from(report: CollectionReport) -> Self {
        let Summary { status, counts, issues, issues_total } = report.summary;
        Self {
            collection_id: report.collection.to_string(),
            status: status.into(),
            artifacts_refreshed: counts.created + counts.updated,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            removed: counts.removed,
            hidden: counts.hidden,
            returned: counts.returned,
            skipped: counts.skipped,
            errors_total: issues_total,
            errors: issues.into_iter().map(Into::into).collect(),
            duration_ms: report.duration_ms,
            generation: report.generation,
        }
    }
}

impl Example for RefreshReport {
    fn example() -> Self {
        Self {
            collection_id: "work".into(),
            status: RefreshStatus::Completed,
            artifacts_refreshed: 1,
            created: 0,
            updated: 1,
            unchanged: 240,
            removed: 0,
            hidden: 0,
            returned: 0,
            skipped: 1,
            errors_total: 1,
            errors: vec![Issue {
                artifact_id: Nullable(Some("skill:pdf".into())),
                path: "old/pdf/SKILL.md".into(),
                kind: IssueKind::Shadowed,
                message: "its id belongs to skills/pdf/SKILL.md, which comes first".into(),
                line: Nullable(None),
            }],
            duration_ms: 12,
            generation: 8,
        }
    }
}

/// The refresh of all sources.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "BatchRefreshReport", example)]
pub(crate) struct BatchReport {
    /// How many sources were brought up to date.
    pub collections_refreshed: u64,
    /// Artifacts made or changed, each counted once.
    pub artifacts_refreshed: u64,
    /// The same number, under the name that SkillMeat's clients read.
    pub total_updated: u64,
    /// Paths that gave no row.
    pub skipped: u64,
    /// How many errors there were.
    pub errors_total: u64,
    /// The first 100 of them.
    pub errors: Vec<Issue>,
    /// How long it took.
    pub duration_ms: u64,
    /// The collection of every source.
    pub collections: Vec<RefreshReport>,
}

impl From<DomainBatch> for BatchReport {
    fn from(report: DomainBatch) -> Self {
        let completed = |it: &&CollectionReport| it.summary.status == DomainStatus::Completed;
        let artifacts_refreshed = report.summary.counts.created + report.summary.counts.updated;
        Self {
            collections_refreshed: report.collections.iter().filter(completed).count() as u64,
            artifacts_refreshed,
            total_updated: artifacts_refreshed,
            skipped: report.summary.counts.skipped,
            errors_total: report.summary.issues_total,
            errors: report.summary.issues.into_iter().map(Into::into).collect(),
            duration_ms: report.duration_ms,
            collections: report.collections.into_iter().map(Into::into).collect(),
        }
    }
}

impl Example for BatchReport {
    fn example() -> Self {
        let RefreshReport { artifacts_refreshed, skipped, errors_total, errors, .. } =
            RefreshReport::example();
        Self {
            collections_refreshed: 1,
            artifacts_refreshed,
            total_updated: artifacts_refreshed,
            skipped,
            errors_total,
            errors,
            duration_ms: 14,
            collections: vec![RefreshReport::example()],
        }
    }
}
