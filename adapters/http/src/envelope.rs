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
    access::Access,
    body,
    cors::{self, Cors},
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
    pub cors: Cors,
    pub operations: Operations,
    pub access: Access,
    pub timeout: Duration,
}

impl<E: Endpoint<Output = Response>> Endpoint for Envelope<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = request.data::<ReqId>().map(ToString::to_string).unwrap_or_default();
        let span = tracing::info_span!(
            "request", id, method = %request.method(), path = request.uri().path(),
            caller = tracing::field::Empty,
        );
        Ok(self.answer(request, &id).instrument(span).await)
    }
}

impl<E: Endpoint<Output = Response>> Envelope<E> {
    async fn answer(&self, request: Request, id: &str) -> Response {
        let larder = &self.state.larder;
        let started = larder.monotonic();
        // A name from the table, never the path itself: the number of time series is bounded.
        let mut operation = "none";
        let origin = self.cors.listed(&request);
        let outcome = self.pass(request, origin.is_some(), &mut operation).await;
        let mut response = outcome.unwrap_or_else(|problem| problem.render(id));
        finish(response.headers_mut());
        if let Some(origin) = origin {
            cors::allow(response.headers_mut(), origin);
        }
        let took = larder.monotonic().saturating_sub(started);
        let status = response.status().as_u16();
        tracing::debug!(operation, status, took_us = took.as_micros(), "answered");
        larder.metrics().http_request(operation, status, took);
        response
    }

    /// Checks a request and hands it on.
    async fn pass<'a>(
        &'a self,
        mut request: Request,
        cross_origin: bool,
        operation: &mut &'a str,
    ) -> Result<Response, Problem> {
        self.gate.check(&request)?;
        if let Some(preflight) = cors::preflight(&request).filter(|_| cross_origin) {
            return Ok(preflight);
        }
        let asked = self.operations.find(&request)?;
        *operation = &asked.id;
        self.access.admit(&mut request, &asked.id, self.state.larder.now())?;
        let work = AssertUnwindSafe(self.run(request, asked.takes_body)).catch_unwind();
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => {
                tracing::error!(reason = reason(&*panic), "a request ended by a panic");
                Err(Problem::internal())
            }
            Err(_) => {
                let detail = "The request took too long and is no longer waited for; \
                              a refresh or a write that it began goes on.";
                Err(Problem::new(Kind::Timeout, detail).retry_after(5))
            }
        }
    }

    async fn run(&self, mut request: Request, takes_body: bool) -> Result<Response, Problem> {
        if takes_body {
            body::keep_body(&mut request).await?;
        } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
            body::refuse_body(&mut request).await?;
        }
        self.next.call(request).await.map_err(|error| of_library(&error))
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

#[cfg(test)]
mod tests {
    use larder::{
        app::{Larder, Policy, Ports},
        ports::{artifact_deployer::MockArtifactDeployer, metrics_sink::MockMetricsSink},
        testing::{FakeClock, MemoryRepository, ScriptedSource, at},
    };
    use poem::{EndpointExt, endpoint::make, middleware::RequestId, test::TestClient};

    use super::*;
    use crate::{HttpSettings, Tokens};

    fn envelope<E>(next: E, metrics: MockMetricsSink) -> Envelope<E> {
        let clock = Arc::new(FakeClock::at(at(0)));
        let files = Arc::new(ScriptedSource::new(clock.clone()));
        let ports = Ports {
            source: files.clone(),
            writer: files,
            deployer: Arc::new(MockArtifactDeployer::new()),
            cache: Arc::new(MemoryRepository::new()),
            metrics: Arc::new(metrics),
            clock,
        };
        let settings = HttpSettings {
            url: "http://localhost:7373".into(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            pages_mib: 1,
            request_timeout: Duration::from_secs(30),
            refresh_per_minute: 60,
            refresh_burst: 20,
            tokens: Tokens::new(Vec::new()),
            metrics_need_read: false,
        };
        Envelope {
            next,
            state: Arc::new(State::new(Larder::new(ports, Policy::default()), &settings)),
            gate: Gate::new(&settings),
            cors: Cors(Vec::new()),
            operations: Operations::of_spec(&serde_json::Value::Null),
            access: Access::new(&settings),
            timeout: settings.request_timeout,
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_problem_and_counted_under_its_operation() {
        let mut metrics = MockMetricsSink::new();
        let counted =
            |operation: &str, status: &u16, _: &Duration| operation == "getDocs" && *status == 500;
        metrics.expect_http_request().withf(counted).times(1).return_const(());
        let panics = make(|_| async {
            assert!(at(0) > at(1), "a secret of the inside");
            Ok::<_, poem::Error>(Response::default())
        });
        let endpoint = envelope(panics, metrics).with(RequestId::new()).map_to_response();
        let client = TestClient::new(endpoint).default_header("host", "localhost");
        let response = client.get("/docs").send().await;
        response.assert_status(poem::http::StatusCode::INTERNAL_SERVER_ERROR);
        response.assert_content_type(crate::problem::MEDIA_TYPE);
        let text = response.0.into_body().into_string().await.unwrap();
        assert!(text.contains("urn:larder:problem:internal") && !text.contains("secret"), "{text}");
    }
}
