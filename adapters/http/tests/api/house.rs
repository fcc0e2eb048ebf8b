//! Larder behind its API, on stand-ins.

use std::{sync::Arc, time::Duration};

use larder::{
    app::{Larder, Policy, Ports},
    domain::{
        collection::Source,
        gauges::Gauges,
        id::SourceName,
        report::{RefreshScope, Summary},
        writing::Operation,
    },
    ports::{
        ArtifactDeployer, CloseReason, Exposition, MetricsSink,
        artifact_deployer::MockArtifactDeployer,
    },
    testing::{FakeClock, MemoryRepository, ScriptedSource, at, source, source_name},
};
use larder_http::{HttpSettings, Tokens};
use poem::{
    endpoint::BoxEndpoint,
    http::Method,
    test::{TestClient, TestResponse},
};
use serde_json::Value;

pub(crate) struct House {
    pub client: TestClient<BoxEndpoint<'static>>,
    pub larder: Arc<Larder>,
    pub files: Arc<ScriptedSource>,
    pub cache: Arc<MemoryRepository>,
    pub clock: Arc<FakeClock>,
    pub work: SourceName,
}

/// Keeps no measurements.
pub(crate) struct NoMetrics;

impl MetricsSink for NoMetrics {
    fn cache_read(&self, _: bool) {}
    fn refreshed(&self, _: RefreshScope, _: &Summary, _: Duration) {}
    fn written(&self, _: Operation, _: bool) {}
    fn http_request(&self, _: &str, _: u16, _: Duration) {}
    fn http_connections(&self, _: usize, _: usize) {}
    fn http_connection_closed(&self, _: CloseReason) {}
    fn exposition(&self, format: Exposition, _: &Gauges) -> String {
        format!("{format:?}")
    }
}

pub(crate) fn settings() -> HttpSettings {
    HttpSettings {
        url: "http://larder.example:7373".into(),
        cors_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        pages_mib: 1,
        request_timeout: Duration::from_secs(30),
        refresh_per_minute: 60,
        refresh_burst: 20,
        tokens: Tokens::new(Vec::new()),
        metrics_need_read: false,
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(&settings())
    }

    pub(crate) fn with(settings: &HttpSettings) -> Self {
        Self::deploying(settings, Arc::new(MockArtifactDeployer::new()))
    }

    /// With these measurements.
    pub(crate) fn measuring(settings: &HttpSettings, metrics: Arc<dyn MetricsSink>) -> Self {
        Self::on(settings, Arc::new(MockArtifactDeployer::new()), metrics)
    }

    /// With that stand-in for what copies artifacts into projects.
    pub(crate) fn deploying(settings: &HttpSettings, deployer: Arc<dyn ArtifactDeployer>) -> Self {
        Self::on(settings, deployer, Arc::new(NoMetrics))
    }

    fn on(
        settings: &HttpSettings,
        deployer: Arc<dyn ArtifactDeployer>,
        metrics: Arc<dyn MetricsSink>,
    ) -> Self {
        let clock = Arc::new(FakeClock::at(at(100)));
        let files = Arc::new(ScriptedSource::new(clock.clone()));
        let cache = Arc::new(MemoryRepository::new());
        files.cover(source("work"));
        let ports = Ports {
            source: files.clone(),
            writer: files.clone(),
            deployer,
            cache: cache.clone(),
            metrics,
            clock: clock.clone(),
        };
        let larder = Larder::new(ports, Policy::default());
        let service = larder_http::service(larder.clone(), settings);
        let client = TestClient::new(service).default_header("host", "localhost:7373");
        Self { client, larder, files, cache, clock, work: source_name("work") }
    }

    /// With these artifacts in the source `work`, and all of them in the cache.
    pub(crate) async fn filled(
        artifacts: impl IntoIterator<Item = larder::domain::artifact::Artifact>,
    ) -> Self {
        let house = Self::new();
        for artifact in artifacts {
            house.files.put(&house.work, artifact);
        }
        house.larder.start().await.unwrap();
        house
    }

    pub(crate) fn cover(&self, name: &str) -> SourceName {
        let source: Source = source(name);
        self.files.cover(source.clone());
        source.name
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(path).send().await).await
    }

    pub(crate) async fn get_with(&self, path: &str, header: (&str, &str)) -> Answer {
        Answer::of(self.client.get(path).header(header.0, header.1).send().await).await
    }

    /// A POST a second later: what was changed before is older than what it reads.
    pub(crate) async fn post(&self, path: &str) -> Answer {
        self.clock.advance(Duration::from_secs(1));
        Answer::of(self.client.post(path).send().await).await
    }

    /// A request with a JSON body, a second later, as [`Self::post`].
    pub(crate) async fn send_json(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: &Value,
    ) -> Answer {
        self.clock.advance(Duration::from_secs(1));
        let mut request = self.client.request(method, path).body_json(body);
        if let Some(if_match) = if_match {
            request = request.header("if-match", if_match);
        }
        Answer::of(request.send().await).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str) -> Answer {
        Answer::of(self.client.request(method, path).send().await).await
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub status: u16,
    headers: poem::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub(crate) async fn of(response: TestResponse) -> Self {
        let response = response.0;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if response.content_type() == Some("text/event-stream") {
            // It has no end.
            return Self { status, headers, text: String::new() };
        }
        let text = response.into_body().into_string().await.unwrap();
        Self { status, headers, text }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The answer as a problem document of that status and type.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:larder:problem:{kind}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"].as_str(), self.header("x-request-id"), "the request's id");
        assert!(problem["detail"].as_str().unwrap().ends_with('.'), "{}", problem["detail"]);
        problem
    }
}
