//! The same requests against both databases give the same JSON, times aside.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    hostile::hostile,
    house::{Backend, House},
};

/// Without what depends on when it was asked.
fn timeless(value: &mut Value) {
    const TIMES: [&str; 12] = [
        "added_at",
        "synced_at",
        "expires_at",
        "created_at",
        "updated_at",
        "started_at",
        "duration_ms",
        "oldest_sync_age_seconds",
        "hit_rate",
        "last_refresh",
        "next_try_at",
        "verified_at",
    ];
    match value {
        Value::Object(fields) => {
            let file_time = fields.get("path").and(fields.get("updated_at")).cloned();
            fields.retain(|name, _| !TIMES.contains(&name.as_str()));
            // Of an artifact it is the file's, the same for both.
            fields.extend(file_time.map(|time| ("updated_at".to_owned(), time)));
            fields.values_mut().for_each(timeless);
        }
        Value::Array(items) => items.iter_mut().for_each(timeless),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_answer_alike() {
    let files = Arc::new(tempfile::tempdir().unwrap());
    hostile(files.path());
    let one = House::open(&files, Backend::Sqlite).await;
    let other = House::open(&files, Backend::Postgres).await;
    let both = async |path: &str| {
        let (mut a, mut b) = (one.get(path).await, other.get(path).await);
        timeless(&mut a);
        timeless(&mut b);
        assert_eq!(a, b, "{path}");
        a
    };
    for query in [
        "",
        "sort=-updated_at",
        "q=good",
        "q=caf",
        "q=gro",
        "q=skill&sort=relevance",
        "tag=x",
        "tag=x&tag=y&type=skill",
        "health=broken",
        "health=recovered",
        "origin=local",
        "stale=true",
        "stale=false&type=agent&type=command",
    ] {
        for collection in ["default", "plain", "work"] {
            let path = format!("user-collections/{collection}/artifacts?limit=3&{query}");
            let mut page = both(&path).await;
            while let Some(after) = page["page_info"]["end_cursor"].as_str() {
                if page["page_info"]["has_next_page"] == false {
                    break;
                }
                page = both(&format!("{path}&after={after}")).await;
            }
            let filters: Vec<_> = query.split('&').filter(|it| !it.starts_with("sort=")).collect();
            let filters = filters.join("&");
            both(&format!("user-collections/{collection}/artifacts/facets?{filters}")).await;
        }
    }
    both("user-collections").await;
    both("user-collections/cache-stats").await;
    one.close().await;
    other.close().await;
}
