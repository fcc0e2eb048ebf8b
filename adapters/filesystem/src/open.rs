//! Opening files relative to a directory's descriptor, by paths without links.

use std::{io, os::fd::OwnedFd, path::Path};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat},
    io::Errno,
};

use crate::files::split;

/// Opens a directory by its real path. Fails with `ELOOP` if a part of the path has become a link.
pub(crate) fn open_real(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, ResolveFlags, openat2};
        match openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
            Err(error) if is_unavailable(error) => {}
            opened => return opened,
        }
    }
    rustix::fs::open(path, flags | OFlags::NOFOLLOW, Mode::empty())
}

/// Opens what is at a path below a directory, in one step that cannot leave it, whoever moves links
/// meanwhile. Fails with `ELOOP` if there is a link on the path.
pub(crate) fn open_beneath(
    directory: &OwnedFd,
    path: &str,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let path = if path.is_empty() { "." } else { path };
    let flags = flags | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        let strict = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(directory, path, flags, Mode::empty(), strict) {
            Err(error) if is_unavailable(error) => {}
            opened => return opened,
        }
    }
    open_by_steps(directory, path, flags)
}

/// Whether `openat2` cannot be used: before Linux 5.6 the kernel answers `ENOSYS`. A seccomp profile
/// that does not know the call makes it fail with `EPERM`, as older container runtimes do.
#[cfg(target_os = "linux")]
fn is_unavailable(error: Errno) -> bool {
    matches!(error, Errno::NOSYS | Errno::PERM)
}

/// The same where the system has no such call: each directory is opened from the one above it.
fn open_by_steps(directory: &OwnedFd, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let step = |from: &OwnedFd, name: &str, flags: OFlags| {
        let opened = openat(from, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        // With `O_DIRECTORY` systems differ in what they say of a link.
        let is_link = || {
            let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW);
            stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink())
        };
        if matches!(opened, Err(Errno::NOTDIR)) && is_link() { Err(Errno::LOOP) } else { opened }
    };
    let (parent, name) = split(path);
    if parent.is_empty() {
        return step(directory, name, flags);
    }
    let above = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut names = parent.split('/').filter(|name| !matches!(*name, "" | "."));
    let Some(first) = names.next() else { return step(directory, name, flags) };
    let first = step(directory, first, above)?;
    let last = names.try_fold(first, |above_it, name| step(&above_it, name, above))?;
    step(&last, name, flags)
}

/// The names in a directory, sorted. Names that are not UTF-8 are left out.
pub(crate) fn names_in(directory: OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::new(directory)? {
        match entry?.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn step_by_step_a_path_is_opened_as_in_one_step() {
        let dir = tempfile::tempdir().unwrap();
        let root = open_real(&fs::canonicalize(dir.path()).unwrap()).unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/b/file"), "x").unwrap();
        symlink("a", dir.path().join("link")).unwrap();
        symlink("b", dir.path().join("a/link")).unwrap();
        let directory = OFlags::RDONLY | OFlags::DIRECTORY;
        for path in [
            ".",
            "a",
            "a/b",
            "./a//b",
            "a/b/file",
            "link",
            "link/b",
            "a/link",
            "a/link/file",
            "none",
            "a/none/x",
            "a/b/file/x",
        ] {
            for flags in [OFlags::RDONLY, directory] {
                let stat = |opened: rustix::io::Result<OwnedFd>| {
                    opened.map(|file| rustix::fs::fstat(file).unwrap().st_ino)
                };
                let steps = stat(open_by_steps(&root, path, flags));
                assert_eq!(steps, stat(open_beneath(&root, path, flags)), "{path}");
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sandbox_that_denies_openat2_counts_as_a_system_without_it() {
        assert!([Errno::NOSYS, Errno::PERM].into_iter().all(is_unavailable));
        assert!(![Errno::LOOP, Errno::XDEV, Errno::ACCESS].into_iter().any(is_unavailable));
    }
}
