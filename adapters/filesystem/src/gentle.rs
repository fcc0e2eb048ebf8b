//! Work that nobody waits for.

use std::{
    cell::Cell,
    thread,
    time::{Duration, Instant},
};

use rayon::ThreadPoolBuilder;

/// A tenth of the claim to a processor that others have (setpriority(2)). With the lowest of all, 19,
/// a sweep of 20,000 files did not end within three minutes beside two busy loops for each processor;
/// with this one it takes 21 s.
#[cfg(target_os = "linux")]
const PRIORITY: i32 = 10;

/// Who gave way for longer than this is on a machine whose processors are all busy. There each turn
/// given up costs some ten milliseconds, a hundred times what it spares others.
const CROWDED: Duration = Duration::from_millis(10);
/// So long it then goes on by its priority alone, which keeps it from starving.
const GOES_ON: Duration = Duration::from_secs(1);

thread_local! {
    /// On a gentle thread: since when it gives way again.
    static GIVES_WAY: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs work, and what rayon does in it, on one thread that gives way to others. It is a thread of its
/// own: a disk that does not answer holds up this work alone.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(|_| "larder-gentle".to_owned())
        .start_handler(|_| {
            GIVES_WAY.set(Some(now()));
            stand_back();
        })
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        Err(error) => {
            tracing::warn!(%error, "a sweep is not gentle");
            work()
        }
    }
}

/// Lets whoever waits for the processor have it, if this is gentle work; to be called before every
/// artifact. Priority alone is not enough: Linux lets a thread that it has chosen go on for some
/// milliseconds, however low its priority is, and a page takes a fraction of one. With 20,000 files
/// read again, 99 of 100 pages took up to 0.5 ms by it, and 2.5 ms without.
pub(crate) fn give_way() {
    let Some(since) = GIVES_WAY.get() else { return };
    let before = now();
    if before < since {
        return;
    }
    thread::yield_now();
    if before.elapsed() > CROWDED {
        GIVES_WAY.set(Some(now() + GOES_ON));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long the processor was given away is no time of the product's"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(target_os = "linux")]
fn stand_back() {
    // On Linux a priority is a thread's own. Without it the work is done all the same.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), PRIORITY);
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn gentle_work_is_done_by_a_thread_of_its_own_that_gives_way() {
        let (name, threads, gentle) = run(|| {
            let name = thread::current().name().unwrap_or_default().to_owned();
            (name, rayon::current_num_threads(), GIVES_WAY.get().is_some())
        });
        assert_eq!((name.as_str(), threads, gentle), ("larder-gentle", 1, true));
        assert_eq!(GIVES_WAY.get(), None);
        #[cfg(target_os = "linux")]
        assert_eq!(
            run(|| rustix::process::getpriority_process(Some(rustix::thread::gettid()))),
            Ok(PRIORITY)
        );
    }

    #[test]
    fn work_that_hangs_keeps_no_other_work_waiting() {
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let hanging = thread::spawn(move || {
            run(move || {
                begun.send(()).unwrap();
                released.recv()
            })
        });
        has_begun.recv().unwrap();
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || done.send(run(|| 5)));
        assert_eq!(is_done.recv_timeout(Duration::from_secs(20)), Ok(5));
        release.send(()).unwrap();
        assert_eq!(hanging.join().unwrap(), Ok(()));
    }
}
