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
    for path in above {
        require_real(root, &path)?;
    }
    for path in [state.to_owned()].into_iter().chain(DIRECTORIES.iter().map(own)) {
        require(root, &path, FileType::Directory, "directory")?;
    }
    let record = (state == PROJECT_STATE).then(|| DEPLOYED.to_owned());
    for path in FILES.iter().map(own).chain(record) {
        require(root, &path, FileType::RegularFile, "regular file")?;
    }
    Ok(())
}

/// Refuses to write below a link, or below something that is no directory. The user owns the place,
/// so the message does not ask to move it away.
fn require_real(root: &Root, path: &str) -> Result<(), Failure> {
    let is = match root.entry(path)?.map(|found| FileType::from_raw_mode(found.st_mode)) {
        None | Some(FileType::Directory) => return Ok(()),
        Some(FileType::Symlink) => "a link",
        Some(_) => "no directory",
    };
    let message = format!("{path} is {is}, and Larder writes only in real directories");
    Err(WriteError::unfit(message).into())
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
