//! Limits on request bodies.

use poem::{Body, Request, http::header};
use serde_json::Value;

use crate::problem::{Kind, Problem};

/// Largest body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Reads the body of a request whose operation takes none, within the limit. An empty body and an
/// empty JSON object pass: some clients send one with every POST.
pub(crate) async fn refuse_body(request: &mut Request) -> Result<(), Problem> {
    let bytes = read(request).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    let content_type = request.content_type().unwrap_or_default().to_ascii_lowercase();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        let detail = "Send a body as application/json, or none at all.";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    match serde_json::from_slice::<Value>(&bytes) {
        Err(error) => {
            let detail = format!("The body is not valid JSON: {error}.");
            Err(Problem::new(Kind::BadRequest, detail))
        }
        Ok(Value::Object(fields)) => match fields.keys().next() {
            None => Ok(()),
            Some(field) => Err(Problem::invalid(
                field,
                "this operation takes no body; its options are query parameters",
            )),
        },
        Ok(_) => Err(Problem::invalid("body", "this operation takes no body")),
    }
}

async fn read(request: &mut Request) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, "A body may have 1 MiB at most.");
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let body: Body = request.take_body();
    match body.into_bytes_limit(MAX_BODY).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(poem::error::ReadBodyError::PayloadTooLarge) => Err(too_large()),
        Err(error) => {
            Err(Problem::new(Kind::BadRequest, format!("The body cannot be read: {error}.")))
        }
    }
}
