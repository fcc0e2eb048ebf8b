//! Creating: the files of the kind, the manifest entry and the lock entry.

use larder::{
    domain::{
        edit::{Change, Field},
        id::ArtifactKind,
        new_artifact::NewArtifact,
        revision::Revision,
        writing::{HistoryEntry, Operation, Written},
    },
    ports::WriteError,
};

use super::{Writing, failure::Failure, target::Target, transaction::Side};
use crate::{
    files::Refusal,
    frontmatter,
    managed::{self, LOCK, MANIFEST, NewEntry},
    plain::is_skill_file,
    reading::Reading,
};

/// The main file of a skill.
const SKILL_FILE: &str = "SKILL.md";

/// Creates one artifact.
pub(super) fn create(writing: &Writing<'_>, new: &NewArtifact) -> Result<Written, Failure> {
    let Writing { tree, manifests, stamp, reader, .. } = writing;
    let files = writing.manifest()?;
    let source = &reader.source.name;
    let manifest = files.manifest_text(source)?;
    if files.entry(source, &new.id)?.is_some() {
        let message = format!("there is an artifact {} already", new.id);
        return Err(WriteError::Exists(message).into());
    }
    let path = free_path(writing, new)?;
    let text = content(new)?;
    let metadata = Reading::of_markdown(new.id.kind().as_str(), &text).metadata;
    let entry = NewEntry { id: &new.id, path: &path, metadata: &metadata };
    let new_manifest = managed::add_entry(manifests, manifest, &entry, stamp.at)?;

    let is_skill = new.id.kind().as_str() == ArtifactKind::SKILL;
    let hashed = [(if is_skill { SKILL_FILE } else { "" }, text.as_slice())];
    let lock = files.lock_text(source)?;
    let new_lock = managed::add_lock_entry(lock, &new.id, &hashed, stamp.at)?;

    let mut write = writing.transaction(None);
    if is_skill {
        write.create_directory(Side::Source, &path, &[(SKILL_FILE, &text)])?;
    } else {
        write.create(Side::Source, &path, &text, None)?;
    }
    let manifest_path = tree.real(MANIFEST)?;
    write.replace(Side::Source, &manifest_path, manifest.as_bytes(), new_manifest.as_bytes())?;
    match lock {
        Some(lock) => {
            let path = tree.real(LOCK)?;
            write.replace(Side::Source, &path, lock.as_bytes(), new_lock.as_bytes())?;
        }
        None => write.create(Side::Source, LOCK, new_lock.as_bytes(), None)?,
    }
    let after = files.with_manifest(new_manifest).with_lock(new_lock).entry(source, &new.id)?;
    let mut told = HistoryEntry::new(write.id(), &new.id, Operation::Create, stamp);
    told.revision_after = after.map(|entry| {
        let [entry, lock] = entry.bytes();
        Revision::of(&[&text, &entry, &lock])
    });
    write.commit(Some(told))?;
    Target::read_back(writing, &new.id, "", None)
}

/// Where the artifact goes, when nothing is there.
fn free_path(writing: &Writing<'_>, new: &NewArtifact) -> Result<String, Failure> {
    let tree = &writing.tree;
    let (name, kind) = (new.id.name(), new.id.kind());
    let path = match kind.as_str() {
        ArtifactKind::SKILL => format!("skills/{name}"),
        ArtifactKind::AGENT => format!("agents/{name}.md"),
        _ => format!("commands/{name}.md"),
    };
    let real = match tree.real(&path) {
        // The directory of its kind is made as well.
        Err(Refusal::Missing) => path,
        real => real?,
    };
    if tree.exists(&real)? {
        let is_skill = kind.as_str() == ArtifactKind::SKILL;
        let skill_file = |names: Vec<String>| names.iter().any(|name| is_skill_file(name));
        let message = if is_skill && !tree.root.names(&real).is_ok_and(skill_file) {
            format!("there is something at {real} already: move it away, or choose another name")
        } else {
            format!(
                "the files of {} are at {real} already, but collection.toml does not list them \
                 (another program may have dropped the entry): add an entry, move the files away, \
                 or choose another name",
                new.id
            )
        };
        return Err(WriteError::Exists(message).into());
    }
    Ok(real)
}

/// The main file: frontmatter with what is given, and the body.
fn content(new: &NewArtifact) -> Result<Vec<u8>, Failure> {
    let name = frontmatter::scalar(new.id.name(), false);
    let mut text = format!("---\nname: {name}\n");
    if !new.tools.is_empty() {
        let key =
            if new.id.kind().as_str() == ArtifactKind::AGENT { "tools" } else { "allowed-tools" };
        let tools: Vec<String> =
            new.tools.iter().map(|tool| frontmatter::scalar(tool, true)).collect();
        text.extend([key, ": [", &tools.join(", "), "]\n"]);
    }
    text += "---\n";
    if !new.body.is_empty() {
        if !new.body.starts_with('\n') {
            text.push('\n');
        }
        text += &new.body;
        if !new.body.ends_with('\n') {
            text.push('\n');
        }
    }
    let changes: Vec<(Field, Change)> =
        new.metadata.changes().map(|(field, change)| (field, change.clone())).collect();
    Ok(frontmatter::edit(text.as_bytes(), &changes)?)
}
