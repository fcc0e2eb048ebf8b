//! Links that are put in the way while files are written.

use larder_tests::reach::race;

/// Enough for every directory to be exchanged in the middle of every kind of operation.
const OPERATIONS: u64 = 288;

#[tokio::test]
async fn nothing_outside_a_root_is_touched_while_directories_become_links() {
    let tally = race(|tally| tally.total() < OPERATIONS).await;
    eprintln!("{tally:?}");
    assert!(tally.done > 0 && tally.refused > 0, "{tally:?}");
}
