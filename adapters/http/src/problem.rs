//! Problem details (RFC 9457): the one form in which anything is refused.

use std::fmt;

use larder::domain::{caller::Scope, edit::InvalidField};
use poem::{IntoResponse, Response, http::StatusCode};
use poem_openapi::{Object, types::Any};
use serde::Serialize;
use serde_json::Value;

use crate::{
    access::Challenge,
    dto::{EXAMPLE_REVISION, Nullable},
};

/// The media type of problem details (RFC 9457, section 6.1).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct FieldError {
    /// The query parameter, path parameter, header or body field.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A field that was to be changed and is another by now.
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
pub(crate) struct Conflict {
    /// Which field.
    pub field: String,
    /// What it was to become; null to be removed.
    pub yours: Any<Value>,
    /// What it is now; null where there is none.
    pub current: Any<Value>,
}

/// The metadata of an artifact that can be edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
pub(crate) struct Current {
    /// What it is for.
    pub description: Nullable<String>,
    /// Who wrote it.
    pub author: Nullable<String>,
    /// Its licence.
    pub license: Nullable<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The author's version.
    pub version: Nullable<String>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Object)]
#[oai(rename = "Problem", example)]
pub(crate) struct Problem {
    /// A stable name of the kind of problem, `urn:larder:problem:…`.
    #[serde(rename = "type")]
    #[oai(rename = "type")]
    pub urn: String,
    /// The kind of problem in words, the same for every occurrence.
    pub title: String,
    /// The status code of the answer.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The request id, under which the server's log tells more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub instance: Option<String>,
    /// What is wrong by field, when the request did not validate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub errors: Option<Vec<FieldError>>,
    /// The revision that the artifact has now, when a precondition names another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub current_revision: Option<String>,
    /// Where the changes that were asked for differ from what the artifact says now, by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub conflicts: Option<Vec<Conflict>>,
    /// The metadata that can be edited, as they are now, when a precondition fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub current: Option<Box<Current>>,
    /// The files, relative to the project, that both sides have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub paths: Option<Vec<String>>,
    /// How many seconds to wait before another try.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip_serializing_if_is_none)]
    pub retry_after_seconds: Option<u64>,
    /// The methods of this path, for the `Allow` header.
    #[serde(skip)]
    #[oai(skip)]
    pub allow: Option<String>,
    /// How to authenticate, for the `WWW-Authenticate` header.
    #[serde(skip)]
    #[oai(skip)]
    pub challenge: Option<Challenge>,
}

/// The kinds of problem: the last part of the type, and the title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    BadCursor,
    /// No token, or none that is valid.
    Unauthorized,
    Forbidden,
    /// The token does not allow it.
    InsufficientScope,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    /// A body names another revision than the artifact has.
    Conflict,
    /// A header does.
    PreconditionFailed,
    /// Neither header nor body names a revision.
    PreconditionRequired,
    /// Something is there already.
    Exists,
    /// The collection holds what the files say, not what a person does.
    FollowsFiles,
    /// Both sides of a deployment have changed the same files.
    Diverged,
    /// The files cannot be changed without harm.
    CannotBeWritten,
    TooManyRequests,
    Internal,
    Unavailable,
    /// Another program writes there.
    Busy,
    Timeout,
    /// The disk is full or read-only.
    Unwritable,
}

impl Kind {
    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "Bad request"),
            Self::BadCursor => (StatusCode::BAD_REQUEST, "bad-cursor", "Bad cursor"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized"),
            Self::InsufficientScope => {
                (StatusCode::FORBIDDEN, "insufficient-scope", "Insufficient scope")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
            ),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid request"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "Changed meanwhile"),
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "precondition-failed", "Changed meanwhile")
            }
            Self::PreconditionRequired => (
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "Precondition required",
            ),
            Self::Exists => (StatusCode::CONFLICT, "exists", "There already"),
            Self::FollowsFiles => (StatusCode::CONFLICT, "follows-files", "Follows its files"),
            Self::Diverged => (StatusCode::CONFLICT, "diverged", "Both sides have changed"),
            Self::CannotBeWritten => {
                (StatusCode::UNPROCESSABLE_ENTITY, "cannot-be-written", "Cannot be written safely")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Somebody else is writing"),
            Self::Unwritable => {
                (StatusCode::INSUFFICIENT_STORAGE, "unwritable", "The files cannot be written")
            }
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal server error")
            }
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Service unavailable")
            }
            Self::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout", "Request timed out"),
        }
    }
}

impl Problem {
    /// A problem of that kind, with a sentence for the person who reads it.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.describe();
        Self {
            urn: format!("urn:larder:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            instance: None,
            errors: None,
            current_revision: None,
            conflicts: None,
            current: None,
            paths: None,
            retry_after_seconds: None,
            allow: None,
            challenge: None,
        }
    }

    /// A request of which one field does not validate.
    pub(crate) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        let detail = format!("{}: {}.", error.field, error.message);
        Self { errors: Some(vec![error]), ..Self::new(Kind::Invalid, detail) }
    }

    /// A request of which these fields do not validate.
    pub(crate) fn all_invalid(refused: Vec<InvalidField>) -> Self {
        let errors: Vec<FieldError> = refused
            .into_iter()
            .map(|InvalidField { field, message }| FieldError { field, message })
            .collect();
        let told: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        let detail = format!("{}.", told.join("; "));
        Self { errors: Some(errors), ..Self::new(Kind::Invalid, detail) }
    }

    /// A defect of the server's, of which a client learns no more than where the log tells of it.
    pub(crate) fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "Something went wrong in the server. Its log tells more under this request id.",
        )
    }

    /// The same, to be tried again after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// The document that stands for an error response of a library.
    pub(crate) fn of_status(status: StatusCode, detail: String) -> Self {
        let kind = match status {
            StatusCode::FORBIDDEN => Kind::Forbidden,
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
            status if status.is_client_error() => Kind::BadRequest,
            _ => return Self::internal(),
        };
        Self::new(kind, detail)
    }

    /// The status code.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer, for the request of that id.
    pub(crate) fn render(mut self, request_id: &str) -> Response {
        self.instance = Some(request_id.to_owned());
        let mut response = Response::builder().status(self.status()).content_type(MEDIA_TYPE);
        if let Some(seconds) = self.retry_after_seconds {
            response = response.header("retry-after", seconds);
        }
        if let Some(allow) = &self.allow {
            response = response.header("allow", allow);
        }
        if let Some(challenge) = &self.challenge {
            response = response.header("www-authenticate", challenge.to_string());
        }
        response.body(serde_json::to_vec(&self).unwrap_or_default())
    }
}

impl poem_openapi::types::Example for Problem {
    fn example() -> Self {
        Self::example_of(404, false)
    }
}

impl Problem {
    /// An example of that status, from an operation that a precondition guards or another one.
    pub(crate) fn example_of(status: u16, is_guarded: bool) -> Self {
        let mut problem = match status {
            400 => Self::new(
                Kind::BadRequest,
                "The body is not valid JSON: expected value at line 1 column 1.",
            ),
            401 => Challenge::Missing.into(),
            403 => Challenge::TooNarrow(Scope::Write).into(),
            409 if is_guarded => Self::changed_meanwhile(Kind::Conflict),
            409 => Self::new(Kind::Exists, "There is a collection of that name already."),
            412 => Self::changed_meanwhile(Kind::PreconditionFailed),
            413 => Self::new(Kind::TooLarge, "A body may have 1 MiB at most."),
            415 => Self::new(Kind::UnsupportedMediaType, "Send the body as application/json."),
            422 => Self::invalid("limit", "it must be 1 to 200"),
            428 => Self::new(
                Kind::PreconditionRequired,
                "Say which revision you have seen: send If-Match or expected_revision.",
            ),
            429 => Self::new(Kind::TooManyRequests, "Too many refreshes: try again in 3 seconds.")
                .retry_after(3),
            500 => Self::internal(),
            503 => Self::new(Kind::Unavailable, "The database does not answer.").retry_after(5),
            507 => Self::new(Kind::Unwritable, "The disk is full: nothing was written."),
            _ => Self::new(Kind::NotFound, "There is no artifact skill:pfd in collection default."),
        };
        problem.instance = Some("01f2c3d4-5e6f-4708-9a1b-2c3d4e5f6071".to_owned());
        problem
    }

    fn changed_meanwhile(kind: Kind) -> Self {
        let text = |text: &str| Nullable(Some(text.to_owned()));
        let current = Current {
            description: text("Fill, merge and split PDF files."),
            author: text("Ada"),
            license: Nullable(None),
            tags: vec!["documents".to_owned()],
            version: text("2.1.0"),
        };
        let conflict = Conflict {
            field: "description".to_owned(),
            yours: Any("Everything about PDF.".into()),
            current: Any("Fill, merge and split PDF files.".into()),
        };
        Self {
            current_revision: Some(EXAMPLE_REVISION.to_owned()),
            conflicts: Some(vec![conflict]),
            current: Some(Box::new(current)),
            ..Self::new(kind, "The artifact was changed meanwhile: look at it as it is now.")
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

impl poem::error::ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status()
    }
}

/// Carries the problem to the envelope, which alone knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.status()).finish();
        response.extensions_mut().insert(self);
        response
    }
}
