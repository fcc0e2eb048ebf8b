//! Errors of the system that say nothing about the file that was to be read.

use std::{io, sync::OnceLock};

use larder::{domain::id::SourceName, ports::SourceError};
use rustix::io::Errno;

use crate::unreadable;

/// The system lacks descriptors or memory: any other file would have failed as well.
const SHORTAGES: [Errno; 3] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
/// A disk or a server does not give its files.
const UNREACHABLE: [Errno; 9] = [
    Errno::IO,
    Errno::STALE,
    Errno::NOTCONN,
    Errno::TIMEDOUT,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::NETUNREACH,
    Errno::NODEV,
    Errno::NXIO,
];

/// Whether another try may succeed although nothing happened to the file.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    is_one_of(error, &SHORTAGES) || is_one_of(error, &UNREACHABLE)
}

fn is_one_of(error: &io::Error, kinds: &[Errno]) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| kinds.contains(&errno))
}

/// The errors of this kind while one source was read.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    shortage: OnceLock<Errno>,
    unreachable: OnceLock<Errno>,
}

impl Faults {
    /// Notes an error, if it is of this kind.
    pub(crate) fn note(&self, error: &io::Error) {
        let Some(errno) = Errno::from_io_error(error) else { return };
        if SHORTAGES.contains(&errno) {
            let _ = self.shortage.set(errno);
        } else if UNREACHABLE.contains(&errno) {
            let _ = self.unreachable.set(errno);
        }
    }

    /// Fails if the system had too few descriptors or too little memory, since artifacts would then
    /// look broken that are not.
    pub(crate) fn fail_on_shortage(&self, source: &SourceName) -> Result<(), SourceError> {
        self.shortage.get().map_or(Ok(()), |errno| Err(unreadable(source, (*errno).into())))
    }

    /// Why some files could not be read, if a disk or a server did not give them.
    pub(crate) fn unreachable(&self) -> Option<String> {
        let errno = self.unreachable.get()?;
        let kind = io::Error::from(*errno).kind();
        Some(format!("a part of its files cannot be read ({kind})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_fails_a_read_and_a_disk_that_fails_is_noted() {
        let (faults, source) = (Faults::default(), SourceName::new("work").unwrap());
        faults.note(&Errno::ACCESS.into());
        faults.note(&io::ErrorKind::InvalidData.into());
        assert!(faults.fail_on_shortage(&source).is_ok() && faults.unreachable().is_none());
        faults.note(&Errno::IO.into());
        assert!(faults.fail_on_shortage(&source).is_ok() && faults.unreachable().is_some());
        faults.note(&Errno::MFILE.into());
        assert!(faults.fail_on_shortage(&source).is_err());
        assert!(is_passing(&Errno::MFILE.into()) && is_passing(&Errno::STALE.into()));
        assert!(!is_passing(&Errno::ACCESS.into()), "a mode must be changed first");
    }
}
