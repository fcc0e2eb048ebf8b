//! An artifact source in memory whose scans a test can hold open, count, and let fail.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};

use super::scripted_writer::Remembered;
use crate::{
    domain::{
        Timestamp,
        artifact::Artifact,
        collection::Source,
        delta::Known,
        disks::Disks,
        guard::RootState,
        id::{ArtifactId, SourceName},
        report::Issue,
        watching::Change,
    },
    ports::{ArtifactSource, Clock, Pace, Scan, ScanOptions, SourceError, Watch},
};

/// Changes that a watch holds before its teller waits.
const UNREAD_CHANGES: usize = 16;

type Failure = Box<dyn Fn() -> SourceError + Send>;

/// Sources in memory, each a map of artifacts that the test writes.
pub struct ScriptedSource {
    pub(super) clock: Arc<dyn Clock>,
    scripts: Mutex<BTreeMap<SourceName, Script>>,
    watcher: Mutex<Option<mpsc::Sender<Change>>>,
    look: Mutex<Option<Arc<Doors>>>,
}

pub(super) struct Script {
    source: Source,
    covered: bool,
    root: RootState,
    pub(super) artifacts: BTreeMap<ArtifactId, Artifact>,
    issues: Vec<Issue>,
    manifest_hash: Option<String>,
    disks: Disks,
    outdated: bool,
    silent: Option<String>,
    failure: Option<Failure>,
    pub(super) writes: u64,
    pub(super) remembered: Remembered,
    scans: u64,
    pace: Pace,
    reads: u64,
    gate: Option<Arc<Doors>>,
    read_gate: Option<Arc<Doors>>,
}

struct Doors {
    begun: Semaphore,
    open: Semaphore,
}

impl Doors {
    fn closed() -> Arc<Self> {
        Arc::new(Self { begun: Semaphore::new(0), open: Semaphore::new(0) })
    }

    /// Waits until they are opened.
    async fn pass(&self) {
        self.begun.add_permits(1);
        // Nothing is ever put into it: it fails when the gate opens, and not before.
        let _ = self.open.acquire().await;
    }
}

/// Holds one scan, read or look for sources open. Opens when it is dropped.
pub struct Gate(Arc<Doors>);

impl Gate {
    /// Waits until it has begun: it has seen the artifacts as they are now, and waits.
    pub async fn begun(&self) {
        if let Ok(permit) = self.0.begun.acquire().await {
            // Once begun it stays so, however often it is asked.
            drop(permit);
        }
    }

    /// Lets the scan go on.
    pub fn open(self) {
        drop(self);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.open.close();
    }
}

impl ScriptedSource {
    /// Without any source; `clock` tells when a scan began and when an artifact was read.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (scripts, watcher, look) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { clock, scripts, watcher, look }
    }

    /// Covers a source, from now on or again, with whatever it held before.
    pub fn cover(&self, source: Source) {
        let mut scripts = self.scripts();
        let script =
            scripts.entry(source.name.clone()).or_insert_with(|| Script::of(source.clone()));
        script.covered = true;
        script.source = source;
    }

    /// No longer covers a source, as when it is taken out of the configuration.
    pub fn uncover(&self, source: &SourceName) {
        self.with(source, |script| script.covered = false);
    }

    /// Writes an artifact: it gets a new fingerprint, and keeps the revision that it has.
    pub fn put(&self, source: &SourceName, artifact: Artifact) {
        self.with(source, |script| {
            script.writes += 1;
            let fingerprint = Some(format!("write {}", script.writes));
            script.artifacts.insert(artifact.id.clone(), Artifact { fingerprint, ..artifact });
        });
    }

    /// Deletes an artifact.
    pub fn delete(&self, source: &SourceName, id: &ArtifactId) {
        self.with(source, |script| script.artifacts.remove(id));
    }

    /// Whether an artifact is there.
    #[must_use]
    pub fn has(&self, source: &SourceName, id: &ArtifactId) -> bool {
        self.with(source, |script| script.artifacts.contains_key(id))
    }

    /// What scans find where the root should be.
    pub fn set_root(&self, source: &SourceName, root: RootState) {
        self.with(source, |script| script.root = root);
    }

    /// The issues that every scan tells of.
    pub fn set_issues(&self, source: &SourceName, issues: Vec<Issue>) {
        self.with(source, |script| script.issues = issues);
    }

    /// The manifest's hash at the scans to come.
    pub fn set_manifest_hash(&self, source: &SourceName, hash: Option<&str>) {
        self.with(source, |script| script.manifest_hash = hash.map(ToOwned::to_owned));
    }

    /// The disks that scans find from now on.
    pub fn set_disks(&self, source: &SourceName, disks: Disks) {
        self.with(source, |script| script.disks = disks);
    }

    /// Makes the rows those of an earlier reader, at the scans to come.
    pub fn set_outdated(&self, source: &SourceName) {
        self.with(source, |script| script.outdated = true);
    }

    /// Gives a reason why the file system tells nothing of a source in watches to come.
    pub fn silence(&self, source: &SourceName, reason: &str) {
        self.with(source, |script| script.silent = Some(reason.to_owned()));
    }

    /// Tells who watches of a change; answers whether somebody did.
    pub async fn tell(&self, change: Change) -> bool {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match watcher {
            Some(watcher) => watcher.send(change).await.is_ok(),
            None => false,
        }
    }

    /// Lets the watch fail.
    pub fn stop_watching(&self) {
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lets scans and reads of a source fail, until [`Self::mend`].
    pub fn fail(&self, source: &SourceName, failure: impl Fn() -> SourceError + Send + 'static) {
        self.with(source, |script| script.failure = Some(Box::new(failure)));
    }

    /// Lets scans and reads of a source succeed again.
    pub fn mend(&self, source: &SourceName) {
        self.with(source, |script| script.failure = None);
    }

    /// Holds the source's next scan open, once it has seen the artifacts.
    #[must_use]
    pub fn hold(&self, source: &SourceName) -> Gate {
        let doors = Doors::closed();
        self.with(source, |script| script.gate = Some(Arc::clone(&doors)));
        Gate(doors)
    }

    /// Holds the next read of a single artifact of the source open, once it has seen it.
    #[must_use]
    pub fn hold_read(&self, source: &SourceName) -> Gate {
        let doors = Doors::closed();
        self.with(source, |script| script.read_gate = Some(Arc::clone(&doors)));
        Gate(doors)
    }

    /// Holds the next look for sources open.
    #[must_use]
    pub fn hold_look(&self) -> Gate {
        let doors = Doors::closed();
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&doors));
        Gate(doors)
    }

    /// How many scans of the source have begun.
    #[must_use]
    pub fn scans(&self, source: &SourceName) -> u64 {
        self.with(source, |script| script.scans)
    }

    /// The pace of the source's last scan.
    #[must_use]
    pub fn pace(&self, source: &SourceName) -> Pace {
        self.with(source, |script| script.pace)
    }

    /// How many times a single artifact of the source was asked for.
    #[must_use]
    pub fn reads(&self, source: &SourceName) -> u64 {
        self.with(source, |script| script.reads)
    }

    fn scripts(&self) -> MutexGuard<'_, BTreeMap<SourceName, Script>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with<T>(&self, source: &SourceName, act: impl FnOnce(&mut Script) -> T) -> T {
        act(self.scripts().get_mut(source).expect("the test covers the source first"))
    }
}

impl Script {
    fn of(source: Source) -> Self {
        Self {
            source,
            covered: true,
            root: RootState::Present,
            artifacts: BTreeMap::new(),
            issues: Vec::new(),
            manifest_hash: None,
            disks: Disks::default(),
            outdated: false,
            silent: None,
            failure: None,
            writes: 0,
            remembered: Remembered::default(),
            scans: 0,
            pace: Pace::default(),
            reads: 0,
            gate: None,
            read_gate: None,
        }
    }

    fn scan(&mut self, known: &Known, force: bool, now: Timestamp) -> Result<Scan, SourceError> {
        self.scans += 1;
        if let Some(failure) = &self.failure {
            return Err(failure());
        }
        let nothing = BTreeMap::new();
        let there = if self.root == RootState::Present { &self.artifacts } else { &nothing };
        let same = |artifact: &&Artifact| {
            known.get(&artifact.id).is_some_and(|known| {
                known.fingerprint.is_some() && known.fingerprint == artifact.fingerprint
            })
        };
        let mut read: Vec<Artifact> = there
            .values()
            .filter(|artifact| force || !same(artifact))
            .map(|artifact| Artifact { read_at: now, ..artifact.clone() })
            .collect();
        read.sort_by(|a, b| a.path.cmp(&b.path));
        let mut gone: Vec<_> = known.keys().filter(|id| !there.contains_key(id)).cloned().collect();
        gone.sort();
        Ok(Scan {
            started_at: now,
            root: self.root,
            read,
            gone,
            still_there: 0,
            disks: self.disks.clone(),
            doubt: None,
            issues: self.issues.clone(),
            outdated: self.outdated,
            manifest_hash: self.manifest_hash.clone(),
        })
    }
}

#[async_trait]
impl ArtifactSource for ScriptedSource {
    async fn discover(&self, known: &[Source]) -> Vec<Source> {
        let look = self.look.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(doors) = look {
            doors.pass().await;
        }
        let present = |script: &Script| {
            script.root == RootState::Present
                || known.iter().any(|source| source.name == script.source.name)
        };
        let scripts = self.scripts();
        let covered = scripts.values().filter(|script| script.covered && present(script));
        let mut sources: Vec<_> = covered.map(|script| script.source.clone()).collect();
        sources.sort_by(|a, b| a.name.precedence().cmp(&b.name.precedence()));
        sources
    }

    async fn scan(
        &self,
        source: &Source,
        known: Arc<Known>,
        options: ScanOptions,
    ) -> Result<Scan, SourceError> {
        let now = self.clock.now();
        let (scan, gate) = self.with(&source.name, |script| {
            script.pace = options.pace;
            (script.scan(&known, options.force, now), script.gate.take())
        });
        if let Some(doors) = gate {
            doors.pass().await;
        }
        scan
    }

    async fn read(
        &self,
        source: &Source,
        id: &ArtifactId,
        _path: Option<String>,
    ) -> Result<Option<Artifact>, SourceError> {
        let now = self.clock.now();
        let (read, gate) = self.with(&source.name, |script| {
            script.reads += 1;
            let read = match &script.failure {
                Some(failure) => Err(failure()),
                None => Ok(script
                    .artifacts
                    .get(id)
                    .map(|artifact| Artifact { read_at: now, ..artifact.clone() })),
            };
            (read, script.read_gate.take())
        });
        if let Some(doors) = gate {
            doors.pass().await;
        }
        read
    }

    /// The description serves as the file's text.
    async fn content(
        &self,
        source: &Source,
        id: &ArtifactId,
        _path: &str,
    ) -> Result<Option<String>, SourceError> {
        self.with(&source.name, |script| match &script.failure {
            Some(failure) => Err(failure()),
            None => Ok(script
                .artifacts
                .get(id)
                .map(|artifact| artifact.metadata.description.clone().unwrap_or_default())),
        })
    }

    async fn watch(&self, sources: &[Source]) -> Watch {
        let (sender, changes) = mpsc::channel(UNREAD_CHANGES);
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        let scripts = self.scripts();
        let why = |source: &Source| {
            Some((source.name.clone(), scripts.get(&source.name)?.silent.clone()?))
        };
        Watch { silent: sources.iter().filter_map(why).collect(), changes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BuildArtifact, FakeClock, artifact, at, source, source_name};

    #[tokio::test]
    async fn a_held_scan_has_seen_what_was_there_when_it_began() {
        let work = source_name("work");
        let files = Arc::new(ScriptedSource::new(Arc::new(FakeClock::at(at(9)))));
        files.cover(source("work"));
        files.put(&work, artifact("skill:pdf"));
        let gate = files.hold(&work);
        let scan = {
            let files = Arc::clone(&files);
            tokio::spawn(async move {
                let options = ScanOptions::default();
                files.scan(&source("work"), Arc::default(), options).await
            })
        };
        gate.begun().await;
        files.put(&work, artifact("skill:pdf").described("changed meanwhile"));
        gate.open();
        let scan = scan.await.unwrap().unwrap();
        assert_eq!(scan.read[0].metadata, artifact("skill:pdf").metadata);
        assert_eq!((scan.started_at, scan.read[0].read_at), (at(9), at(9)));
        assert_eq!(files.scans(&work), 1);
    }
}
