//! What every request goes through, and every answer carries.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use poem::{
    Endpoint, Request, Response, Result,
    http::{HeaderValue, Method, header},
    middleware::ReqId,
};
use tracing::Instrument;

use crate::{
    body,
    error::of_library,
    gate::Gate,
    operations::Operations,
    problem::{Kind, Problem},
    state::State,
};

/// The outermost endpoint: checks the request, bounds it in time, turns whatever goes wrong into a
/// problem document, and counts.
pub(crate) struct Envelope<E> {
    pub next: E,
    pub state: Arc<State>,
    pub gate: Gate,
    pub operations: Operations,
    pub timeout: Duration,
}

impl<E: Endpoint<Output = Response>> Endpoint for Envelope<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = request.data::<ReqId>().map(ToString::to_string).unwrap_or_default();
        let span = tracing::info_span!(
            "request", id, method = %request.method(), path = request.uri().path(),
        );
        Ok(self.answer(request, &id).instrument(span).await)
    }
}

impl<E: Endpoint<Output = Response>> Envelope<E> {
    async fn answer(&self, request: Request, id: &str) -> Response {
        let larder = &self.state.larder;
        let started = larder.now();
        // A name from the table, never the path itself: the number of time series is bounded.
        let mut operation = "none";
        let outcome = match self.gate.check(&request) {
            Err(problem) => Err(problem),
            Ok(()) => match self.operations.find(&request) {
                Err(problem) => Err(problem),
                Ok(found) => {
                    operation = &found.id;
                    self.run(request).await
                }
            },
        };
        let mut response = outcome.unwrap_or_else(|problem| problem.render(id));
        finish(response.headers_mut());
        let took = (larder.now() - started).to_std().unwrap_or_default();
        let status = response.status().as_u16();
        tracing::debug!(operation, status, took_us = took.as_micros(), "answered");
        larder.metrics().http_request(operation, status, took);
        response
    }

    async fn run(&self, mut request: Request) -> Result<Response, Problem> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            body::refuse_body(&mut request).await?;
        }
        let work = AssertUnwindSafe(self.next.call(request)).catch_unwind();
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(error))) => Err(of_library(&error)),
            Ok(Err(panic)) => {
                tracing::error!(reason = reason(&*panic), "a request ended by a panic");
                Err(Problem::internal())
            }
            Err(_) => {
                let detail = "The request took too long and is no longer waited for; \
                              a refresh that it began goes on.";
                Err(Problem::new(Kind::Timeout, detail).retry_after(5))
            }
        }
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}

fn finish(headers: &mut poem::http::HeaderMap) {
    // A client may keep an answer, and must ask before it uses it again.
    let no_cache = HeaderValue::from_static("no-cache");
    headers.entry(header::CACHE_CONTROL).or_insert(no_cache);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
}
