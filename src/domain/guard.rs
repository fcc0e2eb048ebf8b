//! The mass-loss guard: a disk that is out of reach must not empty the catalogue.
//!
//! Much may go at once in ordinary work: a marketplace is deleted, a folder is renamed, another
//! branch is checked out. So a number alone proves nothing. The guard stops a scan if most artifacts
//! would be removed, and there is also evidence that their files were not deleted.

use super::disks::Disks;

/// What a scan found at the path of the source's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootState {
    /// A directory with entries, and its manifest if the source is managed.
    Present,
    /// Nothing.
    Missing,
    /// A directory without any entry.
    Empty,
    /// The directory of a managed collection without its `collection.toml`.
    ManifestMissing,
}

/// Up to this number of rows a part of them is never guarded: somebody may well delete six of ten
/// artifacts.
const SMALL: usize = 10;

/// The removals that a scan leads to, and what it found of the disk.
#[derive(Debug, Clone)]
pub struct Loss<'a> {
    /// What is at the path of the root.
    pub root: RootState,
    /// How many rows the source has.
    pub known: usize,
    /// The paths of the rows that would be removed.
    pub gone: &'a [&'a str],
    /// How many of these a manifest lists no more, although their files are still there.
    pub still_there: usize,
    /// The disks that the known rows were read from; `None` if nobody has looked at them yet.
    pub before: Option<&'a Disks>,
    /// The disks that the scan found.
    pub now: &'a Disks,
    /// Why the scan may have missed files that are there, as a clause.
    pub doubt: Option<&'a str>,
    /// Whether the known rows were read from this root: a source can move to another directory.
    pub trusted: bool,
}

/// Returns the reason why a scan must not remove rows, as a sentence for the report; `None` if it
/// may. `confirmed` is the number of removals that the caller accepts.
#[must_use]
pub fn objection(loss: &Loss<'_>, confirmed: Option<u64>) -> Option<String> {
    let gone = loss.gone.len();
    if gone == 0 || confirmed.is_some_and(|confirmed| gone as u64 <= confirmed) {
        return None;
    }
    let evidence = loss.evidence()?;
    Some(format!(
        "{evidence}: {gone} of {} artifacts would be removed, so nothing was changed; if they are \
         really gone, refresh with confirm_removals={gone}",
        loss.known
    ))
}

impl Loss<'_> {
    /// Returns the evidence against a loss that is large enough to be guarded.
    fn evidence(&self) -> Option<String> {
        let gone = self.gone.len();
        if self.root == RootState::Missing {
            let parent = |disks: &Disks| disks.parent.map(|parent| parent.device);
            let is_unmounted = self.before.is_some_and(|before| parent(before) != parent(self.now));
            let disk = if is_unmounted { ", and so is the disk that it was on" } else { "" };
            return Some(format!("its directory is missing{disk}"));
        }
        // Some editors truncate a file before they write it.
        let are_all = gone == self.known && self.still_there * 2 > gone;
        if are_all || self.is_most(self.still_there) {
            return Some(match self.root {
                RootState::ManifestMissing => "its collection.toml is missing".to_owned(),
                _ => {
                    "collection.toml lists them no more, but their files are still there".to_owned()
                }
            });
        }
        let is_large = gone == self.known || self.is_most(gone);
        if !is_large || (self.root == RootState::Present && !self.trusted) {
            return None;
        }
        self.disk_evidence().map(|evidence| match self.root {
            RootState::Empty => format!("its directory is empty, and {evidence}"),
            RootState::ManifestMissing => format!("its collection.toml is missing, and {evidence}"),
            _ => evidence,
        })
    }

    fn is_most(&self, rows: usize) -> bool {
        self.known > SMALL && rows * 2 > self.known
    }

    /// Returns what indicates that the files are out of reach.
    fn disk_evidence(&self) -> Option<String> {
        let Some(before) = self.before else {
            return Some("it is not known which disk they were read from".to_owned());
        };
        let device = |disks: &Disks| disks.root.map(|root| root.device);
        if device(before) != device(self.now) {
            return Some("its directory is on another disk than before".to_owned());
        }
        if self.root == RootState::Empty && before.root != self.now.root {
            return Some("it is another directory than before".to_owned());
        }
        let remounted = |path: &&&str| before.mount_of(path) != self.now.mount_of(path);
        if let Some(path) = self.gone.iter().find(remounted) {
            return Some(format!("a disk was mounted or unmounted above {path}"));
        }
        self.doubt.map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::disks::Place, *};

    const PATHS: [&str; 20] = ["nested/skills/a/SKILL.md"; 20];

    fn disks(device: u64, inode: u64) -> Disks {
        let root = Some(Place { device, inode });
        Disks { root, parent: Some(Place { device: 1, inode: 1 }), ..Disks::default() }
    }

    /// The guard's evidence against a loss of `gone` of `known` rows.
    fn guarded(known: usize, gone: usize, change: impl FnOnce(&mut Loss<'_>)) -> Option<String> {
        let (before, now) = (disks(1, 7), disks(1, 7));
        let mut loss = Loss {
            root: RootState::Present,
            known,
            gone: &PATHS[..gone],
            still_there: 0,
            before: Some(&before),
            now: &now,
            doubt: None,
            trusted: true,
        };
        change(&mut loss);
        objection(&loss, None)
    }

    fn leak(disks: Disks) -> &'static Disks {
        Box::leak(Box::new(disks))
    }

    #[test]
    fn a_directory_that_is_there_is_believed_however_much_went() {
        for root in [RootState::Present, RootState::Empty, RootState::ManifestMissing] {
            assert_eq!(guarded(20, 20, |loss| loss.root = root), None, "{root:?}");
        }
    }

    #[test]
    fn a_missing_directory_is_guarded_and_says_whether_its_disk_went_too() {
        let missing = |loss: &mut Loss<'_>| loss.root = RootState::Missing;
        assert!(guarded(1, 1, missing).unwrap().starts_with("its directory is missing: 1 of 1"));
        let with_disk = guarded(1, 1, |loss| {
            loss.root = RootState::Missing;
            loss.now =
                leak(Disks { parent: Some(Place { device: 2, inode: 1 }), ..Disks::default() });
        });
        assert!(with_disk.unwrap().contains("missing, and so is the disk that it was on"));
        assert_eq!(guarded(0, 0, missing), None, "nothing to lose");
    }

    #[test]
    fn a_large_loss_from_another_disk_is_guarded_and_a_small_one_is_believed() {
        let other_disk = |loss: &mut Loss<'_>| loss.now = leak(disks(2, 7));
        for (known, gone, is_guarded) in
            [(20, 11, true), (20, 10, false), (10, 9, false), (10, 10, true), (1, 1, true)]
        {
            assert_eq!(guarded(known, gone, other_disk).is_some(), is_guarded, "{gone} of {known}");
        }
        let moved = |loss: &mut Loss<'_>| {
            other_disk(loss);
            loss.trusted = false;
        };
        assert_eq!(guarded(20, 20, moved), None, "the source has moved");
    }

    #[test]
    fn an_empty_directory_is_believed_only_if_it_is_the_one_that_was_read() {
        let other_directory = |loss: &mut Loss<'_>| {
            loss.root = RootState::Empty;
            loss.now = leak(disks(1, 8));
        };
        assert!(guarded(1, 1, other_directory).unwrap().contains("empty, and it is another"));
        let with_entries = |loss: &mut Loss<'_>| loss.now = leak(disks(1, 8));
        assert_eq!(guarded(1, 1, with_entries), None, "it was replaced by a full one");
    }

    #[test]
    fn rows_below_a_mount_point_whose_disk_changed_are_guarded() {
        let nested = |tree: &str| Disks {
            mounts: [("nested".to_owned(), tree.to_owned())].into(),
            ..disks(1, 7)
        };
        let (one, other) = (leak(nested("one")), leak(nested("other")));
        let change = |before, now| {
            guarded(20, 11, |loss| (loss.before, loss.now) = (Some(before), now)).is_some()
        };
        let none = leak(disks(1, 7));
        assert!(change(one, none) && change(none, one) && change(one, other));
        assert!(!change(one, one), "the same disk is there");
        let elsewhere = leak(Disks {
            mounts: [("nested/other".to_owned(), "one".to_owned())].into(),
            ..disks(1, 7)
        });
        assert!(!change(none, elsewhere), "no row was there");
    }

    #[test]
    fn doubts_of_the_scan_and_an_unknown_disk_are_evidence() {
        let doubt = |loss: &mut Loss<'_>| loss.doubt = Some("it lies on NFS");
        assert!(guarded(20, 11, doubt).unwrap().starts_with("it lies on NFS: 11 of 20"));
        assert_eq!(guarded(20, 10, doubt), None);
        let unknown = |loss: &mut Loss<'_>| loss.before = None;
        assert!(guarded(20, 11, unknown).is_some());
        assert!(guarded(20, 10, unknown).is_none());
    }

    #[test]
    fn entries_that_go_while_their_files_stay_are_guarded_if_they_are_most() {
        for (known, gone, still_there, is_guarded) in [
            (3, 3, 3, true),
            (3, 3, 2, true),
            (3, 2, 2, false),
            (20, 20, 1, false),
            (20, 11, 11, true),
            (20, 10, 10, false),
            (20, 15, 4, false),
        ] {
            let found = guarded(known, gone, |loss| loss.still_there = still_there);
            assert_eq!(found.is_some(), is_guarded, "{still_there} of {gone} of {known}");
        }
    }

    #[test]
    fn a_confirmation_covers_so_many_removals_and_no_more() {
        let (before, now) = (disks(1, 7), disks(2, 7));
        let loss = Loss {
            root: RootState::Present,
            known: 20,
            gone: &PATHS[..15],
            still_there: 0,
            before: Some(&before),
            now: &now,
            doubt: None,
            trusted: true,
        };
        assert!(objection(&loss, Some(14)).is_some());
        assert_eq!(objection(&loss, Some(15)), None);
        assert_eq!(objection(&Loss { root: RootState::Missing, ..loss }, Some(15)), None);
    }
}
