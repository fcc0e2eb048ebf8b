//! One process for each file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    path::Path,
};

use larder::ports::RepositoryError;

use crate::error::io_error;

/// The locked file beside the database, with the process id of its holder in it.
pub(crate) struct LockFile(File);

impl LockFile {
    pub(crate) fn take(database: &Path) -> Result<Self, RepositoryError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        // Not truncated: until the lock is ours the content is its holder's.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(file)),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(io_error)?;
        Ok(Self(file))
    }

    /// Lets another process have the database, although this value lives on.
    pub(crate) fn release(&self) {
        // The system lets go of the lock anyway once the file is closed.
        drop(self.0.unlock());
    }
}

fn taken(mut file: File) -> RepositoryError {
    let mut holder = String::new();
    let holder = match file.read_to_string(&mut holder) {
        Ok(_) if !holder.trim().is_empty() => format!("process {}", holder.trim()),
        _ => "another process".to_owned(),
    };
    let text = format!("{holder} has this database open; stop it first, or use another database");
    RepositoryError::InUse(text)
}
