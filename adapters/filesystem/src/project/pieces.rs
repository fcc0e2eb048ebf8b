//! What an artifact consists of, in its collection and in a project.

use std::{
    collections::BTreeMap,
    io,
    path::{Component, Path},
};

use larder::{
    domain::{
        artifact::Health,
        deployment::DeployedState,
        id::{ArtifactId, ArtifactKind},
    },
    ports::WriteError,
};
use serde_json::Value;

use crate::{
    files::{Refusal, is_reserved, normal, split},
    json::split_pointer,
    json_edit::{self, Part},
    write::{Failure, Target, Tree, hash},
};

/// Most files and bytes of one artifact that are copied: ten times the largest real skill.
pub(super) const MAX_FILES: usize = 2_000;
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Where a piece of an artifact lies in a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// A file of its own.
    File(String),
    /// A part of a JSON file that the project shares with others.
    Part { file: String, part: Part },
}

impl Spot {
    /// As it is recorded and shown.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Part { file, part } => format!("{file}{}", part.fragment()),
        }
    }
}

/// One piece on one side.
#[derive(Debug, Clone)]
pub(super) enum Content {
    File { bytes: Vec<u8>, mode: u32 },
    Value(Value),
}

impl Content {
    pub(super) fn hash(&self) -> String {
        match self {
            Self::File { bytes, .. } => hash(bytes),
            Self::Value(value) => json_edit::hash_of(value),
        }
    }
}

/// Which links among the files of one side are copied as what they lead to. The others are refused,
/// so that nothing beside the artifact, such as a file of secrets, is carried away with it.
pub(super) enum Links {
    /// None.
    Refused,
    /// Those that lead into this directory, or everywhere in the tree if it is empty.
    Within(String),
}

/// The pieces of one side.
pub(super) type Pieces = BTreeMap<Spot, Content>;

/// How an artifact of a collection becomes pieces of a project.
pub(super) struct Layout {
    /// The directory of the artifact in the collection, or its one file; of a JSON value, its file.
    pub(super) source: String,
    /// The same in the project.
    pub(super) project: String,
    pub(super) form: Form,
}

/// What an artifact is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Directory,
    File,
    Server,
    Hooks,
}

impl Layout {
    /// Where an artifact belongs in a project.
    pub(super) fn of(target: &Target, tree: &Tree) -> Result<Self, Failure> {
        let artifact = &target.artifact;
        if target.listed.as_ref().is_some_and(|listed| listed.entry.is_server()) {
            let message = "it is one of the [[mcp_servers]] of collection.toml, which say where to \
                           install it from and not how to start it: it cannot be copied into a \
                           project";
            return Err(WriteError::unfit(message).into());
        }
        let kind = artifact.id.kind();
        let (file, _) = split_pointer(&artifact.path);
        let names = names(&artifact.id)?;
        let last = names.last().copied().unwrap_or_default();
        let nested = names.join("/");
        let (project, form) = match kind.as_str() {
            ArtifactKind::SKILL => (format!(".claude/skills/{last}"), Form::Directory),
            ArtifactKind::AGENT => (format!(".claude/agents/{nested}.md"), Form::File),
            ArtifactKind::COMMAND => (format!(".claude/commands/{nested}.md"), Form::File),
            ArtifactKind::MCP => (".mcp.json".to_owned(), Form::Server),
            ArtifactKind::HOOK => (".claude/settings.json".to_owned(), Form::Hooks),
            other => {
                let message = format!(
                    "an artifact of type {other} has no place in a project: deploy what it is \
                     made of"
                );
                return Err(WriteError::unfit(message).into());
            }
        };
        // Of what is gone there is nothing to be copied, and something to be taken away.
        let real = |path: &str| tree.real(path).unwrap_or_else(|_| path.to_owned());
        let source = match (form, &target.listed) {
            (Form::Directory, Some(listed)) => {
                real(&listed.entry.path().and_then(normal).unwrap_or_default())
            }
            (Form::Directory, None) => real(split(file).0),
            _ => real(file),
        };
        if source.is_empty() {
            let message = "its directory is the whole collection, which is not copied";
            return Err(WriteError::unfit(message).into());
        }
        Ok(Self { source, project, form })
    }

    /// The pieces in the collection.
    pub(super) fn in_collection(&self, target: &Target, tree: &Tree) -> Result<Pieces, Failure> {
        let artifact = &target.artifact;
        if self.form == Form::Directory && !tree.is_directory(&self.source)? {
            let message = "the skill is a file and no directory: give it a directory of its own";
            return Err(WriteError::unfit(message).into());
        }
        if artifact.health == Health::Broken {
            let why = artifact.problem.as_ref().map_or("", |problem| problem.message.as_str());
            return Err(WriteError::unfit(format!("it cannot be read: {why}")).into());
        }
        match self.form {
            Form::Directory | Form::File => {
                self.files(tree, &self.source, &Links::Within(self.source.clone()))
            }
            Form::Server => {
                let value = self.value(target, tree)?;
                let name = target.artifact.id.name();
                let key = match split_pointer(&target.artifact.path).1 {
                    Some(_) => name.rsplit(':').next().unwrap_or(name),
                    None => name,
                };
                let part = Part::Key(vec!["mcpServers".to_owned(), key.to_owned()]);
                Ok(Pieces::from([(self.part(part), Content::Value(value))]))
            }
            Form::Hooks => {
                let value = self.value(target, tree)?;
                let events = value.get("hooks").unwrap_or(&value).as_object();
                let unfit = || WriteError::unfit("it is not a map of hook events");
                let mut pieces = Pieces::new();
                for (event, items) in events.ok_or_else(unfit)? {
                    for item in items.as_array().into_iter().flatten() {
                        let hash = json_edit::hash_of(item);
                        let part = Part::Hook { event: event.clone(), hash };
                        pieces.insert(self.part(part), Content::Value(item.clone()));
                    }
                }
                Ok(pieces)
            }
        }
    }

    /// The pieces in a project: of the artifact's own directory all, else those that are asked for.
    pub(super) fn in_project<'a>(
        &self,
        tree: &Tree,
        links: &Links,
        asked: impl Iterator<Item = &'a Spot>,
    ) -> Result<Pieces, Failure> {
        if matches!(self.form, Form::Directory | Form::File) {
            return self.files(tree, &self.project, links);
        }
        let text = tree.read(&self.project)?;
        let Some(text) = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else {
            return Ok(Pieces::new());
        };
        let value = json_edit::parse(&text, &self.project)?;
        let there = asked.filter_map(|spot| match spot {
            Spot::Part { part, .. } => {
                Some((spot.clone(), Content::Value(part.in_file(&value)?.clone())))
            }
            Spot::File(_) => None,
        });
        Ok(there.collect())
    }

    /// The spot that a record names. The record can have come with a clone: a part of the file that no
    /// artifact of this kind has is taken for a file, and there is none of that name.
    pub(super) fn spot(&self, name: &str, hash: &str) -> Spot {
        let Some(pointer) = name.strip_prefix(&self.project).and_then(|it| it.strip_prefix("#/"))
        else {
            return Spot::File(name.to_owned());
        };
        let steps: Vec<String> =
            pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
        match (self.form, steps.as_slice()) {
            (Form::Hooks, [hooks, event, _]) if hooks == "hooks" => {
                self.part(Part::Hook { event: event.clone(), hash: hash.to_owned() })
            }
            (Form::Server, [servers, _]) if servers == "mcpServers" => self.part(Part::Key(steps)),
            _ => Spot::File(name.to_owned()),
        }
    }

    fn part(&self, part: Part) -> Spot {
        Spot::Part { file: self.project.clone(), part }
    }

    /// The artifact's own JSON value, with what is masked elsewhere.
    fn value(&self, target: &Target, tree: &Tree) -> Result<Value, Failure> {
        let bytes = tree.read(&self.source)?.ok_or(WriteError::Missing)?;
        let pointer = split_pointer(&target.artifact.path).1.unwrap_or_default();
        let value = json_edit::parse(&String::from_utf8_lossy(&bytes), &self.source)?;
        Ok(value.pointer(pointer).ok_or(WriteError::Missing)?.clone())
    }

    /// The files at a path of either side, under the names that they have in the project.
    fn files(&self, tree: &Tree, at: &str, links: &Links) -> Result<Pieces, Failure> {
        let mut found = Pieces::new();
        let mut bytes_left = MAX_BYTES;
        if self.form == Form::File {
            if let Some(content) = read(tree, at, links, &mut bytes_left)? {
                found.insert(Spot::File(self.project.clone()), content);
            }
            return Ok(found);
        }
        let mut directories = vec![String::new()];
        while let Some(below) = directories.pop() {
            for name in tree.names(&joined(at, &below))? {
                if is_reserved(&name) || name == ".DS_Store" {
                    continue;
                }
                let below = joined(&below, &name);
                let path = joined(at, &below);
                if tree.is_directory(&path)? {
                    directories.push(below);
                } else if let Some(content) = read(tree, &path, links, &mut bytes_left)? {
                    found.insert(Spot::File(joined(&self.project, &below)), content);
                }
                if found.len() > MAX_FILES {
                    let message = format!("it has more than {MAX_FILES} files");
                    return Err(WriteError::unfit(message).into());
                }
            }
        }
        Ok(found)
    }

    /// The mode of the artifact's file in the collection.
    pub(super) fn mode(&self, tree: &Tree) -> Result<u32, Failure> {
        let read = tree.read_within(&self.source, MAX_BYTES as u64)?;
        Ok(read.ok_or(WriteError::Missing)?.0)
    }

    /// Where a file of the project lies in the collection.
    pub(super) fn source_of(&self, path: &str) -> String {
        path.strip_prefix(&self.project)
            .map_or_else(String::new, |below| format!("{}{below}", self.source))
    }
}

/// A file, or what a link to one leads to.
fn read(
    tree: &Tree,
    path: &str,
    links: &Links,
    bytes_left: &mut usize,
) -> Result<Option<Content>, Failure> {
    let Some(kind) = tree.kind(path)? else { return Ok(None) };
    let real = tree.real(path).map_err(|refusal| match refusal {
        Refusal::Missing => {
            WriteError::unfit(format!("{path} is a link to nothing: remove it")).into()
        }
        refusal => Failure::from(refusal),
    })?;
    let is_allowed = match links {
        _ if !kind.is_symlink() => true,
        Links::Refused => false,
        Links::Within(directory) => directory.is_empty() || Path::new(&real).starts_with(directory),
    };
    if !is_allowed {
        let message = format!(
            "{path} is a link, and what it leads to is no part of the artifact, so it is not \
             copied: put the file itself there, or remove the link"
        );
        return Err(WriteError::unfit(message).into());
    }
    if tree.is_no_file(&real)? {
        let message = format!("{path} is neither a file nor a directory, so it is not copied");
        return Err(WriteError::unfit(message).into());
    }
    let found =
        tree.read_within(&real, *bytes_left as u64).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => {
                let most = MAX_BYTES / 1024 / 1024;
                WriteError::unfit(format!("its files have more than {most} MiB")).into()
            }
            _ => Failure::Io(error),
        })?;
    Ok(found.map(|(mode, bytes)| {
        *bytes_left -= bytes.len();
        Content::File { bytes, mode }
    }))
}

fn joined(directory: &str, name: &str) -> String {
    match (directory, name) {
        ("", name) => name.to_owned(),
        (directory, "") => directory.to_owned(),
        (directory, name) => format!("{directory}/{name}"),
    }
}

/// The parts of an id's name, each fit to be the name of a file.
fn names(id: &ArtifactId) -> Result<Vec<&str>, Failure> {
    let names: Vec<&str> = id.name().split(':').map(str::trim).collect();
    let is_fit = |name: &&str| {
        let mut parts = Path::new(name).components();
        let one = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        one && !name.starts_with('.') && !name.contains(['/', '\\'])
    };
    if names.iter().all(is_fit) {
        return Ok(names);
    }
    let message = format!("the name of {id} cannot be that of a file in a project");
    Err(WriteError::unfit(message).into())
}

/// How the part of a file that a record names stands to what is recorded of it.
pub(super) fn state_of_part(file: &Value, name: &str, recorded: &str) -> DeployedState {
    let Some((_, pointer)) = name.split_once('#') else { return DeployedState::Missing };
    let hook = |(list, _): (&str, &str)| {
        let items = file.pointer(list)?.as_array()?;
        items.iter().any(|item| json_edit::hash_of(item) == recorded).then_some(())
    };
    if pointer.starts_with("/hooks/") {
        // One that was changed cannot be told from one that is gone.
        let there = pointer.rsplit_once('/').and_then(hook);
        return there.map_or(DeployedState::Missing, |()| DeployedState::Unchanged);
    }
    match file.pointer(pointer) {
        None => DeployedState::Missing,
        Some(value) if json_edit::hash_of(value) == recorded => DeployedState::Unchanged,
        Some(_) => DeployedState::Changed,
    }
}
