//! One transfer: three versions of every piece compared, and what follows written at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use larder::{
    domain::{
        deployment::{Action, FileOutcome, SyncStrategy, TransferredFile},
        writing::{HistoryEntry, Operation, Place, Written},
    },
    ports::WriteError,
};
use rustix::fs::FileType;

use super::{
    not_deployed,
    pieces::{Content, Form, Layout, Links, Pieces, Spot},
    plan::{Decision, Versions},
    record::{self, DEPLOYED, DEPLOYMENTS, Deployed, DeployedArtifact, Deployments},
};
use crate::{
    files::Refusal,
    json_edit,
    managed::{self, MANIFEST},
    write::{Failure, Side, TRASH, Target, Transaction, Tree, Writing},
};

/// Under which name a trash keeps what a transfer has replaced.
const REPLACED: &str = "replaced";

/// A transfer that is being put together.
struct Transfer<'a> {
    writing: &'a Writing<'a>,
    project: &'a Tree,
    target: &'a Target,
    layout: Layout,
    action: Action,
    collection: Pieces,
    in_project: Pieces,
    decided: BTreeMap<Spot, (Versions, Decision)>,
}

/// Takes one action between a source and a project, both locked.
pub(super) fn carry_out(
    writing: &Writing<'_>,
    project: &Tree,
    place: &Place,
    action: Action,
) -> Result<(Vec<TransferredFile>, Written), Failure> {
    let target = Target::open(writing, &place.id, &place.path)?;
    let record_bytes = project.read(DEPLOYED)?;
    let record: Deployed = record::read(record_bytes.as_deref(), DEPLOYED)?;
    let recorded = record.of(&place.id);
    let own = writing.reader.source.name.as_str();
    let recorded = match (recorded, action) {
        (Some(recorded), _) if recorded.collection == own => Some(recorded),
        // What another collection has put there is nobody's here.
        (_, Action::Deploy(_)) => None,
        (Some(DeployedArtifact { collection, .. }), _) => {
            let message =
                format!("it was deployed from the collection {collection}: name that one");
            return Err(WriteError::unfit(message).into());
        }
        (None, _) => return Err(not_deployed()),
    };
    let transfer = Transfer::new(writing, project, &target, recorded, action)?;
    let files = transfer.outcomes()?;
    let mut write = writing.transaction(Some(project));
    transfer.stage(&mut write)?;
    let after = transfer.record(recorded);
    let deployed = after.is_some();
    let record = record.with(&place.id, after);
    match &record_bytes {
        Some(bytes) if record.artifacts.is_empty() => {
            write.remove(Side::Project, DEPLOYED, bytes)?;
        }
        bytes => {
            record::write(&mut write, Side::Project, DEPLOYED, bytes.as_deref(), &record)?;
        }
    }
    list(writing, &mut write, place, project, deployed)?;
    let history = transfer.sync_history(&mut write)?;
    if !write.is_empty() {
        write.commit(history)?;
    }
    transfer.remove_empty_directories();
    let written = Target::read_back(writing, &place.id, &target.artifact.path, None)?;
    Ok((files, written))
}

impl<'a> Transfer<'a> {
    fn new(
        writing: &'a Writing<'a>,
        project: &'a Tree,
        target: &'a Target,
        recorded: Option<&DeployedArtifact>,
        action: Action,
    ) -> Result<Self, Failure> {
        let layout = Layout::of(target, &writing.tree)?;
        if matches!(action, Action::Sync(_)) && !matches!(layout.form, Form::Directory | Form::File)
        {
            let message = "a server or a hook is not taken back from a project: change it in the \
                           collection";
            return Err(WriteError::unfit(message).into());
        }
        let collection = match action {
            Action::Undeploy => Pieces::new(),
            _ => layout.in_collection(target, &writing.tree)?,
        };
        let files = recorded.map(|it| it.files.clone()).unwrap_or_default();
        let recorded: BTreeMap<Spot, String> =
            files.into_iter().map(|(name, hash)| (layout.spot(&name, &hash), hash)).collect();
        let spots: BTreeSet<&Spot> = collection.keys().chain(recorded.keys()).collect();
        // The collection would carry a project's linked file on into other projects.
        let links = match action {
            Action::Sync(_) => Links::Refused,
            Action::Deploy(_) | Action::Undeploy => Links::Within(String::new()),
        };
        let in_project = layout.in_project(project, &links, spots.iter().copied())?;
        let spots: BTreeSet<&Spot> = spots.into_iter().chain(in_project.keys()).collect();
        let decided = spots
            .into_iter()
            .map(|spot| {
                let hash = |pieces: &Pieces| pieces.get(spot).map(Content::hash);
                let versions = Versions {
                    recorded: recorded.get(spot).cloned(),
                    project: hash(&in_project),
                    collection: hash(&collection),
                };
                let decision = versions.decide(action);
                (spot.clone(), (versions, decision))
            })
            .collect();
        Ok(Self { writing, project, target, layout, action, collection, in_project, decided })
    }

    /// What becomes of each file, unless both sides have changed one.
    fn outcomes(&self) -> Result<Vec<TransferredFile>, Failure> {
        let mut conflicts = Vec::new();
        let mut files = Vec::new();
        for (spot, (_, decision)) in &self.decided {
            let path = spot.name();
            match decision {
                Decision::Conflict => conflicts.push(path),
                Decision::ToProject(outcome)
                | Decision::ToCollection(outcome)
                | Decision::Leave(outcome) => {
                    files.push(TransferredFile { path, outcome: *outcome });
                }
            }
        }
        if conflicts.is_empty() { Ok(files) } else { Err(WriteError::Diverged(conflicts).into()) }
    }

    fn stage(&self, write: &mut Transaction<'_>) -> Result<(), Failure> {
        let mut parts = Vec::new();
        for (spot, (versions, decision)) in &self.decided {
            match (decision, spot) {
                (Decision::ToProject(outcome), Spot::Part { part, .. }) => {
                    let value = match self.collection.get(spot) {
                        Some(Content::Value(value)) if *outcome != FileOutcome::Removed => {
                            Some(value.clone())
                        }
                        _ => None,
                    };
                    parts.push((part.clone(), value));
                }
                (Decision::ToProject(outcome), Spot::File(path)) => {
                    self.keep_what_links_lead_to(path)?;
                    if let Some(Content::File { bytes, .. }) = self.in_project.get(spot)
                        && versions.project != versions.recorded
                    {
                        self.keep(write, path, bytes)?;
                    }
                    let to = (Side::Project, path.as_str());
                    move_file(
                        write,
                        self.project,
                        to,
                        *outcome,
                        self.in_project.get(spot),
                        self.collection.get(spot),
                    )?;
                }
                (Decision::ToCollection(outcome), Spot::File(path)) => {
                    let path = self.layout.source_of(path);
                    self.keep_main_file(&path, *outcome)?;
                    if let Some(Content::File { bytes, .. }) = self.collection.get(spot) {
                        self.keep(write, &path, bytes)?;
                    }
                    let to = (Side::Source, path.as_str());
                    move_file(
                        write,
                        &self.writing.tree,
                        to,
                        *outcome,
                        self.collection.get(spot),
                        self.in_project.get(spot),
                    )?;
                }
                _ => {}
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        let file = &self.layout.project;
        let before = self.project.read(file)?;
        let text = before.as_deref().map(String::from_utf8_lossy);
        let after = json_edit::edit(text.as_deref(), file, &parts)?;
        if let Some(before) = &before {
            return write.replace(Side::Project, file, before, after.as_bytes());
        }
        // It may hold what the collection's file keeps from others.
        let mode = self.layout.mode(&self.writing.tree)?;
        write.create(Side::Project, file, after.as_bytes(), Some(mode))
    }

    /// Refuses to write through a link that leads out of the artifact: a cloned project may link one
    /// of the artifact's files to a file of secrets, which would be replaced and copied to the trash.
    fn keep_what_links_lead_to(&self, path: &str) -> Result<(), Failure> {
        let is_link = self.project.kind(path)?.is_some_and(FileType::is_symlink);
        if !is_link || Path::new(&self.project.real(path)?).starts_with(&self.layout.project) {
            return Ok(());
        }
        let message = format!(
            "{path} is a link, and what it leads to is no part of the artifact, so it is not \
             changed: remove the link"
        );
        Err(WriteError::unfit(message).into())
    }

    /// Keeps what somebody wrote and is replaced or removed, in the source's trash, for as long as
    /// deleted artifacts are kept.
    fn keep(
        &self,
        write: &mut Transaction<'_>,
        path: &str,
        replaced: &[u8],
    ) -> Result<(), Failure> {
        let kept = self.writing.tree.own(&format!("{TRASH}/{}/{REPLACED}/{path}", write.id()));
        // Whatever the mode of the file was, its copy is for its owner.
        write.create(Side::Source, &kept, replaced, Some(0o600))
    }

    /// An artifact without its main file would be none.
    fn keep_main_file(&self, path: &str, outcome: FileOutcome) -> Result<(), Failure> {
        let main = self.target.main.path.as_deref().ok();
        if outcome == FileOutcome::Removed && main == Some(path) {
            let message = "its main file is gone from the project: delete the artifact, or deploy \
                           it again";
            return Err(WriteError::unfit(message).into());
        }
        Ok(())
    }

    /// What the project's record says afterwards: the state in which both sides were last the same,
    /// or were last compared by a person.
    fn record(&self, before: Option<&DeployedArtifact>) -> Option<DeployedArtifact> {
        if self.action == Action::Undeploy {
            return None;
        }
        let ours = self.action == Action::Sync(SyncStrategy::Ours);
        let files = self.decided.iter().filter_map(|(spot, (versions, decision))| {
            let hash = match decision {
                Decision::Leave(FileOutcome::Kept) if !ours => versions.recorded.clone(),
                Decision::Leave(FileOutcome::Kept) | Decision::ToCollection(_) => {
                    versions.project.clone()
                }
                _ => versions.collection.clone(),
            };
            Some((spot.name(), hash?))
        });
        let files = files.collect();
        let stamp = &self.writing.stamp;
        let deploys = matches!(self.action, Action::Deploy(_));
        let artifact = &self.target.artifact;
        let (revision, deployed_at) = match before {
            Some(before) if !deploys => (before.revision.clone(), before.deployed_at),
            _ => (artifact.revision.clone(), stamp.at),
        };
        let collection = self.writing.reader.source.name.to_string();
        Some(DeployedArtifact { id: artifact.id.clone(), collection, revision, deployed_at, files })
    }

    /// The history and the manifest's date, when a synchronisation changes the collection.
    fn sync_history(&self, write: &mut Transaction<'_>) -> Result<Option<HistoryEntry>, Failure> {
        let takes = |decision: &Decision| matches!(decision, Decision::ToCollection(_));
        if !self.decided.values().any(|(_, decision)| takes(decision)) {
            return Ok(None);
        }
        let Writing { tree, manifests, stamp, .. } = self.writing;
        let listed = self.target.listed.as_ref().ok_or(WriteError::Missing)?;
        let place = listed.place.as_ref();
        let dated = managed::touch(manifests, listed.manifest()?, place, stamp.at)?;
        write.replace(
            Side::Source,
            &tree.real(MANIFEST)?,
            listed.manifest()?.as_bytes(),
            dated.text.as_bytes(),
        )?;
        let artifact = &self.target.artifact;
        let main = self.target.main.path.as_deref().unwrap_or_default();
        let from_project = self.decided.iter().find_map(|(spot, (_, decision))| match spot {
            Spot::File(path) if takes(decision) && self.layout.source_of(path) == main => {
                self.in_project.get(spot)
            }
            _ => None,
        });
        let main = match from_project {
            Some(Content::File { bytes, .. }) => bytes,
            _ => &self.target.main.bytes,
        };
        let mut entry = HistoryEntry::new(write.id(), &artifact.id, Operation::Sync, stamp);
        entry.revision_before = Some(artifact.revision.clone());
        entry.revision_after = Some(Target::revision_with(main, Some(listed)));
        Ok(Some(entry))
    }

    /// Directories that the artifact alone had filled.
    fn remove_empty_directories(&self) {
        for (spot, (_, decision)) in self.decided.iter().rev() {
            let (tree, path) = match (decision, spot) {
                (Decision::ToProject(FileOutcome::Removed), Spot::File(path)) => {
                    (self.project, path.clone())
                }
                (Decision::ToCollection(FileOutcome::Removed), Spot::File(path)) => {
                    (&self.writing.tree, self.layout.source_of(path))
                }
                _ => continue,
            };
            let mut directory = path.as_str();
            while let Some((parent, _)) = directory.rsplit_once('/')
                && parent.len() >= self.layout.project.len().min(self.layout.source.len())
                && tree.remove_if_empty(parent)
            {
                directory = parent;
            }
        }
    }
}

fn move_file(
    write: &mut Transaction<'_>,
    tree: &Tree,
    (side, path): (Side, &str),
    outcome: FileOutcome,
    before: Option<&Content>,
    after: Option<&Content>,
) -> Result<(), Failure> {
    match (before, after) {
        (Some(Content::File { bytes, .. }), _) if outcome == FileOutcome::Removed => {
            if tree.real(path)? != path {
                let message = format!("{path} is a link, or lies behind one: remove it yourself");
                return Err(WriteError::unfit(message).into());
            }
            write.remove(side, path, bytes)
        }
        (Some(Content::File { bytes, .. }), Some(Content::File { bytes: after, .. })) => {
            write.replace(side, &tree.real(path)?, bytes, after)
        }
        (None, Some(Content::File { bytes, mode })) => {
            let real = match tree.real(path) {
                // Its directory is made as well.
                Err(Refusal::Missing) => path.to_owned(),
                real => real?,
            };
            write.create(side, &real, bytes, Some(*mode))
        }
        _ => Ok(()),
    }
}

/// Keeps in the source which projects have the artifact.
fn list(
    writing: &Writing<'_>,
    write: &mut Transaction<'_>,
    place: &Place,
    project: &Tree,
    deployed: bool,
) -> Result<(), Failure> {
    let path = writing.tree.own(DEPLOYMENTS);
    let bytes = writing.tree.read(&path)?;
    let list: Deployments = record::read(bytes.as_deref(), DEPLOYMENTS)?;
    let after = list.with(&place.id, &project.path(), deployed);
    if list == after {
        return Ok(());
    }
    record::write(write, Side::Source, &path, bytes.as_deref(), &after)
}
