//! Watching the sources' files.
//!
//! - `inotify`: what the kernel tells; `mounts`: disks that are mounted or unmounted.
//! - `watched`: which directories are watched; `uses`: what for; `ways`: how a path is reached.
//! - `batch`: what is gathered until a moment of silence; `fold`: what it means.

mod batch;
mod fold;
mod inotify;
mod mounts;
mod uses;
mod watched;
mod ways;

use std::{io, sync::Arc, thread, time::Duration};

use larder::{
    domain::{collection::Source, id::SourceName, watching::Change},
    ports::Watch,
};
use tokio::{sync::mpsc, task, time::Instant};

use self::{inotify::Inotify, watched::Watched};
use crate::FileSystemConfig;

/// So long nothing may happen before what was gathered is told: a save is a handful of steps.
const SILENCE: Duration = Duration::from_millis(40);
/// So long it may take when there is no silence.
const PATIENCE: Duration = Duration::from_millis(250);
/// So often it is seen whether anybody listens, while nothing happens.
const ATTENTION: Duration = Duration::from_secs(1);
/// So many changes may wait for their reader; then the kernel keeps the events, and tells when they
/// have become too many.
const WAITING: usize = 64;

/// Watches the sources, and the places where others may appear; see the port.
pub(crate) async fn watch(config: &Arc<FileSystemConfig>, sources: &[Source]) -> Watch {
    let (sender, changes) = mpsc::channel(WAITING);
    let (config, followed, telling) = (Arc::clone(config), sources.to_vec(), sender.clone());
    let set_up = task::spawn_blocking(move || begin(&config, followed, telling)).await;
    let silent = set_up.unwrap_or_else(|error| Err(error.to_string())).unwrap_or_else(|why| {
        // Watching again at once would fail again: the stream stays open, and says nothing.
        tokio::spawn(async move { sender.closed().await });
        sources.iter().map(|source| (source.name.clone(), why.clone())).collect()
    });
    Watch { silent, changes }
}

/// Sets everything up and leaves it to a thread of its own. The sources of which nothing will be
/// told, or why nothing is told of any.
fn begin(
    config: &FileSystemConfig,
    sources: Vec<Source>,
    sender: mpsc::Sender<Change>,
) -> Result<Vec<(SourceName, String)>, String> {
    let (watched, silent) = Watched::set_up(config, sources, Inotify::new()?);
    let thread = thread::Builder::new().name("larder-watch".to_owned());
    let follow = move || follow(watched, &sender);
    thread.spawn(follow).map_err(|error| format!("no thread watches it ({})", error.kind()))?;
    Ok(silent)
}

/// Tells what happens until nobody listens any more, or the sources must be looked for.
fn follow(mut watched: Watched, sender: &mpsc::Sender<Change>) {
    while !sender.is_closed() {
        match gather(&mut watched) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) => return tracing::error!(%error, "the system's events cannot be read"),
        }
        let Some(changes) = watched.settle() else {
            // The next watch may need what this one takes.
            drop(watched);
            let _ = sender.blocking_send(Change::Sources);
            return;
        };
        for change in changes {
            // Nobody listens: the loop ends.
            let _ = sender.blocking_send(change);
        }
    }
}

/// Waits a while for something to happen, and then for a moment in which nothing does. Whether
/// anything happened.
fn gather(watched: &mut Watched) -> io::Result<bool> {
    if watched.is_quiet() && !watched.read(ATTENTION)? {
        return Ok(false);
    }
    let began = Instant::now();
    let mut last = began;
    loop {
        let until = (last + SILENCE).min(began + PATIENCE);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(true);
        }
        if watched.read(left)? {
            last = Instant::now();
        }
    }
}
