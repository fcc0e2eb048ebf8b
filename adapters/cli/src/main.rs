//! The binary `larder`: arguments and settings, the log, and the one place that knows every
//! adapter.

mod args;
mod banner;
mod client;
mod clock;
mod compose;
mod demo;
mod export;
mod failure;
mod import;
mod logging;
mod migrate;
mod reload;
mod serve;
mod settings;
mod signals;
mod token;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{CommandFactory, Parser};
use tracing_appender::non_blocking::WorkerGuard;

use crate::{
    args::{Args, Command, TokenStep},
    failure::Failure,
    settings::{Environment, Settings},
};

/// The system's allocator keeps what other threads freed: with 20,000 artifacts 161 MiB are resident
/// after refreshes and readers, with this one 98.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long work on other threads may go on once a command has ended.
const LEFTOVERS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        None => printed(Args::command().print_help()),
        Some(Command::Token(TokenStep::New(arguments))) => token::new(arguments),
        Some(Command::Token(TokenStep::List(arguments))) => token::list(&arguments),
        Some(Command::Token(TokenStep::Revoke(arguments))) => token::revoke(&arguments),
        Some(Command::Openapi) => print(&larder_http::spec()),
        Some(Command::Serve(serve)) => {
            let (settings, _log) = prepare(serve.common.config.as_deref(), serve.flags())?;
            let demo = serve.demo;
            let tokens = move || {
                let config = serve.common.config.as_deref();
                Settings::load(&Environment::of_process(), config, serve.flags())
                    .map(|settings| settings.auth.tokens)
            };
            block_on(serve::serve(settings, demo, tokens))
        }
        Some(Command::Migrate(migrate)) => {
            let (settings, _log) =
                prepare(migrate.common.config.as_deref(), migrate.common.flags())?;
            block_on(migrate::migrate(&settings, migrate.step))
        }
        Some(Command::Export(export)) => {
            let (settings, _log) = prepare(export.reach.config.as_deref(), export.reach.flags())?;
            export::export(&settings, &export.collection)
        }
        Some(Command::Import(import)) => {
            let (settings, _log) = prepare(import.reach.config.as_deref(), import.reach.flags())?;
            import::import(&settings, &import.file)
        }
    }
}

/// Reads the settings, starts the log, and logs what is odd about the settings.
fn prepare(
    config: Option<&str>,
    flags: settings::Flags,
) -> Result<(Settings, WorkerGuard), Failure> {
    let environment = Environment::of_process();
    let settings = Settings::load(&environment, config, flags)?;
    let log = logging::start(settings.log_format, &environment)?;
    for warning in settings.warnings.iter().chain(&logging::odd_directives(&environment)?) {
        tracing::warn!("{warning}");
    }
    for setting in settings.layers.described() {
        tracing::debug!("{setting}");
    }
    Ok((settings, log))
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("the threads of the runtime cannot be started", &error))?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LEFTOVERS);
    outcome
}

/// Prints to stdout, and nothing but this text.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    printed(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// That nobody reads to the end is no failure.
fn printed(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("the output cannot be written", &error))
        }
        _ => Ok(()),
    }
}
