//! One write of files by the real adapter, killed at the point that it is told: the k-th that the
//! write reaches. Ends well when the write reached fewer.
//!
//! `larder-crash-writer ROOT OPERATION K`

#![expect(clippy::expect_used, reason = "a writer that cannot begin is a test that fails")]

use std::{
    env,
    path::Path,
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use larder_tests::writes::{Operation, run};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [root, operation, at] = arguments.as_slice() else {
        panic!("larder-crash-writer ROOT OPERATION K");
    };
    let at: usize = at.parse().expect("K is a number");
    let reached = AtomicUsize::new(0);
    fail::cfg_callback("write", move || {
        if reached.fetch_add(1, Ordering::SeqCst) + 1 == at {
            // As by kill -9: nothing is dropped, nothing is flushed.
            process::abort();
        }
    })
    .expect("the fail points are in this build");
    let operation = Operation::named(operation).expect("an operation");
    run(Path::new(root), operation).await.expect("the write is possible");
}
