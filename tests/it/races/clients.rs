//! Clients of the API.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{ARTIFACT, COLLECTIONS};
use crate::house::House;

/// What the clients edit, each its own one.
pub(super) const FIELDS: [&str; 3] = ["description", "author", "version"];

/// An edit that was answered with a 200.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) field: &'static str,
    pub(super) value: String,
    /// The revision that the client believed in.
    pub(super) named: String,
    /// The revision that it was answered.
    pub(super) returned: String,
}

/// What became of a client's edits.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) accepted: Vec<Edit>,
    pub(super) conflicts: usize,
}

/// Reads the artifact and edits it as it was read; again after a lost race.
pub(super) async fn edit_again_and_again(
    house: Arc<House>,
    number: usize,
    going: Arc<AtomicBool>,
) -> Done {
    let field = FIELDS[number % FIELDS.len()];
    let by_header = number.is_multiple_of(2);
    let mut done = Done::default();
    for count in 0.. {
        if !going.load(Ordering::Relaxed) {
            break;
        }
        let collection = COLLECTIONS[count % COLLECTIONS.len()];
        let read = house.get(&format!("{ARTIFACT}?collection={collection}")).await;
        let named = read["revision"].as_str().unwrap().to_owned();
        let value = format!("{field} {count} of client {number}");
        let mut body = json!({ field: value });
        if !by_header {
            body["expected_revision"] = named.clone().into();
        }
        let path = format!("{ARTIFACT}/metadata?collection={collection}");
        let answer = house.put(&path, by_header.then_some(&*named), &body).await;
        match (answer.status, by_header) {
            (200, _) => {
                let saved = answer.json();
                let returned = saved["revision"].as_str().unwrap().to_owned();
                done.accepted.push(Edit { field, value, named, returned });
            }
            (412, true) => {
                conflict(&answer.problem(412, "precondition-failed"), &named, field, &value);
                done.conflicts += 1;
            }
            (409, false) => {
                conflict(&answer.problem(409, "conflict"), &named, field, &value);
                done.conflicts += 1;
            }
            _ => panic!("neither accepted nor a lost race: {answer:?}"),
        }
        if answer.status != 200 {
            // In step with the others, a client could lose every time.
            sleep(Duration::from_millis(((count * 31 + number * 17) % 41) as u64)).await;
        }
    }
    done
}

fn conflict(problem: &Value, named: &str, field: &str, value: &str) {
    assert_ne!(problem["current_revision"].as_str().unwrap(), named, "{problem}");
    let current = &problem["current"][field];
    let expected = json!([{"field": field, "yours": value, "current": current}]);
    assert_eq!(problem["conflicts"], expected);
}

/// Refreshes meanwhile: a scan sees files in whatever state they are.
pub(super) async fn refresh_again_and_again(house: Arc<House>, going: Arc<AtomicBool>) {
    /// Below the limit of refreshes in a minute.
    const PAUSE: Duration = Duration::from_millis(80);
    while going.load(Ordering::Relaxed) {
        house.refresh("work").await;
        sleep(PAUSE).await;
    }
}
