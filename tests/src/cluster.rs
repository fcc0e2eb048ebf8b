//! A Postgres server of a test's own, which it may stop.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::database::POSTGRES_URL;

/// Runs a command beside a server of its own.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/with-postgres");

/// A server that nobody else uses; it goes with this value.
pub struct Cluster {
    /// Lives until its standard input ends.
    script: Child,
    url: String,
    control: String,
}

impl Cluster {
    /// Makes a server and starts it.
    ///
    /// # Panics
    /// When there is no Postgres to be started.
    #[must_use]
    pub fn start() -> Self {
        const TELL: &str =
            "echo \"$LARDER_TEST_POSTGRES_URL\"; echo \"$LARDER_TEST_POSTGRES_CONTROL\"; cat";
        let mut script = Command::new(SCRIPT)
            .args(["sh", "-c", TELL])
            .env_remove(POSTGRES_URL)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script");
        let mut told = BufReader::new(script.stdout.take().expect("its output")).lines();
        let mut line = || told.next().and_then(Result::ok).expect("a server that starts");
        let (url, control) = (line(), line());
        // What was answered must be there after a stop in the middle of everything: the server is
        // told otherwise for all other tests.
        let url = format!("{url}?options=-csynchronous_commit%3Don");
        Self { script, url, control }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it at once, as a crash would.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn stop(&self) {
        self.control("stop");
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_again(&self) {
        self.control("start");
    }

    fn control(&self, what: &str) {
        let status = Command::new(&self.control).arg(what).status();
        assert!(status.is_ok_and(|status| status.success()), "the server cannot {what}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
