//! Larder on real adapters, with files of its own.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use larder::{
    app::{Larder, Policy, Ports},
    domain::Timestamp,
    ports::Clock,
};
use larder_filesystem::{FileSystem, FileSystemConfig, PlainDirectory};
use larder_http::{HttpSettings, Tokens};
use larder_prometheus::Prometheus;
pub(crate) use larder_tests::database::Backend;
use larder_tests::{database::Database, stopwatch::Stopwatch};
use poem::{endpoint::BoxEndpoint, http::Method, test::TestClient};
use serde_json::Value;
use tempfile::TempDir;

use crate::answer::Answer;

/// The real time, in whole microseconds: the file system has no other. Its wall clock can be wrong.
struct RealClock {
    started: Stopwatch,
    /// By so many microseconds the wall clock is ahead.
    ahead: AtomicI64,
}

#[async_trait]
impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "it is compared with the times of real files")]
    fn now(&self) -> Timestamp {
        let now = chrono::Utc::now().timestamp_micros() + self.ahead.load(Ordering::SeqCst);
        Timestamp::from_timestamp_micros(now).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A directory of files, served.
pub(crate) struct House {
    pub(crate) files: Arc<TempDir>,
    pub(crate) larder: Arc<Larder>,
    clock: Arc<RealClock>,
    client: TestClient<BoxEndpoint<'static>>,
    pub(crate) database: Database,
}

impl House {
    /// Serves `collections/*` and the plain directory `plain` below `files`, from an empty cache;
    /// projects may lie in `projects`.
    pub(crate) async fn open(files: &Arc<TempDir>, backend: Backend) -> Self {
        Self::on(files, Database::new(backend).await).await
    }

    /// The same on that database.
    pub(crate) async fn on(files: &Arc<TempDir>, database: Database) -> Self {
        Self::ahead(files, database, Duration::ZERO).await
    }

    /// The same with a wall clock that is ahead by so much.
    pub(crate) async fn open_ahead(
        files: &Arc<TempDir>,
        backend: Backend,
        ahead: Duration,
    ) -> Self {
        Self::ahead(files, Database::new(backend).await, ahead).await
    }

    async fn ahead(files: &Arc<TempDir>, database: Database, ahead: Duration) -> Self {
        let cache = database.migrated().await;
        let ahead = AtomicI64::new(i64::try_from(ahead.as_micros()).unwrap());
        let clock = Arc::new(RealClock { started: Stopwatch::start(), ahead });
        let plain = PlainDirectory {
            name: "plain".to_owned(),
            path: files.path().join("plain"),
            kind: None,
        };
        let config = FileSystemConfig {
            collections: vec![files.path().join("collections")],
            directories: vec![plain],
        };
        let files_of = Arc::new(FileSystem::new(config, clock.clone()));
        let projects = files.path().join("projects").to_str().unwrap().to_owned();
        let policy = Policy { deploy_roots: vec![projects], ..Policy::default() };
        let larder = Larder::new(
            Ports {
                source: files_of.clone(),
                writer: files_of.clone(),
                deployer: files_of,
                cache,
                metrics: Arc::new(Prometheus::new("test")),
                clock: clock.clone(),
            },
            policy,
        );
        larder.start().await.unwrap();
        let settings = HttpSettings {
            url: "http://localhost:7373".to_owned(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            pages_mib: 1,
            request_timeout: Duration::from_mins(1),
            refresh_per_minute: 1_000,
            refresh_burst: 1_000,
            tokens: Tokens::new(Vec::new()),
            metrics_need_read: false,
        };
        let service = larder_http::service(Arc::clone(&larder), &settings);
        let client = TestClient::new(service).default_header("host", "localhost");
        Self { files: Arc::clone(files), larder, clock, client, database }
    }

    /// Sets the wall clock right.
    pub(crate) fn set_clock_right(&self) {
        self.clock.ahead.store(0, Ordering::SeqCst);
    }

    /// Leaves nothing behind.
    pub(crate) async fn close(self) {
        let Self { client, larder, database, .. } = self;
        drop((client, larder));
        database.remove().await;
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        write(self.files.path(), path, text);
    }

    /// The JSON of an answer that must be a 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> impl Future<Output = Value> {
        let answer = self.send(Method::GET, path, None, None);
        async move { answer.await.is(200) }
    }

    /// The report of a refresh.
    pub(crate) async fn refresh(&self, collection: &str) -> Value {
        let path = format!("user-collections/{collection}/refresh-cache");
        self.send(Method::POST, &path, None, None).await.is(200)
    }

    /// The answer to a PUT of JSON, with the `ETag` of this revision in `If-Match`, or `*`.
    pub(crate) fn put(
        &self,
        path: &str,
        if_match: Option<&str>,
        body: &Value,
    ) -> impl Future<Output = Answer> {
        self.send(Method::PUT, path, if_match, Some(body))
    }

    /// The answer to a POST of JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> impl Future<Output = Answer> {
        self.send(Method::POST, path, None, Some(body))
    }

    /// The answer to a DELETE of whatever is there.
    pub(crate) fn delete(&self, path: &str) -> impl Future<Output = Answer> {
        self.send(Method::DELETE, path, Some("*"), None)
    }

    /// The answer to any request below `/api/v1`.
    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        if_match: Option<&str>,
        body: Option<&Value>,
    ) -> impl Future<Output = Answer> {
        let mut request = self.client.request(method, format!("/api/v1/{path}"));
        if let Some(revision) = if_match {
            let tag = if revision == "*" { revision.to_owned() } else { format!("\"{revision}\"") };
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.body_json(body);
        }
        async move { Answer::of(request.send().await).await }
    }

    /// The `ETag` of a page.
    pub(crate) async fn etag(&self, path: &str) -> String {
        let response = self.client.get(format!("/api/v1/{path}")).send().await;
        response.0.headers()["etag"].to_str().unwrap().to_owned()
    }
}

/// Writes a file below a directory.
pub(crate) fn write(root: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A skill's text.
pub(crate) fn skill(description: &str) -> String {
    format!("---\nname: a name\ndescription: {description}\ntags: [x, y]\n---\n# Title\n")
}

/// A managed collection of that many skills, `s0` and on.
pub(crate) fn managed(root: &Path, name: &str, skills: usize) {
    let mut manifest = format!(
        "[collection]\nname = \"{name}\"\nversion = \"1.0.0\"\ncreated = \"2026-01-05T10:00:00\"\n\
         updated = \"2026-01-05T10:00:00\"\n"
    );
    for n in 0..skills {
        manifest += &entry(n);
        let path = format!("collections/{name}/skills/s{n}/SKILL.md");
        write(root, &path, skill(&format!("The skill {n}.")));
    }
    write(root, &format!("collections/{name}/collection.toml"), manifest);
}

/// The manifest's entry of a skill.
pub(crate) fn entry(n: usize) -> String {
    format!(
        "\n[[artifacts]]\nname = \"s{n}\"\ntype = \"skill\"\npath = \"skills/s{n}\"\n\
         origin = \"local\"\nadded = \"2026-01-05T10:00:00\"\n"
    )
}
