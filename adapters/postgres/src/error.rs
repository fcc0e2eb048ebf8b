//! The one place where an error of sqlx becomes one of the port.

use std::error::Error;

use larder::ports::{Cause, RepositoryError};

/// What the modules of this crate answer; the repository turns the error into the port's.
pub(crate) type Result<T> = std::result::Result<T, sqlx::Error>;

/// Something stored that Larder would not have written.
pub(crate) fn undecodable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(cause.into())
}

/// The error as the port tells it. None of sqlx's own text is shown by it: that is in the cause.
pub(crate) fn repository_error(error: sqlx::Error) -> RepositoryError {
    match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default().into_owned();
            of_code(&code, error)
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
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

/// Whether the server, or a proxy before it, has closed the connection: as happens to idle ones.
pub(crate) fn is_closed(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            // Connection exceptions, and shutdowns as well as idle_session_timeout.
            code.starts_with("08") || code.starts_with("57P")
        }
        _ => false,
    }
}

/// Why the database cannot be written, and what to do.
const FULL: &str = "its disk is full: make room there";
pub(crate) const READ_ONLY: &str =
    "it is read-only, as a standby server is: check the database URL";
const FAULTY: &str = "its files cannot be accessed: the server's log has the cause";

/// Codes as in the manual's appendix "PostgreSQL Error Codes"; the first two characters are the
/// class.
fn of_code(code: &str, error: sqlx::Error) -> RepositoryError {
    const DISK_FULL: &str = "53100";
    const READ_ONLY_TRANSACTION: &str = "25006";
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    const QUERY_CANCELED: &str = "57014";
    const UNDEFINED_TABLE: &str = "42P01";
    const UNDEFINED_COLUMN: &str = "42703";
    const UNKNOWN_DATABASE: &str = "3D000";
    const DATA_CORRUPTED: &str = "XX001";
    const INDEX_CORRUPTED: &str = "XX002";
    let cause: Cause = error.into();
    match code {
        DISK_FULL => return RepositoryError::Unwritable { reason: FULL, cause },
        READ_ONLY_TRANSACTION => {
            return RepositoryError::Unwritable { reason: READ_ONLY, cause };
        }
        UNDEFINED_TABLE | UNDEFINED_COLUMN => {
            tracing::error!(error = %cause, "the schema is incomplete");
            let text = "a table or column is missing; stop the servers and run \
                        `larder migrate status`";
            return RepositoryError::Schema(text.to_owned());
        }
        LOCK_NOT_AVAILABLE | QUERY_CANCELED | UNKNOWN_DATABASE => {
            return RepositoryError::Unavailable(cause);
        }
        DATA_CORRUPTED | INDEX_CORRUPTED => return RepositoryError::Corrupt(cause),
        _ => {}
    }
    match code.get(..2) {
        // Connection, authorization, transaction rolled back, resources, operator intervention.
        Some("08" | "28" | "40" | "53" | "57") => RepositoryError::Unavailable(cause),
        // The system below the server: its files.
        Some("58") => RepositoryError::Unwritable { reason: FAULTY, cause },
        _ => RepositoryError::Internal(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: &str) -> RepositoryError {
        of_code(code, sqlx::Error::RowNotFound)
    }

    #[test]
    fn a_code_of_postgres_says_what_can_be_done() {
        for code in ["08006", "28P01", "3D000", "40P01", "53300", "55P03", "57P01", "57014"] {
            assert!(matches!(kind(code), RepositoryError::Unavailable(_)), "{code}");
        }
        for code in ["25006", "53100", "58030"] {
            assert!(matches!(kind(code), RepositoryError::Unwritable { .. }), "{code}");
        }
        for code in ["XX001", "XX002"] {
            assert!(matches!(kind(code), RepositoryError::Corrupt(_)), "{code}");
        }
        for code in ["42601", "23505", "XX000", ""] {
            assert!(matches!(kind(code), RepositoryError::Internal(_)), "{code}");
        }
    }

    #[test]
    fn what_is_told_holds_nothing_of_the_cause() {
        let error = repository_error(sqlx::Error::Protocol("SELECT secret".to_owned()));
        assert!(!error.to_string().contains("secret"));
    }
}
