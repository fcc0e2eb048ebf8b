//! How Larder is set up: defaults, then `larder.toml`, then the environment, then flags, each laid
//! over the one before, and all of it checked before anything is opened.

mod auth;
mod config_file;
mod database;
mod defaults;
mod environment;
mod file;
mod flags;
mod keys;
mod layers;
mod places;
mod sources;
mod token_edit;
mod tokens;
mod values;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use larder::{app::Policy, domain::freshness::TimeToLive};
use larder_filesystem::FileSystemConfig;

use self::{auth::Auth, config_file::ConfigFile};
pub(crate) use self::{
    database::DatabaseUrl,
    environment::Environment,
    flags::{FlagValue, Flags},
    layers::{Layers, SettingsError},
    places::Places,
    token_edit::NewToken,
    values::moment,
};

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Everything that can be set, checked.
pub(crate) struct Settings {
    /// Where artifacts lie.
    pub(crate) sources: FileSystemConfig,
    /// The address that `serve` listens on.
    pub(crate) bind: SocketAddr,
    /// Where clients find the server; `None`: where it listens.
    pub(crate) url: Option<String>,
    /// Proxies whose word on the client's address is taken.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Origins of web pages that may call the API.
    pub(crate) cors_origins: Vec<String>,
    /// Which database.
    pub(crate) database: DatabaseUrl,
    /// Connections to it, at most.
    pub(crate) max_connections: u32,
    /// When rows go stale, where projects may lie, how long the trash is kept.
    pub(crate) policy: Policy,
    /// Memory for pages that were sent before, in MiB; 0: none.
    pub(crate) pages_mib: u32,
    /// The largest manifest that is read, in MiB.
    pub(crate) manifest_mib: u32,
    /// How long a request may take.
    pub(crate) request_timeout: Duration,
    /// Refreshes a caller may ask for in a minute.
    pub(crate) refresh_per_minute: u32,
    /// Refreshes a caller may ask for at once.
    pub(crate) refresh_burst: u32,
    /// The form of the log.
    pub(crate) log_format: LogFormat,
    /// Who may call.
    pub(crate) auth: Auth,
    /// Where `owner/repo/path` is fetched from.
    #[expect(dead_code, reason = "what it steers comes later; a wrong value is told already")]
    pub(crate) forge_url: String,
    /// The configuration file, which may not be there; `None` where nothing says where it lies.
    pub(crate) config_file: Option<PathBuf>,
    /// Where a person's files lie.
    pub(crate) places: Places,
    /// Where each value came from.
    pub(crate) layers: Layers,
    /// What is odd about them and no error, a sentence each.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Reads every layer; `config` is the file that the flag of that name asks for.
    pub(crate) fn load(
        environment: &Environment,
        config: Option<&str>,
        flags: Flags,
    ) -> Result<Self, SettingsError> {
        let places = Places::of(environment);
        let file = ConfigFile::find(config, &places)?;
        let settings = Self::with_file(environment, file.as_ref(), flags)?;
        Ok(Self { config_file: config_file::place(config, &places)?, ..settings })
    }

    fn with_file(
        environment: &Environment,
        file: Option<&ConfigFile>,
        flags: Flags,
    ) -> Result<Self, SettingsError> {
        let places = Places::of(environment);
        let mut layers = Layers::new(places.home());
        defaults::lay(&places, &mut layers)?;
        if let Some(file) = file {
            file.lay_over(&mut layers)?;
        }
        environment.lay_over(&mut layers)?;
        flags::lay_over(flags, &mut layers)?;

        let mut settings = Self::of(layers, places)?;
        let unknown = environment.unknown().into_iter();
        settings.warnings.extend(
            unknown.map(|name| format!("{name} is not a setting of Larder; it is ignored")),
        );
        if !settings.is_loopback() && settings.url.is_none() {
            let warning = "server.url is not set: requests are answered that call this machine \
                           localhost, and no others; set it to the URL that clients use";
            settings.warnings.push(warning.to_owned());
        }
        Ok(settings)
    }

    fn of(layers: Layers, places: Places) -> Result<Self, SettingsError> {
        let formats =
            [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
        let url = layers.has("server.url").then(|| layers.text("server.url", values::web_url));
        Ok(Self {
            sources: sources::of(&layers, &places)?,
            bind: layers.text("server.bind", values::bind_address)?,
            url: url.transpose()?,
            trusted_proxies: layers.list("server.trusted_proxies", values::ip_address)?,
            cors_origins: layers.list("server.cors_origins", values::web_origin)?,
            database: layers.text("database.url", |url| {
                DatabaseUrl::parse(url, |file| layers.path("database.url", file))
            })?,
            max_connections: layers.number("database.max_connections", 1..=1_000)?,
            policy: policy(&layers)?,
            pages_mib: layers.number("cache.pages_mib", 0..=65_536)?,
            // A write reads no larger file than 256 MiB.
            manifest_mib: layers.number("cache.manifest_mib", 1..=256)?,
            request_timeout: layers.text("cache.request_timeout", values::duration)?,
            refresh_per_minute: layers.number("rate_limit.refresh_per_minute", 1..=100_000)?,
            refresh_burst: layers.number("rate_limit.refresh_burst", 1..=100_000)?,
            log_format: layers.text("log.format", |text| values::word(&formats, text))?,
            auth: Auth::of(&layers)?,
            forge_url: layers.text("forge.url", values::web_url)?,
            warnings: Vec::new(),
            config_file: None,
            places,
            layers,
        })
    }

    /// The file of the key that proves records of unfinished writes: in the data directory, else beside
    /// the database; `None` when neither is known.
    pub(crate) fn journal_key(&self) -> Option<PathBuf> {
        let data = self.places.data_directory().map(Path::to_owned);
        let directory = data.or_else(|| self.database.file()?.parent().map(Path::to_owned));
        directory.map(|directory| directory.join("journal.key"))
    }

    /// Where a client finds the server: where `server.url` says, else where it listens.
    pub(crate) fn server_url(&self) -> String {
        let bind = self.bind;
        let host = match bind.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let listening = || format!("http://{}", SocketAddr::new(host, bind.port()));
        self.url.clone().unwrap_or_else(listening)
    }

    /// Refuses an address that other machines reach unless there are access tokens: without them
    /// whoever reaches Larder may do everything.
    pub(crate) fn check_reach(&self) -> Result<(), SettingsError> {
        if self.is_loopback() || !self.auth.tokens.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "{} is not a loopback address; without access tokens Larder serves 127.0.0.1 alone: \
             larder token new makes one",
            self.bind
        );
        Err(self.layers.error("server.bind", &reason))
    }

    fn is_loopback(&self) -> bool {
        self.bind.ip().to_canonical().is_loopback()
    }
}

fn policy(layers: &Layers) -> Result<Policy, SettingsError> {
    let root = |text: &str| {
        let path = layers.path("deploy.roots", text)?;
        path.into_os_string().into_string().map_err(|_| "its path is not UTF-8".to_owned())
    };
    Ok(Policy {
        ttl: TimeToLive {
            default: layers.text("cache.ttl", values::duration)?,
            by_collection: layers.table("cache.ttl_by_collection", values::duration)?,
        },
        deploy_roots: layers.list("deploy.roots", root)?,
        trash: layers.text("cache.trash", values::duration)?,
        sweep_every: layers.text("cache.sweep_every", values::duration_or_off)?,
        watch: layers.switch("cache.watch")?,
    })
}

/// The configuration file with a further token, which is not saved yet. Both what the file says now
/// and what it would say must be valid.
pub(crate) fn with_token(
    environment: &Environment,
    config: Option<&str>,
    token: &NewToken,
) -> Result<ConfigFile, SettingsError> {
    let mut file = ConfigFile::find_or_new(config, &Places::of(environment))?;
    let before = Settings::with_file(environment, Some(&file), Vec::new())?;
    file.text = token_edit::added(&file.text, token)
        .map_err(|reason| before.layers.error("auth.tokens", &reason))?;
    Settings::with_file(environment, Some(&file), Vec::new())?;
    Ok(file)
}

/// The configuration file without the token of that name, which is not saved yet; `None` when it lists
/// no such token. What the file says now must be valid.
pub(crate) fn without_token(
    environment: &Environment,
    config: Option<&str>,
    name: &str,
) -> Result<Option<ConfigFile>, SettingsError> {
    let mut file = ConfigFile::find_or_new(config, &Places::of(environment))?;
    let before = Settings::with_file(environment, Some(&file), Vec::new())?;
    let removed = token_edit::removed(&file.text, name)
        .map_err(|reason| before.layers.error("auth.tokens", &reason))?;
    Ok(removed.map(|text| {
        file.text = text;
        file
    }))
}

#[cfg(test)]
mod tests;
