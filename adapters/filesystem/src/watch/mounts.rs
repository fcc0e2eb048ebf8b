//! Disks that are mounted or unmounted, of which inotify reports nothing or only a part.

use std::{
    fs::File,
    os::fd::{AsFd as _, BorrowedFd},
    path::{Path, PathBuf},
};

use crate::disks::{MOUNTS, Mount, mounts};

/// The mounts that matter to some paths.
#[derive(Debug)]
pub(super) struct Mounts {
    /// The kernel reports a change of any mount on it, as an exceptional condition (proc(5)).
    list: File,
    paths: Vec<PathBuf>,
    seen: Vec<Mount>,
}

impl Mounts {
    /// Observes the mounts at, above and below these paths; `None` where the system does not list
    /// its mounts.
    pub(super) fn around(paths: Vec<PathBuf>) -> Option<Self> {
        // Opened first, so that a change while the list is read is reported.
        let list = File::open(MOUNTS).ok()?;
        let seen = relevant(&paths);
        Some(Self { list, paths, seen })
    }

    /// The descriptor to poll.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.list.as_fd()
    }

    /// Whether a mount that matters came or went since the last call.
    pub(super) fn have_changed(&mut self) -> bool {
        let now = relevant(&self.paths);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn relevant(paths: &[PathBuf]) -> Vec<Mount> {
    let matters =
        |point: &Path| paths.iter().any(|path| path.starts_with(point) || point.starts_with(path));
    mounts().into_iter().filter(|mount| matters(&mount.point)).collect()
}
