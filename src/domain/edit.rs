//! What a person may change of an artifact's metadata, and within which limits.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// A field of the metadata that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// What it is for: 1 to 1,024 characters.
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

/// Changes of one artifact's metadata, all of them within the limits. A field that it does not name
/// stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataEdit(BTreeMap<Field, Change>);

impl MetadataEdit {
    /// Takes what was asked for, trimmed and without repeated tags. Refuses, all at once, what is
    /// out of the limits, a control character, and an edit of nothing.
    pub fn new(
        wanted: impl IntoIterator<Item = (Field, Change)>,
    ) -> Result<Self, Vec<InvalidField>> {
        let (mut changes, mut refused) = (BTreeMap::new(), Vec::new());
        for (field, change) in wanted {
            match checked(field, change) {
                Ok(change) => drop(changes.insert(field, change)),
                Err(message) => refused.push(InvalidField::new(field.as_str(), message)),
            }
        }
        if changes.is_empty() && refused.is_empty() {
            let message = "at least one of description, author, license, tags and version must \
                           be there";
            refused.push(InvalidField::new("body", message));
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
}

fn checked(field: Field, change: Change) -> Result<Change, String> {
    match (field, change) {
        (_, Change::Clear) => Ok(Change::Clear),
        (Field::Tags, Change::List(tags)) => {
            let mut seen = HashSet::new();
            let mut kept = Vec::new();
            for tag in tags {
                let tag = limited(&tag, field.max_chars()).map_err(|why| format!("a tag {why}"))?;
                if seen.insert(tag.clone()) {
                    kept.push(tag);
                }
            }
            match kept.len() {
                // An empty list says as much as none.
                0 => Ok(Change::Clear),
                count if count > Field::MAX_TAGS => {
                    Err(format!("there may be {} tags at most", Field::MAX_TAGS))
                }
                _ => Ok(Change::List(kept)),
            }
        }
        (Field::Tags, Change::Text(_)) => Err("it must be a list of texts".to_owned()),
        (_, Change::List(_)) => Err("it must be a text".to_owned()),
        (field, Change::Text(value)) => {
            limited(&value, field.max_chars()).map(Change::Text).map_err(|why| format!("it {why}"))
        }
    }
}

/// A text that a person wrote, trimmed; else why it is refused, as what follows "it" or "a tag".
pub(super) fn limited(value: &str, max: usize) -> Result<String, String> {
    if value.contains(char::is_control) {
        return Err("may hold no control character, line breaks among them".to_owned());
    }
    let value = value.trim();
    match value.chars().count() {
        0 => Err("must have a character that can be seen".to_owned()),
        count if count > max => Err(format!("must have {max} characters or less")),
        _ => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(field: Field, change: Change) -> String {
        let refused = MetadataEdit::new([(field, change)]).unwrap_err();
        assert_eq!(refused[0].field, field.as_str());
        refused[0].message.clone()
    }

    fn text_of(length: usize) -> Change {
        Change::Text("é".repeat(length))
    }

    #[test]
    fn limits_are_counted_in_characters() {
        for field in [Field::Description, Field::Author, Field::License, Field::Version] {
            assert!(MetadataEdit::new([(field, text_of(field.max_chars()))]).is_ok());
            let message = refused(field, text_of(field.max_chars() + 1));
            assert_eq!(message, format!("it must have {} characters or less", field.max_chars()));
        }
    }

    #[test]
    fn control_characters_and_blank_texts_are_refused() {
        for text in ["a\n---\nname: evil", "a\0b", "\u{1b}[1m", "\u{85}", "a\tb"] {
            let message = refused(Field::Description, Change::Text(text.into()));
            assert!(message.contains("control character"), "{message}");
        }
        for text in ["", "  ", "\u{3000}"] {
            assert!(refused(Field::Author, Change::Text(text.into())).contains("can be seen"));
        }
        assert!(refused(Field::Tags, Change::List(vec!["a\nb".into()])).contains("a tag may"));
    }

    #[test]
    fn tags_lose_repetitions_and_keep_their_order() {
        let tags = ["b", " a ", "b"].map(str::to_owned).to_vec();
        let edit = MetadataEdit::new([(Field::Tags, Change::List(tags))]).unwrap();
        assert_eq!(
            edit.get(Field::Tags),
            Some(&Change::List(vec!["b".to_owned(), "a".to_owned()]))
        );
        let none = MetadataEdit::new([(Field::Tags, Change::List(Vec::new()))]).unwrap();
        assert_eq!(none.get(Field::Tags), Some(&Change::Clear));
        let many = (0..51).map(|n| n.to_string()).collect();
        assert!(refused(Field::Tags, Change::List(many)).contains("50 tags"));
    }

    #[test]
    fn an_edit_of_nothing_is_refused_and_every_wrong_field_is_told() {
        assert_eq!(MetadataEdit::new([]).unwrap_err()[0].field, "body");
        let both = MetadataEdit::new([
            (Field::Author, Change::Text(String::new())),
            (Field::Tags, Change::Text("x".into())),
        ]);
        assert_eq!(both.unwrap_err().len(), 2);
    }
}
