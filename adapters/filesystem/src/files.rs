//! Reading files within the root of a source and within limits.
//!
//! A path only names a file; the root's descriptor decides which file that is. Everything is opened
//! relative to that descriptor by a path without links, so that a directory which becomes a link
//! meanwhile is an error and never leads out of the root.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, openat, statat},
    io::Errno,
};

use crate::{
    faults::{Faults, is_passing},
    fingerprint::Stat,
    open::{names_in, open_beneath, open_real},
};

/// Largest file that is read as an artifact: 4 MiB, a hundred times the largest real one.
pub(crate) const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The path, or a link on it, leads out of the root.
    #[error("it leads out of the collection, so it is not read")]
    Escapes,
    /// The path, or the target of a link on it, is a file of git's or of Larder's own.
    #[error("it lies in .git or .larder, where no artifacts are")]
    Reserved,
    /// Nothing is there.
    #[error("files missing")]
    Missing,
    /// A directory, a pipe, a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Larger than its limit, which is [`MAX_FILE_BYTES`] as a rule.
    #[error("the file is larger than {} MiB", MAX_FILE_BYTES / 1024 / 1024)]
    TooLarge,
    /// Anything else that the system said.
    #[error("the file cannot be read ({})", .0.kind())]
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A file where a directory should be: the path leads nowhere just as well.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::IsADirectory => Self::NotAFile,
            _ => Self::Io(error),
        }
    }
}

/// A directory that is read and written in: the root of a source, or a project.
#[derive(Debug)]
pub(crate) struct Root {
    /// Without any link. It names the root; files in it are opened through the descriptor.
    path: PathBuf,
    handle: OwnedFd,
    /// What went wrong with the disk while files were read.
    pub(crate) faults: Faults,
}

impl Root {
    /// Opens a directory; links on the way to it are followed. Fails when it is none.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        let handle = open_real(&path)?;
        Ok(Self { path, handle, faults: Faults::default() })
    }

    /// Opens a directory below this one as a root of its own.
    pub(crate) fn below(&self, path: &str) -> io::Result<Self> {
        let handle = self.directory(path)?;
        Ok(Self { path: self.join(path), handle, faults: Faults::default() })
    }

    /// Where a path relative to the root lies on the disk.
    pub(crate) fn join(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.path.clone() } else { self.path.join(path) }
    }

    /// What stands at a path now; links are followed. A path that is refused as it is written is
    /// not looked at.
    pub(crate) fn stat(&self, path: &str) -> Stat {
        if !stays_inside(path) {
            return Stat::nothing();
        }
        fs::metadata(self.join(path)).map_or_else(|_| Stat::nothing(), |meta| Stat::of(&meta))
    }

    /// What is at a path that could not be read. A fingerprint of it proves nothing if the next try
    /// may succeed although the file stays as it is.
    pub(crate) fn stat_refused(&self, path: &str, refusal: &Refusal) -> Stat {
        let stat = self.stat(path);
        match refusal {
            Refusal::Io(error) if is_passing(error) => {
                self.faults.note(error);
                stat.unproven()
            }
            _ => stat,
        }
    }

    /// Where a path really lies, when that is within the root.
    pub(crate) fn resolve(&self, path: &str) -> Result<PathBuf, Refusal> {
        if !stays_inside(path) {
            return Err(Refusal::Escapes);
        }
        let real = fs::canonicalize(self.join(path))?;
        if real.starts_with(&self.path) { Ok(real) } else { Err(Refusal::Escapes) }
    }

    /// A real path, as [`Self::resolve`] gives it, relative to the root.
    pub(crate) fn relative(&self, real: &Path) -> Result<String, Refusal> {
        let inside = real.strip_prefix(&self.path).map_err(|_| Refusal::Escapes)?;
        inside.to_str().map(str::to_owned).ok_or(Refusal::Escapes)
    }

    /// Opens a directory below the root. Fails with `ELOOP` if there is a link on the path.
    pub(crate) fn directory(&self, path: &str) -> io::Result<OwnedFd> {
        if !stays_inside(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(open_beneath(&self.handle, path, OFlags::RDONLY | OFlags::DIRECTORY)?)
    }

    /// The stat of the entry at a path, a link itself included; `None` when nothing is there.
    pub(crate) fn entry(&self, path: &str) -> io::Result<Option<rustix::fs::Stat>> {
        let (parent, name) = split(path);
        let stat = self
            .directory(parent)
            .and_then(|directory| Ok(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?));
        not_there(stat.map(Some))
    }

    /// The names in a directory, sorted; none when there is no such directory. Fails if there is a
    /// link on the path.
    pub(crate) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        match not_there(self.directory(path).map(Some))? {
            Some(directory) => names_in(directory),
            None => Ok(Vec::new()),
        }
    }

    /// Opens an artifact's file or directory. Links are followed within the root.
    fn open_followed(&self, path: &str, flags: OFlags) -> Result<File, Refusal> {
        if !stays_inside(path) {
            return Err(Refusal::Escapes);
        }
        if is_reserved(path) {
            return Err(Refusal::Reserved);
        }
        match open_beneath(&self.handle, path, flags) {
            Err(Errno::LOOP) => {
                let real = self.relative(&self.resolve(path)?)?;
                if is_reserved(&real) {
                    return Err(Refusal::Reserved);
                }
                Ok(open_beneath(&self.handle, &real, flags).map_err(io::Error::from)?.into())
            }
            opened => Ok(opened.map_err(io::Error::from)?.into()),
        }
    }

    /// The stat of an artifact's directory, taken first, and the names in it.
    pub(crate) fn list(&self, path: &str) -> Result<(Stat, Vec<String>), Refusal> {
        let directory = self.open_followed(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let stat = Stat::of(&directory.metadata()?);
        Ok((stat, names_in(directory.into())?))
    }

    /// An artifact's file: its stat, taken before its bytes, and the bytes.
    pub(crate) fn read(&self, path: &str) -> Result<(Stat, Vec<u8>), Refusal> {
        self.read_within(path, MAX_FILE_BYTES)
    }

    /// The same of a file that may be that large.
    pub(crate) fn read_within(&self, path: &str, limit: u64) -> Result<(Stat, Vec<u8>), Refusal> {
        read_file(self.open_followed(path, OFlags::RDONLY | OFlags::NONBLOCK)?, limit)
    }

    /// One of Larder's own files. No link is followed.
    pub(crate) fn read_own(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        if !stays_inside(path) {
            return Err(Refusal::Escapes);
        }
        let file = open_beneath(&self.handle, path, OFlags::RDONLY | OFlags::NONBLOCK);
        let file = file.map_err(io::Error::from)?;
        Ok(read_file(file.into(), MAX_FILE_BYTES)?.1)
    }

    /// Opens a file in whose path there is no link; `None` when no regular file is there.
    pub(crate) fn open_file(&self, path: &str) -> io::Result<Option<File>> {
        let opened = open_beneath(&self.handle, path, OFlags::RDONLY | OFlags::NONBLOCK);
        let opened = opened.map(|file| Some(File::from(file))).map_err(io::Error::from);
        let Some(file) = not_there(opened)? else { return Ok(None) };
        Ok(file.metadata()?.is_file().then_some(file))
    }

    /// A whole file of the root itself, such as its manifest, with its stat, taken before its
    /// bytes.
    pub(crate) fn read_manifest(&self, name: &str, limit: u64) -> Result<(Stat, Vec<u8>), Refusal> {
        // A manifest may be a link to anywhere: people keep theirs in a repository of dotfiles.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&self.handle, name, flags, Mode::empty()).map_err(io::Error::from)?;
        read_file(opened.into(), limit)
    }
}

/// Whether a path is relative and never goes up, as it is written.
pub(crate) fn stays_inside(path: &str) -> bool {
    Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// A path relative to a root without what means nothing in it; `None` when it leads out, or is none.
pub(crate) fn normal(path: &str) -> Option<String> {
    if !stays_inside(path) {
        return None;
    }
    let named = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
    named.collect::<PathBuf>().into_os_string().into_string().ok()
}

/// Whether a path goes through the directory of git, or one of Larder's own. No artifact lies there,
/// whatever a manifest or a link says: git's configuration may hold credentials, and what is written
/// there may run.
pub(crate) fn is_reserved(path: &str) -> bool {
    let is_own = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == ".git" || name.starts_with(".larder")
    };
    path.split('/').any(is_own)
}

/// The directory and the name of a path.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// That something is not there, as `None`.
pub(crate) fn not_there<T>(outcome: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match outcome {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        outcome => outcome,
    }
}

fn read_file(file: File, limit: u64) -> Result<(Stat, Vec<u8>), Refusal> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Refusal::NotAFile);
    }
    if meta.len() > limit {
        return Err(Refusal::TooLarge);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0) + 1);
    // The file may grow meanwhile.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Refusal::TooLarge);
    }
    Ok((Stat::of(&meta), bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path().to_str().unwrap()).unwrap();
        (dir, root)
    }

    #[test]
    fn a_link_is_followed_within_the_root_and_refused_out_of_it() {
        let (outside, (dir, root)) = (tempfile::tempdir().unwrap(), root());
        fs::write(outside.path().join("secret.md"), "s").unwrap();
        fs::write(dir.path().join("real.md"), "r").unwrap();
        symlink(outside.path().join("secret.md"), dir.path().join("out.md")).unwrap();
        symlink("real.md", dir.path().join("in.md")).unwrap();
        symlink(dir.path().join("real.md"), dir.path().join("absolute.md")).unwrap();
        symlink("nowhere", dir.path().join("dangling.md")).unwrap();
        symlink("loop.md", dir.path().join("loop.md")).unwrap();
        assert_eq!(root.read("in.md").unwrap().1, b"r");
        assert_eq!(root.read("absolute.md").unwrap().1, b"r");
        assert!(matches!(root.read("out.md"), Err(Refusal::Escapes)));
        assert!(matches!(root.read("dangling.md"), Err(Refusal::Missing)));
        assert!(matches!(root.read("loop.md"), Err(Refusal::Io(_))));
        assert!(matches!(root.read("../x"), Err(Refusal::Escapes)));
        assert!(matches!(root.read("/etc/hostname"), Err(Refusal::Escapes)));
    }

    #[test]
    fn a_file_of_gits_or_larders_own_is_no_artifact_even_behind_a_link() {
        let (dir, root) = root();
        for own in [".git", ".GIT", ".larder"] {
            fs::create_dir_all(dir.path().join(own).join("a")).unwrap();
            fs::write(dir.path().join(own).join("a/config"), "s").unwrap();
        }
        symlink(".git", dir.path().join("link")).unwrap();
        symlink(".larder/a/config", dir.path().join("link.md")).unwrap();
        for path in
            [".git/a/config", ".GIT/a/config", "./.larder/a/config", "link/a/config", "link.md"]
        {
            assert!(matches!(root.read(path), Err(Refusal::Reserved)), "{path}");
        }
        assert!(matches!(root.list("link/a"), Err(Refusal::Reserved)));
        assert_eq!(root.read_own(".larder/a/config").unwrap(), b"s");
        assert!(root.read_own("link.md").is_err(), "Larder's own files are no links");
    }

    #[test]
    fn what_is_no_regular_file_of_a_fair_size_is_refused() {
        let (dir, root) = root();
        fs::create_dir(dir.path().join("dir.md")).unwrap();
        let pipe = dir.path().join("pipe.md");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        File::create(dir.path().join("big.md")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(root.read("dir.md"), Err(Refusal::NotAFile)));
        assert!(matches!(root.read("pipe.md"), Err(Refusal::NotAFile)), "and nothing waits");
        assert!(matches!(root.read("big.md"), Err(Refusal::TooLarge)));
        assert!(matches!(root.read("none.md"), Err(Refusal::Missing)));
    }
}
