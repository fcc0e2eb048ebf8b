//! What readers get: pages, details, and word that nothing has changed.

use std::time::Duration;

use serde_json::Value;

use crate::{
    Outcome,
    client::Request,
    constant::ConstantServer,
    load::{self, Load},
    service::Service,
    table::{Row, Table, ms, ratio},
    timing::Stopwatch,
    tree::SOURCE,
};

/// A few readers, as many as there are connections here.
const MANY: usize = 8;
/// How many times the first page the last one may take.
const LAST_PAGE: f64 = 1.3;
/// What 99 of 100 pages may take with many readers.
const PAGE: Duration = Duration::from_millis(10);

/// What is asked for.
struct Cell {
    name: &'static str,
    request: Request,
    status: u16,
    /// How long the answer's body is.
    length: usize,
}

/// The first and the last page, as found by going from one to the next.
struct Pages {
    first: String,
    last: String,
    /// Of the first page.
    etag: String,
    /// Of the artifact in the middle of the last page.
    id: String,
}

/// Measures all kinds of reading; `judged` says whether the targets hold here.
pub(crate) async fn measure(
    service: &Service,
    constant: &ConstantServer,
    judged: bool,
    table: &mut Table,
) -> Outcome<()> {
    let pages = walk(service, table).await?;
    let detail = format!("/api/v1/artifacts/{}", pages.id.replace(':', "%3A"));
    let first = cell(service, "page of 50, the first", Request::get(&pages.first), 200).await?;
    let last = cell(service, "page of 50, the last", Request::get(&pages.last), 200).await?;
    let detail = cell(service, "detail", Request::get(&detail), 200).await?;
    let unchanged = Request::get_unless(&pages.first, &pages.etag);
    let unchanged = cell(service, "page, not modified", unchanged, 304).await?;

    let (first_alone, first_shared) = bear(service, constant, &first, table).await?;
    let (last_alone, last_shared) = bear(service, constant, &last, table).await?;
    bear(service, constant, &detail, table).await?;
    bear(service, constant, &unchanged, table).await?;

    if judged {
        let row = Row::new("p50 of the last page, 1 connection", ms(last_alone.p50)).against(
            format!("first {}", ms(first_alone.p50)),
            ratio(last_alone.p50, first_alone.p50),
        );
        table.row(row.at_most(LAST_PAGE));
        let p99 = first_shared.p99.max(last_shared.p99);
        let row = Row::new(format!("p99 of a page, {MANY} connections"), ms(p99));
        table.row(row.target(format!("< {}", ms(PAGE)), p99 < PAGE));
    }
    Ok(())
}

/// Goes through all pages once, each of which is asked for the first time.
async fn walk(service: &Service, table: &mut Table) -> Outcome<Pages> {
    let first = format!("/api/v1/user-collections/{SOURCE}/artifacts?limit=50");
    let mut connection = service.connect().await?;
    let answer = connection.ask(&Request::get(&first)).await?;
    let etag = answer.header("etag").ok_or("a page has no ETag")?.to_owned();

    let watch = Stopwatch::start();
    let (mut last, mut pages, mut artifacts) = (first.clone(), 0_u32, 0);
    let page = loop {
        let page = connection.json(&Request::get(&last)).await?;
        pages += 1;
        artifacts += page["items"].as_array().map_or(0, Vec::len);
        if page["page_info"]["has_next_page"] != true {
            break page;
        }
        let cursor = page["page_info"]["end_cursor"].as_str().ok_or("a page has no cursor")?;
        last = format!("{first}&after={cursor}");
    };
    let took = watch.elapsed() / pages;
    if page["page_info"]["total_count"] != artifacts {
        return Err(format!("the pages hold {artifacts} artifacts together: {page}").into());
    }
    table.row(Row::new(format!("page of 50, mean of all {pages}, once each"), ms(took)));
    let id = middle(&page).ok_or("the last page is empty")?;
    Ok(Pages { first, last, etag, id })
}

fn middle(page: &Value) -> Option<String> {
    let items = page["items"].as_array()?;
    Some(items.get(items.len() / 2)?["id"].as_str()?.to_owned())
}

async fn cell(
    service: &Service,
    name: &'static str,
    request: Request,
    status: u16,
) -> Outcome<Cell> {
    let mut connection = service.connect().await?;
    let answer = connection.ask(&request).await?;
    answer.must_be(status, &request)?;
    let length = answer.body.len();
    Ok(Cell { name, request, status, length })
}

/// Puts the service under the load of one connection and of many, and beside each the same load of
/// constant bytes of the same length.
async fn bear(
    service: &Service,
    constant: &ConstantServer,
    cell: &Cell,
    table: &mut Table,
) -> Outcome<(Load, Load)> {
    let bytes = Request::get(&format!("/{}", cell.length));
    let mut measure = async |connections: usize| -> Outcome<Load> {
        let load = load::bear(service.address, &cell.request, cell.status, connections).await?;
        let reference = load::bear(constant.address, &bytes, cell.status, connections).await?;
        let plural = if connections == 1 { "" } else { "s" };
        let name = format!("{}, {connections} connection{plural}", cell.name);
        let share = load.per_second / reference.per_second;
        table.row(Row::new(name, told(load)).against(told(reference), share));
        Ok(load)
    };
    Ok((measure(1).await?, measure(MANY).await?))
}

fn told(load: Load) -> String {
    format!("{:.0}/s, p50 {}, p99 {}", load.per_second, ms(load.p50), ms(load.p99))
}
