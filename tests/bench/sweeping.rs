//! What readers notice of a sweep.

use crate::{
    Outcome,
    client::Request,
    load,
    service::Service,
    table::{Row, Table, ms, ratio},
    tree::{SOURCE, Tree},
};

/// A TTL so short that everything is always stale before the next sweep, which comes every half
/// second: most of the time there is one.
const BUSY: [(&str, &str); 2] = [("LARDER_CACHE_TTL", "1s"), ("LARDER_CACHE_SWEEP_EVERY", "1s")];
const AT_REST: [(&str, &str); 1] = [("LARDER_CACHE_SWEEP_EVERY", "off")];

/// How many times as long 99 of 100 pages may take while all rows are swept.
const LIMIT: f64 = 2.0;

/// Puts a server at rest and one that sweeps all the time under the same load.
pub(crate) async fn measure(tree: &Tree, table: &mut Table) -> Outcome<()> {
    let page = Request::get(&format!("/api/v1/user-collections/{SOURCE}/artifacts?limit=50"));
    let (at_rest, _) = Service::start_with(tree, None, &AT_REST).await?;
    let mut quiet = Vec::new();
    for connections in [1, 8] {
        quiet.push(load::bear(at_rest.address, &page, 200, connections).await?);
    }
    drop(at_rest);

    let (busy, _) = Service::start_with(tree, None, &BUSY).await?;
    let before = sweeps(&busy).await?;
    for (connections, quiet) in [1, 8].into_iter().zip(quiet) {
        let load = load::bear(busy.address, &page, 200, connections).await?;
        let name = format!("p99 of a page while all rows are swept, {connections} connections");
        let row = Row::new(name, ms(load.p99))
            .against(format!("at rest {}", ms(quiet.p99)), ratio(load.p99, quiet.p99));
        table.row(row.at_most(LIMIT));
    }
    let swept = sweeps(&busy).await? - before;
    table.row(Row::new("sweeps meanwhile", format!("{swept}")));
    if swept < 2 {
        return Err(format!("there were no more than {swept} sweeps of all rows").into());
    }
    Ok(())
}

/// How many times the source was refreshed.
async fn sweeps(service: &Service) -> Outcome<u64> {
    let mut connection = service.connect().await?;
    let request = Request::get("/metrics");
    let answer = connection.ask(&request).await?;
    answer.must_be(200, &request)?;
    let text = std::str::from_utf8(answer.body)?;
    let count = text.lines().find_map(|line| {
        let rest = line.strip_prefix("larder_refresh_duration_seconds_count{")?;
        rest.contains("scope=\"source\"").then(|| rest.rsplit(' ').next()?.parse().ok()).flatten()
    });
    Ok(count.unwrap_or_default())
}
