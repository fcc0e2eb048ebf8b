//! Collections that a person puts together.

use std::collections::HashSet;

use super::{
    edit::{Change, Field, InvalidField, limited},
    id::{ArtifactId, CollectionId, MAX_NAME_CHARS},
};

/// Most artifacts that are added to a collection at once.
pub const MAX_ADDITIONS: usize = 1_000;

/// The name of a curated collection: 1 to [`MAX_NAME_CHARS`] characters, trimmed, none of them a
/// control character, and no word that stands for something else in a path of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionName(String);

impl CollectionName {
    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        let refused = |why: String| InvalidField::new("name", format!("it {why}"));
        let name = limited(text, MAX_NAME_CHARS).map_err(refused)?;
        if CollectionId::RESERVED.contains(&name.as_str()) {
            return Err(refused("is a word of the API's own; take another one".to_owned()));
        }
        Ok(Self(name))
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a curated collection is for, in 1 to 1,024 characters without control characters; or
/// nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purpose(Option<String>);

impl Purpose {
    /// Checks a description.
    pub fn new(text: Option<&str>) -> Result<Self, InvalidField> {
        let field = Field::Description;
        let text = text.map(|text| limited(text, field.max_chars())).transpose();
        text.map(Self).map_err(|why| InvalidField::new(field.as_str(), format!("it {why}")))
    }

    /// The text, if there is one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// A curated collection to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCollection {
    /// Its name.
    pub name: CollectionName,
    /// What it is for.
    pub purpose: Purpose,
}

impl NewCollection {
    /// Checks what was asked for; tells all that is wrong.
    pub fn new(name: &str, description: Option<&str>) -> Result<Self, Vec<InvalidField>> {
        match (CollectionName::new(name), Purpose::new(description)) {
            (Ok(name), Ok(purpose)) => Ok(Self { name, purpose }),
            (name, purpose) => Err(name.err().into_iter().chain(purpose.err()).collect()),
        }
    }
}

/// A change of what a curated collection is called and said to be for. What it does not name stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionEdit {
    /// The new name.
    pub name: Option<CollectionName>,
    /// What it is for from now on.
    pub purpose: Option<Purpose>,
}

impl CollectionEdit {
    /// Checks what was asked for; tells all that is wrong, and refuses a change of nothing.
    pub fn new(
        name: Option<&str>,
        description: Option<&Change>,
    ) -> Result<Self, Vec<InvalidField>> {
        let purpose = description.map(|change| match change {
            Change::Clear => Ok(Purpose::default()),
            Change::Text(text) => Purpose::new(Some(text)),
            Change::List(_) => Err(InvalidField::new("description", "it must be a text")),
        });
        match (name.map(CollectionName::new).transpose(), purpose.transpose()) {
            (Ok(None), Ok(None)) => {
                let message = "at least one of name and description must be there";
                Err(vec![InvalidField::new("body", message)])
            }
            (Ok(name), Ok(purpose)) => Ok(Self { name, purpose }),
            (name, purpose) => Err(name.err().into_iter().chain(purpose.err()).collect()),
        }
    }
}

/// What became of a wish to name a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// It is done.
    Done,
    /// Another collection has that name, or that id.
    Taken,
    /// There is no such curated collection.
    Unknown,
}

/// What became of artifacts that were to be added to a curated collection; each is told of once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    /// New members.
    pub added: Vec<ArtifactId>,
    /// Those that were members before, hidden ones among them.
    pub already_present: Vec<ArtifactId>,
    /// Those that `default` does not hold.
    pub not_found: Vec<ArtifactId>,
}

impl Added {
    /// Sorts ids by whether they were added now, and else by whether they are members; each list is in
    /// the order in which they were named.
    pub fn sorted(
        ids: &[ArtifactId],
        is_new: impl Fn(&ArtifactId) -> bool,
        is_member: impl Fn(&ArtifactId) -> bool,
    ) -> Self {
        let mut seen = HashSet::new();
        let mut sorted = Self::default();
        for id in ids.iter().filter(|id| seen.insert(*id)) {
            let list = if is_new(id) {
                &mut sorted.added
            } else if is_member(id) {
                &mut sorted.already_present
            } else {
                &mut sorted.not_found
            };
            list.push(id.clone());
        }
        sorted
    }

    /// With what became, in a second try, of some that were not found at first.
    #[must_use]
    pub fn and(mut self, second: Self) -> Self {
        let members: HashSet<_> = second.added.iter().chain(&second.already_present).collect();
        self.not_found.retain(|id| !members.contains(id));
        self.added.extend(second.added);
        self.already_present.extend(second.already_present);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(refused: &[InvalidField]) -> Vec<&str> {
        refused.iter().map(|it| it.field.as_str()).collect()
    }

    #[test]
    fn a_name_is_trimmed_and_has_limits() {
        assert_eq!(CollectionName::new("  my shelf ").unwrap().as_str(), "my shelf");
        assert!(CollectionName::new(&"é".repeat(255)).is_ok());
        let long = "é".repeat(256);
        for name in ["", "  ", "a\nb", "a\0", "cache-stats", " refresh-cache ", long.as_str()] {
            assert_eq!(CollectionName::new(name).unwrap_err().field, "name", "{name:?}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let long = "x".repeat(1_025);
        let refused = NewCollection::new("", Some(&long)).unwrap_err();
        assert_eq!(fields(&refused), ["name", "description"]);
        let refused = CollectionEdit::new(Some("\n"), Some(&Change::Text("\0".into())));
        assert_eq!(fields(&refused.unwrap_err()), ["name", "description"]);
    }

    #[test]
    fn a_change_names_something_and_may_take_the_description_away() {
        assert_eq!(fields(&CollectionEdit::new(None, None).unwrap_err()), ["body"]);
        let cleared = CollectionEdit::new(None, Some(&Change::Clear)).unwrap();
        assert_eq!(cleared, CollectionEdit { name: None, purpose: Some(Purpose::default()) });
    }

    #[test]
    fn an_id_that_is_named_twice_counts_once() {
        let ids =
            ["skill:a", "skill:b", "skill:a", "skill:c"].map(|id| ArtifactId::parse(id).unwrap());
        let [a, b, _, c] = ids.clone();
        let sorted = Added::sorted(&ids, |id| *id == a, |id| *id == a || *id == b);
        let expected = Added { added: vec![a], already_present: vec![b], not_found: vec![c] };
        assert_eq!(sorted, expected);
    }
}
