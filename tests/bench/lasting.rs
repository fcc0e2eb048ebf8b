//! What takes its time: everything at once for a minute, links that are put in the way of writers for a
//! minute, and a database that is away for a while. What is measured is for information; what is wrong fails.

use std::{env, time::Duration};

use larder_tests::{
    database::{Backend, POSTGRES_URL},
    outage::Outage,
    reach::{Tally, race},
    soak::{Figures, Soak},
    stopwatch::Stopwatch,
};

use crate::{
    Outcome,
    service::binary,
    table::{Row, Table, ms},
};

/// How long everything goes on at once.
const MINUTE: Duration = Duration::from_mins(1);
/// How long the database is away.
const AWAY: Duration = Duration::from_secs(10);

/// Soaks one process on SQLite, and two on one Postgres, if there is one; and takes that away.
pub(crate) async fn measure(table: &mut Table) -> Outcome<()> {
    table.section("Everything at once for a minute, killed twice, SQLite");
    soak(Backend::Sqlite, table).await?;
    table.section("Directories that become links while files are written, for a minute");
    reach(table).await?;
    if env::var_os(POSTGRES_URL).is_none() {
        return Ok(());
    }
    table.section("Everything at once for a minute, two processes, one killed twice, Postgres");
    soak(Backend::Postgres, table).await?;
    table.section("Postgres away for 10 s, two processes");
    outage(table).await
}

async fn soak(backend: Backend, table: &mut Table) -> Outcome<()> {
    let soak = Soak { binary: binary()?, backend, lasting: MINUTE };
    // What is wrong is a panic, which must not keep the table from being printed.
    let figures = tokio::spawn(soak.run()).await?;
    let Figures { operations, foreign, refreshes, sweeps, kills, settled, .. } = figures;
    let mut count = |name: &str, number: u64| table.row(Row::new(name, number.to_string()));
    for (what, (done, refused)) in operations {
        count(what, done);
        if refused > 0 {
            count(&format!("{what}, refused for a good reason"), refused);
        }
    }
    count("changes of files by another program", foreign);
    count("refreshes that changed something", refreshes);
    count("sweeps", sweeps);
    count("kills", kills.into());
    table.row(Row::new("agreed with the files after", ms(settled)));
    Ok(())
}

async fn reach(table: &mut Table) -> Outcome<()> {
    let watch = Stopwatch::start();
    // What is wrong is a panic, which must not keep the table from being printed.
    let race = tokio::spawn(async move { race(move |_| watch.elapsed() < MINUTE).await });
    let Tally { done, refused } = race.await?;
    table.row(Row::new("operations done", done.to_string()));
    table.row(Row::new("operations refused because of a link", refused.to_string()));
    Ok(())
}

async fn outage(table: &mut Table) -> Outcome<()> {
    let outage = Outage { binary: binary()?, lasting: AWAY };
    let figures = tokio::task::spawn_blocking(move || outage.run()).await?;
    for ((what, status), (count, longest)) in figures.answers {
        let longest = format!("at most {}", ms(longest));
        table.row(Row::new(format!("{what}, {status}, {longest}"), count.to_string()));
    }
    for (what, after) in [
        ("ready again after", figures.ready),
        ("swept again after", figures.swept),
        ("agreed with the files after", figures.agreed),
        ("an event took", figures.told),
    ] {
        table.row(Row::new(what, ms(after)));
    }
    Ok(())
}
