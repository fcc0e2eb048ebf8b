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
    place::{Edited, EntryPlace},
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
    /// Where the entry stands, unless only the parser can tell.
    pub(crate) place: Option<EntryPlace>,
    files: ManifestFiles,
    own: Metadata,
}

/// Reads an artifact, the bytes of its main file, and its entry; `None` when no entry has that id.
/// The entry is not looked for in files that say what the caller expects.
pub(crate) fn open(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
    expected: Option<&Listed>,
) -> Result<Option<(Artifact, Vec<u8>, Listed)>, SourceError> {
    let source = &reader.source.name;
    let read_at = reader.clock.now();
    let Some(files) = ManifestFiles::read(reader, root)? else { return Ok(None) };
    let located = match expected.filter(|expected| expected.files.say_the_same(&files)) {
        Some(expected) => Some((expected.entry.clone(), expected.place.clone())),
        None => files.locate(source, id)?,
    };
    let Some((entry, place)) = located else { return Ok(None) };
    let main = MainFile::of_entry(root, id, &entry);
    let (bytes, own) = (main.bytes.clone(), main.reading.metadata.clone());
    let artifact = composed(id, &entry, main, read_at);
    Ok(Some((artifact, bytes, Listed { source: source.clone(), entry, place, files, own })))
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

    /// What the artifact's own file and the entry say together, secrets and all.
    pub(crate) fn metadata(&self) -> Metadata {
        self.entry.complete(self.own.clone())
    }

    /// What it will be with that manifest.
    pub(crate) fn after(&self, id: &ArtifactId, edited: Edited) -> Result<Self, SourceError> {
        let Edited { text, place } = edited;
        let known = place.as_ref().map(|place| place.keys(&text, &self.source)).transpose()?;
        let files = self.files.with_manifest(text);
        let entry = match known {
            Some(keys) => self.entry.rewritten(keys),
            None => files.entry(&self.source, id)?.unwrap_or_else(|| self.entry.clone()),
        };
        let (source, own) = (self.source.clone(), self.own.clone());
        Ok(Self { source, entry, place, files, own })
    }

    /// The revision with that main file.
    pub(crate) fn revision_with(&self, main: &[u8]) -> Revision {
        let [entry, lock] = self.entry.bytes();
        Revision::of(&[main, &entry, &lock])
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
