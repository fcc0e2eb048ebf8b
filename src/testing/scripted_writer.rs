//! Writing to the sources of a script: in memory, without files.

use std::time::Duration;

use async_trait::async_trait;

use super::{ScriptedSource, scripted::Script};
use crate::{
    domain::{
        artifact::{Artifact, Metadata},
        collection::Source,
        edit::{Change, Field, MetadataEdit},
        id::ArtifactId,
        new_artifact::NewArtifact,
        revision::Revision,
        writing::{HistoryEntry, Operation, Place, Precondition, Stamp, TrashItem, Written},
    },
    ports::{ArtifactWriter, WriteError},
    testing::{BuildArtifact, artifact},
};

/// What a script remembers of writes.
#[derive(Default)]
pub(super) struct Remembered {
    pub(super) history: Vec<HistoryEntry>,
    pub(super) trash: Vec<(TrashItem, Artifact)>,
}

impl Script {
    fn judged(
        &self,
        id: &ArtifactId,
        precondition: &Precondition,
        stamp: &Stamp,
    ) -> Result<Artifact, WriteError> {
        let current = self.artifacts.get(id).cloned().ok_or(WriteError::Missing)?;
        let current = current.read_at(stamp.at);
        match precondition.judge(&current.revision) {
            Ok(()) => Ok(current),
            Err(form) => Err(WriteError::Conflict { form, current: Box::new(current) }),
        }
    }

    /// Puts an artifact, with the revision of what it says, and a line into the history.
    fn wrote(
        &mut self,
        artifact: Artifact,
        before: Option<Revision>,
        operation: Operation,
        stamp: &Stamp,
        fields: Vec<Field>,
    ) -> Written {
        let mut artifact = artifact.rewritten().read_at(stamp.at);
        self.writes += 1;
        artifact.fingerprint = Some(format!("write {}", self.writes));
        let number = self.remembered.history.len();
        let mut entry = HistoryEntry::new(&format!("{number:026}"), &artifact.id, operation, stamp);
        entry.fields = fields;
        entry.revision_before = before;
        entry.revision_after = Some(artifact.revision.clone());
        self.remembered.history.push(entry);
        self.artifacts.insert(artifact.id.clone(), artifact.clone());
        Written { artifact, changed: true }
    }
}

fn change(metadata: &mut Metadata, edit: &MetadataEdit) {
    for (field, change) in edit.changes() {
        let text = match change {
            Change::Text(text) => Some(text.clone()),
            Change::Clear | Change::List(_) => None,
        };
        match field {
            Field::Description => metadata.description = text,
            Field::Author => metadata.author = text,
            Field::License => metadata.license = text,
            Field::Version => metadata.version = text,
            Field::Tags => {
                metadata.tags = match change {
                    Change::List(tags) => tags.clone(),
                    Change::Clear | Change::Text(_) => Vec::new(),
                };
            }
        }
    }
}

impl ScriptedSource {
    fn stamp(&self, by: &str) -> Stamp {
        Stamp { at: self.clock.now(), by: by.to_owned() }
    }
}

#[async_trait]
impl ArtifactWriter for ScriptedSource {
    async fn edit(
        &self,
        place: &Place,
        edit: &MetadataEdit,
        precondition: &Precondition,
        by: &str,
    ) -> Result<Written, WriteError> {
        let stamp = &self.stamp(by);
        self.with(&place.source.name, |script| {
            let mut artifact = script.judged(&place.id, precondition, stamp)?;
            let before = artifact.revision.clone();
            let edit = &edit.against(&artifact.metadata).map_err(WriteError::Invalid)?;
            if edit.is_empty() {
                return Ok(Written { artifact, changed: false });
            }
            change(&mut artifact.metadata, edit);
            Ok(script.wrote(artifact, Some(before), Operation::Edit, stamp, edit.fields()))
        })
    }

    async fn create(
        &self,
        source: &Source,
        new: &NewArtifact,
        by: &str,
    ) -> Result<Written, WriteError> {
        let stamp = &self.stamp(by);
        self.with(&source.name, |script| {
            if script.artifacts.contains_key(&new.id) {
                return Err(WriteError::Exists(format!("there is an artifact {} already", new.id)));
            }
            let mut artifact = artifact(new.id.as_str());
            change(&mut artifact.metadata, &new.metadata);
            artifact.metadata.tools.clone_from(&new.tools);
            Ok(script.wrote(artifact, None, Operation::Create, stamp, Vec::new()))
        })
    }

    async fn delete(
        &self,
        place: &Place,
        precondition: &Precondition,
        by: &str,
    ) -> Result<TrashItem, WriteError> {
        let stamp = &self.stamp(by);
        self.with(&place.source.name, |script| {
            let artifact = script.judged(&place.id, precondition, stamp)?;
            script.artifacts.remove(&place.id);
            let item = TrashItem {
                id: format!("{:026}", script.remembered.trash.len()),
                artifact: artifact.id.clone(),
                path: artifact.path.clone(),
                deleted_at: stamp.at,
                deleted_by: stamp.by.clone(),
            };
            script.remembered.trash.push((item.clone(), artifact));
            Ok(item)
        })
    }

    async fn restore(
        &self,
        source: &Source,
        trash_id: &str,
        by: &str,
    ) -> Result<Written, WriteError> {
        let stamp = &self.stamp(by);
        self.with(&source.name, |script| {
            let trash = &mut script.remembered.trash;
            let at = trash.iter().position(|(item, _)| item.id == trash_id);
            let (_, artifact) = trash.remove(at.ok_or(WriteError::Missing)?);
            Ok(script.wrote(artifact, None, Operation::Restore, stamp, Vec::new()))
        })
    }

    async fn trash(&self, source: &Source) -> Result<Vec<TrashItem>, WriteError> {
        let items = self.with(&source.name, |script| {
            script.remembered.trash.iter().rev().map(|(item, _)| item.clone()).collect()
        });
        Ok(items)
    }

    async fn history(
        &self,
        source: &Source,
        id: &ArtifactId,
    ) -> Result<Vec<HistoryEntry>, WriteError> {
        let told = self.with(&source.name, |script| {
            let history = script.remembered.history.iter().rev();
            history.filter(|entry| entry.artifact == *id).cloned().collect()
        });
        Ok(told)
    }

    async fn tidy(&self, _source: &Source, _keep: Duration) -> Result<(), WriteError> {
        Ok(())
    }
}
