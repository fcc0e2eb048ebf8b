//! What a person may change of an artifact's metadata, and within which limits.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::artifact::Metadata;

/// A field of the metadata that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// What it is for: 1 to 1,024 characters, line breaks among them.
    Description,
    /// Who wrote it: 1 to 255 characters.
    Author,
    /// Its licence: 1 to 100 characters.
    License,
    /// At most 50 tags of 1 to 64 characters.
    Tags,
    /// The author's version: 1 to 100 characters.
    Version,
}

impl Field {
    /// Every field, in the order in which they are listed.
    pub const ALL: [Self; 5] =
        [Self::Description, Self::Author, Self::License, Self::Tags, Self::Version];

    /// Most tags of one artifact.
    pub const MAX_TAGS: usize = 50;

    /// The word used in files, in the history and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Author => "author",
            Self::License => "license",
            Self::Tags => "tags",
            Self::Version => "version",
        }
    }

    /// The longest text it takes, in characters; of tags, each.
    #[must_use]
    pub fn max_chars(self) -> usize {
        match self {
            Self::Description => 1_024,
            Self::Author => 255,
            Self::License | Self::Version => 100,
            Self::Tags => 64,
        }
    }
}

/// What a field shall become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Change {
    /// Nothing: it is removed from every place that supplies it.
    Clear,
    /// This text; for every field but [`Field::Tags`].
    Text(String),
    /// These items, in this order; for [`Field::Tags`] alone.
    List(Vec<String>),
}

/// Why a value was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    /// The field, as the request names it.
    pub field: String,
    /// What is wrong, as the end of a sentence that begins with the field's name.
    pub message: String,
}

impl InvalidField {
    /// A field and what is wrong with it.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Changes of one artifact's metadata. A field that it does not name stays as it is. Whether a value
/// may be written depends on the present one: see [`MetadataEdit::against`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataEdit(BTreeMap<Field, Change>);

impl MetadataEdit {
    /// The requested changes: texts are trimmed and their CR LF become line feeds, and each tag is
    /// kept once. Reports every value of a wrong type, and an edit without any field.
    pub fn new(
        wanted: impl IntoIterator<Item = (Field, Change)>,
    ) -> Result<Self, Vec<InvalidField>> {
        let (mut changes, mut refused) = (BTreeMap::new(), Vec::new());
        for (field, change) in wanted {
            let why = match (field, &change) {
                (Field::Tags, Change::Text(_)) => Some("it must be a list of texts"),
                (Field::Tags, _) | (_, Change::Clear | Change::Text(_)) => None,
                (_, Change::List(_)) => Some("it must be a text"),
            };
            refused.extend(why.map(|why| InvalidField::new(field.as_str(), why)));
            changes.insert(field, normal(change));
        }
        if changes.is_empty() {
            let message = "at least one of description, author, license, tags and version must \
                           be there";
            refused.push(InvalidField::new("body", message));
        }
        if refused.is_empty() { Ok(Self(changes)) } else { Err(refused) }
    }

    /// The changes that make a difference to `now`. A value that is there already is always
    /// allowed, whatever its size; only new values must keep to the limits. Reports every new value
    /// that does not.
    pub fn against(&self, now: &Metadata) -> Result<Self, Vec<InvalidField>> {
        let (mut changes, mut refused) = (BTreeMap::new(), Vec::new());
        for (field, change) in &self.0 {
            let present = normal(present(*field, now));
            if *change == present {
                continue;
            }
            match judge(*field, change, &present) {
                Ok(()) => drop(changes.insert(*field, change.clone())),
                Err(message) => refused.push(InvalidField::new(field.as_str(), message)),
            }
        }
        if refused.is_empty() { Ok(Self(changes)) } else { Err(refused) }
    }

    /// The changes, in the order of [`Field::ALL`].
    pub fn changes(&self) -> impl Iterator<Item = (Field, &Change)> {
        self.0.iter().map(|(field, change)| (*field, change))
    }

    /// What one field shall become, if it shall change.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Change> {
        self.0.get(&field)
    }

    /// The fields that it names.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        self.0.keys().copied().collect()
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A change in the one form in which changes are compared.
fn normal(change: Change) -> Change {
    match change {
        Change::Clear => Change::Clear,
        Change::Text(text) => Change::Text(text.trim().replace("\r\n", "\n")),
        Change::List(items) => {
            let mut seen = HashSet::new();
            let items = items.into_iter().map(|item| item.trim().to_owned());
            let items: Vec<String> = items.filter(|item| seen.insert(item.clone())).collect();
            // An empty list means the same as no list.
            if items.is_empty() { Change::Clear } else { Change::List(items) }
        }
    }
}

/// The change that would leave a field as it is.
fn present(field: Field, now: &Metadata) -> Change {
    let text = match field {
        Field::Description => &now.description,
        Field::Author => &now.author,
        Field::License => &now.license,
        Field::Version => &now.version,
        Field::Tags => return Change::List(now.tags.clone()),
    };
    text.clone().map_or(Change::Clear, Change::Text)
}

/// Refuses a new value that exceeds the limits of its field: what is wrong, as the end of a sentence
/// that begins with the field's name.
fn judge(field: Field, change: &Change, present: &Change) -> Result<(), String> {
    let max = field.max_chars();
    match change {
        Change::Clear => Ok(()),
        Change::Text(text) => {
            let no = if field == Field::Description { NO_CONTROLS_BUT_BREAKS } else { NO_CONTROLS };
            fits(text, max, no).map_err(|why| format!("it {why}"))
        }
        Change::List(tags) => {
            let present: &[String] = if let Change::List(tags) = present { tags } else { &[] };
            for tag in tags.iter().filter(|tag| !present.contains(tag)) {
                fits(tag, max, NO_CONTROLS).map_err(|why| format!("a tag {why}"))?;
            }
            let most = Field::MAX_TAGS.max(present.len());
            if tags.len() <= most {
                Ok(())
            } else {
                Err(format!("there may be {most} tags at most"))
            }
        }
    }
}

/// Which characters a text may not hold, and how a refusal says so.
type Forbidden = (fn(char) -> bool, &'static str);

const NO_CONTROLS: Forbidden =
    (char::is_control, "may hold no control character, line breaks among them");

const NO_CONTROLS_BUT_BREAKS: Forbidden =
    (|c| c.is_control() && c != '\n', "may hold no control character but line breaks");

/// Refuses a trimmed text that is empty, too long, or holds a forbidden character: why, as what
/// follows "it" or "a tag".
fn fits(text: &str, max: usize, (forbidden, why): Forbidden) -> Result<(), String> {
    if text.contains(forbidden) {
        return Err(why.to_owned());
    }
    match text.chars().count() {
        0 => Err("must have a character that can be seen".to_owned()),
        count if count > max => Err(format!("must have {max} characters or less")),
        _ => Ok(()),
    }
}

/// A text of one line that a person wrote, trimmed; else why it is refused, as what follows "it".
pub(super) fn limited(value: &str, max: usize) -> Result<String, String> {
    if value.contains(char::is_control) {
        return Err(NO_CONTROLS.1.to_owned());
    }
    fits(value.trim(), max, NO_CONTROLS).map(|()| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a new value of an artifact that has no metadata.
    fn refused(field: Field, change: Change) -> String {
        refused_beside(&Metadata::default(), field, change)
    }

    fn refused_beside(now: &Metadata, field: Field, change: Change) -> String {
        let edit = MetadataEdit::new([(field, change)]);
        let refused = edit.and_then(|edit| edit.against(now)).unwrap_err();
        assert_eq!(refused[0].field, field.as_str());
        refused[0].message.clone()
    }

    fn text(text: &str) -> Change {
        Change::Text(text.to_owned())
    }

    fn list(items: impl IntoIterator<Item = impl Into<String>>) -> Change {
        Change::List(items.into_iter().map(Into::into).collect())
    }

    /// What is left of changes of an artifact with these metadata.
    fn left(now: &Metadata, changes: impl IntoIterator<Item = (Field, Change)>) -> MetadataEdit {
        MetadataEdit::new(changes).unwrap().against(now).unwrap()
    }

    #[test]
    fn limits_are_counted_in_characters() {
        for field in [Field::Description, Field::Author, Field::License, Field::Version] {
            let longest = "é".repeat(field.max_chars());
            let edit = left(&Metadata::default(), [(field, text(&longest))]);
            assert_eq!(edit.get(field), Some(&text(&longest)));
            let message = refused(field, text(&(longest + "é")));
            assert_eq!(message, format!("it must have {} characters or less", field.max_chars()));
        }
    }

    #[test]
    fn control_characters_and_blank_texts_are_refused() {
        for value in ["a\0b", "\u{1b}[1m", "a\u{85}b", "a\tb", "a\rb"] {
            let message = refused(Field::Description, text(value));
            assert!(message.contains("control character"), "{message}");
        }
        for value in ["", "  ", "\u{3000}", " \r\n "] {
            assert!(refused(Field::Author, text(value)).contains("can be seen"), "{value:?}");
        }
        for field in [Field::Author, Field::License, Field::Version] {
            assert!(refused(field, text("a\n---\nname: evil")).contains("line breaks"));
        }
        assert!(refused(Field::Tags, list(["a\nb"])).contains("a tag may"));
        assert!(refused(Field::Tags, list(["a", " "])).contains("a tag must"));
    }

    #[test]
    fn a_description_may_have_line_breaks() {
        let edit = left(&Metadata::default(), [(Field::Description, text("a\r\n\r\n b\nc\r\n"))]);
        assert_eq!(edit.get(Field::Description), Some(&text("a\n\n b\nc")));
    }

    #[test]
    fn tags_lose_repetitions_and_keep_their_order() {
        let edit = left(&Metadata::default(), [(Field::Tags, list(["b", " a ", "b"]))]);
        assert_eq!(edit.get(Field::Tags), Some(&list(["b", "a"])));
        let none = MetadataEdit::new([(Field::Tags, Change::List(Vec::new()))]).unwrap();
        assert_eq!(none.get(Field::Tags), Some(&Change::Clear));
        assert!(refused(Field::Tags, list((0..51).map(|n| n.to_string()))).contains("50 tags"));
    }

    #[test]
    fn a_value_that_is_there_is_no_change_whatever_its_size() {
        let long = "tabs\tand lines\n".repeat(1_000);
        let now = Metadata {
            description: Some(long.clone()),
            author: Some(long.clone()),
            license: Some(long.clone()),
            tags: (0..60).map(|n| format!("{n}{}", "x".repeat(100))).chain(["a".into()]).collect(),
            ..Metadata::default()
        };
        let same = [Field::Description, Field::Author, Field::License].map(|it| (it, text(&long)));
        let crlf = (Field::Description, text(&long.replace('\n', "\r\n")));
        let others = [crlf, (Field::Tags, list(now.tags.clone())), (Field::Version, Change::Clear)];
        assert!(left(&now, same.into_iter().chain(others)).is_empty());
        let edit = left(&now, [(Field::Author, text(&long)), (Field::License, text("MIT"))]);
        assert_eq!(edit.fields(), [Field::License]);
        let longer = format!("{long}!");
        assert!(refused_beside(&now, Field::Description, text(&longer)).contains("control"));
    }

    #[test]
    fn only_the_new_ones_of_a_list_of_tags_are_judged() {
        let long = "x".repeat(100);
        let many: Vec<String> = (0..60).map(|n| n.to_string()).chain([long.clone()]).collect();
        let now = Metadata { tags: many.clone(), ..Metadata::default() };
        let fewer = list(many.iter().skip(1).cloned());
        assert_eq!(left(&now, [(Field::Tags, fewer.clone())]).get(Field::Tags), Some(&fewer));
        let other = list(many.iter().skip(1).cloned().chain(["new".into()]));
        assert_eq!(left(&now, [(Field::Tags, other.clone())]).get(Field::Tags), Some(&other));
        let more = list(many.iter().cloned().chain(["new".into()]));
        assert!(refused_beside(&now, Field::Tags, more).contains("61 tags"));
        let longer = list([long.clone(), format!("{long}!")]);
        assert!(refused_beside(&now, Field::Tags, longer).contains("64 characters"));
    }

    #[test]
    fn an_edit_of_nothing_is_refused_and_every_wrong_field_is_told() {
        assert_eq!(MetadataEdit::new([]).unwrap_err()[0].field, "body");
        let types = [(Field::Author, list(["x"])), (Field::Tags, text("x"))];
        assert_eq!(MetadataEdit::new(types).unwrap_err().len(), 2);
        let values = [(Field::Author, text("")), (Field::Tags, list(["a\0"]))];
        let edit = MetadataEdit::new(values).unwrap();
        assert_eq!(edit.against(&Metadata::default()).unwrap_err().len(), 2);
    }
}
