//! Why a command ended without success: one line for a person, and an exit code for a script.

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use larder::app::chain;

use crate::settings::SettingsError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A setting is wrong: exit code 2, as clap has it for a wrong argument.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Something went wrong while it ran: exit code 1.
    #[error("{0}")]
    Running(String),
}

impl Failure {
    /// That something went wrong, and every cause of it, in one line.
    pub(crate) fn new(what: &str, error: &dyn Error) -> Self {
        Self::Running(format!("{what}: {}", chain(error)))
    }

    /// Tells it on stderr, and with which code to exit.
    pub(crate) fn report(&self) -> ExitCode {
        // Nobody may be reading.
        let _ = writeln!(io::stderr(), "larder: {self}");
        match self {
            Self::Settings(_) => ExitCode::from(2),
            Self::Running(_) => ExitCode::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk\nis full")]
    struct Disk;

    #[derive(Debug, thiserror::Error)]
    #[error("nothing was written")]
    struct Write(#[source] Disk);

    #[test]
    fn every_cause_stands_in_one_line() {
        let failure = Failure::new("the file cannot be saved", &Write(Disk));
        assert_eq!(
            failure.to_string(),
            "the file cannot be saved: nothing was written: the disk is full"
        );
    }
}
