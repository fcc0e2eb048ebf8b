//! Which files of a plain directory are artifacts, by where they lie.

use crate::{FileKind, reading::is_markdown};

/// What a file is to a plain directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A skill's main file.
    Skill,
    /// An agent or a command.
    Single(FileKind),
    /// A plugin's manifest.
    Plugin,
    /// A file of MCP servers.
    Servers,
    /// A plugin's hooks.
    Hooks,
    /// Settings, which may hold hooks.
    Settings,
}

/// Directories in which nothing is looked for.
const PASSED_OVER: [&str; 2] = ["node_modules", "target"];
/// Hidden directories in which something is.
const NOT_HIDDEN: [&str; 2] = [".claude", ".claude-plugin"];
/// Directories of `.claude` that hold state, not artifacts. `worktrees` has Claude Code's worktrees of
/// the repository, with a copy of each of its artifacts.
const STATE: [&str; 5] = ["projects", "todos", "file-history", "shell-snapshots", "worktrees"];
/// Markdown that is about a directory, and no artifact in it.
const ABOUT: [&str; 2] = ["readme", "index"];
/// The same, except among commands: a command may well be called `changelog`.
const ABOUT_UNLESS_COMMAND: [&str; 5] =
    ["claude", "agents", "template", "changelog", "contributing"];

/// What the Markdown of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// Nothing in particular.
    Open,
    /// Below `agents` or `commands`.
    Layout(FileKind),
    /// Part of a skill that begins further up.
    Skill,
    /// Of one kind by configuration, and nothing else is looked for.
    Uniform(FileKind),
}

/// A directory on the way down, and what the way says of it.
#[derive(Debug, Clone)]
pub(crate) struct Dir {
    /// Relative to the root; empty for the root itself.
    pub(crate) path: String,
    pub(crate) name: String,
    zone: Zone,
    /// Whether it belongs to a plugin.
    pub(crate) in_plugin: bool,
    /// Whether the way led over a link.
    pub(crate) linked: bool,
}

/// What the entries of a directory say of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Here {
    pub(crate) is_skill: bool,
    pub(crate) is_plugin: bool,
}

impl Dir {
    /// The root, whose own name is `name`; `kind` when all its Markdown is of one kind.
    pub(crate) fn root(name: String, kind: Option<FileKind>) -> Self {
        Self {
            path: String::new(),
            name,
            zone: kind.map_or(Zone::Open, Zone::Uniform),
            in_plugin: false,
            linked: false,
        }
    }

    /// The path of an entry.
    pub(crate) fn entry(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// Whether a sub-directory is looked into.
    pub(crate) fn enters(&self, name: &str) -> bool {
        enters(&self.name, name)
    }

    /// A sub-directory. Markdown in a skill's directory belongs to the skill, except in its own
    /// `agents` and `commands`; a plugin or a `.claude` further down is a place of its own.
    pub(crate) fn child(&self, name: &str, here: Here) -> Self {
        let layout_counts = self.zone != Zone::Skill || here.is_skill || here.is_plugin;
        let zone = match (self.zone, name) {
            (Zone::Uniform(_), _) => self.zone,
            (_, "agents") if layout_counts => Zone::Layout(FileKind::Agent),
            (_, "commands") if layout_counts => Zone::Layout(FileKind::Command),
            (_, ".claude") => Zone::Open,
            _ if here.is_skill => Zone::Skill,
            _ => self.zone,
        };
        Self {
            path: self.entry(name),
            name: name.to_owned(),
            zone,
            in_plugin: self.in_plugin || here.is_plugin,
            linked: self.linked,
        }
    }

    /// What a file is; `None` when it is no artifact.
    pub(crate) fn role(&self, file: &str, here: Here) -> Option<Role> {
        let single =
            |kind| (is_markdown(file) && is_artifact(file, kind)).then_some(Role::Single(kind));
        match file {
            _ if let Zone::Uniform(kind) = self.zone => single(kind),
            ".mcp.json" => Some(Role::Servers),
            "settings.json" => Some(Role::Settings),
            "hooks.json" if self.name == "hooks" => Some(Role::Hooks),
            "plugin.json" if self.name == ".claude-plugin" => Some(Role::Plugin),
            _ if is_skill_file(file) => Some(Role::Skill),
            _ if let Zone::Layout(kind) = self.zone
                && !here.is_skill =>
            {
                single(kind)
            }
            _ => None,
        }
    }
}

/// Whether a directory is looked into that lies in one called `parent`.
pub(crate) fn enters(parent: &str, name: &str) -> bool {
    if name.starts_with('.') {
        return NOT_HIDDEN.contains(&name);
    }
    let is_state = parent == ".claude" && STATE.contains(&name);
    !is_state && !PASSED_OVER.contains(&name)
}

/// Whether a file is a skill's main file, in any letter case.
pub(crate) fn is_skill_file(file: &str) -> bool {
    file.eq_ignore_ascii_case("SKILL.md")
}

/// Whether a Markdown file, by its name, may be an artifact of that kind.
pub(crate) fn is_artifact(file: &str, kind: FileKind) -> bool {
    let stem = stem(file).to_lowercase();
    let about = ABOUT.contains(&stem.as_str())
        || (kind != FileKind::Command && ABOUT_UNLESS_COMMAND.contains(&stem.as_str()));
    !file.starts_with('.') && !about
}

/// A Markdown file's name without its extension.
pub(crate) fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The role of a file at that path, where the listed directories hold a `SKILL.md`, and those
    /// that end in `!` a plugin's manifest.
    fn role(path: &str, marked: &[&str]) -> Option<Role> {
        let mut dir = Dir::root("root".into(), None);
        let mut parts: Vec<&str> = path.split('/').collect();
        let file = parts.pop().unwrap();
        let here = |dir: &Dir| Here {
            is_skill: marked.contains(&dir.path.as_str()),
            is_plugin: marked.contains(&format!("{}!", dir.path).as_str()),
        };
        for part in parts {
            if !dir.enters(part) {
                return None;
            }
            dir = dir.child(part, here(&dir));
        }
        dir.role(file, here(&dir))
    }

    const AGENT: Option<Role> = Some(Role::Single(FileKind::Agent));
    const COMMAND: Option<Role> = Some(Role::Single(FileKind::Command));

    #[test]
    fn artifacts_are_recognised_at_any_depth() {
        assert_eq!(role("a/b/skills/x/skill.MD", &[]), Some(Role::Skill));
        assert_eq!(role("a/agents/b/c.md", &[]), AGENT);
        assert_eq!(role(".claude/commands/git/cm.md", &[]), COMMAND);
        assert_eq!(role("p/hooks/hooks.json", &[]), Some(Role::Hooks));
        assert_eq!(role("p/hooks.json", &[]), None);
        assert_eq!(role(".claude/settings.json", &[]), Some(Role::Settings));
        assert_eq!(role("p/.mcp.json", &[]), Some(Role::Servers));
        assert_eq!(role("p/.claude-plugin/plugin.json", &[]), Some(Role::Plugin));
        assert_eq!(role("p/notes.md", &[]), None);
    }

    #[test]
    fn markdown_about_a_directory_is_passed_over() {
        assert_eq!(role("agents/readme.MD", &[]), None);
        assert_eq!(role("agents/Template.md", &[]), None);
        assert_eq!(role("commands/changelog.md", &[]), COMMAND);
        assert_eq!(role("commands/INDEX.md", &[]), None);
        assert_eq!(role("agents/.draft.md", &[]), None);
    }

    #[test]
    fn hidden_and_state_directories_are_passed_over() {
        assert_eq!(role(".codex/skills/x/SKILL.md", &[]), None);
        assert_eq!(role("node_modules/x/agents/a.md", &[]), None);
        assert_eq!(role(".claude/projects/agents/a.md", &[]), None);
        assert_eq!(role("projects/agents/a.md", &[]), AGENT);
        assert_eq!(role(".claude/worktrees/feature/.claude/agents/a.md", &[]), None);
        assert_eq!(role("worktrees/feature/.claude/agents/a.md", &[]), AGENT);
    }

    #[test]
    fn markdown_in_a_skill_belongs_to_it_except_its_own_agents_and_commands() {
        assert_eq!(role("s/agents/a.md", &["s"]), AGENT);
        assert_eq!(role("s/references/agents/a.md", &["s"]), None);
        assert_eq!(role("agents/s/notes.md", &["agents/s"]), None);
        assert_eq!(role("agents/s/assets/notes.md", &["agents/s"]), None);
        assert_eq!(role("s/.claude/commands/c.md", &["s"]), COMMAND);
        assert_eq!(role("s/deep/agents/a.md", &["s", "s/deep!"]), AGENT);
        assert_eq!(role("s/deep/SKILL.md", &["s"]), Some(Role::Skill));
    }

    #[test]
    fn in_a_directory_of_one_kind_all_markdown_is_of_it_and_nothing_else_counts() {
        let root = Dir::root("root".into(), Some(FileKind::Agent));
        let child = root.child("x", Here { is_skill: true, is_plugin: false });
        assert_eq!(child.role("a.md", Here::default()), AGENT);
        assert_eq!(child.role(".mcp.json", Here::default()), None);
        assert_eq!(child.role("README.md", Here::default()), None);
    }
}
