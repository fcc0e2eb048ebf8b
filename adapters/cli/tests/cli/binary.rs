//! Runs the binary in a home of its own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// How long a server may take to do what a test waits for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long is waited between two looks at something that tells nobody when it changes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// An empty home directory; every run in it sees its variables and no others.
pub(crate) struct Home(TempDir);

/// What a run left.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it, with its directories.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn larder(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.larder(arguments))
    }

    /// A server on a free port, once it listens.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_on("127.0.0.1:0", arguments)
    }

    /// The same, on that address.
    pub(crate) fn serve_on(&self, address: &str, arguments: &[&str]) -> Server {
        let arguments = [&["serve", "--bind", address], arguments].concat();
        Server::start(self.larder(&arguments), "message", "serving")
    }
}

/// Looks until there is something to see.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / BETWEEN_LOOKS.as_millis() {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    panic!("it never came to that: {what}");
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Outcome {
    /// That it failed with that code, said why in one line, and printed nothing else.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        let told: Vec<_> = self.stderr.lines().filter(|line| !line.starts_with('{')).collect();
        assert_eq!(told.len(), 1, "{}", self.stderr);
        for part in parts {
            assert!(told[0].contains(part), "{part:?} in {}", told[0]);
        }
    }
}

/// A running server; it is killed when a test lets go of it.
pub(crate) struct Server {
    process: Child,
    log: Receiver<Value>,
    /// The log up to the line that told the address.
    start: Vec<Value>,
    address: String,
}

impl Server {
    /// Starts whatever logs JSON to its standard error, and its address with that message.
    pub(crate) fn start(mut command: Command, key: &str, message: &str) -> Self {
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (lines, log) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let entry = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if lines.send(entry).is_err() {
                    break;
                }
            }
        });
        let mut server = Self { process, log, start: Vec::new(), address: String::new() };
        while server.address.is_empty() {
            let entry = server.log.recv_timeout(PATIENCE);
            let entry = entry.unwrap_or_else(|error| panic!("{error}: {:#?}", server.start));
            if entry[key] == message {
                entry["address"].as_str().unwrap().clone_into(&mut server.address);
            }
            server.start.push(entry);
        }
        server
    }

    /// Reads its log no more: the pipe breaks under the next line.
    pub(crate) fn leave_log(&mut self) {
        self.log = channel().1;
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The entry with that message in the log of the start.
    #[track_caller]
    pub(crate) fn seen(&self, message: &str) -> &Value {
        let entry = self.start.iter().find(|entry| entry["message"] == message);
        entry.unwrap_or_else(|| panic!("{message:?} in {:#?}", self.start))
    }

    /// The status and the body of an answer.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        read(agent().get(self.url(path)).call().unwrap())
    }

    /// The same, with that `Authorization`.
    pub(crate) fn get_as(&self, authorization: &str, path: &str) -> (u16, String) {
        read(agent().get(self.url(path)).header("authorization", authorization).call().unwrap())
    }

    /// The same, of a POST without a body.
    pub(crate) fn post(&self, path: &str) -> (u16, String) {
        read(agent().post(self.url(path)).send_empty().unwrap())
    }

    /// Sends a POST without a body, and leaves its answer to a thread.
    pub(crate) fn begin_post(&self, path: &str) -> thread::JoinHandle<Result<(), ureq::Error>> {
        let request = agent().post(self.url(path));
        thread::spawn(move || request.send_empty().map(drop))
    }

    /// The same, of a POST of JSON.
    pub(crate) fn post_json(&self, path: &str, body: &Value) -> (u16, String) {
        read(agent().post(self.url(path)).send_json(body).unwrap())
    }

    /// The same, of any request; writes apply to whatever state the artifact is in.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let request = ureq::http::Request::builder().method(method).uri(self.url(path));
        let request = request.header("if-match", "*");
        let response = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                agent().run(request.body(body.to_string()).unwrap())
            }
            None => agent().run(request.body(()).unwrap()),
        };
        read(response.unwrap())
    }

    /// The lines that it logged while it started.
    pub(crate) fn start_log(&self) -> &[Value] {
        &self.start
    }

    /// Where it listens.
    pub(crate) fn listens(&self) -> SocketAddr {
        self.address.parse().unwrap()
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> String {
        self.url("")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until the cache is filled.
    pub(crate) fn ready(&self) {
        for _ in 0..PATIENCE.as_millis() / BETWEEN_LOOKS.as_millis() {
            if self.get("/readyz").0 == 200 {
                return;
            }
            // The log is where a change may show; a line of it is worth a look.
            if self.log.recv_timeout(BETWEEN_LOOKS) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        panic!("the server does not get ready: {:?}", self.get("/readyz"));
    }

    /// Asks it to end by a signal, and waits until it has.
    pub(crate) fn end(self, signal: &str) -> ExitStatus {
        self.end_and_tell(signal).0
    }

    /// The same; answers what it has logged beside the lines of its start.
    pub(crate) fn end_and_tell(mut self, signal: &str) -> (ExitStatus, Vec<Value>) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        let status = self.process.wait().unwrap();
        (status, self.log.iter().collect())
    }

    /// The lines of its live updates.
    pub(crate) fn events(&self) -> impl Iterator<Item = String> + use<> {
        let stream = agent().get(self.url("/api/v1/events")).call().unwrap();
        BufReader::new(stream.into_body().into_reader()).lines().map_while(Result::ok)
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(PATIENCE)).build().new_agent()
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> (u16, String) {
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
