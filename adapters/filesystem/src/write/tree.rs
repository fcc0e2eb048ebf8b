//! A directory tree that is written in, under its lock.

use std::{
    ffi::{CStr, CString},
    fs::{File, TryLockError},
    io::{self, Write as _},
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt as _, PermissionsExt as _},
    },
    thread,
    time::Duration,
};

use larder::domain::revision::Revision;
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags},
    io::Errno,
};
use tokio::time::Instant;

use super::{failure::Failure, steps::is_unsupported};
use crate::files::{Refusal, Root, not_there, split};

/// How long a writer waits for all the locks that it needs, and how often it looks at one. A request
/// has 30 s, and another writer is done within milliseconds, unless it hangs.
const WAIT: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// Until when a writer waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(Instant);

impl Patience {
    /// From now on.
    pub(crate) fn new() -> Self {
        Self(Instant::now() + WAIT)
    }

    /// When it ends.
    pub(crate) fn end(self) -> Instant {
        self.0
    }
}

/// The file whose lock keeps other writers out, among Larder's own.
pub(super) const LOCK: &str = "lock";

/// Largest file that is read whole: what a manifest may be configured to have.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Directories that are made, as the user's mask lets them be.
const DIRECTORY_MODE: Mode = Mode::from_bits_truncate(0o777);

/// Files that are made, likewise.
const FILE_MODE: Mode = Mode::from_bits_truncate(0o666);

/// A content, by its hash.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Revision::of(&[bytes]).as_str().to_owned()
}

/// Whose mode a new file gets.
pub(crate) enum Like<'a> {
    /// What the user's mask lets it be.
    New,
    /// This one.
    Mode(u32),
    /// That of a file of the tree, with its owner.
    File(&'a str),
}

/// A tree that nobody else writes in as long as this lives. Paths are relative to its root, and no
/// part of them may be a link: what a link leads to is named by its own path ([`Tree::real`]).
pub(crate) struct Tree {
    pub(crate) root: Root,
    /// Where Larder's own files are: `.larder` or `.claude/.larder-project`.
    state: String,
    /// Opened anew by each writer: the lock belongs to the open file, and goes with it.
    lock: File,
}

impl Tree {
    /// Locks a tree; makes the directory of Larder's own files where it is missing.
    pub(crate) fn lock(root: Root, state: &str, patience: Patience) -> Result<Self, Failure> {
        let mut made = String::new();
        for name in state.split('/') {
            made = if made.is_empty() { name.to_owned() } else { format!("{made}/{name}") };
            make_directory(&root, &made)?;
        }
        let directory = root.directory(state)?;
        let ignore = open(&directory, ".gitignore", OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY);
        match ignore {
            // Nothing of Larder's own belongs into the user's history.
            Ok(mut file) => {
                if let Err(error) = file.write_all(b"*\n") {
                    // Left empty, it would never be written again.
                    let _ = rustix::fs::unlinkat(&directory, ".gitignore", AtFlags::empty());
                    return Err(error.into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        let lock = open(&directory, LOCK, OFlags::CREATE | OFlags::RDWR)?;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { root, state: state.to_owned(), lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < patience.end() => {
                    thread::sleep(LOOK);
                }
                Err(TryLockError::WouldBlock) => return Err(Failure::Busy),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// Locks a tree if nobody has it; `None` when somebody has, or nobody ever wrote there.
    pub(crate) fn try_lock(root: Root, state: &str) -> Result<Option<Self>, Failure> {
        let directory = match root.directory(state) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            directory => directory?,
        };
        let lock = open(&directory, LOCK, OFlags::CREATE | OFlags::RDWR)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { root, state: state.to_owned(), lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The path of one of Larder's own files.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.state)
    }

    /// The inode of the lock file.
    pub(crate) fn lock_inode(&self) -> io::Result<u64> {
        Ok(self.lock.metadata()?.ino())
    }

    /// The root's own path, without links.
    pub(crate) fn path(&self) -> String {
        self.root.join("").to_string_lossy().into_owned()
    }

    /// Where a path really lies: links within the root are written through, one that leaves it is
    /// refused. What does not exist lies where its directory really is.
    pub(crate) fn real(&self, path: &str) -> Result<String, Refusal> {
        match self.root.resolve(path) {
            Ok(real) => self.root.relative(&real),
            Err(Refusal::Missing) => {
                let (parent, name) = split(path);
                if name.is_empty() || name == ".." {
                    return Err(Refusal::Missing);
                }
                let real = match parent {
                    "" => name.to_owned(),
                    parent => format!("{}/{name}", self.real(parent)?),
                };
                // A link to nothing.
                if self.root.entry(&real)?.is_some() { Err(Refusal::Missing) } else { Ok(real) }
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// A file's bytes; `None` when nothing is there.
    pub(crate) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.read_within(path, MAX_BYTES)?.map(|(_, bytes)| bytes))
    }

    /// The mode and the bytes of a file that may have that many; `None` when nothing is there.
    pub(crate) fn read_within(&self, path: &str, limit: u64) -> io::Result<Option<(u32, Vec<u8>)>> {
        let opened = self.place(path).and_then(|(parent, name)| {
            open(&parent, name, OFlags::RDONLY | OFlags::NONBLOCK).map(Some)
        });
        let Some(file) = not_there(opened)? else { return Ok(None) };
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !meta.is_file() || meta.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::new();
        // It may grow meanwhile.
        io::Read::read_to_end(&mut io::Read::take(file, limit), &mut bytes)?;
        Ok(Some((meta.permissions().mode(), bytes)))
    }

    /// The hash of a file's bytes; `None` when nothing is there.
    pub(crate) fn hash_of(&self, path: &str) -> io::Result<Option<String>> {
        match self.read(path) {
            Ok(bytes) => Ok(bytes.as_deref().map(hash)),
            // A directory differs from every file.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(Some(String::new())),
            Err(error) => Err(error),
        }
    }

    /// What is at a path, a link itself included; `None` when nothing is there.
    pub(crate) fn kind(&self, path: &str) -> io::Result<Option<FileType>> {
        let stat = self.place(path).and_then(|(parent, name)| {
            Ok(Some(rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?))
        });
        Ok(not_there(stat)?.map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }

    /// Whether anything is at a path, a link too.
    pub(crate) fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.kind(path)?.is_some())
    }

    /// Whether a directory is at a path, and no link to one.
    pub(crate) fn is_directory(&self, path: &str) -> io::Result<bool> {
        Ok(self.kind(path)?.is_some_and(FileType::is_dir))
    }

    /// Whether something is at a path that is no regular file. One look: a directory that is moved
    /// away and back between two of them would look like that.
    pub(crate) fn is_no_file(&self, path: &str) -> io::Result<bool> {
        Ok(self.kind(path)?.is_some_and(|kind| !kind.is_file()))
    }

    /// Writes a new file and brings it to the disk.
    pub(crate) fn write_new(&self, path: &str, bytes: &[u8], like: &Like<'_>) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        // What may be secret is so before anything is in it.
        let first = if matches!(like, Like::New) { FILE_MODE } else { Mode::RUSR | Mode::WUSR };
        let mut file = open_as(&parent, name, flags, first)?;
        match like {
            Like::New => {}
            Like::Mode(mode) => rustix::fs::fchmod(&file, Mode::from_raw_mode(mode & 0o777))?,
            Like::File(path) => self.make_like(&file, path)?,
        }
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn make_like(&self, file: &File, path: &str) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let stat = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let own = rustix::fs::fstat(file)?;
        if (own.st_uid, own.st_gid) != (stat.st_uid, stat.st_gid) {
            // Only root may give files away; whoever else writes keeps what it writes.
            let owner = rustix::fs::Uid::from_raw(stat.st_uid);
            let group = rustix::fs::Gid::from_raw(stat.st_gid);
            let _ = rustix::fs::fchown(file, Some(owner), Some(group));
        }
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(stat.st_mode & 0o7777))?)
    }

    /// Adds to the end of a file of Larder's own, and brings it to the disk.
    pub(crate) fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let (parent, name) = self.place(path)?;
        let mut file = open(&parent, name, OFlags::CREATE | OFlags::APPEND | OFlags::WRONLY)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Makes a directory and those above it; tells which were not there, the upper ones first.
    pub(crate) fn make_directories(&self, path: &str) -> io::Result<Vec<String>> {
        if path.is_empty() || self.exists(path)? {
            return Ok(Vec::new());
        }
        let (parent, _) = split(path);
        let mut made = self.make_directories(parent)?;
        make_directory(&self.root, path)?;
        self.sync(parent)?;
        made.push(path.to_owned());
        Ok(made)
    }

    /// Exchanges what two paths hold, in one step.
    pub(crate) fn exchange(&self, one: &str, other: &str) -> io::Result<()> {
        self.rename_with(one, other, RenameFlags::EXCHANGE)
    }

    /// Moves what is at a path to one where nothing is.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match self.rename_with(from, to, RenameFlags::NOREPLACE) {
            // A last look has to do where the file system cannot look itself.
            Err(error) if is_unsupported(&error) => {
                if self.exists(to)? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                self.rename_with(from, to, RenameFlags::empty())
            }
            renamed => renamed,
        }
    }

    /// Moves a file over another one.
    pub(crate) fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        self.rename_with(from, to, RenameFlags::empty())
    }

    fn rename_with(&self, from: &str, to: &str, flags: RenameFlags) -> io::Result<()> {
        #[cfg(feature = "failpoints")]
        if !flags.is_empty() {
            fail::fail_point!("no-exchange", |_| Err(io::ErrorKind::InvalidInput.into()));
        }
        let ((from_parent, from), (to_parent, to)) = (self.place(from)?, self.place(to)?);
        Ok(rustix::fs::renameat_with(&from_parent, from, &to_parent, to, flags)?)
    }

    /// Removes a file; that it is not there is well.
    pub(crate) fn unlink(&self, path: &str) -> io::Result<()> {
        let unlinked = self.place(path).and_then(|(parent, name)| {
            Ok(Some(rustix::fs::unlinkat(&parent, name, AtFlags::empty())?))
        });
        not_there(unlinked).map(drop)
    }

    /// Removes what is at a path; of a directory all that is in it, links themselves and not what
    /// they lead to.
    pub(crate) fn remove_all(&self, path: &str) -> io::Result<()> {
        let removed = self
            .place(path)
            .and_then(|(parent, name)| remove(&parent, &CString::new(name)?, 0).map(Some));
        not_there(removed).map(drop)
    }

    /// Removes all that is in a directory, and leaves it: to make it anew and bring it to the disk
    /// takes as long as to bring a file there.
    pub(crate) fn empty(&self, path: &str) -> io::Result<()> {
        match not_there(self.root.directory(path).map(Some))? {
            Some(directory) => remove_inside(&directory, 0),
            None => Ok(()),
        }
    }

    /// Removes a directory if nothing is in it.
    pub(crate) fn remove_if_empty(&self, path: &str) -> bool {
        let removed = self.place(path).and_then(|(parent, name)| {
            Ok(rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)?)
        });
        removed.is_ok()
    }

    /// The names in a directory, sorted; none when there is no such directory.
    pub(crate) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        self.root.names(path)
    }

    /// Brings a directory's entries to the disk.
    pub(crate) fn sync(&self, directory: &str) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.root.directory(directory)?)?)
    }

    /// The same, if there is such a directory.
    pub(crate) fn sync_if_there(&self, directory: &str) -> io::Result<()> {
        not_there(self.sync(directory).map(Some)).map(drop)
    }

    /// The directory of a path, opened, and the name in it. Git's own files are never written: what
    /// a clone brings along, a record of an unfinished write even, must not become a hook that runs.
    fn place<'a>(&self, path: &'a str) -> io::Result<(OwnedFd, &'a str)> {
        if path.split('/').any(|name| name.eq_ignore_ascii_case(".git")) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let (parent, name) = split(path);
        Ok((self.root.directory(parent)?, name))
    }
}

/// Deepest directory that is removed. Each level takes a descriptor and a piece of the stack, and a
/// program that may write in a tree can nest as many as it likes.
const MAX_DEPTH: usize = 100;

/// Removes an entry of a directory, and what is in it. Each directory is reached through the
/// descriptor of the one above it, so that no link is followed, whenever it is put there.
fn remove(parent: &OwnedFd, name: &CStr, depth: usize) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        // A directory: Linux says the former, POSIX the latter.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        removed => return Ok(removed?),
    }
    if depth > MAX_DEPTH {
        let message = format!("directories are nested deeper than {MAX_DEPTH}");
        return Err(io::Error::other(message));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    remove_inside(&rustix::fs::openat(parent, name, flags, Mode::empty())?, depth + 1)?;
    match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

fn remove_inside(directory: &OwnedFd, depth: usize) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if ![c".", c".."].contains(&entry.file_name()) {
            remove(directory, entry.file_name(), depth)?;
        }
    }
    Ok(())
}

fn make_directory(root: &Root, path: &str) -> io::Result<()> {
    let (parent, name) = split(path);
    match rustix::fs::mkdirat(root.directory(parent)?, name, DIRECTORY_MODE) {
        Err(Errno::EXIST) => Ok(()),
        made => Ok(made?),
    }
}

/// Opens a file in a directory; a link is refused.
fn open(directory: &OwnedFd, name: &str, flags: OFlags) -> io::Result<File> {
    open_as(directory, name, flags, FILE_MODE)
}

/// The same; a new one gets that mode.
fn open_as(directory: &OwnedFd, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(directory, name, flags, mode)?))
}
