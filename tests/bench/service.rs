//! The service as a process.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Outcome,
    client::{Connection, Request},
    timing::Stopwatch,
    tree::{SOURCE, Tree},
};

/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Larder, running, with a home of its own. Process and home go with this value.
pub(crate) struct Service {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    launch: Launch,
    artifacts: u64,
}

/// Memory in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// What is resident now.
    pub(crate) resident: u64,
    /// The most that was resident at any time.
    pub(crate) peak: u64,
}

impl Service {
    /// Starts it with that tree, on that database or on a new SQLite file; says how long it took to
    /// be ready.
    pub(crate) async fn start(tree: &Tree, database: Option<&str>) -> Outcome<(Self, Duration)> {
        Self::start_with(tree, database, &[]).await
    }

    /// The same, with these variables in its environment.
    pub(crate) async fn start_with(
        tree: &Tree,
        database: Option<&str>,
        variables: &[(&'static str, &'static str)],
    ) -> Outcome<(Self, Duration)> {
        let launch = Launch { variables: variables.to_vec(), ..Launch::new(tree, database)? };
        let watch = Stopwatch::start();
        let (process, address) = launch.spawn()?;
        let mut service = Self { process, address, launch, artifacts: tree.artifacts };
        let took = service.become_ready(watch).await?;
        Ok((service, took))
    }

    /// Ends it by SIGTERM, starts it again on what it left, and says how long it took to be ready.
    pub(crate) async fn restart(&mut self) -> Outcome<Duration> {
        Command::new("kill").args(["-s", "TERM", &self.process.id().to_string()]).status()?;
        let status = self.process.wait()?;
        if !status.success() {
            return Err(self.trouble(&format!("the service ended with {status}")).into());
        }
        let watch = Stopwatch::start();
        (self.process, self.address) = self.launch.spawn()?;
        self.become_ready(watch).await
    }

    async fn become_ready(&mut self, watch: Stopwatch) -> Outcome<Duration> {
        while !self.is_ready().await {
            if let Some(status) = self.process.try_wait()? {
                let what = format!("the service ended with {status} before it was ready");
                return Err(self.trouble(&what).into());
            }
            let waited = watch.elapsed();
            if waited > PATIENCE {
                return Err(self.trouble(&format!("it was not ready after {waited:?}")).into());
            }
            // Often enough to be exact, seldom enough not to be what the service is busy with.
            tokio::time::sleep(Duration::from_millis(1).max(waited / 100)).await;
        }
        Ok(watch.elapsed())
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = self.connect().await else { return false };
        let answer = connection.ask(&Request::get("/readyz")).await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// What happened, and the log.
    fn trouble(&self, what: &str) -> String {
        let log = fs::read_to_string(self.launch.log()).unwrap_or_default();
        format!("{what}; its log:\n{log}")
    }

    /// Another connection to it.
    pub(crate) async fn connect(&self) -> Outcome<Connection> {
        Connection::open(self.address).await
    }

    /// How long the last refresh took by its own account. Fails unless it left every artifact of
    /// the tree in the cache, none of them broken.
    pub(crate) async fn last_refresh(&self) -> Outcome<Duration> {
        let path = format!("/api/v1/user-collections/{SOURCE}");
        let collection = self.connect().await?.json(&Request::get(&path)).await?;
        let refresh = &collection["last_refresh"];
        let whole = collection["artifact_count"].as_u64() == Some(self.artifacts)
            && refresh["status"] == "completed"
            && refresh["errors_total"] == 0;
        match refresh["duration_ms"].as_u64() {
            Some(took) if whole => Ok(Duration::from_millis(took)),
            _ => {
                Err(self.trouble(&format!("the cache is not as it should be: {collection}")).into())
            }
        }
    }

    /// Refreshes everything; says how long the answer took, and what it was.
    pub(crate) async fn refresh(&self) -> Outcome<(Duration, Value)> {
        let mut connection = self.connect().await?;
        let watch = Stopwatch::start();
        let request = Request::post("/api/v1/user-collections/refresh-cache");
        let report = connection.json(&request).await?;
        Ok((watch.elapsed(), report))
    }

    /// The memory that the system counts for it.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            value.trim_start_matches(':').trim().strip_suffix(" kB")?.parse().ok()
        };
        match (field("VmRSS"), field("VmHWM")) {
            (Some(resident), Some(peak)) => Ok(Memory { resident, peak }),
            _ => Err("the system does not tell the service's memory".into()),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// All that it takes to start the service once more.
struct Launch {
    home: TempDir,
    binary: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, &'static str)>,
}

impl Launch {
    fn new(tree: &Tree, database: Option<&str>) -> Outcome<Self> {
        let home = tempfile::tempdir()?;
        let in_home = || format!("sqlite://{}", home.path().join("larder.db").display());
        let database = database.map_or_else(in_home, str::to_owned);
        let mut arguments = tree.arguments();
        arguments.extend(["--database".into(), database.into()]);
        Ok(Self { home, binary: binary()?, arguments, variables: Vec::new() })
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// Starts a process, which listens at that address before long.
    fn spawn(&self) -> Outcome<(Child, SocketAddr)> {
        // A port that is free now; the server is asked for it by number, since it could tell a port
        // of its own choice only in its log.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(&self.binary)
            .args(["serve", "--bind", &address.to_string()])
            .args(&self.arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("LARDER_RATE_LIMIT_REFRESH_PER_MINUTE", "100000")
            .env("LARDER_RATE_LIMIT_REFRESH_BURST", "1000")
            .envs(self.variables.iter().copied())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(self.log())?)
            .spawn()?;
        Ok((process, address))
    }
}

/// The release binary: it lies beside the directory of this program.
pub(crate) fn binary() -> Outcome<PathBuf> {
    let own = env::current_exe()?;
    let directory = own.ancestors().nth(2).ok_or("this program lies in no target directory")?;
    let binary = directory.join("larder");
    if binary.exists() {
        return Ok(binary);
    }
    let what = "there is no release binary: run `make bench`, \
                or `cargo build --release -p larder-cli` first";
    Err(what.into())
}
