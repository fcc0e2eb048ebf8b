//! The ids of a plain directory: made of paths, never of what a file says of itself.

use larder::domain::id::{ArtifactId, ArtifactKind, InvalidName, SourceName};

use super::classify::stem;
use crate::FileKind;

/// Directories that say how artifacts are laid out, and nothing about them.
const LAYOUT: [&str; 6] = ["plugins", "skills", "agents", "commands", ".claude", ".claude-plugin"];

type Id = Result<ArtifactId, InvalidName>;

/// A skill: its directory.
pub(crate) fn skill(source: &SourceName, file: &str) -> Id {
    named_by_directory(source, ArtifactKind::SKILL, parent(file))
}

/// An agent or a command: its directory and its stem.
pub(crate) fn single(kind: FileKind, file: &str) -> Id {
    in_directory(kind.as_str(), parent(file), stem(file_name(file)))
}

/// A plugin: its directory, whose last name gives way to the plugin's own.
pub(crate) fn plugin(source: &SourceName, file: &str, own_name: Option<&str>) -> Id {
    let base = parent(parent(file));
    match own_name {
        Some(name) => in_directory(ArtifactKind::COMPOSITE, parent(base), name),
        None => named_by_directory(source, ArtifactKind::COMPOSITE, base),
    }
}

/// A server: its file's directory, then its key.
pub(crate) fn server(file: &str, key: &str) -> Id {
    in_directory(ArtifactKind::MCP, parent(file), key)
}

/// Hooks: the directory that they are for.
pub(crate) fn hooks(source: &SourceName, file: &str) -> Id {
    let mut base = parent(file);
    for layout in ["hooks", ".claude"] {
        if file_name(base) == layout {
            base = parent(base);
        }
    }
    named_by_directory(source, ArtifactKind::HOOK, base)
}

/// The directory's own name counts, whatever it is; at the root the source's serves.
fn named_by_directory(source: &SourceName, kind: &str, directory: &str) -> Id {
    let last = Some(file_name(directory)).filter(|name| !name.is_empty());
    in_directory(kind, parent(directory), last.unwrap_or(source.as_str()))
}

fn in_directory(kind: &str, directory: &str, last: &str) -> Id {
    if last.is_empty() {
        return Err(InvalidName::Form);
    }
    let telling = |part: &&str| !part.is_empty() && !LAYOUT.contains(part);
    let parts: Vec<&str> =
        directory.split('/').filter(telling).chain(std::iter::once(last)).collect();
    ArtifactId::new(&ArtifactKind::new(kind)?, &parts.join(":"))
}

impl FileKind {
    /// The kind's word in ids.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Agent => ArtifactKind::AGENT,
            Self::Command => ArtifactKind::COMMAND,
        }
    }
}

/// The directory of a path; empty at the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_path_without_layout_directories() {
        let source = SourceName::new("work").unwrap();
        let text = |id: Id| id.unwrap().to_string();
        assert_eq!(
            text(skill(&source, "plugins/tdd/skills/red-green/SKILL.md")),
            "skill:tdd:red-green"
        );
        assert_eq!(text(skill(&source, "SKILL.md")), "skill:work");
        assert_eq!(text(skill(&source, "skills/SKILL.md")), "skill:skills");
        assert_eq!(text(single(FileKind::Agent, "agents/a/b.c.MD")), "agent:a:b.c");
        assert_eq!(text(single(FileKind::Command, ".claude/commands/x.md")), "command:x");
        assert_eq!(text(plugin(&source, "p/x/.claude-plugin/plugin.json", None)), "composite:p:x");
        assert_eq!(
            text(plugin(&source, "p/x/.claude-plugin/plugin.json", Some("y"))),
            "composite:p:y"
        );
        assert_eq!(text(plugin(&source, ".claude-plugin/plugin.json", None)), "composite:work");
        assert_eq!(text(server(".mcp.json", "github")), "mcp:github");
        assert_eq!(text(server("p/.mcp.json", "a/b")), "mcp:p:a/b");
        assert_eq!(text(hooks(&source, "plugins/p/hooks/hooks.json")), "hook:p");
        assert_eq!(text(hooks(&source, "a/.claude/settings.json")), "hook:a");
        assert_eq!(text(hooks(&source, ".claude/hooks/hooks.json")), "hook:work");
    }

    #[test]
    fn what_cannot_be_an_id_is_an_error() {
        let source = SourceName::new("work").unwrap();
        let long = format!("{}/SKILL.md", "x".repeat(256));
        assert_eq!(skill(&source, &long), Err(InvalidName::TooLong));
        assert_eq!(server(".mcp.json", ""), Err(InvalidName::Form));
    }
}
