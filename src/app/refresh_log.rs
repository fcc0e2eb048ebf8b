//! What is logged of refreshes. The keeper and the watcher begin many: an issue is logged as a warning
//! once, and then at the level debug for as long as it lasts.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{Larder, lock};
use crate::domain::report::{Counts, Issue, RefreshStatus, SourceReport};

impl Larder {
    /// Logs a report: the issues that the last report of the source did not have, and that the refresh
    /// ended where it changed something, was stopped, or has other issues than before.
    pub(super) fn log(&self, report: &SourceReport) {
        let hashes: HashSet<u64> = report.issues.iter().map(hash).collect();
        let logged =
            Logged { is_stopped: report.status != RefreshStatus::Completed, issues: hashes };
        let before = lock(&self.logged).insert(report.source.clone(), logged.clone());
        let is_like_before = before.as_ref() == Some(&logged);
        let before = before.unwrap_or_default().issues;
        for issue in &report.issues {
            let is_known = before.contains(&hash(issue));
            let (source, path) = (&report.source, &issue.path);
            let (kind, line, reason) = (issue.kind.as_str(), issue.line, &issue.message);
            if is_known {
                tracing::debug!(%source, path, kind, line, reason, "refresh issue");
            } else {
                tracing::warn!(%source, path, kind, line, reason, "refresh issue");
            }
        }
        let counts = report.counts;
        if is_like_before && counts.created + counts.updated + counts.removed == 0 {
            tracing::debug!(source = %report.source, duration_ms = report.duration_ms, "refreshed");
            return;
        }
        let Counts { created, updated, unchanged, removed, hidden, returned, skipped, .. } = counts;
        let Counts { ok, recovered, broken, .. } = counts;
        tracing::info!(
            source = %report.source, status = report.status.as_str(), created, updated, unchanged,
            removed, hidden, returned, skipped, ok, recovered, broken, issues = report.issues_total,
            duration_ms = report.duration_ms, "refreshed"
        );
    }
}

/// What was last logged of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Logged {
    is_stopped: bool,
    /// The hashes of its issues.
    issues: HashSet<u64>,
}

fn hash(issue: &Issue) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&issue.path, issue.kind.as_str(), &issue.message).hash(&mut hasher);
    hasher.finish()
}
