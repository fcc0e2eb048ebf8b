//! The key that proves a record of an unfinished write to be Larder's own.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use blake3::{Hash, Hasher, KEY_LEN};
use tempfile::NamedTempFile;

type Key = [u8; KEY_LEN];

/// A secret of the user, shared by all Larder processes that use the same file. It is read, or made,
/// when it is first needed.
pub(crate) struct JournalKey {
    /// `None`: the key lasts as long as the process.
    path: Option<PathBuf>,
    key: OnceLock<Key>,
}

impl JournalKey {
    /// The key in that file.
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, key: OnceLock::new() }
    }

    /// The proof of a record: a keyed hash of it and of the inode of its tree's lock file.
    ///
    /// The inode binds the record to its tree, since a copy of the tree has another one. The number
    /// of the device would not do: it changes when disks are mounted in another order.
    ///
    /// # Errors
    /// When the system gives no random bytes for a new key.
    pub(super) fn proof(&self, record: &[u8], lock_inode: u64) -> io::Result<Hash> {
        let key = if let Some(key) = self.key.get() {
            key
        } else {
            let key = self.obtain()?;
            self.key.get_or_init(|| key)
        };
        Ok(Hasher::new_keyed(key).update(&lock_inode.to_le_bytes()).update(record).finalize())
    }

    /// The key of the file. Without one, writes go on: only a record of a process that was killed is
    /// not proven then.
    fn obtain(&self) -> io::Result<Key> {
        let Some(path) = &self.path else { return random() };
        match read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
            read => read,
        }
        .or_else(|error| {
            let path = path.display();
            tracing::error!(
                %path, %error,
                "the key for records of unfinished writes cannot be used: make it readable, or \
                 delete it; until then a write that is cut off may not be completed"
            );
            random()
        })
    }
}

fn random() -> io::Result<Key> {
    let mut key = [0; KEY_LEN];
    getrandom::fill(&mut key)?;
    Ok(key)
}

fn read(path: &Path) -> io::Result<Key> {
    let bytes = fs::read(path)?;
    Key::try_from(bytes).map_err(|bytes| {
        io::Error::other(format!("it has {} bytes instead of {KEY_LEN}", bytes.len()))
    })
}

/// Makes the file with its content in one step, readable by its owner alone. If another process was
/// faster, its key is taken.
fn create(path: &Path) -> io::Result<Key> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let key = random()?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => {
            File::open(directory)?.sync_all()?;
            Ok(key)
        }
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(failed) => Err(failed.error),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, thread};

    use super::*;

    #[test]
    fn processes_of_one_user_share_a_key_that_nobody_else_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data/larder/journal.key");
        let prove = || JournalKey::new(Some(path.clone())).proof(b"record", 1).unwrap();
        let proofs: Vec<Hash> = thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(prove)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(proofs.iter().all(|proof| *proof == proofs[0]), "made once");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_proof_depends_on_the_record_the_tree_and_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let key = JournalKey::new(Some(dir.path().join("a")));
        let other = JournalKey::new(Some(dir.path().join("b")));
        let proof = key.proof(b"record", 1).unwrap();
        assert_ne!(proof, key.proof(b"recorD", 1).unwrap());
        assert_ne!(proof, key.proof(b"record", 2).unwrap());
        assert_ne!(proof, other.proof(b"record", 1).unwrap());
        assert_ne!(proof, JournalKey::new(None).proof(b"record", 1).unwrap());
    }

    #[test]
    fn a_damaged_key_stops_no_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.key");
        fs::write(&path, "short").unwrap();
        let key = JournalKey::new(Some(path.clone()));
        assert_eq!(key.proof(b"record", 1).unwrap(), key.proof(b"record", 1).unwrap());
        assert_eq!(fs::read(path).unwrap(), b"short", "it is for a person to look at");
    }
}
