//! Work that nobody waits for.

use std::{cell::Cell, thread};

use rayon::ThreadPoolBuilder;

/// The lowest claim to a processor that there is (setpriority(2)): whoever else wants it gets it.
#[cfg(target_os = "linux")]
const LAST_IN_LINE: i32 = 19;

thread_local! {
    static GENTLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs work, and what rayon does in it, on a thread that takes a processor when nobody else wants
/// it. It is a thread of its own: a disk that does not answer holds up this work alone.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new()
        .num_threads(1)
        .thread_name(|_| "larder-gentle".to_owned())
        .start_handler(|_| {
            GENTLE.set(true);
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
/// file. Priority alone is not enough: Linux lets a thread that it has chosen go on for some
/// milliseconds, however low its priority is, and a page takes a fraction of one. With 20,000 files
/// read again, 99 of 100 pages took up to 0.5 ms by it, and 2.5 ms without.
pub(crate) fn give_way() {
    if GENTLE.get() {
        thread::yield_now();
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
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn gentle_work_is_done_by_a_thread_of_its_own_that_gives_way() {
        let (name, threads, gentle) = run(|| {
            let name = thread::current().name().unwrap_or_default().to_owned();
            (name, rayon::current_num_threads(), GENTLE.get())
        });
        assert_eq!((name.as_str(), threads, gentle), ("larder-gentle", 1, true));
        assert!(!GENTLE.get());
        #[cfg(target_os = "linux")]
        assert_eq!(
            run(|| rustix::process::getpriority_process(Some(rustix::thread::gettid()))),
            Ok(LAST_IN_LINE)
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
