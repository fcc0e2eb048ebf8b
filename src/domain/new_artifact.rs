//! Artifacts that are to be created.

use super::{
    artifact::Metadata,
    edit::{InvalidField, MetadataEdit},
    id::{ArtifactId, ArtifactKind},
};

/// Longest name of a new artifact, as the format of skills asks (Agent Skills specification,
/// "name").
const MAX_SLUG: usize = 64;

/// Longest name of a tool, in characters.
pub const MAX_TOOL_CHARS: usize = 255;

/// Largest body of a new artifact, in bytes: what a request may have.
const MAX_BODY: usize = 1024 * 1024;

/// An artifact to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its id: a skill, an agent or a command with a plain name.
    pub id: ArtifactId,
    /// Its metadata; there is a description.
    pub metadata: MetadataEdit,
    /// The tools it may use.
    pub tools: Vec<String>,
    /// The Markdown behind the frontmatter.
    pub body: String,
}

impl NewArtifact {
    /// The kinds that can be created.
    pub const KINDS: [&str; 3] = [ArtifactKind::SKILL, ArtifactKind::AGENT, ArtifactKind::COMMAND];

    /// Checks what was asked for; tells all that is wrong.
    pub fn new(
        kind: &str,
        name: &str,
        metadata: Result<MetadataEdit, Vec<InvalidField>>,
        tools: Vec<String>,
        body: String,
    ) -> Result<Self, Vec<InvalidField>> {
        let mut refused = Vec::new();
        if !Self::KINDS.contains(&kind) {
            refused.push(InvalidField::new("type", "it must be skill, agent or command"));
        }
        if !is_slug(name) {
            let message = format!(
                "it must be words of lower-case letters and digits with single hyphens between \
                 them, {MAX_SLUG} characters or less, such as review-sql"
            );
            refused.push(InvalidField::new("name", message));
        }
        let unfit = |tool: &String| tool.trim().is_empty() || tool.contains(char::is_control);
        if tools.iter().any(unfit) || tools.iter().any(|tool| tool.chars().count() > MAX_TOOL_CHARS)
        {
            let message = "a tool must have 1 to 255 characters, none of them a control character";
            refused.push(InvalidField::new("tools", message));
        }
        let unfit = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if body.contains(unfit) {
            let message = "it may hold no control character other than tabs and line breaks";
            refused.push(InvalidField::new("body", message));
        } else if body.len() > MAX_BODY {
            refused.push(InvalidField::new("body", "it must have 1 MiB or less"));
        }
        let metadata = metadata.and_then(|edit| edit.against(&Metadata::default()));
        let metadata = metadata.unwrap_or_else(|errors| {
            refused.extend(errors);
            MetadataEdit::default()
        });
        let id = ArtifactKind::new(kind).and_then(|kind| ArtifactId::new(&kind, name));
        match id {
            Ok(id) if refused.is_empty() => Ok(Self { id, metadata, tools, body }),
            _ => Err(refused),
        }
    }
}

/// Whether a name is the same in a path, an id and a URL on every file system.
fn is_slug(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= MAX_SLUG && name.split('-').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::edit::{Change, Field};

    fn new(kind: &str, name: &str) -> Result<NewArtifact, Vec<InvalidField>> {
        let metadata = MetadataEdit::new([(Field::Description, Change::Text("d".into()))]);
        NewArtifact::new(kind, name, metadata, Vec::new(), String::new())
    }

    #[test]
    fn only_plain_names_can_be_created() {
        for name in ["pdf", "a-1-b", &"x".repeat(64)] {
            assert_eq!(new("skill", name).unwrap().id.name(), name);
        }
        for name in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "a_b",
            "a b",
            "../a",
            "a/b",
            "a.md",
            "é",
            "a\0",
            "%2e%2e",
            &"x".repeat(65),
        ] {
            assert_eq!(new("agent", name).unwrap_err()[0].field, "name", "{name:?}");
        }
        assert_eq!(new("hook", "a").unwrap_err()[0].field, "type");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let metadata = MetadataEdit::new([(Field::Author, Change::Text(String::new()))]);
        let refused =
            NewArtifact::new("x", "X", metadata, vec!["a\nb".into()], "\0".into()).unwrap_err();
        let fields: Vec<&str> = refused.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["type", "name", "tools", "body", "author"]);
    }
}
