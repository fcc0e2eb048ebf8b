//! Reading files within the root of a source and within limits.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::fingerprint::Stat;

/// Largest file that is read as an artifact: 4 MiB, a hundred times the largest real one.
pub(crate) const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The path, or a link on it, leads out of the root.
    #[error("it leads out of the collection, so it is not read")]
    Escapes,
    /// Nothing is there.
    #[error("files missing")]
    Missing,
    /// A directory, a pipe, a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Larger than [`MAX_FILE_BYTES`].
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

/// The root of a source that is there.
#[derive(Debug)]
pub(crate) struct Root {
    /// Without any link, so that what lies in it begins with it.
    path: PathBuf,
    #[cfg(target_os = "linux")]
    handle: File,
}

impl Root {
    /// Opens a directory; fails when it is none.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        if !path.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            #[cfg(target_os = "linux")]
            handle: File::open(&path)?,
            path,
        })
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

    /// Opens a directory below the root in whose path there is no link, so that whoever writes in it
    /// writes within the root.
    pub(crate) fn directory(&self, path: &str) -> io::Result<OwnedFd> {
        if !stays_inside(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let path = if path.is_empty() { "." } else { path };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Mode, ResolveFlags, openat2};
            let strict = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            Ok(openat2(&self.handle, path, flags, Mode::empty(), strict)?)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let real = self.join(path);
            if fs::canonicalize(&real)? != real {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            Ok(rustix::fs::open(real, flags, rustix::fs::Mode::empty())?)
        }
    }

    /// A file's stat, taken before its bytes, and the bytes.
    pub(crate) fn read(&self, path: &str) -> Result<(Stat, Vec<u8>), Refusal> {
        self.read_within(path, MAX_FILE_BYTES)
    }

    /// The same of a file that may be that large.
    pub(crate) fn read_within(&self, path: &str, limit: u64) -> Result<(Stat, Vec<u8>), Refusal> {
        if !stays_inside(path) {
            return Err(Refusal::Escapes);
        }
        #[cfg(target_os = "linux")]
        if let Ok(file) = self.open_beneath(path) {
            return read_file(file, limit);
        }
        read_file(open_at_once(&self.resolve(path)?)?, limit)
    }

    /// Opens a file in one step that cannot leave the root, whoever moves links meanwhile. It also
    /// refuses absolute links that lead back into the root, which [`Self::resolve`] knows better.
    #[cfg(target_os = "linux")]
    fn open_beneath(&self, path: &str) -> rustix::io::Result<File> {
        use rustix::fs::{Mode, ResolveFlags, openat2};
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.handle, path, flags, Mode::empty(), beneath).map(File::from)
    }

    /// The last `limit` bytes of a file in whose path there is no link; nothing when there is none.
    pub(crate) fn read_end(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        use std::io::{Seek as _, SeekFrom};
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let opened = self.directory(parent).and_then(|directory| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            Ok(rustix::fs::openat(directory, name, flags, rustix::fs::Mode::empty())?)
        });
        let mut file = match opened {
            Ok(file) => File::from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Ok(Vec::new());
        }
        let length = meta.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A whole file of the root itself, such as its manifest, with its stat, taken before its
    /// bytes; `None` when it is not there.
    pub(crate) fn read_manifest(&self, name: &str) -> io::Result<Option<(Stat, Vec<u8>)>> {
        /// Far above any real manifest: 20,000 entries take 10 MB.
        const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;
        let opened = open_at_once(&self.join(name)).map_err(Refusal::from);
        match opened.and_then(|file| read_file(file, MAX_MANIFEST_BYTES)) {
            Ok(read) => Ok(Some(read)),
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::Io(error)) => Err(error),
            Err(refusal) => Err(io::Error::other(refusal.to_string())),
        }
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

/// Opens without waiting for whoever writes into a pipe.
fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
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
    fn what_is_no_regular_file_of_a_fair_size_is_refused() {
        let (dir, root) = root();
        fs::create_dir(dir.path().join("dir.md")).unwrap();
        let pipe = dir.path().join("pipe.md");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        File::create(dir.path().join("big.md")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(root.read("dir.md"), Err(Refusal::NotAFile)));
        assert!(matches!(root.read("pipe.md"), Err(Refusal::NotAFile)), "and nothing waits");
        assert!(matches!(root.read("big.md"), Err(Refusal::TooLarge)));
        assert!(matches!(root.read("none.md"), Err(Refusal::Missing)));
    }
}
