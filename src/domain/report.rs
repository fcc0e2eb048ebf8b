//! What a refresh says of itself.

use serde::{Deserialize, Serialize};

use super::{
    Timestamp,
    artifact::{Health, SECRET_IN_CLEAR, State},
    delta::Shadowed,
    id::{ArtifactId, CollectionId, SourceName},
};

/// How a refresh ended, the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefreshStatus {
    /// The cache agrees with the files.
    Completed,
    /// The mass-loss guard stopped it; nothing was changed.
    Guarded,
    /// The source could not be read as a whole; nothing was changed.
    Failed,
}

impl RefreshStatus {
    /// The word used in logs, metrics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Guarded => "guarded",
            Self::Failed => "failed",
        }
    }
}

/// How much of a source a refresh was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshScope {
    /// One artifact, because somebody asked for it.
    Artifact,
    /// The artifacts of files that were written.
    Files,
    /// All of it.
    Source,
}

impl RefreshScope {
    /// The word used in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Files => "files",
            Self::Source => "source",
        }
    }
}

/// What kind of trouble a line of a report tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueKind {
    /// The artifact is listed, but its metadata cannot be read.
    Broken,
    /// A file of the artifact holds a secret; see [`SECRET_IN_CLEAR`].
    #[serde(rename = "secret-in-clear")]
    SecretInClear,
    /// Another path has the same id and comes first.
    Shadowed,
    /// It leads out of the collection, its name cannot be an id, or it belongs to a write that was cut
    /// off and not completed.
    Refused,
    /// The file system would not give it.
    Unreadable,
    /// It looks like an artifact, and the manifest does not list it.
    Unlisted,
    /// The whole source gives no artifact: what was looked for, and the likely cure.
    Empty,
    /// The whole source was stopped by the guard.
    Guarded,
    /// The whole source could not be read.
    Failed,
}

impl IssueKind {
    /// The word used in logs, metrics and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::SecretInClear => "secret-in-clear",
            Self::Shadowed => "shadowed",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Unlisted => "unlisted",
            Self::Empty => "empty",
            Self::Guarded => "guarded",
            Self::Failed => "failed",
        }
    }
}

/// One line of a report: trouble with one artifact or path, which never ends a refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The artifact, where the path has an id.
    pub artifact_id: Option<ArtifactId>,
    /// Relative to the source's root; what is not UTF-8 in it is replaced.
    pub path: String,
    /// What kind of trouble.
    pub kind: IssueKind,
    /// One sentence.
    pub message: String,
    /// The line of the file, from 1.
    pub line: Option<u32>,
}

impl Issue {
    /// Trouble with an artifact that has a row: it is broken, or holds a secret.
    #[must_use]
    pub fn of_artifact(
        id: &ArtifactId,
        path: &str,
        health: Health,
        problem: Option<(&str, Option<u32>)>,
    ) -> Option<Self> {
        let (message, line) = problem.unwrap_or_default();
        let kind = match health {
            Health::Broken => IssueKind::Broken,
            _ if message == SECRET_IN_CLEAR => IssueKind::SecretInClear,
            _ => return None,
        };
        let (artifact_id, path) = (Some(id.clone()), path.to_owned());
        Some(Self { artifact_id, path, kind, message: message.to_owned(), line })
    }

    /// That `default` shows another source's artifact instead.
    #[must_use]
    pub fn of_shadowed(shadowed: Shadowed) -> Self {
        let Shadowed { id, path, source, by } = shadowed;
        let message = format!("source {by} has the same id and comes before source {source}");
        Self { artifact_id: Some(id), path, kind: IssueKind::Shadowed, message, line: None }
    }

    /// Trouble with a source as a whole.
    #[must_use]
    pub fn of_source(kind: IssueKind, message: String) -> Self {
        Self { artifact_id: None, path: String::new(), kind, message, line: None }
    }
}

/// How the artifacts of a source fared in one refresh.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows made.
    pub created: u64,
    /// Rows whose files had changed.
    pub updated: u64,
    /// Rows whose files had not.
    pub unchanged: u64,
    /// Rows whose files are gone.
    pub removed: u64,
    /// Members of curated collections that were hidden because their artifact is gone.
    #[serde(default)]
    pub hidden: u64,
    /// Members of curated collections that came back with their artifact.
    #[serde(default)]
    pub returned: u64,
    /// Paths that gave no row: shadowed, refused or unreadable.
    pub skipped: u64,
    /// Artifacts by health after the refresh.
    pub ok: u64,
    /// See [`Health::Recovered`].
    pub recovered: u64,
    /// See [`Health::Broken`].
    pub broken: u64,
}

impl Counts {
    /// Counts one artifact's health.
    pub fn count_health(&mut self, health: Health) {
        match health {
            Health::Ok => self.ok += 1,
            Health::Recovered => self.recovered += 1,
            Health::Broken => self.broken += 1,
        }
    }

    /// Counts an artifact that had a row and was read again: as updated where a reader sees another.
    pub fn count_reread(&mut self, before: &State<'_>, after: &State<'_>) {
        let count = if before.reads_like(after) { &mut self.unchanged } else { &mut self.updated };
        *count += 1;
    }

    /// Adds another source's counts.
    pub fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.removed += other.removed;
        self.hidden += other.hidden;
        self.returned += other.returned;
        self.skipped += other.skipped;
        self.ok += other.ok;
        self.recovered += other.recovered;
        self.broken += other.broken;
    }
}

/// Most issues that a report lists; all are counted.
pub const MAX_ISSUES: usize = 100;

/// The refresh of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Which source.
    pub source: SourceName,
    /// How it ended.
    pub status: RefreshStatus,
    /// How the artifacts fared.
    pub counts: Counts,
    /// The first [`MAX_ISSUES`] issues, by path.
    pub issues: Vec<Issue>,
    /// How many issues there were.
    pub issues_total: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
}

impl SourceReport {
    /// Of a refresh that found nothing to do.
    #[must_use]
    pub fn untouched(source: SourceName, started_at: Timestamp) -> Self {
        Self {
            source,
            status: RefreshStatus::Completed,
            counts: Counts::default(),
            issues: Vec::new(),
            issues_total: 0,
            started_at,
            duration_ms: 0,
        }
    }
}

/// The refresh of one collection: of one source, or of all that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionReport {
    /// Which collection.
    pub collection: CollectionId,
    /// What its sources' reports say.
    pub summary: Summary,
    /// How long it took.
    pub duration_ms: u64,
    /// The collection's generation afterwards.
    pub generation: u64,
}

/// The refresh of all sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchReport {
    /// What all reports say, each artifact counted once.
    pub summary: Summary,
    /// How long it took.
    pub duration_ms: u64,
    /// The home collection of every source.
    pub collections: Vec<CollectionReport>,
}

/// Several sources' reports as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The worst of their ends.
    pub status: RefreshStatus,
    /// The sum.
    pub counts: Counts,
    /// The first [`MAX_ISSUES`] issues, one source after the other.
    pub issues: Vec<Issue>,
    /// How many issues there were.
    pub issues_total: u64,
}

impl Default for Summary {
    /// Of work that found nothing to do.
    fn default() -> Self {
        Self {
            status: RefreshStatus::Completed,
            counts: Counts::default(),
            issues: Vec::new(),
            issues_total: 0,
        }
    }
}

impl Summary {
    /// Of these reports.
    #[must_use]
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a SourceReport>) -> Self {
        let mut summary = Self::default();
        for report in reports {
            summary.status = summary.status.max(report.status);
            summary.counts.add(&report.counts);
            summary.tell(report.issues.iter().cloned(), report.issues_total);
        }
        summary
    }

    /// Of work that was not begun, for this reason.
    #[must_use]
    pub fn failed(message: String) -> Self {
        let mut summary = Self { status: RefreshStatus::Failed, ..Self::default() };
        summary.tell([Issue::of_source(IssueKind::Failed, message)], 1);
        summary
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.status = self.status.max(other.status);
        self.counts.add(&other.counts);
        self.tell(other.issues, other.issues_total);
        self
    }

    /// Adds issues, of which there were so many.
    pub fn tell(&mut self, issues: impl IntoIterator<Item = Issue>, total: u64) {
        let room = MAX_ISSUES.saturating_sub(self.issues.len());
        self.issues.extend(issues.into_iter().take(room));
        self.issues_total += total;
    }
}
