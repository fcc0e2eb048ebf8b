//! Editing metadata where they stand.

use larder::{
    domain::{
        artifact::{Health, Metadata, Problem},
        edit::{Change, Field, InvalidField, MetadataEdit},
        writing::{HistoryEntry, Operation, Place, Precondition, Written},
    },
    ports::WriteError,
};

use super::{
    Writing,
    failure::Failure,
    json_file,
    target::{Target, attempts},
    transaction::Side,
};
use crate::{
    files::normal,
    frontmatter,
    managed::{self, Listed, MANIFEST},
    secrets::{self, MASK},
};

/// Edits one artifact.
pub(super) fn edit(
    writing: &Writing<'_>,
    place: &Place,
    edit: &MetadataEdit,
    precondition: &Precondition,
) -> Result<Written, Failure> {
    let open = || Target::open(writing, &place.id, &place.path);
    attempts(precondition, open, |target| {
        let edit = edit.against(&target.artifact.metadata).map_err(WriteError::Invalid)?;
        let plan = Plan::new(writing, &target, &edit)?;
        if !plan.carry_out(writing, &target, &edit)? {
            return Ok(Written { artifact: target.artifact, changed: false });
        }
        let expected = plan.listed.as_ref().or(target.listed.as_ref());
        Target::read_back(writing, &place.id, &target.artifact.path, expected)
    })
}

/// The new contents.
struct Plan {
    /// Of the main file, when it changes.
    main: Option<Vec<u8>>,
    /// With the new manifest, when it changes.
    listed: Option<Listed>,
}

impl Plan {
    fn new(writing: &Writing<'_>, target: &Target, edit: &MetadataEdit) -> Result<Self, Failure> {
        if edit.is_empty() {
            return Ok(Self { main: None, listed: None });
        }
        if let Some(listed) = &target.listed {
            listed.entry.require_writable()?;
        }
        if target.artifact.health == Health::Broken {
            let (why, line) = match &target.artifact.problem {
                Some(Problem { message, line }) => (message.as_str(), *line),
                None => ("it cannot be read", None),
            };
            // A path that leads out of the collection is not for an answer.
            let path = normal(&target.artifact.path).map(|path| format!("{path}: "));
            let path = path.unwrap_or_default();
            let message = format!("it cannot be edited as it is ({path}{why}): mend that first");
            return Err(WriteError::Unfit { message, line }.into());
        }
        let (mut in_file, mut in_entry) = (Vec::new(), Vec::new());
        for (field, change) in edit.changes() {
            let change = unmasked(target, field, change)?;
            let place = Destination::of(target, field, &change)?;
            if place.in_file {
                in_file.push((field, change.clone()));
            }
            if place.in_entry {
                in_entry.push((field, change));
            }
        }
        let main = if in_file.is_empty() {
            None
        } else {
            let edited = if target.main.is_markdown {
                frontmatter::edit(&target.main.bytes, &in_file)?
            } else {
                json_file::edit(target, &in_file)?
            };
            Some(edited).filter(|edited| *edited != target.main.bytes)
        };
        let Some(listed) = &target.listed else { return Ok(Self { main, listed: None }) };
        let (known, id, at) = (writing.manifests, &target.artifact.id, writing.stamp.at);
        let (manifest, place) = (listed.manifest()?, listed.place.as_ref());
        let dated = || managed::touch(known, manifest, place, at);
        let edited = if in_entry.is_empty() {
            // Nothing that was asked for is new, so nothing is: not even the date.
            main.is_some().then(dated).transpose()?
        } else {
            let edited = managed::edit_entry(known, manifest, place, id, &in_entry, at)?;
            (main.is_some() || edited.text != dated()?.text).then_some(edited)
        };
        let listed = edited.map(|edited| listed.after(id, edited)).transpose()?;
        Ok(Self { main, listed })
    }

    /// Writes; `false` when there is nothing to be written.
    fn carry_out(
        &self,
        writing: &Writing<'_>,
        target: &Target,
        edit: &MetadataEdit,
    ) -> Result<bool, Failure> {
        let mut write = writing.transaction(None);
        if let Some(main) = &self.main {
            let refused = |why| WriteError::unfit(format!("it cannot be edited: {why}"));
            let path = target.main.path.as_ref().map_err(refused)?;
            write.replace(Side::Source, path, &target.main.bytes, main)?;
        }
        if let (Some(after), Some(before)) = (&self.listed, &target.listed) {
            let path = writing.tree.real(MANIFEST)?;
            let (before, after) = (before.manifest()?.as_bytes(), after.manifest()?.as_bytes());
            write.replace(Side::Source, &path, before, after)?;
        }
        if write.is_empty() {
            return Ok(false);
        }
        let main = self.main.as_deref().unwrap_or(&target.main.bytes);
        let after = Target::revision_with(main, self.listed.as_ref().or(target.listed.as_ref()));
        let artifact = &target.artifact;
        let mut entry =
            HistoryEntry::new(write.id(), &artifact.id, Operation::Edit, &writing.stamp);
        entry.fields = edit.fields();
        entry.revision_before = Some(artifact.revision.clone());
        entry.revision_after = Some(after);
        write.commit(Some(entry))?;
        Ok(true)
    }
}

/// A change with the secrets for which its masks stand: what is shown as unchanged never gets here.
fn unmasked(target: &Target, field: Field, change: &Change) -> Result<Change, Failure> {
    let new = match change {
        Change::Text(text) => text.clone(),
        Change::List(items) => items.join("\n"),
        Change::Clear => return Ok(Change::Clear),
    };
    if !new.contains(MASK) {
        return Ok(change.clone());
    }
    let old = text_of(target.own_metadata(), field);
    let kept = secrets::with_secrets_of(&new, &old).map_err(|misplaced| {
        let line = misplaced.line;
        let message = format!(
            "it has {MASK} in line {line} where no secret was: {MASK} stands for a secret in a line \
             that is otherwise unchanged, so write the value itself, or a reference such as ${{TOKEN}}"
        );
        WriteError::Invalid(vec![InvalidField::new(field.as_str(), message)])
    })?;
    Ok(match change {
        Change::List(_) => Change::List(kept.split('\n').map(str::to_owned).collect()),
        _ => Change::Text(kept),
    })
}

/// The value of a field; of tags a line each.
fn text_of(metadata: Metadata, field: Field) -> String {
    let text = match field {
        Field::Description => metadata.description,
        Field::Author => metadata.author,
        Field::License => metadata.license,
        Field::Version => metadata.version,
        Field::Tags => return metadata.tags.join("\n"),
    };
    text.unwrap_or_default()
}

/// Where one change goes: to the place that supplies the value today, and to the copies of it that
/// the manifest's entry has, since other programs read nothing else.
struct Destination {
    in_file: bool,
    in_entry: bool,
}

impl Destination {
    fn of(target: &Target, field: Field, change: &Change) -> Result<Self, Failure> {
        let main = &target.main;
        let file_supplies = if main.is_markdown {
            frontmatter::supplies(&main.bytes, field)
        } else {
            target.listed.as_ref().is_some_and(|listed| listed.file_supplies(field))
        };
        let entry_supplies =
            target.listed.as_ref().is_some_and(|listed| listed.entry_supplies(field));
        let cleared = *change == Change::Clear;
        let in_file = file_supplies || (main.is_markdown && (cleared || !entry_supplies));
        let in_entry = target.listed.is_some() && (entry_supplies || !in_file);
        if !in_file && !in_entry {
            let message = "it has no frontmatter of its own: change its JSON file yourself";
            return Err(WriteError::unfit(message).into());
        }
        Ok(Self { in_file, in_entry })
    }
}
