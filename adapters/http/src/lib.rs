//! The HTTP API.

use std::{net::IpAddr, sync::Arc, time::Duration};

use larder::app::Larder;
use poem::{Route, endpoint::BoxEndpoint};

/// How the API behaves at its edge.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The URL under which clients find the server (`server.url`): its host is allowed in `Host`.
    pub url: String,
    /// Origins of other sites whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long a request may take before it is answered 503.
    pub request_timeout: Duration,
    /// Refreshes a caller may ask for in a minute.
    pub refresh_per_minute: u32,
    /// Refreshes a caller may ask for at once.
    pub refresh_burst: u32,
}

/// The whole service as an endpoint.
#[must_use]
pub fn service(_larder: Arc<Larder>, _settings: &HttpSettings) -> BoxEndpoint<'static> {
    use poem::EndpointExt;
    Route::new().boxed()
}

/// The OpenAPI document, as pretty-printed JSON with a final newline.
#[must_use]
pub fn spec() -> String {
    String::new()
}
