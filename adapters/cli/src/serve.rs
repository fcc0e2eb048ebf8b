//! `larder serve`.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use larder::app::{Larder, chain};
use larder_filesystem::FileSystemConfig;
use larder_http::Limits;

use crate::{
    compose::{self, Database},
    demo,
    failure::Failure,
    settings::Settings,
    signals,
};

/// How long refreshes and edits may go on once no request is waited for any more.
const GRACE: Duration = Duration::from_secs(2);

/// The longest time between two tries to fill the cache.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Serves until the process is asked to end.
pub(crate) async fn serve(mut settings: Settings, demo: bool) -> Result<(), Failure> {
    settings.check_reach()?;
    if demo {
        demo::set_up(&mut settings)?;
    }

    let termination = signals::termination()?;
    let (listener, address) = listen(settings.bind)?;
    let database = Database::open(&settings).await?;
    let outcome = serve_from(&database, &settings, listener, address, termination).await;
    database.close().await;
    outcome
}

async fn serve_from(
    database: &Database,
    settings: &Settings,
    listener: TcpListener,
    address: SocketAddr,
    termination: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let applied = database.schema.up().await;
    for migration in applied.map_err(|error| Failure::new("the schema cannot be moved", &error))? {
        tracing::info!(version = migration.version, name = migration.name, "migrated");
    }

    warn_of_sources(&settings.sources);
    for root in settings.policy.deploy_roots.iter().filter(|root| !Path::new(root).is_dir()) {
        tracing::warn!(setting = "deploy.roots", path = root, "there is no such directory");
    }
    let larder = compose::larder(settings, database.cache.clone());
    let tending = tokio::spawn(tend(larder.clone(), settings.policy.watch));
    let termination = {
        let larder = larder.clone();
        async move {
            termination.await;
            larder.end();
        }
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %address,
        docs = format!("http://{address}/docs"),
        "serving"
    );
    let http = compose::http_settings(settings, address);
    let served =
        larder_http::serve(listener, larder.clone(), &http, Limits::of_process(), termination)
            .await;
    if tokio::time::timeout(GRACE, larder.finish()).await.is_err() {
        tracing::warn!("what still ran was cut off: the next start makes up for it");
    }
    tending.abort();
    served.map_err(|error| Failure::new("the server failed", &error))
}

/// Sees to it that the cache is as the files are, from the start to the end.
async fn tend(larder: Arc<Larder>, watch: bool) {
    if watch {
        tokio::join!(larder.keep(), larder.watch());
    } else {
        tracing::info!("files are not watched");
        start(&larder).await;
        larder.keep().await;
    }
}

/// Fills or verifies the cache, again and again until the database lets it.
async fn start(larder: &Arc<Larder>) {
    let mut pause = Duration::from_secs(1);
    while let Err(error) = larder.start().await {
        tracing::error!(error = chain(&error), ?pause, "the cache could not be brought up to date");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    TcpListener::bind(address)
        .and_then(|listener| Ok((listener.local_addr()?, listener)))
        .map(|(address, listener)| (listener, address))
        .map_err(|error| {
            let what = format!("cannot listen on {address} (server.bind, --bind)");
            Failure::new(&what, &error)
        })
}

/// Tells which configured directories are not there. One that comes later is found then.
fn warn_of_sources(sources: &FileSystemConfig) {
    let directories = sources.directories.iter().map(|directory| ("directories", &directory.path));
    let collections = sources.collections.iter().map(|path| ("collections", path));
    for (setting, path) in collections.chain(directories).filter(|(_, path)| !path.is_dir()) {
        tracing::warn!(setting, path = %path.display(), "there is no such directory");
    }
    if sources.collections.is_empty() && sources.directories.is_empty() {
        tracing::warn!(
            "there is nothing to serve: name a directory with --collections or --directory, \
             or try --demo"
        );
    }
}
