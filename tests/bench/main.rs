//! How fast the whole service is: the release binary as a process, measured from outside, beside
//! what the system's own tools and a server of constant bytes take for the same. Prints one table;
//! a target that is missed fails nothing, an answer that is wrong does. `make bench` runs it.
//!
//! Names of parts as arguments (`plain`, `managed`, `fresh`, `postgres`, `lasting`) measure those alone.
//! Postgres is measured too where `LARDER_TEST_POSTGRES_URL` names a server.

mod client;
mod constant;
mod editing;
mod lasting;
mod load;
mod population;
mod reading;
mod service;
mod sweeping;
mod table;
mod timing;
mod tree;
mod watching;
mod words;

use std::{env, error::Error, process::ExitCode, thread, time::Duration};

use larder_tests::database::{Backend, Database, POSTGRES_URL};

use crate::{
    constant::ConstantServer,
    editing::Edits,
    population::Limits,
    service::Service,
    table::{Row, Table},
    tree::{Layout, Tree},
};

/// What a step of the benchmark gives, or the sentence that tells what went wrong.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const FEW: u64 = 500;
const SMALL: u64 = 5_000;
const LARGE: u64 = 20_000;

/// What an edit may take in a collection of few artifacts, and in one of many.
const EDITS_OF_FEW: Edits = Edits { count: 300, limit: Duration::from_millis(15) };
const EDITS_OF_MANY: Edits = Edits { count: 100, limit: Duration::from_millis(100) };

/// Where nothing is judged.
const NO_LIMITS: Limits = Limits { cold: None, refresh: None };

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = if env::args().any(|argument| argument == constant::ARGUMENT) {
        constant::serve().await
    } else {
        tokio::select! {
            outcome = bench() => outcome,
            // Ending in good order stops the processes and removes the files.
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what was measured, also when something went wrong afterwards.
async fn bench() -> Outcome<()> {
    let mut table = Table::default();
    let outcome = measure(&mut table).await;
    println!("{table}");
    outcome
}

async fn measure(table: &mut Table) -> Outcome<()> {
    table.section("This machine");
    let cores = thread::available_parallelism()?;
    table.row(Row::new("cores, shared by server and clients", cores.to_string()));
    let constant = ConstantServer::start()?;
    if is_wanted("plain") {
        small(table).await?;
        large(&constant, table).await?;
    }
    if is_wanted("managed") {
        managed(table).await?;
    }
    if is_wanted("fresh") {
        fresh(table).await?;
    }
    if is_wanted("postgres") && env::var_os(POSTGRES_URL).is_some() {
        postgres(&constant, table).await?;
    }
    if is_wanted("lasting") {
        lasting::measure(table).await?;
    }
    Ok(())
}

/// Whether a part is to be measured: all are, unless the command line names some.
fn is_wanted(part: &str) -> bool {
    let named: Vec<String> =
        env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    named.is_empty() || named.iter().any(|name| name == part)
}

/// How the cache keeps itself fresh, and what readers notice of it.
async fn fresh(table: &mut Table) -> Outcome<()> {
    for layout in [Layout::Plain, Layout::Managed] {
        let tree = Tree::write(layout, LARGE)?;
        table.section(format!("100 edits by a shell among {LARGE} skills ({layout:?}), SQLite"));
        let database = Database::new(Backend::Sqlite).await;
        let (service, _) = Service::start(&tree, Some(database.url())).await?;
        watching::measure(&tree, &service, table).await?;
        if layout == Layout::Plain {
            population::memory("after the edits", &service, table)?;
        }
        drop(service);
        table.section(format!("sweeps of {LARGE} skills ({layout:?}), SQLite"));
        sweeping::measure(&tree, &database, table).await?;
    }
    Ok(())
}

async fn small(table: &mut Table) -> Outcome<()> {
    let tree = Tree::write(Layout::Plain, SMALL)?;
    let limits = Limits { cold: None, refresh: Some(3.0) };
    table.section(format!("{SMALL} skills in a plain directory, SQLite"));
    let service = population::cold(&tree, None, limits, table).await?;
    population::refresh(&tree, &service, limits, table).await
}

async fn large(constant: &ConstantServer, table: &mut Table) -> Outcome<()> {
    let tree = Tree::write(Layout::Plain, LARGE)?;
    let limits = Limits { cold: Some(8.0), refresh: Some(3.0) };
    table.section(format!("{LARGE} skills in a plain directory, SQLite"));
    let mut service = population::cold(&tree, None, limits, table).await?;
    population::memory("after the cold population", &service, table)?;
    population::refresh(&tree, &service, limits, table).await?;
    population::memory("after the refreshes", &service, table)?;
    reading::measure(&service, constant, true, table).await?;
    population::memory("after the readers", &service, table)?;
    population::restart(&mut service, table).await
}

async fn managed(table: &mut Table) -> Outcome<()> {
    let tree = Tree::write(Layout::Managed, LARGE)?;
    table.section(format!("{LARGE} skills in a managed collection, SQLite"));
    let service = population::cold(&tree, None, NO_LIMITS, table).await?;
    population::refresh(&tree, &service, NO_LIMITS, table).await?;
    edits(&tree, &service, EDITS_OF_MANY, table).await?;
    let tree = Tree::write(Layout::Managed, FEW)?;
    let (service, _) = Service::start(&tree, None).await?;
    edits(&tree, &service, EDITS_OF_FEW, table).await
}

async fn edits(tree: &Tree, service: &Service, edits: Edits, table: &mut Table) -> Outcome<()> {
    let (count, artifacts) = (edits.count, tree.artifacts);
    table.section(format!("{count} edits in a managed collection of {artifacts} skills, SQLite"));
    editing::measure(tree, service, edits, table).await
}

async fn postgres(constant: &ConstantServer, table: &mut Table) -> Outcome<()> {
    let tree = Tree::write(Layout::Plain, LARGE)?;
    table.section(format!("{LARGE} skills in a plain directory, Postgres"));
    let database = Database::new(Backend::Postgres).await;
    let outcome = async {
        let service = population::cold(&tree, Some(database.url()), NO_LIMITS, table).await?;
        reading::measure(&service, constant, false, table).await?;
        table.section(format!("100 edits by a shell among {LARGE} skills, Postgres"));
        watching::measure(&tree, &service, table).await?;
        drop(service);
        table.section(format!("sweeps of {LARGE} skills, Postgres"));
        sweeping::measure(&tree, &database, table).await
    };
    let outcome = outcome.await;
    database.remove().await;
    outcome
}
