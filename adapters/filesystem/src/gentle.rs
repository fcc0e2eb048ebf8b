//! Work that nobody waits for.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The lowest claim to a processor that there is (setpriority(2)): whoever else wants it gets it.
#[cfg(target_os = "linux")]
const LAST_IN_LINE: i32 = 19;

/// One thread, which takes a processor when nobody else wants it; none where threads cannot be made.
static LEFTOVERS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(|_| "larder-gentle".to_owned())
        .start_handler(|_| stand_back());
    pool.build().inspect_err(|error| tracing::warn!(%error, "sweeps are not gentle")).ok()
});

/// Runs work, and what rayon does in it, on a thread that gives way to all others.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*LEFTOVERS {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

#[cfg(target_os = "linux")]
fn stand_back() {
    // On Linux a priority is a thread's own. Without it the work is done all the same.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LAST_IN_LINE);
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gentle_work_is_done_by_a_thread_of_its_own_that_gives_way() {
        let (name, threads) = run(|| {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            (name, rayon::current_num_threads())
        });
        assert_eq!((name.as_str(), threads), ("larder-gentle", 1));
        #[cfg(target_os = "linux")]
        assert_eq!(
            run(|| rustix::process::getpriority_process(Some(rustix::thread::gettid()))),
            Ok(LAST_IN_LINE)
        );
    }
}
