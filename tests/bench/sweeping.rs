//! What readers notice of a sweep.

use std::{fmt, time::Duration};

use larder_tests::database::Database;

use crate::{
    Outcome,
    client::Request,
    load,
    service::Service,
    table::{Row, Table, ms, ratio},
    timing::Stopwatch,
    tree::{SOURCE, Tree},
};

/// Why all rows are stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stale {
    /// They have not been looked at for long: the files are compared with what is known of them.
    Old,
    /// They are not to be trusted: every file is read again.
    Invalidated,
}

impl Stale {
    /// How many sweeps are measured. The load must not begin again before rows are invalidated.
    fn sweeps(self) -> u32 {
        if self == Self::Old { 3 } else { 1 }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Old { "swept by age" } else { "invalidated" })
    }
}

/// A TTL so short that everything is always stale before the next sweep, which comes every half
/// second: most of the time there is one.
const ALWAYS_OLD: [(&str, &str); 2] =
    [("LARDER_CACHE_TTL", "1s"), ("LARDER_CACHE_SWEEP_EVERY", "1s")];
const OFTEN: [(&str, &str); 1] = [("LARDER_CACHE_SWEEP_EVERY", "1s")];
const AT_REST: [(&str, &str); 1] = [("LARDER_CACHE_SWEEP_EVERY", "off")];

/// How often it is asked whether a sweep has ended.
const LOOK: Duration = Duration::from_millis(100);
/// And how often before it is given up.
const LOOKS: u32 = 600;
/// How many times as long 99 of 100 pages may take while all rows are swept.
const LIMIT: f64 = 2.0;

const CONNECTIONS: [usize; 2] = [1, 8];

/// Puts a server at rest and one that sweeps all the time under the same load. The database is filled.
pub(crate) async fn measure(tree: &Tree, database: &Database, table: &mut Table) -> Outcome<()> {
    let page = Request::get(&format!("/api/v1/user-collections/{SOURCE}/artifacts?limit=50"));
    let at_rest = start(tree, database, &AT_REST).await?;
    let mut quiet = Vec::new();
    for connections in CONNECTIONS {
        quiet.push(load::bear(at_rest.address, &page, 200, connections).await?);
    }
    drop(at_rest);
    for (stale, variables) in [(Stale::Old, &ALWAYS_OLD[..]), (Stale::Invalidated, &OFTEN[..])] {
        let busy = start(tree, database, variables).await?;
        for (connections, quiet) in CONNECTIONS.into_iter().zip(&quiet) {
            if stale == Stale::Invalidated {
                invalidate(database, tree).await?;
            }
            let watch = Stopwatch::start();
            let sweeps = wait_for_sweeps(&busy, stale.sweeps());
            let load = load::bear_while(busy.address, &page, 200, connections, sweeps).await?;
            let took = watch.elapsed() / stale.sweeps();
            let name = format!("p99 of a page, all rows {stale}, {connections} connections");
            let row = Row::new(name, ms(load.p99))
                .against(format!("at rest {}", ms(quiet.p99)), ratio(load.p99, quiet.p99));
            table.row(row.at_most(LIMIT));
            table.row(Row::new("a sweep meanwhile, with what it waits for", ms(took)));
        }
    }
    Ok(())
}

/// Marks every row as invalidated, behind the service's back: no operation does that to so many at
/// once.
async fn invalidate(database: &Database, tree: &Tree) -> Outcome<()> {
    const ALL: &str = "UPDATE collection_artifacts SET invalidated_order = read_order";
    let rows = database.execute(ALL).await;
    // The same artifacts are in the mirror and in `default`.
    if rows == 2 * tree.artifacts {
        return Ok(());
    }
    Err(format!("{rows} rows are invalidated").into())
}

/// Starts a server on the filled database, and waits until it has scanned what it was started with,
/// which is no sweep.
async fn start(
    tree: &Tree,
    database: &Database,
    variables: &[(&'static str, &'static str)],
) -> Outcome<Service> {
    const REPORTED: &str = "SELECT reported_order FROM sources";
    let before = database.number(REPORTED).await;
    let (service, _) = Service::start_with(tree, Some(database.url()), variables).await?;
    for _ in 0..LOOKS {
        if database.number(REPORTED).await != before {
            return Ok(service);
        }
        tokio::time::sleep(LOOK).await;
    }
    Err("the scan at the start does not end".into())
}

async fn wait_for_sweeps(service: &Service, times: u32) -> Outcome<()> {
    for _ in 0..times {
        let before = last_refresh(service).await?;
        while last_refresh(service).await? == before {
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

/// When the source was last refreshed. Asked of what costs the service little; its metrics are
/// counted anew for each who asks.
async fn last_refresh(service: &Service) -> Outcome<String> {
    let request = Request::get(&format!("/api/v1/user-collections/{SOURCE}"));
    let collection = service.connect().await?.json(&request).await?;
    Ok(collection["last_refresh"]["started_at"].to_string())
}
