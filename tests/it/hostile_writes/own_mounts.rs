//! A test in a process of its own, whose mounts nobody else sees and that go with it.

use std::{env, process::Command};

/// Set in such a process.
const INSIDE: &str = "LARDER_TEST_OWN_MOUNTS";

/// Whether this is the process that may mount. Elsewhere, runs the test of that name in one, and
/// says so where the system lets nobody have one.
pub(crate) fn inside(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    // As root of a user namespace: no right is needed, and none is left over.
    let unshare = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", program]);
        command
    };
    if !unshare("true").output().is_ok_and(|output| output.status.success()) {
        println!("{test} is skipped: this system lets a test have no mounts of its own");
        return false;
    }
    let this = env::current_exe().unwrap();
    let ran = unshare(this.to_str().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let (out, errors) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("1 passed"), "{out}\n{errors}");
    false
}

/// Runs `mount`.
pub(crate) fn mount(arguments: &[&str]) {
    let ran = Command::new("mount").args(arguments).output().unwrap();
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}
