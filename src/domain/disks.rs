//! The disks that hold the files of a source.

use std::{collections::BTreeMap, iter};

use serde::{Deserialize, Serialize};

/// A directory as stat(2) identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The number of the device that it is on.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

/// The disks that hold the files of a source. They are stored with each successful scan, so that the
/// next scan can detect a disk that is not mounted, or that another one is.
///
/// The numbers of devices can change at a reboot. A comparison may then find a difference where
/// there is none; the mass-loss guard asks for it only when most artifacts would be removed as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disks {
    /// The root; `None` if it is missing.
    pub root: Option<Place>,
    /// The nearest directory above the root that exists.
    pub parent: Option<Place>,
    /// The mount points at or below the root, by their path relative to it (an empty path is the
    /// root), with the system's name of the directory tree that is mounted there.
    pub mounts: BTreeMap<String, String>,
}

impl Disks {
    /// The deepest mount point at or above a path relative to the root, and the directory tree that
    /// is mounted there; `None` if the path is on the disk that holds the root.
    #[must_use]
    pub fn mount_of(&self, path: &str) -> Option<(&String, &String)> {
        if self.mounts.is_empty() {
            return None;
        }
        iter::successors(Some(path), |path| parent(path))
            .find_map(|path| self.mounts.get_key_value(path))
    }
}

/// The directory of a path, `""` for the root; `None` above that.
fn parent(path: &str) -> Option<&str> {
    (!path.is_empty()).then(|| path.rsplit_once('/').map_or("", |(parent, _)| parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_on_the_deepest_mount_above_it() {
        let mounts = ["", "a", "a/b"].map(|path| (path.to_owned(), format!("tree of {path}")));
        let disks = Disks { mounts: mounts.into(), ..Disks::default() };
        let mount = |path: &str| disks.mount_of(path).unwrap().0.as_str();
        assert_eq!(["a/b/c/d", "a/b", "a/bc", "ab/c", ""].map(mount), ["a/b", "a/b", "a", "", ""]);
        assert_eq!(Disks::default().mount_of("a/b"), None);
    }
}
