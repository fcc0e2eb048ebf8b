//! Everything in a plain directory that has an id, or should have one.

use std::collections::{BTreeSet, HashMap};

use larder::domain::{
    delta::Known,
    id::{ArtifactId, InvalidName, SourceName},
    report::{Issue, IssueKind},
};
use rayon::prelude::*;

use super::{
    classify::Role,
    identity,
    keys::{JsonFile, JsonRow},
    plugin,
    walk::Walk,
};
use crate::{
    FileKind,
    files::Root,
    gentle::give_way,
    json::split_pointer,
    rows::{Reader, shown, shown_message},
};

/// What an artifact is read from.
pub(super) enum Item {
    /// A Markdown file.
    Markdown(String),
    /// A JSON file, or a key of one.
    Json(Box<JsonRow>),
}

impl Item {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Markdown(path) => path,
            Self::Json(row) => &row.path,
        }
    }
}

/// An artifact with its id, or why it can have none.
type Candidate = (Result<ArtifactId, InvalidName>, Item);

/// Everything that has, or should have, an id.
pub(super) fn items(
    reader: &Reader<'_>,
    root: &Root,
    walk: Walk,
    known: &Known,
    issues: &mut Vec<Issue>,
) -> Vec<Candidate> {
    let source = &reader.source.name;
    let from_json = |(path, role): &(String, Role)| {
        let is_json = !matches!(role, Role::Skill | Role::Single(_));
        if !is_json {
            return None;
        }
        give_way();
        let file = JsonFile::read(reader, root, path, *role)?;
        Some(FromJson::of(file, source, &walk.loose))
    };
    let from_json: Vec<FromJson> = walk.files.par_iter().filter_map(from_json).collect();
    let mut items: Vec<Candidate> = Vec::with_capacity(walk.files.len());
    for (path, role) in walk.files {
        match role {
            Role::Skill => items.push((identity::skill(source, &path), Item::Markdown(path))),
            Role::Single(kind) => items.push((identity::single(kind, &path), Item::Markdown(path))),
            _ => {}
        }
    }
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for mut found in from_json {
        rows.append(&mut found.rows);
        issues.append(&mut found.issues);
        failed.extend(found.failed);
        items.extend(
            found
                .named
                .into_iter()
                .map(|(path, kind)| (identity::single(kind, &path), Item::Markdown(path))),
        );
    }
    rows.extend(broken_rows(source, &failed, known, issues));
    items.extend(rows.into_iter().map(|row| (row.id.clone(), Item::Json(Box::new(row)))));
    items
}

/// What one JSON file gives.
struct FromJson {
    rows: Vec<JsonRow>,
    /// Markdown files that it names.
    named: BTreeSet<(String, FileKind)>,
    issues: Vec<Issue>,
    /// The file itself, if it could not be read.
    failed: Option<JsonFile>,
}

impl FromJson {
    fn of(file: JsonFile, source: &SourceName, loose: &[String]) -> Self {
        let manifest = file.plugin().map(|value| plugin::named(&file.path, value, loose));
        let manifest = manifest.unwrap_or_default();
        let refused = |path: &String| {
            let message = format!("it names {path:?}, which leads out of the plugin");
            issue(None, &file.path, IssueKind::Refused, message)
        };
        Self {
            rows: file.rows(source),
            named: manifest.files,
            issues: manifest.refused.iter().map(refused).collect(),
            failed: file.value.is_err().then_some(file),
        }
    }
}

/// The rows of JSON files that cannot be read: those that they had, else the one that their path
/// tells of.
fn broken_rows(
    source: &SourceName,
    files: &[JsonFile],
    known: &Known,
    issues: &mut Vec<Issue>,
) -> Vec<JsonRow> {
    if files.is_empty() {
        return Vec::new();
    }
    let mut known_in: HashMap<&str, Vec<(&ArtifactId, &String)>> = HashMap::new();
    for (id, row) in known {
        known_in.entry(split_pointer(&row.path).0).or_default().push((id, &row.path));
    }
    let mut rows = Vec::new();
    for file in files {
        let before = rows.len();
        if let Some(known) = known_in.get(file.path.as_str()) {
            let broken =
                |(id, path): &(&ArtifactId, &String)| file.broken((*id).clone(), (*path).clone());
            rows.extend(known.iter().filter_map(broken));
        } else if let Some(id) = file.id_by_path(source) {
            rows.extend(file.broken(id, file.path.clone()));
        }
        if let Err((message, line)) = &file.value
            && rows.len() == before
        {
            let told = issue(None, &file.path, IssueKind::Unreadable, message.clone());
            issues.push(Issue { line: *line, ..told });
        }
    }
    rows
}

/// Those that have an id of their own, in path order; the others are reported.
pub(super) fn distinct(
    mut items: Vec<Candidate>,
    issues: &mut Vec<Issue>,
) -> Vec<(ArtifactId, Item)> {
    items.sort_by(|a, b| a.1.path().cmp(b.1.path()));
    // One file that two plugins name is one artifact.
    items.dedup_by(|a, b| a.1.path() == b.1.path() && a.0 == b.0);
    let mut first: HashMap<ArtifactId, usize> = HashMap::with_capacity(items.len());
    let mut kept: Vec<(ArtifactId, Item)> = Vec::with_capacity(items.len());
    for (id, item) in items {
        let id = match id {
            Ok(id) => id,
            Err(invalid) => {
                let message = format!("no id can be made of it: {invalid}");
                issues.push(issue(None, item.path(), IssueKind::Refused, message));
                continue;
            }
        };
        if let Some(winner) = first.get(&id) {
            let message = format!("{} has the same id and comes first", kept[*winner].1.path());
            issues.push(issue(Some(id), item.path(), IssueKind::Shadowed, message));
            continue;
        }
        first.insert(id.clone(), kept.len());
        kept.push((id, item));
    }
    kept
}

fn issue(artifact_id: Option<ArtifactId>, path: &str, kind: IssueKind, message: String) -> Issue {
    let message = shown_message(message);
    Issue { artifact_id, path: shown(path), kind, message, line: None }
}
