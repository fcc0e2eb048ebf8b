//! One process for each file.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use larder::ports::RepositoryError;
use rustix::fs::fstatfs;

use crate::error::{REPLACED, io_error};

/// Only the owner may read the database: it holds everything that the files hold.
const OWNER_ONLY: u32 = 0o600;

/// File systems whose clients turn an flock into a lock of the file's whole range, of the kind that
/// SQLite takes (flock(2), "NFS details" and "CIFS details"): NFS, SMB, CIFS and SMB2, by the numbers
/// of statfs(2).
const ONE_KIND_OF_LOCK: [u32; 4] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42];

/// The database's file while this process has it.
///
/// Two locks are held. That of `<file>.lock`, which contains the holder's process id, keeps the path,
/// also while the database is missing there. That of the database itself, which is an inode's, keeps
/// the file under its other names. It is an flock: on a disk of this machine SQLite's own locks are of
/// another kind, and do not meet it. Where they would, only the first lock is held.
pub(crate) struct DatabaseLock {
    path: PathBuf,
    holder: File,
    // Closed last: closing any descriptor of the file ends SQLite's own locks of it.
    database: File,
}

impl DatabaseLock {
    /// Takes the database at that path, which is created with its directories if it does not exist.
    pub(crate) fn take(path: &Path) -> Result<Self, RepositoryError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io_error)?;
        let mut holder = open(&beside(path, ".lock"))?;
        lock(&holder, || name_of(&holder))?;
        let database = open(path)?;
        if !locks_meet(&database) {
            lock(&database, || "another process, by another path,".to_owned())?;
        }
        for kind in ["-wal", "-shm"] {
            // Those that are not there yet get the permissions of the database.
            if let Ok(file) = File::open(beside(path, kind)) {
                restrict(&file);
            }
        }
        holder
            .set_len(0)
            .and_then(|()| writeln!(holder, "{}", std::process::id()))
            .map_err(io_error)?;
        Ok(Self { path: path.to_owned(), holder, database })
    }

    /// An error if the path no longer leads to the file that was taken.
    pub(crate) fn verify(&self) -> Result<(), RepositoryError> {
        let taken = self.database.metadata().map_err(io_error)?;
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (taken.dev(), taken.ino()) => Ok(()),
            Ok(_) => Err(replaced("another file is at its path".into())),
            Err(error) => Err(replaced(error.into())),
        }
    }

    /// Lets another process have the database, although this value lives on.
    pub(crate) fn release(&self) {
        // The system ends the locks anyway once the files are closed.
        if !locks_meet(&self.database) {
            drop(self.database.unlock());
        }
        drop(self.holder.unlock());
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn open(path: &Path) -> Result<File, RepositoryError> {
    // Not truncated: until the lock is held the content is another process's.
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY);
    let file = options.open(path).map_err(io_error)?;
    restrict(&file);
    Ok(file)
}

/// Takes other users' permissions away, as far as this user may.
fn restrict(file: &File) {
    let Ok(mode) = file.metadata().map(|metadata| metadata.mode()) else { return };
    if mode & 0o077 != 0
        && let Err(error) = file.set_permissions(Permissions::from_mode(mode & 0o700))
    {
        tracing::warn!(%error, "other users may read the database, and that cannot be changed");
    }
}

fn lock(file: &File, holder: impl FnOnce() -> String) -> Result<(), RepositoryError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let holder = holder();
            let text =
                format!("{holder} has this database open; stop it first, or use another database");
            Err(RepositoryError::InUse(text))
        }
        Err(TryLockError::Error(error)) => Err(io_error(error)),
    }
}

/// Whether an flock of that file and SQLite's own locks exclude each other.
fn locks_meet(file: &File) -> bool {
    let Ok(found) = fstatfs(file) else { return false };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "these numbers have 32 bits, whatever the type"
    )]
    ONE_KIND_OF_LOCK.contains(&(found.f_type as u32))
}

fn name_of(mut holder: &File) -> String {
    let mut name = String::new();
    match holder.read_to_string(&mut name) {
        Ok(_) if !name.trim().is_empty() => format!("process {}", name.trim()),
        _ => "another process".to_owned(),
    }
}

fn replaced(cause: larder::ports::Cause) -> RepositoryError {
    RepositoryError::Unwritable { reason: REPLACED, cause }
}
