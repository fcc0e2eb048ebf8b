//! File systems of which the kernel tells only what this machine does itself.

use std::path::Path;

use rustix::fs::statfs;

/// Numbers by which statfs(2) tells kinds of file systems, and their names.
const REMOTE: [(u32, &str); 18] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x1983_0326, "BeeGFS"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x7375_7245, "Coda"),
    (0x786F_4256, "vboxsf"),
    (0xBACB_ACBC, "vmhgfs"),
    (0x7C7C_6673, "prl_fs"),
];

/// Returns the name of the network or FUSE file system that a directory is on; `None` if it is on a
/// disk of this machine.
pub(crate) fn name(directory: &Path) -> Option<&'static str> {
    let magic = statfs(directory).ok()?.f_type;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "these numbers have 32 bits, whatever the type"
    )]
    remote(magic as u32)
}

/// The name of a kind of file system, if others may change it unseen.
fn remote(magic: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(of_kind, _)| *of_kind == magic).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_and_shared_file_systems_tell_nothing_and_those_of_this_machine_do() {
        for (magic, name) in [(0x6969, "NFS"), (0x6573_5546, "FUSE"), (0xFF53_4D42, "CIFS")] {
            assert_eq!(remote(magic), Some(name));
        }
        let (ext, btrfs, xfs, tmpfs, overlay) =
            (0xEF53, 0x9123_683E, 0x5846_5342, 0x0102_1994, 0x794C_7630);
        for magic in [ext, btrfs, xfs, tmpfs, overlay] {
            assert_eq!(remote(magic), None, "{magic:x}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_on_no_such_file_system() {
        assert_eq!(name(Path::new("/nowhere/at/all")), None);
    }
}
