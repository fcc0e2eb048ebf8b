//! Everything at once, for a while.

use std::{env, time::Duration};

use larder_tests::{database::Backend, outage::Outage, soak::Soak};

/// The environment's name of how many seconds it lasts.
const SECONDS: &str = "LARDER_TEST_SOAK_SECONDS";

/// Without it: long enough for two kills and several sweeps of each process.
const DEFAULT_SECONDS: u64 = 9;

fn soak(backend: Backend) {
    let seconds = env::var(SECONDS).ok().and_then(|text| text.parse().ok());
    let lasting = Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS));
    let soak = Soak { binary: env!("CARGO_BIN_EXE_larder").into(), backend, lasting };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    eprintln!("{}", runtime.block_on(soak.run()));
}

#[test]
fn two_processes_on_one_postgres_show_what_the_files_say() {
    soak(Backend::Postgres);
}

#[test]
fn a_process_on_sqlite_that_is_killed_shows_what_the_files_say() {
    soak(Backend::Sqlite);
}

#[test]
fn a_database_that_is_away_for_a_while_is_waited_for() {
    // Longer than a request waits for it.
    let lasting = Duration::from_secs(7);
    let outage = Outage { binary: env!("CARGO_BIN_EXE_larder").into(), lasting };
    eprintln!("{}", outage.run());
}
