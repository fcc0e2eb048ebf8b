//! Problems as part of an operation's signature, so that the spec lists what it can answer.

use std::marker::PhantomData;

use poem_openapi::{
    ApiResponse,
    registry::{
        MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
    },
    types::Type,
};

use crate::problem::{MEDIA_TYPE, Problem};

/// A set of statuses.
pub(crate) trait Statuses: Send + Sync + 'static {
    /// Those that only some operations answer, in ascending order.
    const OWN: &'static [u16];
}

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $own:expr;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub(crate) struct $name;
        impl Statuses for $name { const OWN: &'static [u16] = &$own; })*
    };
}

statuses! {
    /// Of an operation that needs nothing but the server.
    Nothing = [];
    /// Of an operation on something that a path names.
    Named = [404];
    /// Of a write that needs no precondition.
    Written = [404, 409, 413, 415, 507];
    /// Of making something that needs no files.
    Made = [409, 413, 415];
    /// Of changing something of that kind which a path names.
    Changed = [404, 409, 413, 415];
    /// Of adding much to something of that kind, which may cause a refresh.
    Filled = [404, 409, 413, 415, 429];
    /// Of a write of an artifact that must be as the caller believes.
    Guarded = [404, 409, 412, 413, 415, 428, 507];
    /// Of a refresh of everything.
    Limited = [413, 415, 429];
    /// Of a refresh of something that a path names.
    LimitedNamed = [404, 413, 415, 429];
}

/// What every operation may answer: a broken request, a foreign page, a field that does not
/// validate, a defect, a database out of reach.
const EVERYWHERE: [u16; 5] = [400, 403, 422, 500, 503];

/// A problem that ends an operation which can answer these statuses.
#[derive(Debug)]
pub(crate) struct Refused<S>(Problem, PhantomData<S>);

impl<S, E: Into<Problem>> From<E> for Refused<S> {
    fn from(problem: E) -> Self {
        Self(problem.into(), PhantomData)
    }
}

impl<S> From<Refused<S>> for poem::Error {
    fn from(refused: Refused<S>) -> Self {
        refused.0.into()
    }
}

impl<S: Statuses> ApiResponse for Refused<S> {
    fn meta() -> MetaResponses {
        let mut statuses: Vec<u16> = EVERYWHERE.iter().chain(S::OWN).copied().collect();
        statuses.sort_unstable();
        MetaResponses { responses: statuses.into_iter().map(response).collect() }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

/// The problem document of that status.
pub(crate) fn response(status: u16) -> MetaResponse {
    let header = match status {
        401 => Some(challenge()),
        429 | 503 => Some(retry_after()),
        _ => None,
    };
    MetaResponse {
        description: describe(status),
        status: Some(status),
        status_range: None,
        content: vec![MetaMediaType { content_type: MEDIA_TYPE, schema: Problem::schema_ref() }],
        headers: header.into_iter().collect(),
    }
}

fn retry_after() -> MetaHeader {
    let description = "Seconds to wait before another try (RFC 9110, section 10.2.3).";
    header("Retry-After", description, "integer")
}

fn challenge() -> MetaHeader {
    header("WWW-Authenticate", "What is wrong with the token (RFC 6750, section 3).", "string")
}

fn header(name: &str, description: &str, schema: &'static str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new(schema))),
    }
}

fn describe(status: u16) -> &'static str {
    match status {
        400 => "The request is malformed, or its cursor belongs to another query.",
        403 => {
            "The Host or Origin of the request, or the place of the project, is not allowed; or the \
             token's scope is too narrow, or the collection somebody else's. The type tells which."
        }
        404 => "There is nothing of that name.",
        409 => {
            "Changed meanwhile, by the body's or query's `expected_revision`; or there already; or \
             both sides of a deployment have changed; or the collection follows its files. The type \
             tells which."
        }
        412 => "Changed meanwhile, by `If-Match`. `current_revision` and `current` tell how it is.",
        428 => "Neither `If-Match` nor `expected_revision` is there.",
        507 => "The disk is full or read-only; nothing was written.",
        413 => "The body is larger than 1 MiB.",
        415 => "The body is not application/json.",
        422 => {
            "A parameter or a body field is unknown or does not validate, or the files cannot be \
                changed safely."
        }
        429 => "Too many refreshes: wait as Retry-After says.",
        500 => "A defect of the server's; its log tells more under the request id.",
        _ => {
            "The database is out of reach, somebody else is writing, or the request took too long."
        }
    }
}
