//! The HTTP API: poem and poem-openapi around the use cases.
//!
//! A request goes through the `envelope` (request id, Host and Origin, the table of routes, access,
//! limits, time, problem documents, metrics) to an operation in `api`, which parses it into the
//! domain's types, calls one use case, and shows the result as a type of `dto`.

mod access;
mod answer;
mod answers;
mod api;
mod body;
mod conditional;
mod connection;
mod cors;
mod cursor;
mod docs;
mod dto;
mod envelope;
mod error;
mod gate;
mod merged;
mod operations;
mod problem;
mod reason;
mod refused;
mod secured;
mod server;
mod spec;
mod state;
mod token;

use std::{future::Future, io, net::IpAddr, sync::Arc, time::Duration};

use larder::app::Larder;
use poem::{
    EndpointExt, IntoEndpoint, Route,
    endpoint::{BoxEndpoint, make_sync},
    middleware::RequestId,
    web::Redirect,
};
use poem_openapi::{LicenseObject, OpenApiService};
use tokio::net::TcpListener;

use self::{
    access::Access,
    api::{
        access::AccessApi, artifacts::ArtifactsApi, collections::CollectionsApi,
        curated::CuratedApi, editing::EditingApi, events::EventsApi, projects::ProjectsApi,
        service::ServiceApi,
    },
    cors::Cors,
    envelope::Envelope,
    gate::Gate,
    merged::Merged,
    operations::Operations,
    secured::Secured,
    state::State,
};
pub use self::{
    connection::Timeouts,
    server::Limits,
    token::{NoHash, TokenHash, TokenRule, Tokens},
};

/// How the API behaves at its edge.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The URL under which clients find the server (`server.url`): its host is allowed in `Host`.
    pub url: String,
    /// Origins of other sites whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Memory for pages and facets that were sent before, in MiB; 0: none.
    pub pages_mib: u32,
    /// How long a request may take before it is answered 503.
    pub request_timeout: Duration,
    /// Refreshes a caller may ask for in a minute; at least 1.
    pub refresh_per_minute: u32,
    /// Refreshes a caller may ask for at once; at least 1.
    pub refresh_burst: u32,
    /// Who may do what; empty: everybody everything, for a server that nobody else reaches.
    pub tokens: Tokens,
    /// Whether metrics are for readers alone, and not for everybody.
    pub metrics_need_read: bool,
}

/// All operations, a type for each file of `api`.
type Api = (
    ServiceApi,
    AccessApi,
    EventsApi,
    CollectionsApi,
    CuratedApi,
    ArtifactsApi,
    EditingApi,
    ProjectsApi,
);

fn api() -> OpenApiService<Secured<Merged<Api>>, ()> {
    OpenApiService::new(Secured(Merged(Api::default())), "Larder", env!("CARGO_PKG_VERSION"))
        .description(
            "A metadata cache of the artifacts that people keep as files for coding agents: \
             skills, agents, commands, hooks, MCP servers, plugins. The files are the truth; this \
             API answers from the cache, refreshes it, and writes to the files.\n\n\
             **A whole edit.** `GET /api/v1/artifacts/{artifact_id}` answers with an `ETag`, the \
             artifact's revision. Send it back as `If-Match` (or as `expected_revision` in the \
             body) with `PUT /api/v1/artifacts/{artifact_id}/metadata`. If somebody has changed \
             the artifact since, in whatever way, nothing is written: the answer is 412 (409 for \
             the body's form) with `current_revision`, the current values, and by field what is \
             yours and what is there. Decide, and send it again with that revision.\n\n\
             **Errors** are problem documents (RFC 9457). Only what is no HTTP request that can be \
             read is answered before that: malformed ones with 400, a URI of more than 64 KiB with \
             414, too large a header with 431, each without a body.",
        )
        .license(LicenseObject::new("MIT"))
}

/// The whole service as an endpoint, without a listener.
#[must_use]
pub fn service(larder: Arc<Larder>, settings: &HttpSettings) -> BoxEndpoint<'static> {
    let state = Arc::new(State::new(larder, settings));
    let api = api();
    let spec = spec();
    let operations = Operations::of_spec(&serde_json::from_str(&spec).unwrap_or_default());
    let docs = docs::endpoint(&api.swagger_ui_html().replace(&api.spec(), &spec));
    let api = Arc::new(api.into_endpoint());
    let spec = make_sync(move |_| {
        poem::Response::builder().content_type("application/json").body(spec.clone())
    });
    let routes = Route::new()
        .at("/", make_sync(|_| Redirect::see_other("/docs")))
        .at("/docs", docs)
        .at("/openapi.json", spec)
        .nest_no_strip("/api", Arc::clone(&api))
        .at("/healthz", Arc::clone(&api))
        .at("/readyz", Arc::clone(&api))
        .at("/metrics", api)
        .data(Arc::clone(&state))
        .map_to_response();
    let envelope = Envelope {
        next: routes,
        state,
        gate: Gate::new(settings),
        cors: Cors(settings.cors_origins.clone()),
        operations,
        access: Access::new(settings),
        timeout: settings.request_timeout,
    };
    envelope.with(RequestId::new()).boxed()
}

/// Serves HTTP/1.1 until `shutdown` ends; then stops accepting, and lets requests end for 6 s.
pub async fn serve(
    listener: std::net::TcpListener,
    larder: Arc<Larder>,
    settings: &HttpSettings,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let endpoint = service(Arc::clone(&larder), settings);
    server::run(listener, endpoint, larder.metrics(), limits, shutdown).await;
    Ok(())
}

/// The OpenAPI document, as JSON with a final newline.
#[must_use]
pub fn spec() -> String {
    spec::finish(&api().spec())
}
