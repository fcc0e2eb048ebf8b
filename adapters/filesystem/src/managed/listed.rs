//! An artifact of a manifest with all that it was read from, for who is going to write it.

use larder::{
    domain::{
        artifact::{Artifact, Metadata},
        edit::Field,
        id::{ArtifactId, SourceName},
        revision::Revision,
    },
    ports::SourceError,
};

use super::{
    entry::Entry,
    manifest::ManifestFiles,
    scan::{MainFile, composed},
};
use crate::{
    files::{Root, normal},
    rows::Reader,
};

/// An artifact's entry, the files that list it, and what its own file says.
pub(crate) struct Listed {
    source: SourceName,
    pub(crate) entry: Entry,
    files: ManifestFiles,
    own: Metadata,
}

/// Reads an artifact, the bytes of its main file, and its entry; `None` when no entry has that id.
pub(crate) fn open(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
) -> Result<Option<(Artifact, Vec<u8>, Listed)>, SourceError> {
    let source = &reader.source.name;
    let read_at = reader.clock.now();
    let Some(files) = ManifestFiles::read(root, source)? else { return Ok(None) };
    let Some(entry) = files.entry(source, id)? else { return Ok(None) };
    let main = MainFile::read(root, id, entry.path().unwrap_or_default());
    let (bytes, own) = (main.bytes.clone(), main.reading.metadata.clone());
    let artifact = composed(id, &entry, main, read_at);
    Ok(Some((artifact, bytes, Listed { source: source.clone(), entry, files, own })))
}

impl Listed {
    /// The text of `collection.toml`.
    pub(crate) fn manifest(&self) -> Result<&str, SourceError> {
        self.files.manifest_text(&self.source)
    }

    /// The bytes of `collection.lock`, if there is one.
    pub(crate) fn lock(&self) -> Result<Option<&str>, SourceError> {
        self.files.lock_text(&self.source)
    }

    /// Whether the artifact's own file says something of a field.
    pub(crate) fn file_supplies(&self, field: Field) -> bool {
        supplies(&self.own, field)
    }

    /// Whether the entry says something of a field.
    pub(crate) fn entry_supplies(&self, field: Field) -> bool {
        supplies(&self.entry.complete(Metadata::default()), field)
    }

    /// The revision with that main file and that manifest.
    pub(crate) fn revision_with(
        &self,
        id: &ArtifactId,
        main: &[u8],
        manifest: Option<&str>,
    ) -> Result<Revision, SourceError> {
        let changed = match manifest {
            Some(manifest) => self.files.with_manifest(manifest).entry(&self.source, id)?,
            None => None,
        };
        let [entry, lock] = changed.as_ref().unwrap_or(&self.entry).bytes();
        Ok(Revision::of(&[main, &entry, &lock]))
    }

    /// Every other entry's id and path.
    pub(crate) fn others(&self, id: &ArtifactId) -> Result<Vec<(String, String)>, SourceError> {
        let entries = self.files.entries(&self.source)?;
        let others = entries.iter().filter(|entry| !entry.is(id));
        let named = others.filter_map(|entry| {
            let id = entry.id()?.ok()?;
            Some((id.to_string(), normal(entry.path()?)?))
        });
        Ok(named.collect())
    }
}

fn supplies(metadata: &Metadata, field: Field) -> bool {
    match field {
        Field::Description => metadata.description.is_some(),
        Field::Author => metadata.author.is_some(),
        Field::License => metadata.license.is_some(),
        Field::Version => metadata.version.is_some(),
        Field::Tags => !metadata.tags.is_empty(),
    }
}
