//! What an edit takes: from the request, over the files on the disk, to the answer read back from
//! them, with the cache following.

use std::{
    fs::{self, File},
    io::Write as _,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Outcome,
    client::{Connection, Request},
    service::Service,
    table::{Row, Table, ms, ratio},
    timing::{Stopwatch, median, quantile},
    tree::{MANIFEST, Tree},
    words::Words,
};

/// How many edits are made before they count. The first one parses the manifest.
const WARM_UP: usize = 8;

/// How many edits there are, and what half of them may take at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edits {
    /// How many count.
    pub(crate) count: u64,
    /// The time that is good.
    pub(crate) limit: Duration,
}

/// Edits one artifact after the other, and beside each edit writes the same two files plainly.
pub(crate) async fn measure(
    tree: &Tree,
    service: &Service,
    edits: Edits,
    table: &mut Table,
) -> Outcome<()> {
    let plain = Plain::new()?;
    let mut connection = service.connect().await?;
    let (mut took, mut reference) = (Vec::new(), Vec::new());
    let all = WARM_UP as u64 + edits.count;
    for nth in 0..all {
        // From all over the manifest, its beginning and its end included.
        let id = Tree::id(nth * (tree.artifacts - 1) / (all - 1));
        let path = format!("/api/v1/artifacts/{}", id.replace(':', "%3A"));
        let (edit, main) = edit(&mut connection, &path, &change(nth)).await?;
        took.push(edit);
        reference.push(plain.write(&tree.read(&main)?, &tree.read(MANIFEST)?)?);
    }
    let length = mb(tree.read(MANIFEST)?.len());
    table.row(Row::new("size of collection.toml", length));
    table.row(Row::new("the first edit, which parses it", ms(took[0])));
    let mut took = took.split_off(WARM_UP);
    let reference = median(reference.split_off(WARM_UP));
    for (name, share, limit) in [("p50", 0.5, Some(edits.limit)), ("p99", 0.99, None)] {
        let quantile = quantile(&mut took, share);
        let row = Row::new(format!("edit, from request to answer, {name}"), ms(quantile))
            .against(format!("plain writes {}", ms(reference)), ratio(quantile, reference));
        table.row(match limit {
            Some(limit) => row.target(format!("< {}", ms(limit)), quantile < limit),
            None => row,
        });
    }
    Ok(())
}

/// What the nth edit asks for: each is of another field than the one before.
fn change(nth: u64) -> Value {
    let mut words = Words::of_seed(!nth);
    match nth % 3 {
        0 => json!({"description": format!("Use when: {}.", words.phrase(12))}),
        1 => json!({"author": words.phrase(2)}),
        _ => json!({"tags": ["edited", words.word()]}),
    }
}

/// Edits an artifact as it is now, and says how long that took and which file is its main one.
/// Fails unless the answer has the new values and a new validator, and readers get the same.
async fn edit(
    connection: &mut Connection,
    path: &str,
    change: &Value,
) -> Outcome<(Duration, String)> {
    let (etag, _) = current(connection, path).await?;
    let request = Request::put_if(&format!("{path}/metadata"), &etag, change);
    let watch = Stopwatch::start();
    let answer = connection.ask(&request).await?;
    let took = watch.elapsed();
    answer.must_be(200, &request)?;
    let new_etag = answer.header("etag").ok_or("an edit has no ETag")?.to_owned();
    let saved: Value = serde_json::from_slice(answer.body)?;

    let (cached_etag, cached) = current(connection, path).await?;
    let is_as_asked = |artifact: &Value| {
        let mut fields = change.as_object().into_iter().flatten();
        fields.all(|(field, value)| artifact[field] == *value)
    };
    let followed = saved["cache"] == "current" && is_as_asked(&cached) && cached_etag == new_etag;
    if new_etag == etag || !is_as_asked(&saved) || !followed {
        return Err(format!("{change} became {saved}, and in the cache {cached}").into());
    }
    let main = cached["path"].as_str().ok_or("an artifact has no path")?;
    Ok((took, main.to_owned()))
}

/// An artifact's validator, and the artifact.
async fn current(connection: &mut Connection, path: &str) -> Outcome<(String, Value)> {
    let request = Request::get(path);
    let answer = connection.ask(&request).await?;
    answer.must_be(200, &request)?;
    let etag = answer.header("etag").ok_or("an artifact has no ETag")?.to_owned();
    Ok((etag, serde_json::from_slice(answer.body)?))
}

/// Files that are written as any program does that wants them whole: aside, to the disk, and over
/// the old ones.
struct Plain(TempDir);

impl Plain {
    fn new() -> Outcome<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn write(&self, main: &[u8], manifest: &[u8]) -> Outcome<Duration> {
        let watch = Stopwatch::start();
        for (name, bytes) in [("SKILL.md", main), (MANIFEST, manifest)] {
            let aside = self.0.path().join("aside");
            let mut file = File::create(&aside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(aside, self.0.path().join(name))?;
        }
        Ok(watch.elapsed())
    }
}

fn mb(bytes: usize) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
