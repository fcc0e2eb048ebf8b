//! What a stat proves: the text by which the next scan tells whether a file was touched.

use std::{fs::Metadata, os::unix::fs::MetadataExt};

use chrono::{DateTime, TimeDelta};
use larder::domain::Timestamp;

/// The version of the reader. It goes into every fingerprint, so that a reader that reads better
/// reads everything anew. A row that tells no reader, since it was invalidated or its file was only
/// just written, keeps what an earlier one read until it changes, or until a refresh is forced.
pub(crate) const READER: u32 = 3;

/// A file whose status changed this shortly before it was read may change again without another
/// time: file systems keep times in steps of up to a second or so.
const TRUST_AFTER: TimeDelta = TimeDelta::seconds(1);

/// What a stat told of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    text: String,
    /// The modification time; `None` without a file.
    pub(crate) modified: Option<Timestamp>,
    changed: Option<Timestamp>,
}

impl Stat {
    /// Of a file that is there: size, both times to the nanosecond, inode.
    pub(crate) fn of(meta: &Metadata) -> Self {
        let time = |seconds, nanos: i64| {
            // Rows keep whole microseconds.
            let micros = u32::try_from(nanos / 1_000).unwrap_or(0);
            DateTime::from_timestamp(seconds, micros * 1_000)
        };
        Self {
            text: format!(
                "{}-{}.{:09}-{}.{:09}-{}",
                meta.size(),
                meta.mtime(),
                meta.mtime_nsec(),
                meta.ctime(),
                meta.ctime_nsec(),
                meta.ino()
            ),
            modified: time(meta.mtime(), meta.mtime_nsec()),
            changed: time(meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// Of a path that leads nowhere.
    pub(crate) fn nothing() -> Self {
        Self { text: "none".to_owned(), modified: None, changed: None }
    }

    /// Without what proves that a file is as it was.
    pub(crate) fn unproven(self) -> Self {
        Self { modified: self.modified, ..Self::nothing() }
    }

    /// Of a file that was chosen from a directory `depth` names above it: once the directory
    /// changes, another file may be the better choice.
    pub(crate) fn chosen_in(self, directory: &Self, depth: usize) -> Self {
        Self {
            text: format!("{}/{depth}/{}", self.text, directory.text),
            modified: self.modified,
            changed: self.changed.max(directory.changed),
        }
    }

    /// The fingerprint of an artifact without a manifest entry.
    pub(crate) fn plain(&self) -> String {
        format!("{READER}:{}", self.text)
    }

    /// The fingerprint of an artifact with a manifest entry of that hash, in hexadecimal digits.
    pub(crate) fn managed(&self, entry: &str) -> String {
        format!("{READER}:{entry}:{}", self.text)
    }

    /// Whether a fingerprint of [`Self::managed`] was made of this stat, whatever the entry.
    pub(crate) fn ends(&self, fingerprint: &str) -> bool {
        fingerprint.rsplit_once(':').is_some_and(|(_, stat)| stat == self.text)
    }

    /// Whether the times prove anything about a read at that moment.
    pub(crate) fn is_trusted(&self, read_at: Timestamp) -> bool {
        self.changed.is_none_or(|changed| read_at - changed >= TRUST_AFTER)
    }
}

/// The depth that was given to [`Stat::chosen_in`], if the fingerprint is of such a stat.
pub(crate) fn depth(fingerprint: &str) -> Option<usize> {
    fingerprint.split('/').nth(1)?.parse::<u8>().ok().map(usize::from)
}

/// Whether a fingerprint is from an earlier version of the reader.
pub(crate) fn is_outdated(fingerprint: &str) -> bool {
    let reader = fingerprint.split(':').next().and_then(|reader| reader.parse::<u32>().ok());
    reader.is_none_or(|reader| reader < READER)
}

/// The entry's hash that was given to [`Stat::managed`].
pub(crate) fn entry_hash(fingerprint: Option<&str>) -> Option<u64> {
    u64::from_str_radix(fingerprint?.split(':').nth(1)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_within_the_last_second_is_not_trusted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stat = Stat::of(&file.as_file().metadata().unwrap());
        let changed = stat.changed.unwrap();
        assert!(!stat.is_trusted(changed + TimeDelta::milliseconds(999)));
        assert!(!stat.is_trusted(changed - TimeDelta::hours(1)), "a time in the future");
        assert!(stat.is_trusted(changed + TimeDelta::seconds(1)));
        assert!(Stat::nothing().is_trusted(changed));
    }

    #[test]
    fn a_managed_fingerprint_ends_in_its_stat() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stat = Stat::of(&file.as_file().metadata().unwrap());
        assert!(stat.ends(&stat.managed("abc")));
        assert!(!stat.ends(&Stat::nothing().managed("abc")));
        assert_eq!(entry_hash(Some(&stat.managed("abc"))), Some(0xabc));
    }

    #[test]
    fn a_fingerprint_tells_its_reader() {
        let own = Stat::nothing().plain();
        assert!(own.starts_with("3:"), "a new version goes into this test");
        assert!(is_outdated(&own.replacen('3', "2", 1)) && is_outdated("none"));
        assert!(!is_outdated(&own) && !is_outdated(&own.replacen('3', "4", 1)));
    }

    #[test]
    fn a_fingerprint_tells_how_far_above_the_file_its_directory_is() {
        let directory = tempfile::tempdir().unwrap();
        let stat = Stat::of(&directory.path().metadata().unwrap());
        let chosen = Stat::nothing().chosen_in(&stat, 2);
        assert_eq!(depth(&chosen.managed("abc")), Some(2));
        assert_eq!(depth(&stat.managed("abc")), None);
        assert!(!chosen.is_trusted(stat.changed.unwrap()), "the directory changed just now");
    }
}
