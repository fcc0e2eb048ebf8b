//! What a write asks for and what it leaves behind: preconditions, history, trash.

use serde::{Deserialize, Serialize};

use super::{
    Timestamp, artifact::Artifact, collection::Source, edit::Field, id::ArtifactId,
    revision::Revision,
};

/// The form in which a precondition came. A lost race is answered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The header `If-Match` (RFC 9110, section 13.1.1).
    Header,
    /// `expected_revision`, in a body or a query.
    Request,
}

/// What `If-Match` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever is there.
    Any,
    /// One of these revisions.
    OneOf(Vec<Revision>),
}

/// In which state an artifact must be for a write to take place: optimistic locking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    if_match: Option<IfMatch>,
    expected: Option<Revision>,
}

impl Precondition {
    /// Of both forms in which it may come; `None` when it came in neither.
    #[must_use]
    pub fn new(if_match: Option<IfMatch>, expected: Option<Revision>) -> Option<Self> {
        (if_match.is_some() || expected.is_some()).then_some(Self { if_match, expected })
    }

    /// Whatever is there.
    #[must_use]
    pub fn any() -> Self {
        Self { if_match: Some(IfMatch::Any), expected: None }
    }

    /// Whether it holds for that revision; if not, the form that fails. The header is judged first.
    pub fn judge(&self, current: &Revision) -> Result<(), Form> {
        if let Some(IfMatch::OneOf(revisions)) = &self.if_match
            && !revisions.contains(current)
        {
            return Err(Form::Header);
        }
        match &self.expected {
            Some(expected) if expected != current => Err(Form::Request),
            _ => Ok(()),
        }
    }
}

/// An artifact where its files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The source that has it.
    pub source: Source,
    /// Which artifact.
    pub id: ArtifactId,
    /// Where it was last: how a plain source finds it.
    pub path: String,
}

/// Who writes, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: Timestamp,
    /// Who: a caller's [`signature`](super::caller::Caller::signature).
    pub by: String,
}

/// What kind of write there was. The history tells of those that change an artifact: not of what is
/// done in a project alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Its metadata were edited.
    Edit,
    /// It was created.
    Create,
    /// It was moved to the trash.
    Delete,
    /// It was taken out of the trash.
    Restore,
    /// It was copied into a project.
    Deploy,
    /// It was removed from a project.
    Undeploy,
    /// Its files were taken from a project.
    Sync,
}

impl Operation {
    /// The word used in the history and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Restore => "restore",
            Self::Deploy => "deploy",
            Self::Undeploy => "undeploy",
            Self::Sync => "sync",
        }
    }
}

/// One write of an artifact, as the collection keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Unique; it sorts by time.
    pub id: String,
    /// Which artifact.
    pub artifact: ArtifactId,
    /// What was done.
    pub operation: Operation,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// The fields that an edit changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The revision before; `None` where there was nothing.
    pub revision_before: Option<Revision>,
    /// The revision after; `None` where nothing is left.
    pub revision_after: Option<Revision>,
}

impl HistoryEntry {
    /// A line about an artifact, to be completed with what was changed.
    #[must_use]
    pub fn new(id: &str, artifact: &ArtifactId, operation: Operation, stamp: &Stamp) -> Self {
        Self {
            id: id.to_owned(),
            artifact: artifact.clone(),
            operation,
            at: stamp.at,
            by: stamp.by.clone(),
            fields: Vec::new(),
            revision_before: None,
            revision_after: None,
        }
    }
}

/// Most lines of an artifact's history that are answered.
pub const MAX_HISTORY: usize = 50;

/// A deleted artifact that can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashItem {
    /// Names it; it sorts by time.
    pub id: String,
    /// Which artifact.
    pub artifact: ArtifactId,
    /// The path its files had, relative to the source's root.
    pub path: String,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// By whom.
    pub deleted_by: String,
}

/// What a write left in the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The artifact as read back.
    pub artifact: Artifact,
    /// Whether anything was written: a write of what is there already changes nothing.
    pub changed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(text: &str) -> Revision {
        Revision::stored(text)
    }

    #[test]
    fn the_header_is_judged_before_the_body() {
        let header = || Some(IfMatch::OneOf(vec![revision("a"), revision("b")]));
        let judge = |if_match, expected: Option<&str>, current| {
            let precondition = Precondition::new(if_match, expected.map(revision)).unwrap();
            precondition.judge(&revision(current))
        };
        assert_eq!(judge(header(), None, "b"), Ok(()));
        assert_eq!(judge(header(), Some("b"), "c"), Err(Form::Header));
        assert_eq!(judge(header(), Some("b"), "a"), Err(Form::Request));
        assert_eq!(judge(Some(IfMatch::Any), None, "x"), Ok(()));
        assert_eq!(judge(None, Some("x"), "y"), Err(Form::Request));
        assert_eq!(Precondition::new(None, None), None);
    }
}
