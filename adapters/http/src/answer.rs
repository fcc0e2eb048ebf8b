//! Answers as JSON, serialised once by serde.
//!
//! poem-openapi's own payload builds a `serde_json::Value` first, which costs four times as much on
//! a page of 50 artifacts. The schema is still the type's own; a test compares the two.

use std::marker::PhantomData;

use bytes::Bytes;
use larder::ports::Exposition;
use poem::{IntoResponse, Response, http::StatusCode};
use poem_openapi::{
    ApiResponse,
    registry::{
        MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
    },
    types::Type,
};
use serde::Serialize;

use crate::problem::Problem;

const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";

/// A value as JSON.
#[derive(Debug)]
pub(crate) struct Json<T> {
    bytes: Bytes,
    etag: Option<String>,
    value: PhantomData<T>,
}

impl<T> Json<T> {
    /// The answer whose bytes are there already.
    pub(crate) fn of_bytes(bytes: Bytes) -> Self {
        Self { bytes, etag: None, value: PhantomData }
    }

    /// With the validator that serves preconditions or conditional reads.
    pub(crate) fn with_etag(self, validator: Option<&str>) -> Self {
        Self { etag: validator.map(|it| format!("\"{it}\"")), ..self }
    }

    /// The bytes, to be kept.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl<T: Serialize> Json<T> {
    /// The answer that holds this value.
    pub(crate) fn new(value: &T) -> Result<Self, Problem> {
        let bytes = serde_json::to_vec(value).map_err(|error| {
            tracing::error!(%error, "an answer could not be serialised");
            Problem::internal()
        })?;
        Ok(Self { bytes: bytes.into(), etag: None, value: PhantomData })
    }
}

impl<T: Send> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut response = Response::builder().content_type(JSON);
        if let Some(etag) = self.etag {
            response = response.header("etag", etag);
        }
        response.body(self.bytes)
    }
}

fn ok<T: Type>(headers: Vec<MetaHeader>) -> MetaResponse {
    MetaResponse {
        description: "As asked.",
        status: Some(200),
        status_range: None,
        content: vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }],
        headers,
    }
}

fn etag(description: &str) -> MetaHeader {
    MetaHeader {
        name: "ETag".to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    }
}

impl<T: Type> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![ok::<T>(Vec::new())] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A value whose `ETag` is the artifact's revision, for preconditions.
#[derive(Debug)]
pub(crate) struct Revised<T>(Json<T>);

impl<T: Serialize> Revised<T> {
    /// The answer that holds this value at that revision.
    pub(crate) fn new(value: &T, revision: &str) -> Result<Self, Problem> {
        Ok(Self(Json::new(value)?.with_etag(Some(revision))))
    }
}

impl<T: Send> IntoResponse for Revised<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Revised<T> {
    fn meta() -> MetaResponses {
        let header = etag("The artifact's revision, to be named in If-Match when it is edited.");
        MetaResponses { responses: vec![ok::<T>(vec![header])] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// The answer that shows what was made, under an address of its own.
#[derive(Debug)]
pub(crate) struct Created<A> {
    answer: A,
    location: String,
}

impl<A> Created<A> {
    /// That answer, and where what it shows is to be found.
    pub(crate) fn new(answer: A, location: String) -> Self {
        Self { answer, location }
    }
}

impl<A: IntoResponse> IntoResponse for Created<A> {
    fn into_response(self) -> Response {
        let response = self.answer.into_response();
        response
            .with_header("location", self.location)
            .with_status(StatusCode::CREATED)
            .into_response()
    }
}

impl<A: ApiResponse> ApiResponse for Created<A> {
    fn meta() -> MetaResponses {
        let mut meta = A::meta();
        for response in &mut meta.responses {
            response.description = "It was made.";
            response.status = Some(201);
            let location = MetaHeader {
                name: "Location".to_owned(),
                ..etag("Where it is to be found from now on.")
            };
            response.headers.insert(0, location);
        }
        meta
    }

    fn register(registry: &mut Registry) {
        A::register(registry);
    }
}

/// That it was done: there is nothing to show.
#[derive(Debug)]
pub(crate) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl ApiResponse for Done {
    fn meta() -> MetaResponses {
        let done = MetaResponse {
            description: "It was done.",
            status: Some(204),
            status_range: None,
            content: Vec::new(),
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![done] }
    }

    fn register(_: &mut Registry) {}
}

/// A value, or word that the client has it already.
#[derive(Debug)]
pub(crate) enum Cached<T> {
    /// The value.
    Fresh(Json<T>),
    /// The validator that still holds.
    Unchanged(String),
}

impl<T: Serialize> Cached<T> {
    /// A value whose own bytes are its validator.
    pub(crate) fn by_content(value: &T, held: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        let json = Json::new(value)?;
        let validator = larder::domain::revision::Revision::of(&[&json.bytes]);
        let validator = &validator.as_str()[..32];
        if held(validator) {
            return Ok(Self::Unchanged(validator.to_owned()));
        }
        Ok(Self::Fresh(json.with_etag(Some(validator))))
    }
}

impl<T: Send> IntoResponse for Cached<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Fresh(json) => json.into_response(),
            Self::Unchanged(validator) => Response::builder()
                .status(StatusCode::NOT_MODIFIED)
                .header("etag", format!("\"{validator}\""))
                .finish(),
        }
    }
}

impl<T: Type> ApiResponse for Cached<T> {
    fn meta() -> MetaResponses {
        let header = || etag("Names this state of the answer, to be sent as If-None-Match.");
        let unchanged = MetaResponse {
            description: "The answer that If-None-Match names is still right.",
            status: Some(304),
            status_range: None,
            content: Vec::new(),
            headers: vec![header()],
        };
        MetaResponses { responses: vec![ok::<T>(vec![header()]), unchanged] }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// A text of some media type.
#[derive(Debug)]
pub(crate) struct Text {
    text: String,
    media_type: &'static str,
}

impl Text {
    /// A file.
    pub(crate) fn plain(text: String) -> Self {
        Self { text, media_type: PLAIN }
    }

    /// Measurements.
    pub(crate) fn metrics(text: String, format: Exposition) -> Self {
        let media_type = match format {
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Exposition::Classic => "text/plain; version=0.0.4; charset=utf-8",
        };
        Self { text, media_type }
    }
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        Response::builder().content_type(self.media_type).body(self.text)
    }
}

impl ApiResponse for Text {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The text.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType { content_type: PLAIN, schema }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(_: &mut Registry) {}
}
