//! Source collections to measure with: skills of about 3 KB, the same in every run.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{Outcome, timing::Stopwatch, words::Words};

/// The name of every source collection here.
pub(crate) const SOURCE: &str = "bench";

/// The file that lists the artifacts of a managed collection.
pub(crate) const MANIFEST: &str = "collection.toml";

const MANIFEST_HEAD: &str = "[collection]\nname = \"bench\"\nversion = \"1.0.0\"\n\
                             created = \"2026-01-05T10:00:00.123456\"\n\
                             updated = \"2026-01-05T10:00:00.123456\"\n";
const LOCK_HEAD: &str = "[lock]\nversion = \"1.0.0\"\n";

/// How long a SKILL.md is at least, in bytes.
const LENGTH: usize = 3_000;

const TAGS: [&str; 24] = [
    "testing",
    "docs",
    "python",
    "rust",
    "typescript",
    "security",
    "database",
    "frontend",
    "review",
    "release",
    "git",
    "ci",
    "design",
    "api",
    "cloud",
    "data",
    "writing",
    "research",
    "pdf",
    "images",
    "email",
    "planning",
    "debugging",
    "performance",
];
const TOOLS: [&str; 6] = ["Read", "Write", "Grep", "Glob", "Bash(git log:*)", "WebFetch"];
const LICENSES: [&str; 3] = ["MIT", "Apache-2.0", "Complete terms in LICENSE.txt"];

/// How a source collection is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Files alone.
    Plain,
    /// Files, a collection.toml and a collection.lock.
    Managed,
}

/// A source collection on the disk; it goes with this value.
pub(crate) struct Tree {
    directory: TempDir,
    /// How it is laid out.
    pub(crate) layout: Layout,
    /// How many artifacts it holds.
    pub(crate) artifacts: u64,
}

/// What the frontmatter and the manifest say of a skill.
struct Skill {
    name: String,
    description: String,
    author: String,
    license: &'static str,
    version: String,
    tags: Vec<&'static str>,
}

impl Tree {
    /// Writes a source collection of so many skills.
    pub(crate) fn write(layout: Layout, artifacts: u64) -> Outcome<Self> {
        eprintln!("writing {artifacts} skills ({layout:?})");
        let tree = Self { directory: tempfile::tempdir()?, layout, artifacts };
        let root = tree.root();
        let (mut manifest, mut lock) = (String::from(MANIFEST_HEAD), String::from(LOCK_HEAD));
        for number in 0..artifacts {
            let mut words = Words::of_seed(number << 32);
            let skill = Skill::of(number, &mut words);
            let directory = root.join("skills").join(&skill.name);
            fs::create_dir_all(&directory)?;
            fs::write(directory.join("SKILL.md"), skill.file(number, &mut words)?)?;
            skill.enter(&mut manifest)?;
            skill.lock(&mut lock)?;
        }
        if layout == Layout::Managed {
            fs::write(root.join(MANIFEST), manifest)?;
            fs::write(root.join("collection.lock"), lock)?;
        }
        // The disk has enough to do without what is still to be written.
        run(Command::new("sync").arg("-f").arg(&root))?;
        Ok(tree)
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join(SOURCE)
    }

    /// The id of one of its artifacts, by the number below [`Self::artifacts`].
    pub(crate) fn id(number: u64) -> String {
        format!("skill:{}", Skill::of(number, &mut Words::of_seed(number << 32)).name)
    }

    /// The bytes of one of its files.
    pub(crate) fn read(&self, path: &str) -> Outcome<Vec<u8>> {
        Ok(fs::read(self.root().join(path))?)
    }

    /// Where one of its files is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// The arguments that make `larder serve` serve it.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        match self.layout {
            Layout::Plain => {
                let mut directory = OsString::from(format!("{SOURCE}="));
                directory.push(self.root());
                vec!["--directory".into(), directory]
            }
            Layout::Managed => vec!["--collections".into(), self.directory.path().into()],
        }
    }

    /// How long it takes to read all files and do nothing with them.
    pub(crate) fn cat(&self) -> Outcome<Duration> {
        let script = "find \"$0\" -name SKILL.md -print0 | xargs -0 cat > /dev/null";
        timed(Command::new("sh").arg("-c").arg(script).arg(self.root()))
    }

    /// How long it takes to stat all files and print what changes when a file does.
    pub(crate) fn find(&self) -> Outcome<Duration> {
        timed(Command::new("find").arg(self.root()).args(["-printf", "%s %T@ %C@ %i\n"]))
    }
}

impl Skill {
    fn of(number: u64, words: &mut Words) -> Self {
        let sentences = 1 + words.below(3);
        let description: Vec<_> = (0..sentences).map(|_| words.phrase(12) + ".").collect();
        let mut tags: Vec<_> = (0..2 + words.below(4)).map(|_| words.one_of(&TAGS)).collect();
        tags.sort_unstable();
        tags.dedup();
        Self {
            name: format!("{}-{}-{number}", words.word(), words.word()),
            description: description.join(" "),
            author: words.phrase(2),
            license: words.one_of(&LICENSES),
            version: format!("{}.{}.0", words.below(4), words.below(20)),
            tags,
        }
    }

    /// The text of its SKILL.md, written in one of the ways that people write them.
    fn file(&self, number: u64, words: &mut Words) -> Result<String, std::fmt::Error> {
        let Self { name, description, author, license, version, tags } = self;
        let mut text = format!("---\nname: {name}\n");
        // One file of fifty is no valid YAML, as in the wild.
        let colon = if number.is_multiple_of(50) { "Use when: " } else { "" };
        writeln!(text, "description: {colon}{description}")?;
        if number.is_multiple_of(3) {
            writeln!(text, "license: {license}")?;
        }
        if number.is_multiple_of(2) {
            writeln!(text, "tags: [{}]", tags.join(", "))?;
            writeln!(text, "metadata:\n  author: {author}\n  version: \"{version}\"")?;
        } else {
            writeln!(text, "version: {version}\nauthor: {author}\ntags:")?;
            for tag in tags {
                writeln!(text, "  - {tag}")?;
            }
        }
        writeln!(text, "allowed-tools: {}, {}", words.one_of(&TOOLS), words.one_of(&TOOLS))?;
        writeln!(text, "---\n\n# {name}")?;
        while text.len() < LENGTH {
            writeln!(text, "\n## {}\n\n{}.", words.phrase(3), words.phrase(40))?;
        }
        Ok(text)
    }

    /// Adds its entry to a manifest.
    fn enter(&self, manifest: &mut String) -> std::fmt::Result {
        let Self { name, description, author, tags, .. } = self;
        write!(
            manifest,
            r#"
[[artifacts]]
name = "{name}"
type = "skill"
path = "skills/{name}"
origin = "github"
added = "2026-01-05T10:00:00.123456"
upstream = "larder/bench/skills/{name}"
tags = {tags:?}
[artifacts.metadata]
description = "{description}"
author = "{author}"
"#
        )
    }

    /// Adds its entry to a lock.
    fn lock(&self, lock: &mut String) -> std::fmt::Result {
        let Self { name, version, .. } = self;
        write!(
            lock,
            r#"
[lock.entries."{name}::skill"]
source = "larder/bench/skills/{name}"
resolved_sha = "0f3c1a5b7d9e2f4a6c8b0d1e3f5a7c9b1d3e5f70"
resolved_version = "v{version}"
fetched = "2026-01-05T10:00:00.123456"
"#
        )
    }
}

fn timed(command: &mut Command) -> Outcome<Duration> {
    let watch = Stopwatch::start();
    run(command)?;
    Ok(watch.elapsed())
}

fn run(command: &mut Command) -> Outcome<()> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() {
        return Ok(());
    }
    let program = Path::new(command.get_program()).display().to_string();
    Err(format!("{program} failed: {status}").into())
}
