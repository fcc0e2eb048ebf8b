//! `larder serve`.

use std::{
    collections::HashSet,
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use larder::app::{Larder, chain};
use larder_filesystem::FileSystemConfig;
use larder_http::{Limits, TokenRule};
use tokio::sync::Notify;

use crate::{
    banner,
    compose::{self, Database},
    demo,
    failure::Failure,
    reload::Reload,
    settings::{Settings, SettingsError},
    signals,
};

/// How long refreshes and edits may go on once no request is waited for any more.
const GRACE: Duration = Duration::from_secs(2);

/// The longest time between two tries to fill the cache.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Serves until the process is asked to end. `tokens` reads the accepted tokens again.
pub(crate) async fn serve(
    mut settings: Settings,
    demo: bool,
    tokens: impl Fn() -> Result<Vec<TokenRule>, SettingsError> + Send + Sync + 'static,
) -> Result<(), Failure> {
    settings.check_reach()?;
    if demo {
        demo::set_up(&mut settings)?;
    }

    let asked = Arc::new(Notify::new());
    let termination = signals::termination(Arc::clone(&asked))?;
    let reload = Reload { file: settings.config_file.clone(), asked, read: Box::new(tokens) };
    let (listener, address) = listen(settings.bind)?;
    let database = Database::open(&settings).await?;
    let outcome = serve_from(&database, &settings, listener, address, termination, reload).await;
    database.close().await;
    outcome
}

async fn serve_from(
    database: &Database,
    settings: &Settings,
    listener: TcpListener,
    address: SocketAddr,
    termination: impl Future<Output = ()> + Send + 'static,
    reload: Reload,
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
    let reloading = tokio::spawn(reload.follow(http.tokens.clone()));
    let greeting = tokio::spawn(banner::show(larder.clone(), address));
    let served =
        larder_http::serve(listener, larder.clone(), &http, Limits::of_process(), termination)
            .await;
    if tokio::time::timeout(GRACE, larder.finish()).await.is_err() {
        tracing::warn!("what still ran was cut off: the next start makes up for it");
    }
    for task in [tending, reloading, greeting] {
        task.abort();
    }
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

/// Logs which configured directories are not there, are named twice, or hold nothing that their setting
/// looks for. One that comes later is found then.
fn warn_of_sources(sources: &FileSystemConfig) {
    let directories = sources.directories.iter().map(|directory| ("directories", &directory.path));
    let collections = sources.collections.iter().map(|path| ("collections", path));
    let mut seen = HashSet::new();
    for (setting, path) in collections.chain(directories) {
        let shown = path.display();
        if !path.is_dir() {
            tracing::warn!(setting, path = %shown, "there is no such directory");
        } else if fs::canonicalize(path).is_ok_and(|real| !seen.insert((setting, real))) {
            tracing::warn!(setting, path = %shown, "it is configured twice: this entry is left out");
        }
    }
    for path in sources.collections.iter().filter(|path| path.is_dir() && !holds_collections(path))
    {
        tracing::warn!(
            setting = "collections",
            path = %path.display(),
            "no sub-directory has a collection.toml: to serve the directory itself, give it to \
             --directory NAME=PATH"
        );
    }
    if sources.collections.is_empty() && sources.directories.is_empty() {
        tracing::warn!(
            "there is nothing to serve: name a directory with --collections or --directory, \
             or try --demo"
        );
    }
}

/// Whether a directory has a `collection.toml`, or a sub-directory that has one.
fn holds_collections(directory: &Path) -> bool {
    let has_manifest = |path: &Path| path.join("collection.toml").is_file();
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    has_manifest(directory) || entries.map(|entry| entry.path()).any(|path| has_manifest(&path))
}
