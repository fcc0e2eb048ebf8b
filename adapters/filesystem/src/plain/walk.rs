//! The walk over a plain directory: every entry once, on all cores, one level after the other.

use std::{
    collections::HashMap,
    fs::{self, DirEntry, FileType},
    io,
    path::PathBuf,
};

use larder::domain::report::{Issue, IssueKind};
use rayon::prelude::*;

use super::classify::{Dir, Here, Role, is_skill_file};
use crate::{
    FileKind,
    files::{Refusal, Root},
    gentle::give_way,
    reading::is_markdown,
    rows::{in_path_order, shown},
};

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Files that are artifacts, or hold some, in path order.
    pub(crate) files: Vec<(String, Role)>,
    /// Other Markdown below a plugin's root, in path order.
    pub(crate) loose: Vec<String>,
    /// How many other Markdown files there are.
    pub(crate) passed_over: usize,
    /// What was refused, or could not be listed.
    pub(crate) issues: Vec<Issue>,
    /// Directories that could not be listed.
    pub(crate) unlisted: Vec<String>,
    subdirs: Vec<Dir>,
    links: Vec<(Dir, PathBuf)>,
}

impl Walk {
    fn append(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        self.loose.append(&mut other.loose);
        self.passed_over += other.passed_over;
        self.issues.append(&mut other.issues);
        self.unlisted.append(&mut other.unlisted);
        self.subdirs.append(&mut other.subdirs);
        self.links.append(&mut other.links);
    }

    fn refuse(&mut self, path: &str, kind: IssueKind, message: impl Into<String>) {
        let (path, message) = (shown(path), message.into());
        self.issues.push(Issue { artifact_id: None, path, kind, message, line: None });
    }
}

/// Walks the whole root. Fails when the root itself cannot be listed.
pub(crate) fn walk(root: &Root, kind: Option<FileKind>) -> io::Result<Walk> {
    let name = root.join("").file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut walk = Walk::default();
    list(root, &Dir::root(name, kind), &mut walk)?;
    descend(root, &mut walk);
    follow_links(root, &mut walk);
    walk.files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    walk.loose.sort_unstable();
    walk.issues = in_path_order(walk.issues);
    Ok(walk)
}

fn descend(root: &Root, walk: &mut Walk) {
    while !walk.subdirs.is_empty() {
        let level = std::mem::take(&mut walk.subdirs);
        let found = level.par_iter().fold(Walk::default, |mut walk, dir| {
            give_way();
            if let Err(error) = list(root, dir, &mut walk) {
                // One that went away meanwhile is gone, and that is all.
                if error.kind() != io::ErrorKind::NotFound {
                    root.faults.note(&error);
                    let message = format!("the directory cannot be listed ({})", error.kind());
                    walk.refuse(&dir.path, IssueKind::Unreadable, message);
                    walk.unlisted.push(dir.path.clone());
                }
            }
            walk
        });
        for found in found.collect::<Vec<_>>() {
            walk.append(found);
        }
    }
}

/// Walks what links lead to, within the root: each directory once, and from there no further links,
/// so that neither a loop nor a web of links is walked for ever.
fn follow_links(root: &Root, walk: &mut Walk) {
    let mut links = std::mem::take(&mut walk.links);
    links.sort_unstable_by(|a, b| a.0.path.cmp(&b.0.path));
    let mut seen: HashMap<PathBuf, String> = HashMap::new();
    for (dir, target) in links {
        let holder = root.join(super::identity::parent(&dir.path));
        if holder.starts_with(&target) {
            let message = "it links back to a directory that holds it, so it is not followed";
            walk.refuse(&dir.path, IssueKind::Refused, message);
        } else if let Some(first) = seen.get(&target) {
            let message = format!("it links to the same directory as {first}");
            walk.refuse(&dir.path, IssueKind::Shadowed, message);
        } else {
            seen.insert(target, dir.path.clone());
            walk.subdirs.push(dir);
            descend(root, walk);
        }
    }
}

/// Lists one directory.
fn list(root: &Root, dir: &Dir, walk: &mut Walk) -> io::Result<()> {
    let mut entries = Vec::new();
    let mut here = Here::default();
    for entry in fs::read_dir(root.join(&dir.path))? {
        let entry = entry?;
        let Ok(file_type) = entry.file_type() else { continue };
        let Some(name) = told_name(dir, &entry, walk) else { continue };
        here.is_skill |= is_skill_file(&name) && !file_type.is_dir();
        here.is_plugin |= name == ".claude-plugin";
        entries.push((name, file_type));
    }
    for (name, file_type) in entries {
        place(root, dir, here, &name, file_type, walk);
    }
    Ok(())
}

/// The name of an entry as text. A name that cannot be part of an id is reported, if anything could
/// come of the entry.
fn told_name(dir: &Dir, entry: &DirEntry, walk: &mut Walk) -> Option<String> {
    let refuse = |walk: &mut Walk, name: &str, what: &str| {
        let matters = is_markdown(name) || entry.file_type().is_ok_and(|kind| kind.is_dir());
        if matters && dir.enters(name) {
            walk.refuse(&dir.entry(name), IssueKind::Refused, format!("its name {what}"));
        }
    };
    match entry.file_name().into_string() {
        Ok(name) if name.contains(char::is_control) => {
            refuse(walk, &name, "holds a control character");
            None
        }
        Ok(name) => Some(name),
        Err(name) => {
            refuse(walk, &name.to_string_lossy(), "is not UTF-8");
            None
        }
    }
}

/// Puts one entry where it belongs.
fn place(root: &Root, dir: &Dir, here: Here, name: &str, file_type: FileType, walk: &mut Walk) {
    let role = dir.role(name, here);
    if file_type.is_symlink() {
        return place_link(root, dir, here, name, role, walk);
    }
    if file_type.is_dir() {
        if is_skill_file(name) {
            let message = "it is a directory where a file is expected";
            walk.refuse(&dir.entry(name), IssueKind::Unreadable, message);
        } else if dir.enters(name) {
            walk.subdirs.push(dir.child(name, here));
        }
        return;
    }
    match role {
        Some(role) if file_type.is_file() => walk.files.push((dir.entry(name), role)),
        Some(_) => walk.refuse(&dir.entry(name), IssueKind::Unreadable, "it is not a regular file"),
        None if (dir.in_plugin || here.is_plugin) && is_markdown(name) => {
            walk.loose.push(dir.entry(name));
        }
        None => walk.passed_over += usize::from(is_markdown(name)),
    }
}

/// Puts a link where its target belongs. Links from which nothing could come are passed over in
/// silence: real trees are full of them.
fn place_link(root: &Root, dir: &Dir, here: Here, name: &str, role: Option<Role>, walk: &mut Walk) {
    let path = dir.entry(name);
    let loose = (dir.in_plugin || here.is_plugin) && is_markdown(name);
    let may_be_directory = dir.enters(name) && !is_markdown(name);
    if role.is_none() && !loose && !may_be_directory {
        return;
    }
    let leads_to_directory = || root.join(&path).is_dir();
    match root.resolve(&path) {
        Ok(target) if target.is_dir() => {
            if dir.linked {
                let message = "it is a link inside a linked directory, so it is not followed";
                walk.refuse(&path, IssueKind::Refused, message);
            } else if may_be_directory {
                let mut child = dir.child(name, here);
                child.linked = true;
                walk.links.push((child, target));
            }
        }
        Ok(_) => match role {
            Some(role) => walk.files.push((path, role)),
            None if loose => walk.loose.push(path),
            None => {}
        },
        Err(Refusal::Escapes) if role.is_some() || leads_to_directory() => {
            let message = "it links out of the directory, so it is not read";
            walk.refuse(&path, IssueKind::Refused, message);
        }
        Err(Refusal::Missing) if role.is_some() || !name.contains('.') => {
            walk.refuse(&path, IssueKind::Unreadable, "it links to nothing");
        }
        Err(Refusal::Escapes | Refusal::Missing) => {}
        Err(_) => walk.refuse(&path, IssueKind::Unreadable, "it is a link that cannot be followed"),
    }
}
