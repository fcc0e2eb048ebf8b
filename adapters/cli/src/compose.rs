//! The one place that knows every adapter.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use larder::{
    app::{Larder, Ports},
    ports::{CacheRepository, Clock, SchemaMigrations},
};
use larder_filesystem::FileSystem;
use larder_http::{HttpSettings, Tokens};
use larder_prometheus::Prometheus;

use crate::{
    clock::SystemClock,
    failure::Failure,
    settings::{DatabaseUrl, Settings},
};

/// How long the connections in use are waited for when the database is closed.
const CLOSING: Duration = Duration::from_secs(1);

/// An open database.
pub(crate) struct Database {
    /// What the use cases see of it.
    pub(crate) cache: Arc<dyn CacheRepository>,
    /// Its schema.
    pub(crate) schema: Arc<dyn SchemaMigrations>,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Database {
    /// Opens the database of the settings; its schema stays as it is.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, Failure> {
        let connections = settings.max_connections;
        let opened = match &settings.database {
            DatabaseUrl::Sqlite(url) => larder_sqlite::connect(url, connections).await.map(|it| {
                let it = Arc::new(it);
                Self::new(Arc::clone(&it), async move { it.close().await })
            }),
            DatabaseUrl::Postgres(url) => {
                larder_postgres::connect(url, connections).await.map(|it| {
                    let it = Arc::new(it);
                    Self::new(Arc::clone(&it), async move { it.close().await })
                })
            }
        };
        opened.map_err(|error| {
            Failure::new(&format!("{} cannot be opened", settings.database), &error)
        })
    }

    fn new<R>(repository: Arc<R>, closing: impl Future<Output = ()> + Send + 'static) -> Self
    where
        R: CacheRepository + SchemaMigrations + 'static,
    {
        Self { cache: repository.clone(), schema: repository, closing: Box::pin(closing) }
    }

    /// Lets go of the database.
    pub(crate) async fn close(self) {
        if tokio::time::timeout(CLOSING, self.closing).await.is_err() {
            tracing::warn!("the database was still in use when it was closed");
        }
    }
}

/// Larder on its real adapters.
pub(crate) fn larder(settings: &Settings, cache: Arc<dyn CacheRepository>) -> Arc<Larder> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut files = FileSystem::new(settings.sources.clone(), Arc::clone(&clock))
        .with_manifest_limit(settings.manifest_mib);
    if let Some(path) = settings.journal_key() {
        files = files.with_journal_key(path);
    }
    let files = Arc::new(files);
    let ports = Ports {
        source: files.clone(),
        writer: files.clone(),
        deployer: files,
        cache,
        metrics: Arc::new(Prometheus::new(env!("CARGO_PKG_VERSION"))),
        clock,
    };
    Larder::new(ports, settings.policy.clone())
}

/// The edge of the API, when it listens on that address.
pub(crate) fn http_settings(settings: &Settings, address: SocketAddr) -> HttpSettings {
    HttpSettings {
        url: settings.url.clone().unwrap_or_else(|| format!("http://{address}")),
        cors_origins: settings.cors_origins.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        pages_mib: settings.pages_mib,
        request_timeout: settings.request_timeout,
        refresh_per_minute: settings.refresh_per_minute,
        refresh_burst: settings.refresh_burst,
        tokens: Tokens::new(settings.auth.tokens.clone()),
        metrics_need_read: settings.auth.metrics_need_read,
    }
}
