//! An artifact as it is before a write.

use larder::{
    domain::{
        artifact::{Artifact, Metadata},
        collection::Layout,
        id::ArtifactId,
        revision::Revision,
        writing::{Form, Precondition, Written},
    },
    ports::WriteError,
};

use super::{Writing, failure::Failure, retried};
use crate::{
    files::Refusal,
    json::split_pointer,
    managed::{self, Listed},
    plain,
    reading::{Reading, is_markdown},
};

/// An artifact, and the bytes that it was read from.
pub(crate) struct Target {
    pub(crate) artifact: Artifact,
    /// Its main file.
    pub(crate) main: MainFile,
    /// Its manifest entry; `None` in a plain directory.
    pub(crate) listed: Option<Listed>,
}

/// A main file, and where it really lies.
pub(crate) struct MainFile {
    /// Relative to the root, without links; the reason, when there is none to be written.
    pub(crate) path: Result<String, Refusal>,
    pub(crate) bytes: Vec<u8>,
    /// Whether it can have frontmatter.
    pub(crate) is_markdown: bool,
}

impl Target {
    /// Reads an artifact anew; in a plain directory at `path`.
    pub(crate) fn open(
        writing: &Writing<'_>,
        id: &ArtifactId,
        path: &str,
    ) -> Result<Self, Failure> {
        Self::open_as(writing, id, path, None)
    }

    fn open_as(
        writing: &Writing<'_>,
        id: &ArtifactId,
        path: &str,
        expected: Option<&Listed>,
    ) -> Result<Self, Failure> {
        let Writing { reader, tree, .. } = writing;
        let (artifact, bytes, listed) = match reader.source.layout {
            Layout::Managed => {
                let listed = managed::open(reader, &tree.root, id, expected)?;
                let (artifact, bytes, listed) = listed.ok_or(WriteError::Missing)?;
                (artifact, bytes, Some(listed))
            }
            Layout::Plain => {
                let read = plain::open(reader, &tree.root, id, path).ok_or(WriteError::Missing)?;
                (read.0, read.1, None)
            }
        };
        let (file, pointer) = split_pointer(&artifact.path);
        let main = MainFile {
            path: tree.real(file),
            bytes,
            is_markdown: pointer.is_none() && is_markdown(file),
        };
        Ok(Self { artifact, main, listed })
    }

    /// What its files say of it, secrets and all: for what is written back into them alone.
    pub(crate) fn own_metadata(&self) -> Metadata {
        if let Some(listed) = &self.listed {
            return listed.metadata();
        }
        let (kind, (file, _)) = (self.artifact.id.kind(), split_pointer(&self.artifact.path));
        Reading::of_file(kind.as_str(), file, &self.main.bytes).metadata
    }

    /// Reads an artifact back, once it was written; `expected` is how it was written, if that is
    /// known.
    pub(crate) fn read_back(
        writing: &Writing<'_>,
        id: &ArtifactId,
        path: &str,
        expected: Option<&Listed>,
    ) -> Result<Written, Failure> {
        match Self::open_as(writing, id, path, expected) {
            Ok(target) => Ok(Written { artifact: target.artifact, changed: true }),
            Err(failure) => Err(WriteError::Unread(Box::new(WriteError::from(failure))).into()),
        }
    }

    /// Goes on only if the artifact is as the caller believes.
    pub(crate) fn judge(&self, precondition: &Precondition) -> Result<(), Failure> {
        precondition.judge(&self.artifact.revision).map_err(|form| self.conflict(form))
    }

    /// That the artifact is another than the caller believes.
    pub(crate) fn conflict(&self, form: Form) -> Failure {
        WriteError::Conflict { form, current: Box::new(self.artifact.clone()) }.into()
    }

    /// The revision that the artifact will have with this main file, listed like that.
    pub(crate) fn revision_with(main: &[u8], listed: Option<&Listed>) -> Revision {
        listed.map_or_else(|| plain::revision(main), |listed| listed.revision_with(main))
    }
}

/// Tries a write of an artifact that is as the caller believes, and again when somebody saved
/// meanwhile, as long as the artifact itself is.
pub(crate) fn attempts<T>(
    precondition: &Precondition,
    open: impl Fn() -> Result<Target, Failure>,
    attempt: impl Fn(Target) -> Result<T, Failure>,
) -> Result<T, Failure> {
    retried(|| {
        let target = open()?;
        target.judge(precondition)?;
        attempt(target)
    })
}
