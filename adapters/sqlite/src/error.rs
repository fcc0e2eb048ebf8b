//! The one place where an error of sqlx becomes one of the port.

use std::{error::Error, io};

use larder::ports::RepositoryError;
use sqlx::error::DatabaseError;

/// What the modules of this crate answer; the repository turns the error into the port's.
pub(crate) type Result<T> = std::result::Result<T, sqlx::Error>;

/// Something stored that Larder would not have written.
pub(crate) fn undecodable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(cause.into())
}

/// The error as the port tells it. None of sqlx's own text is shown by it: that is in the cause.
pub(crate) fn repository_error(error: sqlx::Error) -> RepositoryError {
    match &error {
        sqlx::Error::Database(database) if database.message().starts_with("no such ") => {
            tracing::error!(%error, "the schema is incomplete");
            RepositoryError::Schema(MISSING.to_owned())
        }
        sqlx::Error::Database(database) => match result_code(database.as_ref()) {
            Some(code) => of_code(code, error),
            None => RepositoryError::Internal(error.into()),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => RepositoryError::Unavailable(error.into()),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            RepositoryError::Corrupt(error.into())
        }
        _ => RepositoryError::Internal(error.into()),
    }
}

/// What SQLite calls "no such table" or "no such column".
const MISSING: &str =
    "a table or column is missing; stop the server and run `larder migrate status`";

/// Why the database cannot be written, and what to do.
const FULL: &str = "its disk is full: make room there";
const READ_ONLY: &str = "its file may not be written: check its permissions and its disk";
const FAULTY: &str = "its disk reports errors: the log has the cause";
pub(crate) const REPLACED: &str = "its file was deleted or replaced: put it back, or stop the server \
                                   and start it again with a new cache";

/// An error of the file system around the database.
pub(crate) fn io_error(error: io::Error) -> RepositoryError {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            RepositoryError::Unwritable { reason: READ_ONLY, cause: error.into() }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            RepositoryError::Unwritable { reason: FULL, cause: error.into() }
        }
        _ => RepositoryError::Unavailable(error.into()),
    }
}

fn result_code(error: &dyn DatabaseError) -> Option<u32> {
    error.code()?.parse().ok()
}

/// Codes as in <https://www.sqlite.org/rescode.html>: the low byte is the kind, the rest says more.
fn of_code(code: u32, error: sqlx::Error) -> RepositoryError {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const IOERR_READ: u32 = 266;
    const IOERR_SHORT_READ: u32 = 522;
    const CORRUPT: u32 = 11;
    const DISK_FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    const NOTADB: u32 = 26;
    let cause = error.into();
    if matches!(code, IOERR_READ | IOERR_SHORT_READ) {
        return RepositoryError::Unavailable(cause);
    }
    match code & 0xff {
        BUSY | LOCKED | CANTOPEN => RepositoryError::Unavailable(cause),
        DISK_FULL => RepositoryError::Unwritable { reason: FULL, cause },
        READONLY => RepositoryError::Unwritable { reason: READ_ONLY, cause },
        IOERR => RepositoryError::Unwritable { reason: FAULTY, cause },
        CORRUPT | NOTADB => RepositoryError::Corrupt(cause),
        _ => RepositoryError::Internal(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u32) -> RepositoryError {
        of_code(code, sqlx::Error::RowNotFound)
    }

    #[test]
    fn a_code_of_sqlite_says_what_can_be_done() {
        for code in [5, 6, 14, 261, 266, 517] {
            assert!(matches!(kind(code), RepositoryError::Unavailable(_)), "{code}");
        }
        for code in [8, 10, 13, 778, 1032] {
            assert!(matches!(kind(code), RepositoryError::Unwritable { .. }), "{code}");
        }
        for code in [11, 26, 267] {
            assert!(matches!(kind(code), RepositoryError::Corrupt(_)), "{code}");
        }
        for code in [1, 19, 2067] {
            assert!(matches!(kind(code), RepositoryError::Internal(_)), "{code}");
        }
    }

    #[test]
    fn what_is_told_holds_nothing_of_the_cause() {
        let error = repository_error(sqlx::Error::Protocol("SELECT secret".to_owned()));
        assert!(!error.to_string().contains("secret"));
    }
}
