//! Why a write did not take place.

use std::io;

use larder::ports::{SourceError, WriteError};
use rustix::io::Errno;

use crate::{files::Refusal, frontmatter, managed};

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
            Failure::Told(error) => error,
            Failure::Busy | Failure::Overtaken => Self::Busy,
            Failure::Io(error) => of_io(error),
        }
    }
}

/// What the system said, in words that hold no path.
fn of_io(error: io::Error) -> WriteError {
    let reason = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full",
        io::ErrorKind::QuotaExceeded => "the disk quota is used up",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::PermissionDenied => "this user may not write there",
        io::ErrorKind::CrossesDevices => "they lie on another file system than their collection",
        io::ErrorKind::FileTooLarge => "they would be too large",
        io::ErrorKind::NotFound => return WriteError::Missing,
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let message = "a link stands where a directory of its own is needed";
            return WriteError::unfit(message);
        }
        _ => return WriteError::Internal(Box::new(error)),
    };
    WriteError::Unwritable { reason: reason.to_owned(), cause: Box::new(error) }
}
