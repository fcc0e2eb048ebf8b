//! What becomes of one file of a deployment: a comparison of three versions.

use larder::domain::deployment::{Action, DeployStrategy, FileOutcome, SyncStrategy};

/// The hashes of one file: as it was when both sides were last the same, in the project, and in the
/// collection. `None` where it is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) recorded: Option<String>,
    pub(super) project: Option<String>,
    pub(super) collection: Option<String>,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The project gets what the collection has, or loses what it has not.
    ToProject(FileOutcome),
    /// The collection gets what the project has, or loses what it has not.
    ToCollection(FileOutcome),
    /// Nothing, for that outcome.
    Leave(FileOutcome),
    /// Both sides have changed it.
    Conflict,
}

impl Versions {
    fn is_changed(side: Option<&String>, recorded: Option<&String>) -> bool {
        side != recorded
    }

    fn project_changed(&self) -> bool {
        Self::is_changed(self.project.as_ref(), self.recorded.as_ref())
    }

    fn collection_changed(&self) -> bool {
        Self::is_changed(self.collection.as_ref(), self.recorded.as_ref())
    }

    /// What one action does about this file.
    pub(super) fn decide(&self, action: Action) -> Decision {
        match action {
            Action::Undeploy => self.undeploy(),
            _ if self.project == self.collection => Decision::Leave(FileOutcome::Unchanged),
            Action::Deploy(strategy) => self.deploy(strategy),
            Action::Sync(strategy) => self.sync(strategy),
        }
    }

    fn deploy(&self, strategy: DeployStrategy) -> Decision {
        let write = Decision::ToProject(outcome(self.project.is_some(), self.collection.is_some()));
        match (strategy, self.project_changed(), self.collection_changed()) {
            // What is in the project alone stays there, unless it came from the collection.
            (_, true, false) if self.recorded.is_none() => Decision::Leave(FileOutcome::Kept),
            (DeployStrategy::Overwrite, changed, _) if self.collection.is_none() => {
                if changed {
                    Decision::Leave(FileOutcome::Kept)
                } else {
                    write
                }
            }
            (DeployStrategy::Overwrite, ..) | (DeployStrategy::Merge, false, _) => write,
            (DeployStrategy::Merge, true, false) => Decision::Leave(FileOutcome::Kept),
            (DeployStrategy::Merge, true, true) => Decision::Conflict,
        }
    }

    fn undeploy(&self) -> Decision {
        match (&self.recorded, &self.project) {
            (Some(recorded), Some(project)) if recorded == project => {
                Decision::ToProject(FileOutcome::Removed)
            }
            (Some(_), None) => Decision::Leave(FileOutcome::Unchanged),
            _ => Decision::Leave(FileOutcome::Kept),
        }
    }

    fn sync(&self, strategy: SyncStrategy) -> Decision {
        let take =
            Decision::ToCollection(outcome(self.collection.is_some(), self.project.is_some()));
        match (self.project_changed(), self.collection_changed(), strategy) {
            (false, ..) | (true, true, SyncStrategy::Ours) => Decision::Leave(FileOutcome::Kept),
            (true, false, _) | (true, true, SyncStrategy::Theirs) => take,
            (true, true, SyncStrategy::Manual) => Decision::Conflict,
        }
    }
}

fn outcome(had: bool, gets: bool) -> FileOutcome {
    match (had, gets) {
        (false, _) => FileOutcome::Created,
        (true, true) => FileOutcome::Updated,
        (true, false) => FileOutcome::Removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Versions as letters; a dash for none: recorded, project, collection.
    fn versions(text: &str) -> Versions {
        let mut letters = text.chars().map(|c| (c != '-').then(|| c.to_string()));
        let mut next = || letters.next().flatten();
        Versions { recorded: next(), project: next(), collection: next() }
    }

    fn decide(text: &str, action: Action) -> Decision {
        versions(text).decide(action)
    }

    use Decision::{Conflict, Leave, ToCollection, ToProject};
    use FileOutcome::{Created, Kept, Removed, Unchanged, Updated};

    #[test]
    fn a_merge_writes_what_the_project_has_not_changed_and_stops_at_conflicts() {
        let merge = |text| decide(text, Action::Deploy(DeployStrategy::Merge));
        for (text, expected) in [
            ("--a", ToProject(Created)),
            ("-aa", Leave(Unchanged)),
            ("-ba", Conflict),
            ("-b-", Leave(Kept)),
            ("aab", ToProject(Updated)),
            ("aba", Leave(Kept)),
            ("abc", Conflict),
            ("abb", Leave(Unchanged)),
            ("a-a", Leave(Kept)),
            ("a-b", Conflict),
            ("aa-", ToProject(Removed)),
            ("ab-", Conflict),
            ("a--", Leave(Unchanged)),
        ] {
            assert_eq!(merge(text), expected, "{text}");
        }
    }

    #[test]
    fn an_overwrite_writes_all_that_the_collection_has_and_removes_only_what_came_from_it() {
        let overwrite = |text| decide(text, Action::Deploy(DeployStrategy::Overwrite));
        for (text, expected) in [
            ("--a", ToProject(Created)),
            ("-ba", ToProject(Updated)),
            ("-b-", Leave(Kept)),
            ("aba", ToProject(Updated)),
            ("abc", ToProject(Updated)),
            ("a-b", ToProject(Created)),
            ("aa-", ToProject(Removed)),
            ("ab-", Leave(Kept)),
        ] {
            assert_eq!(overwrite(text), expected, "{text}");
        }
    }

    #[test]
    fn what_was_changed_or_never_deployed_is_not_removed() {
        for (text, expected) in [
            ("aaa", ToProject(Removed)),
            ("aab", ToProject(Removed)),
            ("aba", Leave(Kept)),
            ("-aa", Leave(Kept)),
            ("a-a", Leave(Unchanged)),
        ] {
            assert_eq!(decide(text, Action::Undeploy), expected, "{text}");
        }
    }

    #[test]
    fn a_synchronisation_takes_what_the_project_alone_has_changed() {
        for (text, ours, theirs, manual) in [
            ("aba", ToCollection(Updated), ToCollection(Updated), ToCollection(Updated)),
            ("-b-", ToCollection(Created), ToCollection(Created), ToCollection(Created)),
            ("a-a", ToCollection(Removed), ToCollection(Removed), ToCollection(Removed)),
            ("aab", Leave(Kept), Leave(Kept), Leave(Kept)),
            ("abb", Leave(Unchanged), Leave(Unchanged), Leave(Unchanged)),
            ("abc", Leave(Kept), ToCollection(Updated), Conflict),
            ("ab-", Leave(Kept), ToCollection(Created), Conflict),
        ] {
            let sync = |strategy| decide(text, Action::Sync(strategy));
            assert_eq!(sync(SyncStrategy::Ours), ours, "{text}");
            assert_eq!(sync(SyncStrategy::Theirs), theirs, "{text}");
            assert_eq!(sync(SyncStrategy::Manual), manual, "{text}");
        }
    }
}
