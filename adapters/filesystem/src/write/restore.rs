//! Taking an artifact out of the trash.

use larder::{
    domain::writing::{HistoryEntry, Operation, Written},
    ports::WriteError,
};

use super::{
    Writing,
    delete::{check_place, real},
    failure::Failure,
    target::Target,
    transaction::Side,
    trash::{self, FILES, RECORD, TRASH},
};
use crate::{
    files::{normal, split},
    managed::{self, LOCK, MANIFEST, Removed},
};

/// Restores one artifact.
pub(super) fn restore(writing: &Writing<'_>, trash_id: &str) -> Result<Written, Failure> {
    let Writing { tree, manifests, stamp, reader, .. } = writing;
    let record = trash::find(tree, trash_id).ok_or(WriteError::Missing)?;
    let id = &record.item.artifact;
    let files = writing.manifest()?;
    let source = &reader.source.name;
    let manifest = files.manifest_text(source)?;
    if files.entry(source, id)?.is_some() {
        let message = format!("there is an artifact {id} again: delete that one first");
        return Err(WriteError::Exists(message).into());
    }
    let removed = Removed { entry: record.entry, groups: record.groups };
    let new_manifest = managed::restore_entry(manifests, manifest, &removed, stamp.at)?;
    let entry = files.with_manifest(new_manifest.clone()).entry(source, id)?.ok_or_else(|| {
        WriteError::unfit("its record in the trash does not say what it says to be")
    })?;
    let place = tree.own(&format!("{TRASH}/{trash_id}"));
    let record_path = format!("{place}/{RECORD}");
    let record_bytes = tree.read(&record_path)?.ok_or(WriteError::Missing)?;

    let mut write = writing.transaction(None);
    if let Some(moved) = &record.moved {
        // The record can have come with a clone: only the entry says where an artifact's files are.
        let path = entry.path().and_then(normal).unwrap_or_default();
        check_place(&path)?;
        let to = real(tree, &path)?;
        check_place(&to)?;
        if tree.exists(&to)? {
            let message = format!("there is something at {to} again: move it away first");
            return Err(WriteError::Exists(message).into());
        }
        let from = format!("{place}/{FILES}/{}", split(moved).1);
        write.relocate(&from, &to, None)?;
    }
    let path = tree.real(MANIFEST)?;
    write.replace(Side::Source, &path, manifest.as_bytes(), new_manifest.as_bytes())?;
    if let Some(entry) = &record.lock_entry {
        let lock = files.lock_text(source)?;
        let new_lock = managed::restore_lock_entry(lock, entry)?;
        match lock {
            Some(lock) => {
                let path = tree.real(LOCK)?;
                write.replace(Side::Source, &path, lock.as_bytes(), new_lock.as_bytes())?;
            }
            None => write.create(Side::Source, LOCK, new_lock.as_bytes(), None)?,
        }
    }
    write.remove(Side::Source, &record_path, &record_bytes)?;
    let mut told = HistoryEntry::new(write.id(), id, Operation::Restore, stamp);
    told.revision_after = Some(record.revision);
    write.commit(Some(told))?;
    // What is left of it is empty; a sweep would take it as well.
    if let Err(error) = tree.remove_all(&place) {
        tracing::warn!(%error, trash_id, "an empty directory stays in the trash");
    }
    Target::read_back(writing, id, "", None)
}
