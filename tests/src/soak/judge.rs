//! What must be true at the end: what every collection shows is what the files say.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{
    clients::Shelves,
    files::{Files, Shown},
};
use crate::{server::Server, stopwatch::Stopwatch};

/// How long the cache may take to agree with files that nobody changes any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long is waited between two looks at it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What a collection shows, by id: source and description.
type Rows = BTreeMap<String, (String, String)>;

/// Waits until every server shows what the files say and what the curators remember.
pub(crate) fn agree(files: &Files, servers: &[Server], shelves: &Shelves) -> Result<(), String> {
    let truth = files.read().map_err(|error| error.to_string())?;
    let watch = Stopwatch::start();
    loop {
        let looked: Result<Vec<()>, String> =
            servers.iter().map(|server| look(server, &truth, shelves)).collect();
        match looked {
            Ok(_) => return Ok(()),
            Err(difference) if watch.elapsed() > PATIENCE => return Err(difference),
            Err(_) => thread::sleep(BETWEEN_LOOKS),
        }
    }
}

fn look(
    server: &Server,
    truth: &BTreeMap<&'static str, Shown>,
    shelves: &Shelves,
) -> Result<(), String> {
    let mut default = Rows::new();
    for (source, shown) in truth {
        let row = |(id, description): (&String, &String)| {
            (id.clone(), ((*source).to_owned(), description.clone()))
        };
        let expected: Rows = shown.iter().map(row).collect();
        same(source, &expected, &rows(server, source)?)?;
        // The first source wins.
        for (id, row) in expected {
            default.entry(id).or_insert(row);
        }
    }
    same("default", &default, &rows(server, "default")?)?;
    for (id, shelf) in shelves {
        let shown = rows(server, id)?;
        let perhaps = shelf.perhaps.iter().filter(|it| shown.contains_key(*it));
        let members: BTreeSet<_> = shelf.members.iter().chain(perhaps).collect();
        let expected = default.clone().into_iter().filter(|(id, _)| members.contains(id));
        same(id, &expected.collect(), &shown)?;
    }
    Ok(())
}

fn rows(server: &Server, collection: &str) -> Result<Rows, String> {
    let path = format!("user-collections/{collection}/artifacts?limit=200");
    let answer = server.ask("GET", &path, None).ok_or("a server is down")?;
    if answer.status != 200 || answer.body["page_info"]["has_next_page"] != false {
        return Err(format!("no whole page of {collection}: {answer:?}"));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = answer.body["items"].as_array().into_iter().flatten();
    let row =
        |it: &Value| (text(&it["id"]), (text(&it["source_collection"]), text(&it["description"])));
    Ok(items.map(row).collect())
}

fn same(collection: &str, expected: &Rows, shown: &Rows) -> Result<(), String> {
    let ids: BTreeSet<_> = expected.keys().chain(shown.keys()).collect();
    let differ = ids.into_iter().filter(|id| expected.get(*id) != shown.get(*id));
    let told: Vec<String> = differ
        .map(|id| format!("{id}: {:?} in the files, {:?} shown", expected.get(id), shown.get(id)))
        .collect();
    if told.is_empty() { Ok(()) } else { Err(format!("{collection}: {}", told.join("; "))) }
}
