//! Names of things: artifacts, their kinds, sources and collections.

use std::fmt;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// Longest artifact id, collection name or source name, in characters. Index entries of both
/// databases have a limit in bytes (Postgres: 2,704); 255 characters of four bytes, twice, fit.
pub const MAX_NAME_CHARS: usize = 255;

/// Why a text is not an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing is there, or a part of it is missing.
    #[error("it must look like kind:name, for example skill:pdf")]
    Form,
    /// More than [`MAX_NAME_CHARS`] characters.
    #[error("it is longer than {MAX_NAME_CHARS} characters")]
    TooLong,
    /// NUL, a line break or another control character.
    #[error("it holds a control character")]
    Control,
}

fn check(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        Err(InvalidName::Form)
    } else if text.chars().count() > MAX_NAME_CHARS {
        Err(InvalidName::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(InvalidName::Control)
    } else {
        Ok(())
    }
}

/// What an artifact is: `skill`, `agent`, `command`, `hook`, `mcp`, `composite` (a plugin), or any
/// other word a manifest uses. Lower-case ASCII letters, digits, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactKind(String);

impl ArtifactKind {
    /// A skill: a directory with a `SKILL.md`.
    pub const SKILL: &str = "skill";
    /// An agent: one Markdown file.
    pub const AGENT: &str = "agent";
    /// A command: one Markdown file.
    pub const COMMAND: &str = "command";
    /// A hook: a JSON file or a key of one.
    pub const HOOK: &str = "hook";
    /// An MCP server: a key of `mcpServers`.
    pub const MCP: &str = "mcp";
    /// A plugin.
    pub const COMPOSITE: &str = "composite";

    /// The kind of that name.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        check(name)?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if name.chars().all(plain) { Ok(Self(name.to_owned())) } else { Err(InvalidName::Form) }
    }

    /// The kind as it stands in ids and in the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `kind:name`, the identity of an artifact. The name is everything after the first colon and may
/// hold colons, spaces and slashes itself. Two ids that differ by case are two artifacts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactId(String);

impl ArtifactId {
    /// The id of the artifact of that kind and name.
    pub fn new(kind: &ArtifactKind, name: &str) -> Result<Self, InvalidName> {
        check(name)?;
        let id = format!("{kind}:{name}");
        check(&id)?;
        Ok(Self(id))
    }

    /// Reads an id such as `skill:tdd:red-green`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let (kind, name) = text.split_once(':').ok_or(InvalidName::Form)?;
        Self::new(&ArtifactKind::new(kind)?, name)
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first colon.
    #[must_use]
    pub fn kind(&self) -> ArtifactKind {
        ArtifactKind(self.0.split_once(':').map_or("", |(kind, _)| kind).to_owned())
    }

    /// The part after the first colon.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Accepts 1 to [`MAX_NAME_CHARS`] characters, none of them a control character.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The name of a source collection: its directory's name, made unique.
    SourceName
}
text_id! {
    /// The id of a collection that the API serves: `default`, a mirror's name, or a ULID.
    CollectionId
}

impl SourceName {
    /// The name whose source wins every contest for an id.
    pub const DEFAULT: &str = "default";

    /// The order in which sources win an id that several of them have: `default` first, then the
    /// bytes of the name.
    #[must_use]
    pub fn precedence(&self) -> (bool, &str) {
        (self.0 != Self::DEFAULT, &self.0)
    }
}

impl CollectionId {
    /// The collection of every artifact of every configured source.
    #[must_use]
    pub fn default_collection() -> Self {
        Self("default".to_owned())
    }

    /// The id of a collection that a person puts together.
    #[must_use]
    pub fn of_curated(id: Ulid) -> Self {
        Self(id.to_string())
    }

    /// Names that stand for something else in a path of the API, so no collection may have them.
    pub const RESERVED: [&str; 2] = ["cache-stats", "refresh-cache"];

    /// The ids that the mirror of a source may have, the best first: its name, then that with the
    /// suffix `-files`, `-files-2` and so on (shortened where it would get too long). Reserved ones
    /// are left out; which are taken, storage knows.
    pub fn of_mirror(source: &SourceName) -> impl Iterator<Item = Self> {
        let suffixes = ["", "-files"].map(str::to_owned).into_iter();
        suffixes
            .chain((2_u32..).map(|number| format!("-files-{number}")))
            .map(move |suffix| {
                let room = MAX_NAME_CHARS - suffix.len();
                let name: String = source.0.chars().take(room).collect();
                Self(format!("{name}{suffix}"))
            })
            .filter(|id| !Self::RESERVED.contains(&id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_split_at_its_first_colon() {
        let id = ArtifactId::parse("skill:tdd:red-green").unwrap();
        assert_eq!((id.kind().as_str(), id.name()), ("skill", "tdd:red-green"));
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_reason() {
        assert_eq!(ArtifactId::parse("skill"), Err(InvalidName::Form));
        assert_eq!(ArtifactId::parse(":x"), Err(InvalidName::Form));
        assert_eq!(ArtifactId::parse("skill:"), Err(InvalidName::Form));
        assert_eq!(ArtifactId::parse("Skill:x"), Err(InvalidName::Form));
        assert_eq!(ArtifactId::parse("skill:a\0b"), Err(InvalidName::Control));
        let long = format!("skill:{}", "é".repeat(250));
        assert_eq!(ArtifactId::parse(&long), Err(InvalidName::TooLong));
        assert!(ArtifactId::parse(&long[..long.len() - 2]).is_ok(), "characters count, not bytes");
    }

    #[test]
    fn a_mirror_is_named_after_its_source_or_nearly_so() {
        let candidates = |name: &str| {
            let source = SourceName::new(name).unwrap();
            let ids: Vec<_> = CollectionId::of_mirror(&source).take(3).collect();
            ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(candidates("work"), ["work", "work-files", "work-files-2"]);
        assert_eq!(candidates("cache-stats")[0], "cache-stats-files");
        assert_eq!(candidates(&"é".repeat(255))[2], format!("{}-files-2", "é".repeat(247)));
    }

    #[test]
    fn default_wins_then_the_order_of_names() {
        let mut names = ["b", "default", "a"].map(|name| SourceName::new(name).unwrap());
        names.sort_by(|a, b| a.precedence().cmp(&b.precedence()));
        assert_eq!(names.map(|name| name.to_string()), ["default", "a", "b"]);
    }
}
