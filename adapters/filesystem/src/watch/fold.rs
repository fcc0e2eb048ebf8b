//! What it means for a source that some of its paths were touched.

use std::fs;

use larder::domain::{
    collection::{Layout, Source},
    id::SourceName,
    watching::Change,
};

use crate::{managed::LOCK, plain, reading::is_markdown};

/// More files than these are found sooner by a scan.
const MOST_FILES: usize = 200;
/// JSON that holds artifacts of a plain directory.
const PLAIN_JSON: [&str; 4] = [".mcp.json", "hooks.json", "plugin.json", "settings.json"];
/// What a manifest names as a rule as an artifact of one file, beside Markdown.
const USUAL: [&str; 11] =
    ["json", "toml", "yaml", "yml", "txt", "mdc", "sh", "py", "js", "mjs", "ts"];
/// Directories of a managed collection that no manifest names, and that are large.
const NOT_OF_A_MANIFEST: [&str; 5] = [".git", ".larder", ".venv", "__pycache__", "node_modules"];

/// A path that was touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Touched {
    /// Relative to the source's root.
    pub(super) path: String,
    /// Whether anything happened to a directory at it.
    pub(super) was_directory: bool,
    /// What is there now.
    pub(super) now: Now,
    /// Whether it was a link when it was looked at last.
    pub(super) was_link: bool,
}

/// What stands at a path; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// Nothing, or nothing that is ever read.
    Nothing,
    File,
    Link,
    Directory,
}

/// What a batch means for one source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folded {
    /// What is to be told.
    pub(super) change: Option<Change>,
    /// Directories and links that came, went or were replaced: what is watched below them is not
    /// right any more.
    pub(super) moved: Vec<String>,
}

/// What a file's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bearing {
    /// It is no artifact, whatever it holds.
    None,
    /// It may be one artifact, and says nothing of others.
    Own,
    /// Which artifacts there are may hang on what it holds.
    Wider,
    /// A manifest may name it. One that is gone was rather what a program wrote before it renamed it.
    Unusual,
}

/// What a touched path means.
enum Meaning {
    Nothing,
    /// The file at it holds something else.
    File,
    /// Only a scan can tell.
    Tree,
    /// The same, and what is watched is not right any more.
    Moved,
}

/// What is looked at in a source.
#[derive(Debug)]
pub(super) struct Rules {
    layout: Layout,
    /// What the root's own directory is called, which `.claude` makes a difference to.
    root_name: String,
}

/// Whether a name is one that editors give to what they keep beside a file.
fn is_editors(name: &str) -> bool {
    name.starts_with(".#") || name.starts_with('#') || name.ends_with('~')
}

impl Rules {
    pub(super) fn of(source: &Source) -> Self {
        let real = fs::canonicalize(&source.root).unwrap_or_else(|_| source.root.clone().into());
        let root_name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { layout: source.layout, root_name }
    }

    /// Whether a directory at a path, relative to the root, is looked into.
    pub(super) fn enters(&self, path: &str) -> bool {
        let (parent, name) = path.rsplit_once('/').unwrap_or((&self.root_name, path));
        let parent = parent.rsplit_once('/').map_or(parent, |(_, name)| name);
        match self.layout {
            Layout::Plain => plain::enters(parent, name),
            // A manifest may name what it likes.
            Layout::Managed => !NOT_OF_A_MANIFEST.contains(&name) && !is_editors(name),
        }
    }

    /// Whether a file of that name may be, or hold, an artifact.
    pub(super) fn matters(&self, name: &str) -> bool {
        self.bearing(name) != Bearing::None
    }

    fn bearing(&self, name: &str) -> Bearing {
        let is_hidden = name.starts_with('.') && name != ".mcp.json";
        match self.layout {
            _ if is_editors(name) => Bearing::None,
            Layout::Plain if is_hidden => Bearing::None,
            _ if is_markdown(name) => Bearing::Own,
            Layout::Plain if PLAIN_JSON.contains(&name) => Bearing::Wider,
            Layout::Plain => Bearing::None,
            // Hidden beside it an editor keeps what is not saved yet.
            Layout::Managed if is_hidden => Bearing::None,
            Layout::Managed => {
                let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
                if USUAL.contains(&extension) || name == LOCK {
                    Bearing::Wider
                } else {
                    Bearing::Unusual
                }
            }
        }
    }

    fn meaning(&self, touched: &Touched) -> Meaning {
        let Touched { path, was_directory, now, was_link } = touched;
        let name = path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name);
        match (now, self.bearing(name)) {
            _ if *was_directory || *was_link || *now == Now::Directory => Meaning::Moved,
            (Now::Link, bearing) if bearing != Bearing::None || self.enters(path) => Meaning::Moved,
            (Now::Link, _) | (_, Bearing::None) | (Now::Nothing, Bearing::Unusual) => {
                Meaning::Nothing
            }
            (Now::File, Bearing::Own) => Meaning::File,
            _ => Meaning::Tree,
        }
    }
}

/// What is to be told of a source whose paths were touched, given in order and each once, and what
/// must be watched anew.
pub(super) fn fold(source: &SourceName, rules: &Rules, touched: &[Touched]) -> Folded {
    let (mut files, mut moved, mut tree) = (Vec::new(), Vec::new(), false);
    for touched in touched {
        match rules.meaning(touched) {
            Meaning::Nothing => {}
            Meaning::File => files.push(touched.path.clone()),
            Meaning::Tree => tree = true,
            Meaning::Moved => moved.push(touched.path.clone()),
        }
    }
    let change = if tree || !moved.is_empty() || files.len() > MOST_FILES {
        Some(Change::Tree(source.clone()))
    } else {
        (!files.is_empty()).then(|| Change::Files(source.clone(), files))
    };
    Folded { change, moved }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: bool = false;
    const DIRECTORY: bool = true;

    fn touched(path: &str, was_directory: bool, now: Now) -> Touched {
        Touched { path: path.to_owned(), was_directory, now, was_link: false }
    }

    fn rules(layout: Layout) -> Rules {
        Rules { layout, root_name: "work".to_owned() }
    }

    fn folded(layout: Layout, touched: &[Touched]) -> Folded {
        fold(&SourceName::new("work").unwrap(), &rules(layout), touched)
    }

    /// What is told, in words.
    fn told(layout: Layout, touched: &[Touched]) -> String {
        match folded(layout, touched).change {
            None => "nothing".to_owned(),
            Some(Change::Files(_, paths)) => paths.join(" "),
            Some(Change::Tree(_)) => "tree".to_owned(),
            Some(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn one_touched_path_is_told_as_what_it_may_mean() {
        use Layout::{Managed, Plain};
        use Now::{Directory, File, Link, Nothing};
        let cases = [
            (Plain, "a/SKILL.md", FILE, File, "a/SKILL.md"),
            (Plain, "a/skill.MD", FILE, File, "a/skill.MD"),
            // It may have come and gone meanwhile, and a scan have read it in between.
            (Plain, "a/SKILL.md", FILE, Nothing, "tree"),
            (Managed, "agents/a.md", FILE, Nothing, "tree"),
            (Plain, "a/4913", FILE, Nothing, "nothing"),
            (Managed, "agents/4913", FILE, Nothing, "nothing"),
            (Plain, "a/SKILL.md", FILE, Link, "tree"),
            (Plain, ".claude-plugin/plugin.json", FILE, File, "tree"),
            (Plain, ".mcp.json", FILE, File, "tree"),
            (Plain, "a/settings.local.json", FILE, File, "nothing"),
            (Plain, "a/package.json", FILE, Nothing, "nothing"),
            (Managed, "collection.toml", FILE, File, "tree"),
            (Managed, "collection.lock", FILE, File, "tree"),
            (Plain, "collection.lock", FILE, File, "nothing"),
            (Managed, "hooks/lint.sh", FILE, File, "tree"),
            (Managed, "mcp/github.json", FILE, File, "tree"),
            (Managed, "agents/a.md", FILE, File, "agents/a.md"),
            (Managed, "hooks/run", FILE, File, "tree"),
            (Managed, "agents/.dot.md", FILE, File, "agents/.dot.md"),
            (Managed, "agents/.#a.md", FILE, Link, "nothing"),
            (Managed, "agents/a.md.tmp.1.2", FILE, Nothing, "nothing"),
            (Managed, "agents/.a.md.swp", FILE, File, "nothing"),
            (Plain, "a/4913", FILE, File, "nothing"),
            (Plain, "a/SKILL.md~", FILE, Nothing, "nothing"),
            (Plain, "a/.SKILL.md.swp", FILE, Nothing, "nothing"),
            (Plain, "a/.#SKILL.md", FILE, Link, "nothing"),
            (Plain, "a/#SKILL.md#", FILE, File, "nothing"),
            (Plain, "a/sedX1y2Z3", FILE, Nothing, "nothing"),
            (Plain, "a/SKILL.md.tmp.1.2", FILE, Nothing, "nothing"),
            (Plain, "a/b", DIRECTORY, Directory, "tree"),
            (Plain, "a/b", DIRECTORY, Nothing, "tree"),
            (Plain, "a/b", FILE, Directory, "tree"),
            (Plain, "a/b", FILE, Link, "tree"),
            (Plain, "a/b", FILE, File, "nothing"),
        ];
        for (layout, path, was_directory, now, expected) in cases {
            let told = told(layout, &[touched(path, was_directory, now)]);
            assert_eq!(told, expected, "{layout:?} {path} {was_directory} {now:?}");
        }
    }

    #[test]
    fn files_are_told_in_order_unless_a_scan_tells_more_than_they_do() {
        let file = |path: &str| touched(path, FILE, Now::File);
        let files = [file("a.md"), file("b.md"), file("c.txt")];
        assert_eq!(told(Layout::Plain, &files), "a.md b.md");
        let with_one_gone = [file("a.md"), touched("b.md", FILE, Now::Nothing)];
        assert_eq!(told(Layout::Plain, &with_one_gone), "tree");
        let many: Vec<Touched> =
            (0..=MOST_FILES).map(|number| file(&format!("{number}.md"))).collect();
        assert_eq!(told(Layout::Plain, &many), "tree");
        assert_eq!(told(Layout::Plain, &many[1..]).split(' ').count(), MOST_FILES);
    }

    #[test]
    fn what_is_watched_anew_is_what_was_or_is_a_directory_or_a_link() {
        let link = Touched { was_link: true, ..touched("l", FILE, Now::Nothing) };
        let replaced = Touched { was_link: true, ..touched("m.md", FILE, Now::File) };
        let touched = [
            touched("a/new", DIRECTORY, Now::Directory),
            touched("a/x.md", FILE, Now::File),
            touched("b", FILE, Now::Link),
            link,
            replaced,
        ];
        let folded = folded(Layout::Plain, &touched);
        assert_eq!(folded.moved, ["a/new", "b", "l", "m.md"]);
        assert!(matches!(folded.change, Some(Change::Tree(_))));
    }

    #[test]
    fn directories_that_no_scan_looks_into_are_passed_over() {
        let (plain, managed) = (rules(Layout::Plain), rules(Layout::Managed));
        for path in [".git", ".larder", "a/.venv", "a/node_modules"] {
            assert!(!plain.enters(path) && !managed.enters(path), "{path}");
        }
        for path in ["skills", ".claude", "a/.claude-plugin"] {
            assert!(plain.enters(path) && managed.enters(path), "{path}");
        }
        assert!(!plain.enters("a/target") && managed.enters("skills/target"));
        assert!(!plain.enters("a/.claude/projects") && plain.enters("a/projects"));
        let of_claude = Rules { root_name: ".claude".to_owned(), ..plain };
        assert!(!of_claude.enters("projects") && of_claude.enters("a/projects"));
    }
}
