//! How long it takes until what a shell has written is in the API.

use std::{path::Path, process::Command, time::Duration};

use crate::{
    Outcome,
    client::{Connection, Request},
    service::Service,
    table::{Row, Table, ms},
    timing::{Stopwatch, median, quantile},
    tree::Tree,
};

/// How many edits a shell makes.
const EDITS: u64 = 100;
/// What half of them, and what each of them may take.
const MEDIAN: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(1);
/// When the new value is waited for no longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Edits one artifact after the other, by turns in place and by renaming a new file over it.
pub(crate) async fn measure(tree: &Tree, service: &Service, table: &mut Table) -> Outcome<()> {
    let mut connection = service.connect().await?;
    let mut took = Vec::new();
    for nth in 0..EDITS {
        let id = Tree::id(nth * (tree.artifacts - 1) / (EDITS - 1));
        let request = Request::get(&format!("/api/v1/artifacts/{}", id.replace(':', "%3A")));
        let artifact = connection.json(&request).await?;
        let path = artifact["path"].as_str().ok_or("an artifact has no path")?;
        let before = etag(&mut connection, &request).await?;
        write(&tree.path(path), nth)?;
        let watch = Stopwatch::start();
        while etag(&mut connection, &request).await? == before {
            if watch.elapsed() > PATIENCE {
                return Err(format!("{id} is in the API as it was before its file changed").into());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took.push(watch.elapsed());
    }
    let longest = quantile(&mut took, 1.0);
    let median = median(took);
    let row = Row::new("from the shell's edit to the API, median", ms(median));
    table.row(row.target(format!("< {}", ms(MEDIAN)), median < MEDIAN));
    let row = Row::new("the longest", ms(longest));
    table.row(row.target(format!("< {}", ms(LONGEST)), longest < LONGEST));
    Ok(())
}

async fn etag(connection: &mut Connection, request: &Request) -> Outcome<String> {
    let answer = connection.ask(request).await?;
    answer.must_be(200, request)?;
    Ok(answer.header("etag").ok_or("an artifact has no ETag")?.to_owned())
}

fn write(file: &Path, nth: u64) -> Outcome<()> {
    let script = if nth.is_multiple_of(2) {
        r#"echo "And one line more." >> "$0""#
    } else {
        r#"sed 's/^description: .*/description: Another one./' "$0" > "$0.new" && mv "$0.new" "$0""#
    };
    let done = Command::new("sh").args(["-c", script]).arg(file).status()?;
    if done.success() { Ok(()) } else { Err(format!("the shell ended with {done}").into()) }
}
