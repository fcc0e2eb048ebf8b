//! From files to a filled cache: the first time, when nothing has changed, and after a restart.

use std::time::Duration;

use crate::{
    Outcome,
    service::Service,
    table::{Row, Table, ms, ratio},
    timing::median,
    tree::Tree,
};

/// How often the cache is filled.
const COLD_RUNS: usize = 3;
/// How often it is refreshed without a change.
const REFRESHES: usize = 15;
/// How often the service is started again.
const RESTARTS: usize = 7;

/// The most that the service may hold in memory, in KiB.
const MEMORY: u64 = 150 << 10;
/// The longest that a restart may take.
const RESTART: Duration = Duration::from_millis(300);

/// How many times what the system's own tools take is good; `None` is for information.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of the cold population, to `cat`.
    pub(crate) cold: Option<f64>,
    /// Of a refresh without changes, to `find`.
    pub(crate) refresh: Option<f64>,
}

/// Fills an empty cache several times, and leaves the service of the last time.
pub(crate) async fn cold(
    tree: &Tree,
    database: Option<&str>,
    limits: Limits,
    table: &mut Table,
) -> Outcome<Service> {
    let (mut ready, mut refresh, mut cat) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    // What is on the disk is in memory from here on.
    tree.cat()?;
    // A given database is empty only once.
    for _ in 0..if database.is_some() { 1 } else { COLD_RUNS } {
        drop(last.take());
        cat.push(tree.cat()?);
        let (service, took) = Service::start(tree, database).await?;
        ready.push(took);
        refresh.push(service.last_refresh().await?);
        last = Some(service);
    }
    let (ready, refresh, cat) = (median(ready), median(refresh), median(cat));
    let name = "cold population, from start to ready";
    let row = Row::new(name, ms(ready)).against(format!("cat {}", ms(cat)), ratio(ready, cat));
    table.row(with_limit(row, limits.cold));
    table.row(
        Row::new("the same, as last_refresh tells it", ms(refresh))
            .against(format!("cat {}", ms(cat)), ratio(refresh, cat)),
    );
    last.ok_or_else(|| "the cache was never filled".into())
}

/// Refreshes when nothing has changed.
pub(crate) async fn refresh(
    tree: &Tree,
    service: &Service,
    limits: Limits,
    table: &mut Table,
) -> Outcome<()> {
    // Files that were young when they were read are read once more, which is not what is measured.
    service.refresh().await?;
    service.refresh().await?;
    tree.find()?;
    let (mut took, mut find) = (Vec::new(), Vec::new());
    for _ in 0..REFRESHES {
        find.push(tree.find()?);
        let (refresh, report) = service.refresh().await?;
        if report["artifacts_refreshed"] != 0 || report["errors_total"] != 0 {
            return Err(format!("a refresh without changes found some: {report}").into());
        }
        took.push(refresh);
    }
    let (took, find) = (median(took), median(find));
    let row = Row::new("refresh without changes", ms(took))
        .against(format!("find {}", ms(find)), ratio(took, find));
    table.row(with_limit(row, limits.refresh));
    Ok(())
}

/// What the service holds in memory now.
pub(crate) fn memory(when: &str, service: &Service, table: &mut Table) -> Outcome<()> {
    let memory = service.memory()?;
    let mib = |kib: u64| format!("{} MiB", kib.div_ceil(1 << 10));
    let row = Row::new(format!("memory {when}"), mib(memory.resident));
    table.row(row.target(format!("< {}", mib(MEMORY)), memory.resident < MEMORY));
    table.row(Row::new(format!("memory {when}, peak"), mib(memory.peak)));
    Ok(())
}

/// Starts the service again on its filled cache.
pub(crate) async fn restart(service: &mut Service, table: &mut Table) -> Outcome<()> {
    let mut took = Vec::new();
    for _ in 0..RESTARTS {
        took.push(service.restart().await?);
    }
    let took = median(took);
    let row = Row::new("restart on the filled cache, to ready", ms(took));
    table.row(row.target(format!("≤ {}", ms(RESTART)), took <= RESTART));
    Ok(())
}

fn with_limit(row: Row, limit: Option<f64>) -> Row {
    match limit {
        Some(limit) => row.at_most(limit),
        None => row,
    }
}
