//! The kernel's events, as far as they are wanted.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags},
    io::Errno,
};

/// What changes a file, or the entries of a directory. Whoever opens something is not told: a scan
/// opens every directory, and would fill the queue that it is to make up for.
const WANTED: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// What brings a name into a directory or takes it away.
pub(super) const COMES: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);
pub(super) const GOES: ReadFlags = ReadFlags::DELETE.union(ReadFlags::MOVED_FROM);
/// What a directory itself undergoes.
pub(super) const ITSELF: ReadFlags = ReadFlags::MOVE_SELF
    .union(ReadFlags::UNMOUNT)
    .union(ReadFlags::IGNORED)
    .union(ReadFlags::ATTRIB);

/// Watched directories, by numbers that the kernel gives. Closed, it gives all of them back.
#[derive(Debug)]
pub(super) struct Inotify(OwnedFd);

impl Inotify {
    /// Without any directory yet; the error tells an operator what to do.
    pub(super) fn new() -> Result<Self, String> {
        let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC);
        descriptor.map(Self).map_err(|error| match error {
            Errno::MFILE => too_few("fs.inotify.max_user_instances"),
            other => told(&other.into()),
        })
    }

    /// Watches a directory; `None` when it is not there, or not to be read, so that a scan does not
    /// read it either. A directory that is watched already keeps its number.
    pub(super) fn add(&self, directory: &Path) -> Result<Option<i32>, String> {
        let added = inotify::add_watch(&self.0, directory, WANTED);
        added.map(Some).or_else(|error| refused(error).map(|()| None))
    }

    /// Gives a watch back. One that went with its directory is gone already.
    pub(super) fn remove(&self, watch: i32) {
        let _ = inotify::remove_watch(&self.0, watch);
    }

    /// Waits for events, no longer than `wait`, and reports a bufferful of them. Waits for an
    /// exceptional condition of another descriptor as well, and returns whether there was one.
    pub(super) fn read(
        &self,
        wait: Duration,
        other: Option<BorrowedFd<'_>>,
        mut tell: impl FnMut(&Event<'_>),
    ) -> io::Result<bool> {
        let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
        let mut polled = vec![PollFd::new(&self.0, PollFlags::IN)];
        polled.extend(other.map(|other| PollFd::from_borrowed_fd(other, PollFlags::PRI)));
        match poll(&mut polled, Some(&wait)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            ready => ready?,
        };
        let is_ready = |nth: usize| polled.get(nth).is_some_and(|fd| !fd.revents().is_empty());
        let exceptional = is_ready(1);
        if !is_ready(0) {
            return Ok(exceptional);
        }
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = Reader::new(&self.0, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => tell(&event),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if reader.is_buffer_empty() {
                return Ok(exceptional);
            }
        }
    }
}

/// What it means that a directory cannot be watched: nothing where a scan passes over it as well.
fn refused(error: Errno) -> Result<(), String> {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP => Ok(()),
        Errno::NOSPC => Err(too_few("fs.inotify.max_user_watches")),
        other => Err(told(&other.into())),
    }
}

fn too_few(limit: &str) -> String {
    format!("the system allows no more watches: raise {limit} with sysctl, then restart Larder")
}

fn told(error: &io::Error) -> String {
    format!("the system does not watch it ({})", error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_with_what_raises_it_and_what_is_not_there_is_passed_over() {
        let why = refused(Errno::NOSPC).unwrap_err();
        assert!(why.contains("raise fs.inotify.max_user_watches"), "{why}");
        assert!(refused(Errno::NOMEM).unwrap_err().contains("out of memory"));
        for passed_over in [Errno::NOENT, Errno::NOTDIR, Errno::ACCESS] {
            assert_eq!(refused(passed_over), Ok(()));
        }
    }

    #[test]
    fn what_is_not_there_has_no_number_and_a_directory_keeps_its_own() {
        let (inotify, directory) = (Inotify::new().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(inotify.add(&directory.path().join("none")), Ok(None));
        let watch = inotify.add(directory.path()).unwrap();
        assert!(watch.is_some());
        assert_eq!(inotify.add(&directory.path().join(".")), Ok(watch));
    }
}
