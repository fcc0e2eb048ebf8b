//! The database stopped under load, and started again: meanwhile everybody is told so in time, and
//! afterwards all is well without anybody's help.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    faults::Faults,
    server::{Answer, Server},
    soak::{
        Ends,
        clients::Shelves,
        files::{Files, any_name, description, id},
        joined, judge, launch,
    },
    stopwatch::{Stopwatch, within},
};

/// How long a request may take by the settings.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// And no longer than this does one wait that the database does not answer.
const LONGEST: Duration = Duration::from_secs(7);
/// How long everything may take to be as it was once the database is back.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// One outage.
#[derive(Debug, Clone)]
pub struct Outage {
    /// The binary.
    pub binary: PathBuf,
    /// How long the database is away; longer than a request waits for it.
    pub lasting: Duration,
}

/// What went on.
#[derive(Debug, Default)]
pub struct Figures {
    /// Answers by their kind and status, before, meanwhile and afterwards: how many, and the
    /// longest.
    pub answers: BTreeMap<(&'static str, u16), (u64, Duration)>,
    /// How long after the start of the database both servers were ready again.
    pub ready: Duration,
    /// How long after it all that they showed was right again.
    pub agreed: Duration,
    /// How long after it both keepers had swept again.
    pub swept: Duration,
    /// How long an event of one server took to reach a listener at the other one afterwards.
    pub told: Duration,
}

struct Scene {
    going: AtomicBool,
    /// Whether the database may be away, or somebody may not have noticed yet that it is back.
    away: AtomicBool,
    figures: Mutex<Figures>,
    faults: Faults,
}

impl Outage {
    /// Lets it happen, and judges how it was borne.
    ///
    /// # Panics
    /// When something was wrong with it.
    #[must_use]
    pub fn run(&self) -> Figures {
        let cluster = Cluster::start();
        let mut dice = Rng::with_seed(7);
        let files = Files::write(&mut dice).expect("files that can be written");
        let mut launch = launch(&self.binary, &files, cluster.url());
        let timeout = format!("{}s", REQUEST_TIMEOUT.as_secs());
        launch.settings.push(("LARDER_CACHE_REQUEST_TIMEOUT", timeout));
        let servers = [Server::start(launch.clone()), Server::start(launch)];
        let scene = Scene {
            going: AtomicBool::new(true),
            away: AtomicBool::new(false),
            figures: Mutex::default(),
            faults: Faults::default(),
        };
        thread::scope(|scope| {
            let scene = &scene;
            let _ends = Ends(&scene.going);
            let mut clients = Vec::new();
            for server in &servers {
                for _ in 0..3 {
                    let dice = dice.fork();
                    clients.push(scope.spawn(move || load(scene, server, dice)));
                }
                scope.spawn(move || watch(scene, server));
                // One that follows the events from the beginning, however they end.
                scope.spawn(move || server.follow(|_| scene.goes_on()));
            }
            thread::sleep(Duration::from_secs(1));
            scene.away.store(true, Ordering::SeqCst);
            cluster.stop();
            // This is what is tested.
            thread::sleep(self.lasting);
            cluster.start_again();
            let back = Stopwatch::start();
            recover(scene, &servers, back);
            scene.going.store(false, Ordering::SeqCst);
            clients.into_iter().for_each(joined);
            scene.conclude(&files, &servers, back);
        });
        scene.into_figures(&servers)
    }
}

/// Reads pages and artifacts, and edits.
fn load(scene: &Scene, server: &Server, mut dice: Rng) {
    while scene.goes_on() {
        let artifact = id(&any_name(&mut dice));
        match dice.u8(..3) {
            0 => scene.ask(server, "page", "GET", "/api/v1/artifacts?limit=50", None),
            1 => {
                scene.ask(server, "artifact", "GET", &format!("/api/v1/artifacts/{artifact}"), None)
            }
            _ => {
                let path = format!("/api/v1/artifacts/{artifact}/metadata");
                let body = json!({ "description": description(&mut dice) });
                scene.ask(server, "edit", "PUT", &path, Some(&body))
            }
        };
        thread::sleep(Duration::from_millis(dice.u64(..30)));
    }
}

/// Asks what an operator's tools ask.
fn watch(scene: &Scene, server: &Server) {
    while scene.goes_on() {
        let health = scene.ask(server, "/healthz", "GET", "/healthz", None);
        let metrics = scene.ask(server, "/metrics", "GET", "/metrics", None);
        for (what, answer) in [("/healthz", health), ("/metrics", metrics)] {
            let is_fine = answer.as_ref().is_none_or(|answer| answer.status == 200);
            scene.faults.judge(is_fine, || format!("{what}: {answer:?}"));
        }
        scene.ask(server, "/readyz", "GET", "/readyz", None);
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Waits until all is as it was, with nobody's help.
fn recover(scene: &Scene, servers: &[Server; 2], back: Stopwatch) {
    let status = |server: &Server| server.try_ask("GET", "/readyz", None).ok().map(|it| it.status);
    let is_ready = || servers.iter().all(|server| status(server) == Some(200));
    scene
        .faults
        .judge(within(PATIENCE, is_ready), || "a server does not get ready again".to_owned());
    scene.figures().ready = back.elapsed();
    let swept = |server: &Server| {
        let told = server.try_ask("GET", "/api/v1/user-collections/cache-stats", None).ok()?;
        Some(told.body["keeper"]["last_run_at"].as_str()?.to_owned())
    };
    let before = servers.each_ref().map(swept);
    let have_swept =
        || servers.iter().zip(&before).all(|(server, before)| swept(server) != *before);
    scene.faults.judge(within(PATIENCE, have_swept), || "a keeper does not sweep again".to_owned());
    scene.figures().swept = back.elapsed();
    scene.away.store(false, Ordering::SeqCst);
    // The clients go on for a while, and every answer must be a good one.
    thread::sleep(Duration::from_secs(1));
}

/// How long a change by one server takes to reach a listener at the other one.
fn hear(listener: &Server, other: &Server) -> Option<Duration> {
    let (heard, events) = mpsc::channel();
    thread::scope(|scope| {
        let events = events;
        // Ends with the receiver of its events: rows go stale, so there is always a next one.
        scope.spawn(move || listener.follow(|event| heard.send(event.clone()).is_ok()));
        let first = events.recv_timeout(PATIENCE).ok();
        let watch = Stopwatch::start();
        let made = json!({ "name": "after the outage" });
        let made = other.try_ask("POST", "/api/v1/user-collections", Some(&made)).ok()?;
        let path = format!("/api/v1/user-collections/{}/artifacts", made.body["id"].as_str()?);
        let added = json!({ "artifact_ids": [id("s0"), id("s1"), id("s2")] });
        let _ = other.try_ask("POST", &path, Some(&added));
        // The other process's notices may be listened to again only a little later: then all
        // generations are told.
        let is_told = |event: &Value| {
            let all = event["collections"].as_array().into_iter().flatten();
            all.chain([event]).any(|it| {
                it["collection_id"] == made.body["id"] && it["generation"].as_u64() > Some(0)
            })
        };
        first?;
        while let Ok(event) = events.recv_timeout(PATIENCE.checked_sub(watch.elapsed())?) {
            if is_told(&event) {
                return Some(watch.elapsed());
            }
        }
        None
    })
}

impl Scene {
    fn goes_on(&self) -> bool {
        self.going.load(Ordering::SeqCst)
    }

    /// Asks, and judges what every answer must be. `None`: the connection broke.
    fn ask(
        &self,
        server: &Server,
        what: &'static str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let was_away = self.away.load(Ordering::SeqCst);
        let answer = server.try_ask(method, path, body);
        let away = was_away || self.away.load(Ordering::SeqCst);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.faults.judge(!self.goes_on(), || format!("{what}: {error}"));
                return None;
            }
        };
        let is_fine = match answer.status {
            200 | 404 | 409 | 412 => true,
            503 => away && answer.retry_after.is_some(),
            _ => false,
        };
        self.faults.judge(is_fine, || format!("{what}, database away: {away}: {answer:?}"));
        self.faults.judge(answer.took <= LONGEST, || format!("{what} took too long: {answer:?}"));
        let what = if answer.body["cache"] == "pending" { "edit, pending" } else { what };
        let mut figures = self.figures();
        let (count, longest) = figures.answers.entry((what, answer.status)).or_default();
        *count += 1;
        *longest = answer.took.max(*longest);
        Some(answer)
    }

    /// Nobody changes anything any more: all that is shown is right, and events travel.
    fn conclude(&self, files: &Files, servers: &[Server; 2], back: Stopwatch) {
        let agreed = judge::agree(files, servers, &Shelves::new());
        self.faults.judge(agreed.is_ok(), || format!("at the end: {agreed:?}"));
        self.figures().agreed = back.elapsed();
        let told = hear(&servers[0], &servers[1]);
        let is_told = told.is_some();
        self.faults.judge(is_told, || "no event comes from the other server any more".to_owned());
        self.figures().told = told.unwrap_or_default();
        for server in servers {
            let status = server.end();
            self.faults.judge(status.success(), || format!("a server ended with {status}"));
        }
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_figures(self, servers: &[Server]) -> Figures {
        let figures = self.figures.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Which of them the clients ask for then is chance.
        for some in [&["page", "artifact", "edit"][..], &["/readyz"]] {
            let was_refused = some.iter().any(|what| figures.answers.contains_key(&(*what, 503)));
            let fault = || format!("none of {some:?} was refused while the database was away");
            self.faults.judge(was_refused, fault);
        }
        for server in servers {
            // That the database is away is an error; a panic is none that may be logged.
            self.faults
                .extend(server.log().errors.into_iter().filter(|line| !line.starts_with('{')));
        }
        self.faults.tell(&figures);
        figures
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((what, status), (count, longest)) in &self.answers {
            writeln!(f, "  {what}: {count} answers {status}, in {longest:?} at most")?;
        }
        let Self { ready, agreed, swept, told, .. } = self;
        write!(f, "  ready after {ready:?}, swept after {swept:?}, agreed after {agreed:?}; ")?;
        write!(f, "an event took {told:?}")
    }
}
