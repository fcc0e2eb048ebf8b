//! Everything at once, for a while.

use std::time::Duration;

use larder_tests::{database::Backend, soak::Soak};

/// Long enough for two kills and several sweeps of each process.
const LASTING: Duration = Duration::from_secs(9);

fn soak(backend: Backend) {
    let soak = Soak { binary: env!("CARGO_BIN_EXE_larder").into(), backend, lasting: LASTING };
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
