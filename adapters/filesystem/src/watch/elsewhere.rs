//! Watching where the kernel has no inotify: every source is polled.

use std::sync::Arc;

use larder::{domain::collection::Source, ports::Watch};
use tokio::sync::mpsc;

use crate::FileSystemConfig;

/// Tells nothing; see the port.
#[expect(clippy::unused_async, reason = "it takes the place of one that waits")]
pub(crate) async fn watch(_config: &Arc<FileSystemConfig>, sources: &[Source]) -> Watch {
    let (sender, changes) = mpsc::channel(1);
    // Watching again would change nothing: the stream stays open, and says nothing.
    tokio::spawn(async move { sender.closed().await });
    let why = "files are watched on Linux alone";
    let silent = sources.iter().map(|source| (source.name.clone(), why.to_owned()));
    Watch { silent: silent.collect(), changes }
}
