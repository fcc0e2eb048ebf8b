//! The accepted tokens, read again while the server runs.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration};

use larder_http::{TokenRule, Tokens};
use tokio::sync::Notify;

use crate::settings::SettingsError;

/// How often the configuration file is looked at. A file that changed is read once two looks in a row
/// have found it the same: an editor may write it in steps.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// When the tokens are read again, and how.
pub(crate) struct Reload {
    /// The configuration file, if there may be one.
    pub(crate) file: Option<PathBuf>,
    /// Notified when somebody asks for it.
    pub(crate) asked: Arc<Notify>,
    /// Reads the tokens from all layers of the settings.
    pub(crate) read: Box<dyn Fn() -> Result<Vec<TokenRule>, SettingsError> + Send + Sync>,
}

impl Reload {
    /// Replaces `tokens` whenever the file has changed, or somebody asks for it. Settings that cannot
    /// be read or are wrong replace nothing: they are logged, and read again at every look until they
    /// are right.
    pub(crate) async fn follow(self, tokens: Tokens) {
        let mut seen = self.look();
        let mut last = seen;
        let mut warned = None;
        loop {
            tokio::select! {
                () = self.asked.notified() => {}
                () = tokio::time::sleep(BETWEEN_LOOKS) => {
                    let now = self.look();
                    let is_stable = now == std::mem::replace(&mut last, now);
                    if now == seen || !is_stable {
                        continue;
                    }
                }
            }
            let now = self.look();
            match (self.read)() {
                Ok(rules) => {
                    (seen, warned) = (now, None);
                    tracing::info!(tokens = rules.len(), "the access tokens were read again");
                    tokens.replace(rules);
                }
                Err(error) => {
                    let error = error.to_string();
                    if warned.as_ref() != Some(&error) {
                        tracing::warn!(error, "the access tokens stay as they are");
                        warned = Some(error);
                    }
                }
            }
        }
    }

    /// What a change of the file changes: its inode, size and time of modification in nanoseconds.
    fn look(&self) -> Option<(u64, u64, i64, i64)> {
        let meta = fs::metadata(self.file.as_ref()?).ok()?;
        Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tokens_that_could_not_be_read_are_read_again_although_the_file_stays_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("larder.toml");
        fs::write(&file, "").unwrap();
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let read = move || match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Err(SettingsError::of_variable("TEST", "a test")),
            _ => Ok(Vec::new()),
        };
        let reload =
            Reload { file: Some(file.clone()), asked: Arc::default(), read: Box::new(read) };
        let following = tokio::spawn(reload.follow(Tokens::new(Vec::new())));
        tokio::task::yield_now().await;
        fs::write(&file, "changed").unwrap();
        let again = async {
            while reads.load(Ordering::Relaxed) < 2 {
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::time::timeout(BETWEEN_LOOKS * 10, again).await.expect("they are read again");
        following.abort();
    }
}
