//! One write of files by the real adapter, killed at the point that it is told: the k-th that the
//! write reaches. Ends well when the write reached fewer.
//!
//! `larder-crash-writer ROOT OPERATION K [without-exchange | save=N | other-key]`: on a file system
//! that cannot exchange files; with somebody else saving the manifest when the write reaches its N-th
//! point; as a user with another key for records.

#![expect(clippy::expect_used, reason = "a writer that cannot begin is a test that fails")]

use std::{
    env,
    path::Path,
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use larder_tests::writes::{JOURNAL_KEY, MANIFEST, OTHER_KEY, Operation, SAVED, run_as};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [root, operation, at, ways @ ..] = arguments.as_slice() else {
        panic!("larder-crash-writer ROOT OPERATION K");
    };
    let has_exchange = ways.iter().all(|way| way != "without-exchange");
    if !has_exchange {
        fail::cfg("no-exchange", "return").expect("the fail points are in this build");
    }
    let save_at = ways.iter().find_map(|way| way.strip_prefix("save=")?.parse::<usize>().ok());
    let manifest = Path::new(root).join(MANIFEST);
    let at: usize = at.parse().expect("K is a number");
    let reached = AtomicUsize::new(0);
    fail::cfg_callback("write", move || {
        let now = reached.fetch_add(1, Ordering::SeqCst) + 1;
        if Some(now) == save_at {
            let text = std::fs::read_to_string(&manifest).expect("a manifest");
            let aside = manifest.with_extension("saving");
            std::fs::write(&aside, text + SAVED).expect("a save");
            std::fs::rename(&aside, &manifest).expect("a save");
        }
        if now == at {
            // As by kill -9: nothing is dropped, nothing is flushed.
            process::abort();
        }
    })
    .expect("the fail points are in this build");
    let operation = Operation::named(operation).expect("an operation");
    let key = if ways.iter().any(|way| way == "other-key") { OTHER_KEY } else { JOURNAL_KEY };
    run_as(Path::new(root), operation, key).await.expect("the write is possible");
}
