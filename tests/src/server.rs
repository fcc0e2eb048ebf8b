//! The binary as a process that a test asks, kills and starts again.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use ureq::{Agent, Body, http};

use crate::stopwatch::Stopwatch;

/// How long a server may take to start, and to answer what a test does not time by itself.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long is waited between two looks at something that tells nobody when it changes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Larder as a process of its own, at an address that it keeps. It is killed when this value goes.
pub struct Server {
    home: TempDir,
    launch: Launch,
    address: SocketAddr,
    process: Mutex<Child>,
    /// Goes up when the process is killed, and again when the next one is ready.
    turns: AtomicU32,
    log: Arc<Mutex<Log>>,
    agent: Agent,
}

/// All that it takes to start it.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The binary.
    pub binary: PathBuf,
    /// What follows `serve`.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub settings: Vec<(&'static str, String)>,
}

/// What its processes have logged.
#[derive(Debug, Default, Clone)]
pub struct Log {
    /// Lines of the level ERROR, of a deadlock, and what is no line of the log, such as a panic.
    pub errors: Vec<String>,
    /// How many lines of the level WARN had which message.
    pub warnings: BTreeMap<String, u64>,
    /// How many sweeps went through.
    pub sweeps: u64,
    /// How many refreshes of a source changed something, or had something new to tell.
    pub refreshes: u64,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Retry-After`, if it has one.
    pub retry_after: Option<String>,
    /// The body; a string where it is no JSON.
    pub body: Value,
    /// How long it took.
    pub took: Duration,
}

impl Server {
    /// Starts it at a free port, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    #[must_use]
    pub fn start(launch: Launch) -> Self {
        // A port that is free now: asked for by number, the next process has the same.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let home = tempfile::tempdir().expect("a temporary directory");
        let address = free.expect("a free port");
        let log = Arc::default();
        let process = spawn(&launch, &home, address, &log);
        // Connections that a killed process leaves behind would fail requests to the next one.
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .timeout_global(Some(PATIENCE));
        let server = Self {
            home,
            launch,
            address,
            process: Mutex::new(process),
            turns: AtomicU32::new(0),
            log,
            agent: agent.build().new_agent(),
        };
        server.become_ready();
        server
    }

    /// Kills the process as nothing can prevent.
    ///
    /// # Panics
    /// When there is no process to be killed.
    pub fn kill(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
        let mut process = locked(&self.process);
        process.kill().expect("a process that can be killed");
        process.wait().expect("a process that ends");
    }

    /// Starts another process in place of the killed one, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not get ready.
    pub fn start_again(&self) {
        *locked(&self.process) = spawn(&self.launch, &self.home, self.address, &self.log);
        self.become_ready();
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Panics
    /// When it cannot be asked.
    pub fn end(&self) -> ExitStatus {
        let mut process = locked(&self.process);
        let id = process.id().to_string();
        let asked = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(asked.expect("the program kill").success(), "nothing to end");
        process.wait().expect("a process that ends")
    }

    /// How often it was killed.
    #[must_use]
    pub fn kills(&self) -> u32 {
        self.turns.load(Ordering::SeqCst).div_ceil(2)
    }

    /// What it has logged up to now.
    #[must_use]
    pub fn log(&self) -> Log {
        locked(&self.log).clone()
    }

    /// The answer to a request below `/api/v1/`, whatever the artifact is when it comes to a write.
    /// `None` when the server was killed meanwhile: what became of it is not known.
    ///
    /// # Panics
    /// When there is no answer from a server that was not killed.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Answer> {
        let turn = self.turns.load(Ordering::SeqCst);
        let answer = self.try_ask(method, &format!("/api/v1/{path}"), body);
        if !turn.is_multiple_of(2) || self.turns.load(Ordering::SeqCst) != turn {
            return None;
        }
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => panic!("{method} {path} at {}: {error}", self.address),
        }
    }

    /// The answer to any request, or why there is none.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ureq::Error> {
        let watch = Stopwatch::start();
        let request =
            http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let mut answer = match body {
            None if matches!(method, "GET" | "DELETE") => {
                self.agent.run(request.header("if-match", "*").body(())?)?
            }
            None => self.agent.run(request.body("")?)?,
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.header("if-match", "*").body(body.to_string())?)?
            }
        };
        let text = answer.body_mut().read_to_string()?;
        let retry_after = answer.headers().get("retry-after");
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: retry_after.and_then(|it| it.to_str().ok()).map(str::to_owned),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            took: watch.elapsed(),
        })
    }

    /// The data of its live updates, until the stream ends or `take` answers `false`.
    pub fn follow(&self, mut take: impl FnMut(&Value) -> bool) -> Result<(), ureq::Error> {
        let url = format!("http://{}/api/v1/events", self.address);
        let config = self.agent.get(url).config().timeout_global(None);
        let mut answer = config.build().call()?;
        if answer.status() != 200 {
            return Ok(());
        }
        for line in BufReader::new(reader(answer.body_mut())).lines().map_while(Result::ok) {
            let data = line.strip_prefix("data:").and_then(|it| serde_json::from_str(it).ok());
            if data.is_some_and(|data| !take(&data)) {
                break;
            }
        }
        Ok(())
    }

    fn become_ready(&self) {
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            if self.try_ask("GET", "/readyz", None).is_ok_and(|answer| answer.status == 200) {
                return;
            }
            if let Ok(Some(status)) = locked(&self.process).try_wait() {
                panic!("the server ended with {status}: {:#?}", self.log());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        panic!("the server does not get ready: {:#?}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut process = locked(&self.process);
        // It may have ended by itself, which is as well.
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn reader(body: &mut Body) -> impl Read + '_ {
    body.as_reader()
}

fn spawn(launch: &Launch, home: &TempDir, address: SocketAddr, log: &Arc<Mutex<Log>>) -> Child {
    let mut process = Command::new(&launch.binary)
        .arg("serve")
        .args(&launch.arguments)
        .env_clear()
        .envs(launch.settings.iter().map(|(name, value)| (name, value)))
        .env("HOME", home.path())
        .env("LARDER_SERVER_BIND", address.to_string())
        .env("LARDER_LOG", "larder=debug")
        .current_dir(home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let lines = process.stderr.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            locked(&log).note(line);
        }
    });
    process
}

impl Log {
    fn note(&mut self, line: String) {
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        let message = entry["message"].as_str().unwrap_or_default();
        match (entry["level"].as_str(), message) {
            (Some("INFO"), "refreshed") => self.refreshes += 1,
            (Some("DEBUG"), "swept") => self.sweeps += 1,
            (Some("WARN"), _) => *self.warnings.entry(message.to_owned()).or_default() += 1,
            _ => {}
        }
        let harmless = matches!(entry["level"].as_str(), Some("DEBUG" | "INFO" | "WARN"));
        if !harmless || line.contains("deadlock") {
            self.errors.push(line);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
