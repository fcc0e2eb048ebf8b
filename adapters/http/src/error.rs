//! The one place where an error becomes a status.

use larder::{
    app::{Error, chain},
    domain::{
        artifact::{Artifact, Health, Metadata},
        edit::{Change, Field, MetadataEdit},
        writing::Form,
    },
    ports::{RepositoryError, SourceError, WriteError},
};
use poem_openapi::types::Any;
use serde_json::Value;

use crate::{
    dto::Nullable,
    problem::{Conflict, Current, Kind, Problem},
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
            Error::NotYours(_) => Self::new(Kind::Forbidden, sentence(&error)),
            Error::Unfilled | Error::Ending => {
                Self::new(Kind::Unavailable, sentence(&error)).retry_after(1)
            }
            Error::ForeignCursor => Self::new(Kind::BadCursor, sentence(&error)),
            Error::RelevanceWithoutSearch => Self::invalid("sort", error.to_string()),
            Error::NameTaken(_) => Self::new(Kind::Exists, sentence(&error)),
            Error::FollowsFiles(_) => Self::new(Kind::FollowsFiles, sentence(&error)),
            Error::Database(cause) => database(cause),
            Error::Source(cause) => {
                tracing::warn!(error = chain(&**cause), "a source failed");
                Self::new(Kind::Unavailable, sentence(&error)).retry_after(DATABASE_RETRY_SECONDS)
            }
            Error::UnknownTrash(_) => Self::new(Kind::NotFound, sentence(&error)),
            Error::NoPlace(_) => Self::invalid("collection", error.to_string()),
            Error::Write(cause) => write(cause),
            Error::Interrupted => Self::internal(),
        }
    }
}

fn write(error: &WriteError) -> Problem {
    let message = sentence(error);
    match error {
        WriteError::Missing => Problem::new(Kind::NotFound, message),
        WriteError::Conflict { form, current } => conflict(*form, current),
        WriteError::Exists(_) => Problem::new(Kind::Exists, message),
        WriteError::Invalid(fields) => Problem::all_invalid(fields.clone()),
        WriteError::Diverged(paths) => {
            Problem { paths: Some(paths.clone()), ..Problem::new(Kind::Diverged, message) }
        }
        WriteError::Unfit { line: Some(line), message } => {
            Problem::new(Kind::CannotBeWritten, sentence(&format!("{message} (line {line})")))
        }
        WriteError::Unfit { line: None, .. } => Problem::new(Kind::CannotBeWritten, message),
        WriteError::Forbidden(_) => Problem::new(Kind::Forbidden, message),
        WriteError::Busy => Problem::new(Kind::Busy, message).retry_after(BUSY_RETRY_SECONDS),
        WriteError::Unwritable { .. } => {
            tracing::error!(error = chain(error), "files could not be written");
            Problem::new(Kind::Unwritable, message)
        }
        WriteError::Unread(_) => {
            tracing::warn!(error = chain(error), "what was written is gone again");
            Problem::new(Kind::Unavailable, message).retry_after(BUSY_RETRY_SECONDS)
        }
        WriteError::Source(SourceError::Manifest { line, .. }) => {
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            let detail = format!("{error}{line}: mend it first");
            Problem::new(Kind::CannotBeWritten, sentence(&detail))
        }
        WriteError::Source(_) => {
            tracing::warn!(error = chain(error), "a source failed");
            Problem::new(Kind::Unavailable, message).retry_after(DATABASE_RETRY_SECONDS)
        }
        WriteError::Internal(_) => {
            tracing::error!(error = chain(error), "a write failed");
            Problem::internal()
        }
    }
}

fn conflict(form: Form, current: &Artifact) -> Problem {
    let kind = match form {
        Form::Header => Kind::PreconditionFailed,
        Form::Request => Kind::Conflict,
    };
    let id = &current.id;
    let detail = match (&current.health, &current.problem) {
        (Health::Broken, Some(problem)) => format!(
            "{id} was changed meanwhile, and cannot be read now ({}): mend its files first.",
            problem.message
        ),
        _ => format!(
            "{id} was changed meanwhile: look at it as it is now, and send what you still want to \
             change with its current_revision."
        ),
    };
    let Metadata { description, author, license, version, tags, .. } = current.metadata.clone();
    Problem {
        current_revision: Some(current.revision.to_string()),
        current: Some(Box::new(Current {
            description: description.into(),
            author: author.into(),
            license: license.into(),
            tags,
            version: version.into(),
        })),
        ..Problem::new(kind, detail)
    }
}

impl Problem {
    /// A lost race, with what the caller wanted beside what is there, so that a person can decide.
    pub(crate) fn beside(mut self, edit: &MetadataEdit) -> Self {
        let Some(current) = &self.current else { return self };
        let text = |text: &Nullable<String>| text.0.clone().map_or(Value::Null, Value::String);
        let mut conflicts = Vec::new();
        for (field, change) in edit.changes() {
            let current = match field {
                Field::Description => text(&current.description),
                Field::Author => text(&current.author),
                Field::License => text(&current.license),
                Field::Version => text(&current.version),
                Field::Tags => Value::from(current.tags.clone()),
            };
            let yours = match change {
                Change::Clear => Value::Null,
                Change::Text(text) => Value::from(text.clone()),
                Change::List(items) => Value::from(items.clone()),
            };
            if yours != current {
                let field = field.as_str().to_owned();
                conflicts.push(Conflict { field, yours: Any(yours), current: Any(current) });
            }
        }
        self.conflicts = Some(conflicts);
        self
    }
}

fn database(error: &RepositoryError) -> Problem {
    tracing::error!(error = chain(error), "the database failed");
    match error {
        RepositoryError::Unavailable(_)
        | RepositoryError::InUse(_)
        | RepositoryError::Unwritable { .. }
        | RepositoryError::Corrupt(_)
        | RepositoryError::Schema(_) => {
            Problem::new(Kind::Unavailable, sentence(error)).retry_after(DATABASE_RETRY_SECONDS)
        }
        RepositoryError::Internal(_) => Problem::internal(),
    }
}

/// Seconds after which another writer is likely to be done.
const BUSY_RETRY_SECONDS: u64 = 1;

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
