//! Processes that share one database and one set of files, for a while, with everything going on at
//! once; afterwards what they show is what the files say.
//!
//! - `files`: the files, a program that changes them, and what they say at the end.
//! - `clients`: who changes things through the API; `observers`: who looks on.
//! - `judge`: what must be true at the end.

pub(crate) mod clients;
pub(crate) mod files;
pub(crate) mod judge;
mod observers;

use std::{
    collections::BTreeMap,
    env, fmt, panic,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;

use self::{clients::Shelves, files::Files};
use crate::{
    database::{Backend, Database},
    faults::Faults,
    server::{Launch, Server},
    stopwatch::Stopwatch,
};

/// The environment's name of the number that decides what is done, so that a failure can be had
/// again, as far as processes are alike twice.
pub const SEED: &str = "LARDER_TEST_SEED";

/// One soak.
#[derive(Debug, Clone)]
pub struct Soak {
    /// The binary.
    pub binary: PathBuf,
    /// The kind of database: two processes share a Postgres, one alone has a SQLite file.
    pub backend: Backend,
    /// How long everything goes on.
    pub lasting: Duration,
}

/// What went on.
#[derive(Debug, Default)]
pub struct Figures {
    /// By kind of operation: how many were done, and how many were refused as they should be.
    pub operations: BTreeMap<&'static str, (u64, u64)>,
    /// What the program beside Larder did.
    pub foreign: u64,
    /// Refreshes of a source, asked for or not.
    pub refreshes: u64,
    /// Sweeps of the keepers.
    pub sweeps: u64,
    /// Processes killed.
    pub kills: u32,
    /// Lines of the level WARN, by message.
    pub warnings: BTreeMap<String, u64>,
    /// How long the cache took to agree with the files at the end.
    pub settled: Duration,
}

/// What all that takes part share.
struct Scene {
    going: AtomicBool,
    figures: Mutex<Figures>,
    faults: Faults,
}

impl Soak {
    /// Lets everything go on, and judges it.
    ///
    /// # Panics
    /// When something is wrong with what the servers answered, showed or logged.
    pub async fn run(self) -> Figures {
        const DEADLOCKS: &str =
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        let database = Database::new(self.backend).await;
        let is_postgres = matches!(self.backend, Backend::Postgres);
        let before = if is_postgres { database.number(DEADLOCKS).await } else { 0 };
        let url = database.url().to_owned();
        let soaked = tokio::task::spawn_blocking(move || self.soak(&url)).await;
        let after = if is_postgres { database.number(DEADLOCKS).await } else { 0 };
        database.remove().await;
        let figures = soaked.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()));
        assert_eq!(before, after, "the server has met deadlocks");
        figures
    }

    fn soak(&self, database: &str) -> Figures {
        let given = env::var(SEED).ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000));
        eprintln!("{SEED}={seed} on {:?} for {:?}", self.backend, self.lasting);
        let mut dice = Rng::with_seed(seed);
        let files = Files::write(&mut dice).expect("files that can be written");
        let processes = if matches!(self.backend, Backend::Postgres) { 2 } else { 1 };
        let launch = launch(&self.binary, &files, database);
        let servers: Vec<Server> = (0..processes).map(|_| Server::start(launch.clone())).collect();
        let scene = Scene {
            going: AtomicBool::new(true),
            figures: Mutex::default(),
            faults: Faults::default(),
        };
        thread::scope(|scope| {
            let (scene, files) = (&scene, &files);
            let _ends = Ends(&scene.going);
            let (mut writers, mut curators) = (Vec::new(), Vec::new());
            for (number, server) in servers.iter().enumerate() {
                let [one, other, refreshing, curating] = [(); 4].map(|()| dice.fork());
                writers.push(scope.spawn(move || clients::edit(scene, server, one)));
                writers.push(scope.spawn(move || clients::edit(scene, server, other)));
                writers.push(scope.spawn(move || clients::refresh(scene, server, refreshing)));
                let curate = move || clients::curate(scene, server, number, curating);
                curators.push(scope.spawn(curate));
                scope.spawn(move || observers::poll(scene, server));
                scope.spawn(move || observers::follow(scene, server));
            }
            let touching = dice.fork();
            writers.push(scope.spawn(move || write_beside(scene, files, touching)));
            kill_twice(&servers, self.lasting, &mut dice);
            scene.going.store(false, Ordering::Relaxed);
            writers.into_iter().for_each(joined);
            let shelves = curators.into_iter().flat_map(joined).collect();
            scene.conclude(files, &servers, &shelves);
        });
        scene.into_figures(&servers)
    }
}

/// What a thread leaves, which panics if it did.
pub(crate) fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Changes files as programs do that know nothing of Larder.
fn write_beside(scene: &Scene, files: &Files, mut dice: Rng) {
    while scene.goes_on() {
        files.touch(&mut dice);
        scene.figures().foreign += 1;
        thread::sleep(Duration::from_millis(dice.u64(..20)));
    }
    let completed = files.complete();
    scene.faults.judge(completed.is_ok(), || format!("the files: {completed:?}"));
}

/// Lets the time pass, and kills the last server twice meanwhile.
fn kill_twice(servers: &[Server], lasting: Duration, dice: &mut Rng) {
    let watch = Stopwatch::start();
    for third in 1..=2 {
        let moment = lasting * third / 3;
        thread::sleep(moment.saturating_sub(watch.elapsed()));
        if let Some(server) = servers.last() {
            server.kill();
            thread::sleep(Duration::from_millis(dice.u64(..500)));
            server.start_again();
        }
    }
    thread::sleep(lasting.saturating_sub(watch.elapsed()));
}

/// How to start the binary with these files: rows go stale soon, and are swept sooner.
pub(crate) fn launch(binary: &Path, files: &Files, database: &str) -> Launch {
    let setting = |name, value: &str| (name, value.to_owned());
    Launch {
        binary: binary.to_owned(),
        arguments: vec![
            "--collections".to_owned(),
            files.collections().display().to_string(),
            "--directory".to_owned(),
            format!("plain={}", files.plain().display()),
            "--database".to_owned(),
            database.to_owned(),
        ],
        settings: vec![
            // One key for the records of unfinished writes: each process completes those of the others.
            setting("XDG_DATA_HOME", &files.data().display().to_string()),
            setting("LARDER_CACHE_TTL", "4s"),
            setting("LARDER_CACHE_SWEEP_EVERY", "1s"),
            setting("LARDER_RATE_LIMIT_REFRESH_PER_MINUTE", "100000"),
            setting("LARDER_RATE_LIMIT_REFRESH_BURST", "1000"),
        ],
    }
}

/// Lets everybody come to an end when it goes, also by a panic: who takes part would be waited for.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Scene {
    fn goes_on(&self) -> bool {
        self.going.load(Ordering::Relaxed)
    }

    /// One operation was answered: done, or refused as it should be.
    fn count(&self, what: &'static str, done: bool) {
        let mut figures = self.figures();
        let (dones, refused) = figures.operations.entry(what).or_default();
        *if done { dones } else { refused } += 1;
    }

    /// Nobody changes anything any more, and nobody asks for a refresh: the cache follows by itself.
    fn conclude(&self, files: &Files, servers: &[Server], shelves: &Shelves) {
        let watch = Stopwatch::start();
        let agreed = judge::agree(files, servers, shelves);
        self.faults.judge(agreed.is_ok(), || format!("at the end: {agreed:?}"));
        self.figures().settled = watch.elapsed();
        for server in servers {
            let status = server.end();
            self.faults.judge(status.success(), || format!("a server ended with {status}"));
        }
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn into_figures(self, servers: &[Server]) -> Figures {
        let mut figures = self.figures.into_inner().unwrap_or_else(PoisonError::into_inner);
        for server in servers {
            let log = server.log();
            figures.sweeps += log.sweeps;
            figures.refreshes += log.refreshes;
            figures.kills += server.kills();
            self.faults.extend(log.errors);
            for (message, count) in log.warnings {
                *figures.warnings.entry(message).or_default() += count;
            }
        }
        self.faults.tell(&figures);
        figures
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, (done, refused)) in &self.operations {
            writeln!(f, "  {what}: {done} done, {refused} refused")?;
        }
        let Self { foreign, refreshes, sweeps, kills, settled, .. } = self;
        writeln!(f, "  {foreign} changes of files by somebody else")?;
        writeln!(
            f,
            "  {refreshes} refreshes that changed something, {sweeps} sweeps, {kills} kills"
        )?;
        for (message, count) in &self.warnings {
            writeln!(f, "  warned {count} times: {message}")?;
        }
        write!(f, "  agreed with the files {settled:?} after the last change")
    }
}
