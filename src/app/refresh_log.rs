//! What the log tells of refreshes. The keeper and the watcher begin many: what is as it was before is
//! told at the level debug.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Larder, lock};
use crate::domain::report::{Counts, RefreshStatus, SourceReport};

impl Larder {
    /// Logs a report: its issues where they are others than those of the last one, and that it
    /// ended where it changed something or was stopped.
    pub(super) fn log(&self, report: &SourceReport) {
        let issues_hash = hash(report);
        let before = lock(&self.logged).insert(report.source.clone(), issues_hash);
        let is_known = before == Some(issues_hash);
        for issue in &report.issues {
            let (source, path) = (&report.source, &issue.path);
            let (kind, line, reason) = (issue.kind.as_str(), issue.line, &issue.message);
            if is_known {
                tracing::debug!(%source, path, kind, line, reason, "refresh issue");
            } else {
                tracing::warn!(%source, path, kind, line, reason, "refresh issue");
            }
        }
        let counts = report.counts;
        if is_known && counts.created + counts.updated + counts.removed == 0 {
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

fn hash(report: &SourceReport) -> u64 {
    let mut hasher = DefaultHasher::new();
    (report.status != RefreshStatus::Completed).hash(&mut hasher);
    for issue in &report.issues {
        (&issue.path, issue.kind.as_str(), &issue.message).hash(&mut hasher);
    }
    hasher.finish()
}
