//! Copying artifacts into projects, and back.
//!
//! - `pieces`: what an artifact consists of on either side.
//! - `plan`: what becomes of a piece, by its three versions; `record`: the third of them.
//! - `transfer`: all pieces at once.
//! - `neighbour`: what SkillMeat has deployed.

mod neighbour;
mod pieces;
mod plan;
mod record;
mod transfer;

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use async_trait::async_trait;
use larder::{
    domain::{
        collection::{Layout, Source},
        deployment::{
            Action, DeployedBy, DeployedFile, DeployedState, Deployment, ProjectName, Transfer,
        },
        id::ArtifactId,
        writing::{Place, Written},
    },
    ports::{ArtifactDeployer, Project, WriteError},
};

pub(crate) use self::record::{DEPLOYED, DEPLOYMENTS};
use self::record::{Deployed, Deployments};
use crate::{
    FileSystem,
    files::{Refusal, Root},
    json_edit,
    write::{Failure, SOURCE_STATE, Target, Writing, hash, lock_project, retried},
};

#[async_trait]
impl ArtifactDeployer for FileSystem {
    async fn transfer(
        &self,
        place: &Place,
        project: &Project,
        action: Action,
        by: &str,
    ) -> Result<(Transfer, Written), WriteError> {
        if place.source.layout == Layout::Plain && matches!(action, Action::Sync(_)) {
            let message = "a plain directory is not synchronised from a project: copy the files \
                           yourself";
            return Err(WriteError::unfit(message));
        }
        let (at, project) = (place.clone(), project.clone());
        let work = move |writing: &Writing<'_>| transfer(writing, &at, &project, action);
        self.writing(&place.source, Some(place), by, work).await
    }

    async fn deployments(
        &self,
        place: &Place,
        within: &[String],
    ) -> Result<Vec<Deployment>, WriteError> {
        let (id, within) = (place.id.clone(), within.to_vec());
        let source = place.source.name.to_string();
        // SkillMeat calls a collection by its directory's name.
        let directory = Path::new(&place.source.root).file_name().unwrap_or_default();
        let collection = directory.to_string_lossy().into_owned();
        let is_managed = place.source.layout == Layout::Managed;
        self.looking(&place.source, move |root| {
            let path = format!("{SOURCE_STATE}/{DEPLOYMENTS}");
            let bytes = root.read_own(&path).ok();
            let list: Deployments = record::read(bytes.as_deref(), DEPLOYMENTS)?;
            let mut shown: Vec<Deployment> = list
                .of(&id)
                .filter_map(|project| {
                    // As it is now: it may have become a link to elsewhere.
                    let (root, name) = open_within(project, &within)?.ok()?;
                    deployment(&root, name, &id, &source)
                })
                .collect();
            if is_managed {
                for root in within.iter().filter_map(|root| Root::open(root).ok()) {
                    let root_name = last_name(&root.join(""));
                    shown.extend(neighbour::projects(&root).into_iter().filter_map(
                        |(root, path)| {
                            let name = ProjectName { root: root_name.clone(), path };
                            neighbour::deployment(&root, name, &id, &collection)
                        },
                    ));
                }
            }
            shown.sort_by(|a, b| (&a.project, a.deployed_by).cmp(&(&b.project, b.deployed_by)));
            shown.dedup_by(|a, b| (&a.project, a.deployed_by) == (&b.project, b.deployed_by));
            Ok(shown)
        })
        .await
    }

    async fn touched(&self, project: &Project, sources: &[Source]) -> Vec<Source> {
        let (path, sources) = (PathBuf::from(&project.path), sources.to_vec());
        let touched = tokio::task::spawn_blocking(move || {
            let Ok(project) = fs::canonicalize(path) else { return Vec::new() };
            let is_touched = |source: &Source| {
                let root = fs::canonicalize(&source.root);
                root.is_ok_and(|root| root.starts_with(&project) || project.starts_with(&root))
            };
            sources.into_iter().filter(is_touched).collect()
        });
        touched.await.unwrap_or_default()
    }
}

fn transfer(
    writing: &Writing<'_>,
    place: &Place,
    project: &Project,
    action: Action,
) -> Result<(Transfer, Written), Failure> {
    let (root, name) = open(project)?;
    let source = writing.tree.path();
    let directory = root.join("");
    if directory.join(".claude") == Path::new(&source) || directory == Path::new(&source) {
        let message = "the project is the artifact's own collection";
        return Err(WriteError::unfit(message).into());
    }
    if directory.to_str().is_none() {
        return Err(WriteError::unfit("its path is not UTF-8").into());
    }
    if !matches!(action, Action::Deploy(_)) && root.entry(DEPLOYED)?.is_none() {
        return Err(not_deployed());
    }
    // Nothing is made in the project for an artifact that is not there.
    Target::open(writing, &place.id, &place.path)?;
    let tree = lock_project(root, &writing.tree, writing.key, writing.patience)?;
    let (files, written) = retried(|| transfer::carry_out(writing, &tree, place, action))?;
    Ok((Transfer { project: name, files }, written))
}

/// That there is nothing to be taken back from a project.
fn not_deployed() -> Failure {
    WriteError::unfit("it is not deployed in this project").into()
}

/// Opens a project's directory; returns it with the name by which it is shown. The answer says
/// whether it is there only of places that the caller may use.
fn open(project: &Project) -> Result<(Root, ProjectName), Failure> {
    let forbidden = || {
        let message = "the project does not lie in one of the directories that deploy.roots names";
        Failure::from(WriteError::Forbidden(message.to_owned()))
    };
    let Some(within) = &project.within else {
        let opened = Root::open(&project.path)?;
        let root = last_name(&opened.join(""));
        return Ok((opened, ProjectName { root, path: String::new() }));
    };
    match open_within(&project.path, within) {
        Some(Ok(opened)) => Ok(opened),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(WriteError::unfit("the project is not a directory").into())
        }
        None if fs::canonicalize(&project.path).is_err()
            && would_lie(Path::new(&project.path), within) =>
        {
            let message = "there is no such directory: make the project's directory first";
            Err(WriteError::unfit(message).into())
        }
        // In no root, or a part of its path has become a link since it was looked up.
        _ => Err(forbidden()),
    }
}

/// Opens a directory that lies in one of these roots, from that root's own descriptor: what is
/// checked is what is opened. `None` if it is not there, or lies in none of them.
fn open_within(directory: &str, within: &[String]) -> Option<io::Result<(Root, ProjectName)>> {
    let real = fs::canonicalize(directory).ok()?;
    within.iter().find_map(|root| {
        let root = Root::open(root).ok()?;
        let path = root.relative(&real).ok()?;
        let name = ProjectName { root: last_name(&root.join("")), path };
        Some(root.below(&name.path).map(|opened| (opened, name)))
    })
}

fn last_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a path lies in a root as it is written: then nothing is told by saying that it is not there.
fn would_lie(path: &Path, within: &[String]) -> bool {
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    !goes_up && within.iter().any(|root| path.starts_with(root))
}

fn deployment(root: &Root, name: ProjectName, id: &ArtifactId, source: &str) -> Option<Deployment> {
    let bytes = root.read_own(DEPLOYED).ok()?;
    let record: Deployed = record::read(Some(&bytes), DEPLOYED).ok()?;
    let deployed = record.of(id).filter(|deployed| deployed.collection == source)?;
    let state = |path: &str, recorded: &str| match path.split_once(".json#/") {
        Some((file, _)) => {
            let value = root.read(&format!("{file}.json")).ok();
            let value = value.and_then(|(_, bytes)| {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                json_edit::parse(&text, file).ok()
            });
            value.map_or(DeployedState::Missing, |value| {
                pieces::state_of_part(&value, path, recorded)
            })
        }
        None => match root.read_within(path, pieces::MAX_BYTES as u64) {
            Ok((_, bytes)) if hash(&bytes) == recorded => DeployedState::Unchanged,
            Err(Refusal::Missing) => DeployedState::Missing,
            Ok(_) | Err(_) => DeployedState::Changed,
        },
    };
    let files = deployed
        .files
        .iter()
        .map(|(path, recorded)| DeployedFile { path: path.clone(), state: state(path, recorded) });
    Some(Deployment {
        artifact: id.clone(),
        project: name,
        deployed_by: DeployedBy::Larder,
        deployed_at: deployed.deployed_at,
        revision: Some(deployed.revision.clone()),
        files: files.collect(),
    })
}
