//! The one place where an error becomes a status.

use larder::{
    app::{Error, chain},
    ports::RepositoryError,
};

use crate::{
    problem::{Kind, Problem},
    reason::in_words,
};

/// Seconds after which a database that did not answer is worth another try.
const DATABASE_RETRY_SECONDS: u64 = 5;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::UnknownCollection(_) | Error::UnknownArtifact { .. } | Error::NoContent(_) => {
                Self::new(Kind::NotFound, sentence(&error))
            }
            Error::Unfilled => Self::new(Kind::Unavailable, sentence(&error)).retry_after(1),
            Error::ForeignCursor => Self::new(Kind::BadCursor, sentence(&error)),
            Error::RelevanceWithoutSearch => Self::invalid("sort", error.to_string()),
            Error::Database(cause) => database(cause),
            Error::Source(cause) => {
                tracing::warn!(error = chain(&**cause), "a source failed");
                Self::new(Kind::Unavailable, sentence(&error)).retry_after(DATABASE_RETRY_SECONDS)
            }
            Error::Interrupted => Self::internal(),
        }
    }
}

fn database(error: &RepositoryError) -> Problem {
    tracing::error!(error = chain(error), "the database failed");
    match error {
        RepositoryError::Unavailable(_)
        | RepositoryError::InUse(_)
        | RepositoryError::Unwritable(_)
        | RepositoryError::Corrupt(_)
        | RepositoryError::Schema(_) => {
            Problem::new(Kind::Unavailable, sentence(error)).retry_after(DATABASE_RETRY_SECONDS)
        }
        RepositoryError::Internal(_) => Problem::internal(),
    }
}

/// An error's text as a sentence.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(chars).chain(['.']).collect()
}

/// What a library refused, as a problem.
pub(crate) fn of_library(error: &poem::Error) -> Problem {
    use poem_openapi::error::{ParseParamError, ParsePathError};
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return Problem::invalid(*name, in_words(reason));
    }
    if let Some(ParsePathError { name, reason }) = error.downcast_ref() {
        return Problem::invalid(*name, in_words(reason));
    }
    let status = error.status();
    if status.is_server_error() {
        tracing::error!(%error, "a request failed");
    }
    Problem::of_status(status, sentence(&error))
}
