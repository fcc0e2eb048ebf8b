//! Which disks a source is on, and whether a scan may have missed files on them.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use larder::domain::disks::{Disks, Place};

use crate::files::Root;

/// Returns the disks that the directory at a path is on now.
pub(crate) fn of(root: &str) -> Disks {
    let place = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        Some(Place { device: meta.dev(), inode: meta.ino() })
    };
    let path = Path::new(root);
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mounts = mounts().into_iter().filter_map(|Mount { point, tree }| {
        let below = point.strip_prefix(&real).ok()?;
        Some((below.to_str()?.to_owned(), tree))
    });
    Disks {
        root: place(path),
        parent: path.ancestors().skip(1).find_map(place),
        mounts: mounts.collect(),
    }
}

/// Why a scan that missed the files at these paths may be wrong, as a clause; `before` and `after`
/// are the disks then.
pub(crate) fn doubt<'a>(
    root: &Root,
    before: &Disks,
    after: &Disks,
    missed: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let mounts: BTreeSet<Option<&String>> =
        missed.map(|path| after.mount_of(path).map(|(point, _)| point)).collect();
    if mounts.is_empty() {
        return None;
    }
    if before != after {
        return Some("a disk was mounted or unmounted during the scan".to_owned());
    }
    let at = |point: Option<&String>| root.join(point.map_or("", String::as_str));
    let remote = || mounts.iter().find_map(|point| remote_name(&at(*point)));
    root.faults.unreachable().or_else(|| Some(format!("its files are on {}", remote()?)))
}

#[cfg(target_os = "linux")]
use crate::remote::name as remote_name;

#[cfg(not(target_os = "linux"))]
fn remote_name(_directory: &Path) -> Option<&'static str> {
    None
}

/// A mount point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) point: PathBuf,
    /// The device, and the directory of it that is mounted.
    pub(crate) tree: String,
}

/// Where Linux lists the mounts that this process sees.
pub(crate) const MOUNTS: &str = "/proc/self/mountinfo";

/// Returns the mounts that this process sees, in the order in which they were made; none where the
/// system does not list them, or those whose path is not UTF-8.
pub(crate) fn mounts() -> Vec<Mount> {
    let listed = fs::read(MOUNTS).unwrap_or_default();
    listed.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// Parses a line of `/proc/self/mountinfo`: "36 35 98:0 /directory /mount/point …" (proc(5)).
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = std::str::from_utf8(line).ok()?.split(' ').skip(2);
    let (device, directory, point) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Mount { point: unescaped(point).into(), tree: format!("{device} {directory}") })
}

/// A path without the escapes that the list has for white space and backslashes.
fn unescaped(path: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.into_iter().fold(path.to_owned(), |path, (escape, text)| path.replace(escape, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_parsed_with_spaces_in_its_path() {
        let line = b"36 35 98:0 /a\\040b /mnt/my\\040disk rw,noatime master:1 - ext3 /dev/root rw";
        let expected = Mount { point: "/mnt/my disk".into(), tree: "98:0 /a\\040b".to_owned() };
        assert_eq!(mount(line), Some(expected));
        assert_eq!(mount(b""), None);
    }

    #[test]
    fn a_directory_has_a_place_and_a_missing_one_only_that_of_its_nearest_parent() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let here = of(path);
        let missing = of(&format!("{path}/a/b"));
        assert!(here.root.is_some() && here.mounts.is_empty());
        assert_eq!((missing.root, missing.parent), (None, here.root));
    }
}
