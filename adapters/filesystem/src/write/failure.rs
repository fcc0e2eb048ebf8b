//! Why a write did not take place.

use std::io;

use larder::ports::{SourceError, WriteError};
use rustix::io::Errno;

use crate::{files::Refusal, frontmatter, managed, rows::shown_message};

/// Why a write did not take place. Nothing has changed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Somebody saved a file, or put one where one was to be made, while the write went on.
    Overtaken,
    /// Another writer has the tree.
    Busy,
    /// The system said no.
    Io(io::Error),
    /// As the port tells it.
    Told(WriteError),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::Told(error)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Told(error.into())
    }
}

impl From<frontmatter::Unsafe> for Failure {
    fn from(frontmatter::Unsafe { message, line }: frontmatter::Unsafe) -> Self {
        Self::Told(WriteError::Unfit { message, line })
    }
}

impl From<managed::Unsafe> for Failure {
    fn from(managed::Unsafe { message, line }: managed::Unsafe) -> Self {
        Self::Told(WriteError::Unfit { message, line })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Io(error) => Self::Io(error),
            Refusal::Missing => Self::Told(WriteError::Missing),
            refusal => Self::Told(WriteError::unfit(refusal.to_string())),
        }
    }
}

impl From<Failure> for WriteError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Told(WriteError::Unfit { message, line }) => {
                WriteError::Unfit { message: shown_message(message), line }
            }
            Failure::Told(error) => error,
            Failure::Busy | Failure::Overtaken => Self::Busy,
            Failure::Io(error) => of_io(error),
        }
    }
}

/// Whether an error comes from what lies on the disk and not from its state, so that trying again
/// does not help.
pub(super) fn is_lasting(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::DirectoryNotEmpty
            | ErrorKind::CrossesDevices
            | ErrorKind::FileTooLarge
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
            | ErrorKind::PermissionDenied
    ) || error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// The error of a record that cannot be completed for now. It is never that the artifact is missing.
pub(super) fn unfinished(record: &str, error: io::Error) -> Failure {
    let why = reason(&error).unwrap_or("the system reports an error of the disk");
    let reason = format!("the write recorded in {record} is to be completed first, but {why}");
    Failure::Told(WriteError::Unwritable { reason, cause: Box::new(error) })
}

/// Why files cannot be written, in words that hold no path; `None` for what needs other words.
fn reason(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the disk quota is used up",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::PermissionDenied => "this user may not write there",
        io::ErrorKind::CrossesDevices => "they lie on another file system than their collection",
        io::ErrorKind::FileTooLarge => "they would be too large",
        _ => return None,
    })
}

/// What the system said, in words that hold no path.
fn of_io(error: io::Error) -> WriteError {
    let reason = match reason(&error) {
        Some(reason) => reason,
        None if error.kind() == io::ErrorKind::NotFound => return WriteError::Missing,
        None if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let message = "a link stands where a directory of its own is needed";
            return WriteError::unfit(message);
        }
        None => return WriteError::Internal(Box::new(error)),
    };
    WriteError::Unwritable { reason: reason.to_owned(), cause: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_completed_for_now_is_named_and_the_artifact_is_not_missing() {
        for (error, why) in [
            (io::Error::from(io::ErrorKind::StorageFull), "the disk is full"),
            (io::Error::from(io::ErrorKind::NotFound), "error of the disk"),
            (Errno::IO.into(), "error of the disk"),
        ] {
            let told = WriteError::from(unfinished(".larder/journal.json", error)).to_string();
            assert!(told.contains(".larder/journal.json") && told.contains(why), "{told}");
        }
    }
}
