//! A plain directory: artifacts are recognised by where they lie.

mod classify;
mod identity;
mod items;
mod keys;
mod plugin;
mod walk;

use larder::{
    domain::{
        artifact::{Artifact, Provenance},
        delta::Known,
        guard::RootState,
        id::{ArtifactId, ArtifactKind, InvalidName},
        report::{Issue, IssueKind},
        revision::Revision,
    },
    ports::{Scan, SourceError},
};

#[cfg(target_os = "linux")]
pub(crate) use self::classify::enters;
pub(crate) use self::classify::{is_artifact, is_skill_file, stem};
use self::{
    classify::Role,
    items::{Item, distinct, items},
    keys::JsonFile,
};
use crate::{
    FileKind, disks,
    files::{Refusal, Root, stays_inside},
    json::split_pointer,
    reading::{Reading, is_markdown},
    rows::{Outcome, Parts, Reader, in_path_order, outdated, scan_without_root, settle},
    unreadable,
};

/// Walks the directory and reads what differs from `known`.
pub(crate) fn scan(reader: &Reader<'_>, known: &Known, force: bool) -> Result<Scan, SourceError> {
    let started_at = reader.clock.now();
    let disks = disks::of(&reader.source.root);
    let root = match reader.root()? {
        Ok(root) => root,
        Err(state) => return Ok(scan_without_root(reader, state, started_at, known)),
    };
    let mut walk =
        walk::walk(&root, reader.kind).map_err(|error| unreadable(&reader.source.name, error))?;
    let mut issues = std::mem::take(&mut walk.issues);
    let unlisted = std::mem::take(&mut walk.unlisted);
    let passed_over = walk.passed_over;
    let items = items(reader, &root, walk, known, &mut issues);
    let items = distinct(items, &mut issues);
    if items.is_empty() && issues.is_empty() {
        issues.push(nothing_found(reader.kind, passed_over));
    }
    let spared = |path: &str| {
        unlisted.iter().any(|dir| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')))
    };
    let outcome = |id: &ArtifactId, item: &Item| {
        // A file that was moved keeps its times, but its row has another path to tell.
        let row = known.get(id).filter(|row| !force && row.path == item.path());
        read_item(reader, &root, id, item, row.and_then(|row| row.fingerprint.as_deref()))
    };
    let (read, gone) = settle(&items, known, |row| spared(&row.path), outcome);
    root.faults.fail_on_shortage(&reader.source.name)?;
    let missed = gone.iter().filter_map(|id| Some(known.get(id)?.path.as_str()));
    Ok(Scan {
        started_at,
        root: RootState::Present,
        doubt: disks::doubt(&root, &disks, &disks::of(&reader.source.root), missed),
        disks,
        read,
        gone,
        still_there: 0,
        issues: in_path_order(issues),
        outdated: outdated(known),
        manifest_hash: None,
    })
}

/// Says what was looked for in a directory without artifacts, and the likely cure.
fn nothing_found(kind: Option<FileKind>, other_markdown: usize) -> Issue {
    let message = match (kind, other_markdown) {
        (Some(_), _) => "there is no artifact here: no Markdown file was found".to_owned(),
        (None, others) => {
            let cure = match others {
                0 => "Is it the right directory?".to_owned(),
                _ => format!(
                    "{others} Markdown files lie elsewhere: if they are agents or commands, give the \
                     directory kind = \"agent\" or \"command\"."
                ),
            };
            format!(
                "there is no artifact here: SKILL.md, Markdown below agents and commands, .mcp.json, \
                 settings.json, hooks/hooks.json and .claude-plugin/plugin.json were looked for. {cure}"
            )
        }
    };
    Issue::of_source(IssueKind::Empty, message)
}

/// Reads one artifact where it was last.
pub(crate) fn read(
    reader: &Reader<'_>,
    id: &ArtifactId,
    path: &str,
) -> Result<Option<Artifact>, SourceError> {
    let root =
        Root::open(&reader.source.root).map_err(|error| unreadable(&reader.source.name, error))?;
    let item = item_at(reader, &root, id, path);
    let outcome = item.map(|item| read_item(reader, &root, id, &item, None));
    root.faults.fail_on_shortage(&reader.source.name)?;
    Ok(match outcome {
        Some(Outcome::Read(artifact)) => Some(*artifact),
        Some(Outcome::Unchanged | Outcome::Vanished) | None => None,
    })
}

/// One artifact where it was last, and the bytes of its main file, if that is a file of its own.
pub(crate) fn open(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
    path: &str,
) -> Option<(Artifact, Vec<u8>)> {
    match item_at(reader, root, id, path)? {
        Item::Json(row) => Some((row.artifact(id), Vec::new())),
        Item::Markdown(path) => markdown(reader, root, id, &path),
    }
}

/// What is at a path now, if it still has that id.
fn item_at(reader: &Reader<'_>, root: &Root, id: &ArtifactId, path: &str) -> Option<Item> {
    let source = &reader.source.name;
    let (file, _) = split_pointer(path);
    if !stays_inside(file) {
        return None;
    }
    let name = identity::file_name(file);
    let kind = id.kind();
    let markdown = |derived: Result<ArtifactId, InvalidName>| {
        (derived.as_ref() == Ok(id)).then(|| Item::Markdown(file.to_owned()))
    };
    let single = |kind| markdown(identity::single(kind, file)).filter(|_| is_markdown(name));
    let role = match kind.as_str() {
        ArtifactKind::SKILL => {
            return markdown(identity::skill(source, file)).filter(|_| is_skill_file(name));
        }
        ArtifactKind::AGENT => return single(FileKind::Agent),
        ArtifactKind::COMMAND => return single(FileKind::Command),
        ArtifactKind::COMPOSITE => Role::Plugin,
        ArtifactKind::MCP => Role::Servers,
        ArtifactKind::HOOK if name == "settings.json" => Role::Settings,
        ArtifactKind::HOOK => Role::Hooks,
        _ => return None,
    };
    let file = JsonFile::read(reader, root, file, role)?;
    let broken = file.broken(id.clone(), path.to_owned());
    let rows = file.rows(source).into_iter();
    broken
        .into_iter()
        .chain(rows)
        .find(|row| row.id.as_ref() == Ok(id))
        .map(|row| Item::Json(Box::new(row)))
}

fn read_item(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
    item: &Item,
    known: Option<&str>,
) -> Outcome {
    match item {
        Item::Json(row) if known == Some(&row.fingerprint()) => Outcome::Unchanged,
        Item::Json(row) => Outcome::Read(Box::new(row.artifact(id))),
        Item::Markdown(path) => read_markdown(reader, root, id, path, known),
    }
}

fn read_markdown(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
    path: &str,
    known: Option<&str>,
) -> Outcome {
    if known.is_some_and(|known| known == root.stat(path).plain()) {
        return Outcome::Unchanged;
    }
    let read = markdown(reader, root, id, path);
    read.map_or(Outcome::Vanished, |(artifact, _)| Outcome::Read(Box::new(artifact)))
}

/// The artifact of a Markdown file, and the file's bytes; `None` when there is no such file.
fn markdown(
    reader: &Reader<'_>,
    root: &Root,
    id: &ArtifactId,
    path: &str,
) -> Option<(Artifact, Vec<u8>)> {
    let read_at = reader.clock.now();
    let (stat, bytes, reading) = match root.read(path) {
        Ok((stat, bytes)) => {
            let reading = Reading::of_markdown(id.kind().as_str(), &bytes);
            (stat, bytes, reading)
        }
        Err(Refusal::Missing | Refusal::Escapes) => return None,
        Err(refusal) => (
            root.stat_refused(path, &refusal),
            Vec::new(),
            Reading::broken(refusal.to_string(), None),
        ),
    };
    let parts = Parts {
        id,
        path: path.to_owned(),
        reading,
        provenance: Provenance::default(),
        added_at: None,
        revision: revision(&bytes),
        fingerprint: stat.plain(),
        stat: &stat,
        read_at,
    };
    Some((parts.into_artifact(), bytes))
}

/// The revision of an artifact without a manifest entry.
pub(crate) fn revision(bytes: &[u8]) -> Revision {
    Revision::of(&[bytes, b"", b""])
}
