//! Whether Larder's own files and directories can be used.

use larder::ports::WriteError;
use rustix::fs::FileType;

use super::{
    aside::CONFLICTS,
    failure::Failure,
    history::HISTORY,
    journal::{DRAFT, STAGED},
    recovery::{PENDING, PROJECT_STATE},
    trash::TRASH,
    tree::LOCK,
};
use crate::{
    files::Root,
    project::{DEPLOYED, DEPLOYMENTS},
};

/// In the directory of a source's or a project's state.
const DIRECTORIES: [&str; 3] = [STAGED, TRASH, CONFLICTS];
const FILES: [&str; 5] = [LOCK, DRAFT, PENDING, HISTORY, DEPLOYMENTS];

/// Refuses to write where something else is in one of Larder's own places, and names the place.
///
/// This is for the message alone: whatever is put there later is refused when it is opened.
pub(super) fn check(root: &Root, state: &str) -> Result<(), Failure> {
    let own = |name: &&str| format!("{state}/{name}");
    let above = state.match_indices('/').map(|(end, _)| state[..end].to_owned());
    for path in above.chain([state.to_owned()]).chain(DIRECTORIES.iter().map(own)) {
        require(root, &path, FileType::Directory, "directory")?;
    }
    let record = (state == PROJECT_STATE).then(|| DEPLOYED.to_owned());
    for path in FILES.iter().map(own).chain(record) {
        require(root, &path, FileType::RegularFile, "regular file")?;
    }
    Ok(())
}

fn require(root: &Root, path: &str, expected: FileType, what: &str) -> Result<(), Failure> {
    match root.entry(path)? {
        Some(found) if FileType::from_raw_mode(found.st_mode) != expected => {
            let message =
                format!("{path} must be a {what} of Larder's own: move what is there away");
            Err(WriteError::unfit(message).into())
        }
        _ => Ok(()),
    }
}
