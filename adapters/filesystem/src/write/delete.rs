//! Deleting: files, manifest entry and lock entry go to the trash together.

use larder::{
    domain::{
        id::ArtifactId,
        writing::{HistoryEntry, Operation, Place, Precondition, TrashItem},
    },
    ports::WriteError,
};

use super::{
    Writing,
    failure::Failure,
    target::{Target, attempts},
    transaction::Side,
    trash::{FILES, RECORD, Record, TRASH},
    tree::Tree,
};
use crate::{
    files::{Refusal, is_reserved, normal, split},
    managed::{self, LOCK, Listed, MANIFEST},
};

/// Deletes one artifact.
pub(super) fn delete(
    writing: &Writing<'_>,
    place: &Place,
    precondition: &Precondition,
) -> Result<TrashItem, Failure> {
    let open = || Target::open(writing, &place.id, &place.path);
    attempts(precondition, open, |target| {
        let listed = target.listed.as_ref().ok_or(WriteError::Missing)?;
        move_away(writing, &target, listed)
    })
}

fn move_away(
    writing: &Writing<'_>,
    target: &Target,
    listed: &Listed,
) -> Result<TrashItem, Failure> {
    let Writing { tree, manifests, stamp, .. } = writing;
    let artifact = &target.artifact;
    listed.entry.require_writable()?;
    let manifest = listed.manifest()?;
    let (new_manifest, removed) =
        managed::remove_entry(manifests, manifest, &artifact.id, stamp.at)?;
    let lock = listed.lock()?;
    let unlocked = lock.map(|lock| managed::remove_lock_entry(lock, &artifact.id)).transpose()?;
    let (new_lock, lock_entry) = unlocked.flatten().unzip();
    let moved = movable(writing, &artifact.id, listed)?;

    let mut write = writing.transaction(None);
    let place = tree.own(&format!("{TRASH}/{}", write.id()));
    let item = TrashItem {
        id: write.id().to_owned(),
        artifact: artifact.id.clone(),
        path: artifact.path.clone(),
        deleted_at: stamp.at,
        deleted_by: stamp.by.clone(),
    };
    let revision = artifact.revision.clone();
    let managed::Removed { entry, groups } = removed;
    let moved_from = moved.clone();
    let record =
        Record { item: item.clone(), revision, entry, groups, lock_entry, moved: moved_from };
    let bytes = serde_json::to_vec(&record).map_err(std::io::Error::other)?;
    // The entry may hold secrets, which the manifest may keep from others.
    write.create(Side::Source, &format!("{place}/{RECORD}"), &bytes, Some(0o600))?;
    if let Some(from) = &moved {
        let to = format!("{place}/{FILES}/{}", split(from).1);
        write.relocate(from, &to, check(target, from))?;
    }
    let path = tree.real(MANIFEST)?;
    write.replace(Side::Source, &path, manifest.as_bytes(), new_manifest.as_bytes())?;
    if let (Some(new_lock), Some(lock)) = (&new_lock, lock) {
        let path = tree.real(LOCK)?;
        write.replace(Side::Source, &path, lock.as_bytes(), new_lock.as_bytes())?;
    }
    let mut told = HistoryEntry::new(write.id(), &artifact.id, Operation::Delete, stamp);
    told.revision_before = Some(artifact.revision.clone());
    write.commit(Some(told))?;
    Ok(item)
}

/// The main file within what is moved, with its bytes: it must be the one that was judged.
fn check<'a>(target: &'a Target, moved: &str) -> Option<(&'a str, &'a [u8])> {
    let path = target.main.path.as_deref().ok()?;
    let inside = path.strip_prefix(moved).filter(|it| it.is_empty() || it.starts_with('/'))?;
    // One key of a JSON file is not the file's bytes.
    let whole = target.artifact.path.find('#').is_none();
    whole.then(|| (inside.trim_start_matches('/'), target.main.bytes.as_slice()))
}

/// What goes with the artifact: its directory or file, unless it is not there, leads out of the
/// root, or is another artifact's as well.
fn movable(
    writing: &Writing<'_>,
    id: &ArtifactId,
    listed: &Listed,
) -> Result<Option<String>, Failure> {
    let tree = &writing.tree;
    let Some(path) = listed.entry.path().and_then(normal) else { return Ok(None) };
    check_place(&path)?;
    let below = format!("{path}/");
    let mut inside = Vec::new();
    for (id, other) in listed.others(id)? {
        if other == path {
            return Ok(None);
        }
        if other.starts_with(&below) {
            inside.push(id);
        }
    }
    if !inside.is_empty() {
        inside.truncate(5);
        let message =
            format!("other artifacts lie in its directory: delete {} first", inside.join(", "));
        return Err(WriteError::unfit(message).into());
    }
    let Ok(real) = real(tree, &path) else { return Ok(None) };
    check_place(&real)?;
    Ok(tree.exists(&real)?.then_some(real))
}

/// Refuses a path at which no artifact can be.
pub(super) fn check_place(path: &str) -> Result<(), Failure> {
    if path.is_empty() || [MANIFEST, LOCK].contains(&path) || is_reserved(path) {
        let message = "its path is the collection itself, or a file that the collection needs: \
                       correct its entry in collection.toml first";
        return Err(WriteError::unfit(message).into());
    }
    Ok(())
}

/// Where a path lies; what is there may be a link itself.
pub(super) fn real(tree: &Tree, path: &str) -> Result<String, Refusal> {
    let (parent, name) = split(path);
    if parent.is_empty() {
        Ok(name.to_owned())
    } else {
        Ok(format!("{}/{name}", tree.real(parent)?))
    }
}
