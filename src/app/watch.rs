//! Following the files while they change: what the file system tells is read again, and what it does
//! not tell is looked for.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

use super::{Error, Larder, RefreshOptions, chain, lock, reconcile::clean};
use crate::{
    domain::{
        collection::{RegisteredSource, Source},
        delta::Delta,
        freshness::is_worth_a_scan,
        id::SourceName,
        report::{RefreshScope, RefreshStatus, Summary},
        watching::{Change, WatchMode},
    },
    ports::{Pace, Watch},
};

/// How often a source is scanned of which the file system tells nothing.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// A scan that took long is not made again before so many times as long.
const POLL_SHARE: u32 = 20;
/// How long it may take to set up a watch: 20,000 directories take half a second.
const LONGEST_SET_UP: Duration = Duration::from_mins(1);
/// How long files that were written may take to be read again: a handful.
pub(super) const LONGEST_REREAD: Duration = Duration::from_secs(5);
/// How long the database or a failed watch is left alone before another try.
const RETRY: Duration = Duration::from_secs(1);

/// How one source is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// By events, by polling, or not at all.
    pub mode: WatchMode,
    /// Why not by events.
    pub reason: Option<String>,
}

/// Why the following of one watch has come to its end.
enum Ended {
    /// The sources are others now.
    Sources,
    /// Nothing is told any more.
    Failed,
}

impl Larder {
    /// Starts, as [`Self::start`] does, and follows changes from that moment on, until Larder ends.
    /// To be called where watching is switched on ([`Policy::watch`](super::Policy::watch)).
    pub async fn watch(self: &Arc<Self>) {
        tokio::select! {
            () = self.ended() => {}
            () = self.watch_again_and_again() => {}
        }
    }

    async fn watch_again_and_again(self: &Arc<Self>) {
        let populated = Arc::new(AtomicBool::new(false));
        loop {
            let (larder, done) = (Arc::clone(self), Arc::clone(&populated));
            // In a task of its own, since a panic in it must not end the watch; it ends with the set.
            let mut watch = JoinSet::new();
            watch.spawn(async move { larder.watch_sources(&done).await });
            match watch.join_next().await {
                Some(Ok(Ok(Ended::Sources))) => continue,
                Some(Ok(Ok(Ended::Failed))) | None => {
                    tracing::warn!("the files are watched no more: once again");
                }
                Some(Ok(Err(error))) => {
                    tracing::error!(error = chain(&error), "the cache cannot follow the files yet");
                }
                Some(Err(panic)) => tracing::error!(%panic, "the watch ended by a panic"),
            }
            lock(&self.watched).values_mut().for_each(|source| source.mode = WatchMode::Off);
            self.ports.clock.sleep(RETRY).await;
        }
    }

    /// How each source is watched.
    #[must_use]
    pub fn watched(&self) -> BTreeMap<SourceName, Watched> {
        lock(&self.watched).clone()
    }

    async fn watch_sources(self: &Arc<Self>, populated: &Arc<AtomicBool>) -> Result<Ended, Error> {
        let mut others = self.sources_changed.subscribe();
        let is_first = !populated.load(Ordering::Acquire);
        let sources =
            if is_first { self.take_stock().await? } else { self.register_sources().await? };
        let roots: Vec<Source> = sources.iter().map(|known| known.source.clone()).collect();
        let watch = self.within(LONGEST_SET_UP, self.ports.source.watch(&roots)).await;
        let (_open, nothing) = mpsc::channel(1);
        let Watch { silent, mut changes } = watch.unwrap_or_else(|| {
            let why = "its files could not be watched in a minute";
            let silent = roots.iter().map(|source| (source.name.clone(), why.to_owned()));
            Watch { silent: silent.collect(), changes: nothing }
        });
        // One that came while the watch was set up was told to nobody.
        others.mark_unchanged();
        let sources_now = self.register_sources().await?;
        if !sources_now.iter().map(|known| &known.source).eq(&roots) {
            return Ok(Ended::Sources);
        }
        let mut following = Following::new(self);
        self.note_watched(&sources, WatchMode::Events);
        for (source, reason) in silent {
            following.poll(source, reason);
        }
        // What changed before the watch began was told to nobody either.
        if is_first {
            following.populate(sources, Arc::clone(populated));
        } else {
            for known in &sources {
                following.scan(known.source.name.clone());
            }
        }
        loop {
            tokio::select! {
                _ = others.changed() => return Ok(Ended::Sources),
                change = changes.recv() => match change {
                    Some(Change::Sources) => return Ok(Ended::Sources),
                    Some(change) => following.follow(change).await,
                    None => return Ok(Ended::Failed),
                },
                // What has ended is let go of.
                Some(_) = following.tasks.join_next() => {}
            }
        }
    }

    /// Says that all of these are watched in that way, and no others.
    pub(super) fn note_watched(&self, sources: &[RegisteredSource], mode: WatchMode) {
        let watched =
            |known: &RegisteredSource| (known.source.name.clone(), Watched { mode, reason: None });
        *lock(&self.watched) = sources.iter().map(watched).collect();
    }

    /// Scans a source, and returns the pause before another scan if it must be repeated. A source
    /// that cannot be read is the keeper's to try again, unless there is none.
    async fn scan_or_pause(self: &Arc<Self>, source: &SourceName) -> Option<Duration> {
        match self.enqueue(source, RefreshOptions::default()).outcome().await {
            Err(_) => Some(RETRY),
            Ok(report) => {
                let failed = report.status != RefreshStatus::Completed;
                (failed && self.sweep_interval().is_none()).then(|| self.rest_of(source))
            }
        }
    }

    /// Reads files that were written, if the cache knows all of them; answers whether it did.
    async fn reread(self: &Arc<Self>, name: &SourceName, paths: &[String]) -> Result<bool, Error> {
        if is_worth_a_scan(paths.len()) {
            return Ok(false);
        }
        let Some(source) = self.registered_source(name).await? else { return Ok(true) };
        self.catch_up().await?;
        let started = self.begin();
        let order = self.next_order().await?;
        let known = self.ports.cache.known_at(name, paths).await?;
        let is_known = |path: &String| known.values().any(|artifact| artifact.path == *path);
        if !paths.iter().all(is_known) {
            return Ok(false);
        }
        let mut delta = Delta::new(name.clone(), order, started.at);
        let mut summary = Summary::default();
        for (id, before) in &known {
            let path = Some(before.path.clone());
            let Ok(Some(artifact)) = self.ports.source.read(&source.source, id, path).await else {
                return Ok(false);
            };
            let artifact = clean(artifact);
            summary.counts.count_reread(&before.state(), &artifact.state());
            if before.state() == artifact.state() {
                delta.recheck(&artifact, before.invalidated);
                continue;
            }
            summary.tell(artifact.issue(), 0);
            delta.upserts.push(self.fit(&source.home, artifact).await);
        }
        summary.issues_total = summary.issues.len() as u64;
        self.apply_known(delta).await?;
        self.ports.metrics.refreshed(RefreshScope::Files, &summary, self.since(started));
        Ok(true)
    }
}

/// What goes on for one watch; ends with it.
struct Following {
    larder: Arc<Larder>,
    tasks: JoinSet<()>,
    /// The sources that a task scans; whether something was told of them since it has last begun to.
    scanned: Arc<Mutex<HashMap<SourceName, bool>>>,
    /// Notifies those tasks of what was told.
    told: Arc<Notify>,
    /// The sources that a task polls.
    polled: HashSet<SourceName>,
}

impl Following {
    fn new(larder: &Arc<Larder>) -> Self {
        Self {
            larder: Arc::clone(larder),
            tasks: JoinSet::new(),
            scanned: Arc::default(),
            told: Arc::default(),
            polled: HashSet::new(),
        }
    }

    /// Scans all sources for the first time, again and again until the database lets it.
    fn populate(&mut self, sources: Vec<RegisteredSource>, populated: Arc<AtomicBool>) {
        let larder = Arc::clone(&self.larder);
        self.tasks.spawn(async move {
            while let Err(error) = larder.populate(&sources).await {
                tracing::error!(error = chain(&error), "the cache could not be filled yet");
                larder.ports.clock.sleep(RETRY).await;
            }
            populated.store(true, Ordering::Release);
        });
    }

    async fn follow(&mut self, change: Change) {
        match change {
            Change::Files(source, paths) => self.reread(source, paths).await,
            Change::Tree(source) => self.scan(source),
            Change::Silent(source, reason) => {
                // What was told last may not be all that happened.
                self.scan(source.clone());
                self.poll(source, reason);
            }
            // Told one level higher.
            Change::Sources => {}
        }
    }

    /// Reads files again; where that is not enough, the whole source.
    async fn reread(&mut self, source: SourceName, paths: Vec<String>) {
        let (larder, name) = (Arc::clone(&self.larder), source.clone());
        let reread = async move { larder.reread(&name, &paths).await };
        match self.larder.within(LONGEST_REREAD, self.larder.detached(reread)).await {
            Some(Ok(true)) => {}
            // The next change must not wait for a disk that does not answer.
            Some(Ok(false)) | None => self.scan(source),
            Some(Err(error)) => {
                tracing::warn!(%source, error = chain(&error), "a change waits for the database");
                self.scan(source);
            }
        }
    }

    /// Scans a source in a task of its own, again and again until the database lets it, and once more
    /// where more was told meanwhile.
    fn scan(&mut self, source: SourceName) {
        if lock(&self.scanned).insert(source.clone(), true).is_some() {
            // Somebody is at it, and sees that there is more.
            self.told.notify_waiters();
            return;
        }
        let (larder, scanned) = (Arc::clone(&self.larder), Arc::clone(&self.scanned));
        let told = Arc::clone(&self.told);
        self.tasks.spawn(async move {
            while is_asked_for(&scanned, &source) {
                while let Some(pause) = larder.scan_or_pause(&source).await {
                    // A change may have ended the trouble. However many there are, another scan
                    // is a pause away.
                    let changed = async {
                        larder.ports.clock.sleep(RETRY).await;
                        asked_again(&scanned, &source, &told).await;
                    };
                    tokio::select! {
                        () = larder.ports.clock.sleep(pause) => {}
                        () = changed => {}
                    }
                }
            }
        });
    }

    /// Scans a source for as long as this watch goes on.
    fn poll(&mut self, source: SourceName, reason: String) {
        if !self.polled.insert(source.clone()) {
            return;
        }
        tracing::warn!(%source, reason, every = ?POLL_EVERY, "the source is polled");
        let watched = Watched { mode: WatchMode::Poll, reason: Some(reason) };
        lock(&self.larder.watched).insert(source.clone(), watched);
        let larder = Arc::clone(&self.larder);
        self.tasks.spawn(async move {
            let mut pause = POLL_EVERY;
            loop {
                larder.ports.clock.sleep(pause.max(larder.rest_of(&source))).await;
                let options = RefreshOptions { pace: Pace::Gentle, ..RefreshOptions::default() };
                let outcome = larder.enqueue(&source, options).outcome().await;
                let took = outcome.map_or(0, |report| report.duration_ms);
                pause = POLL_EVERY.max(Duration::from_millis(took) * POLL_SHARE);
            }
        });
    }
}

/// Whether a source is to be scanned, which it then is; forgets it otherwise.
fn is_asked_for(scanned: &Mutex<HashMap<SourceName, bool>>, source: &SourceName) -> bool {
    let mut scanned = lock(scanned);
    let asked_for = scanned.get_mut(source).is_some_and(std::mem::take);
    if !asked_for {
        scanned.remove(source);
    }
    asked_for
}

/// Waits until a source is to be scanned again.
async fn asked_again(
    scanned: &Mutex<HashMap<SourceName, bool>>,
    source: &SourceName,
    told: &Notify,
) {
    loop {
        // Made before the look, so that nothing is missed between the two.
        let next = told.notified();
        if lock(scanned).get_mut(source).is_some_and(std::mem::take) {
            return;
        }
        next.await;
    }
}
