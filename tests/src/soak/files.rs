//! The files: how they come to be, what a program beside Larder does to them, and what they say.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use tempfile::TempDir;

/// The sources, by precedence. Somebody else writes the manifest of the first, Larder alone that of
/// the second, the third comes and goes as a whole, and the last one is a plain directory.
pub(super) const SOURCES: [&str; 4] = [ALPHA, BETA, GAMMA, PLAIN];
const ALPHA: &str = "alpha";
pub(super) const BETA: &str = "beta";
const GAMMA: &str = "gamma";
const PLAIN: &str = "plain";

/// Skills are named `s0` and so on below this number, in every source.
const NAMES: usize = 48;
/// So many are in a source at first, the first names.
const AT_FIRST: usize = 24;
/// And never fewer than so many, so that no scan misses half of what it knew.
const AT_LEAST: usize = 18;

/// What a source's artifacts say, by id.
pub(crate) type Shown = BTreeMap<String, String>;

/// A directory with all sources in it.
pub(crate) struct Files(TempDir);

/// The id of a skill.
pub(crate) fn id(name: &str) -> String {
    format!("skill:{name}")
}

/// One of the names that skills have.
pub(crate) fn any_name(dice: &mut Rng) -> String {
    format!("s{}", dice.usize(..NAMES))
}

impl Files {
    /// Writes all sources.
    pub(crate) fn write(dice: &mut Rng) -> io::Result<Self> {
        let files = Self(tempfile::tempdir()?);
        for source in SOURCES {
            let names: Vec<String> = (0..AT_FIRST).map(|n| format!("s{n}")).collect();
            for name in &names {
                files.add_skill(source, name, &text(name, dice))?;
            }
            if source != PLAIN {
                files.replace(&files.manifest_of(source), &manifest(&names))?;
            }
        }
        Ok(files)
    }

    /// The directory of the managed collections.
    pub(super) fn collections(&self) -> PathBuf {
        self.0.path().join("collections")
    }

    /// The directory of the servers' own data.
    pub(super) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// The plain directory.
    pub(super) fn plain(&self) -> PathBuf {
        self.0.path().join(PLAIN)
    }

    /// Does one thing that a person with a shell and an editor does. What is gone meanwhile is no
    /// error.
    pub(super) fn touch(&self, dice: &mut Rng) {
        let done = match dice.u8(..20) {
            0..10 => self.edit(dice),
            10..12 => self.add(ALPHA, dice),
            12..14 => self.add(PLAIN, dice),
            14..16 => self.remove(if dice.bool() { ALPHA } else { PLAIN }, dice),
            16..19 => self.rename(if dice.bool() { ALPHA } else { PLAIN }, dice),
            _ => self.come_or_go(),
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }

    fn edit(&self, dice: &mut Rng) -> io::Result<()> {
        let source = SOURCES[dice.usize(..SOURCES.len())];
        let name = any_name(dice);
        let file = self.skill(source, &name).join("SKILL.md");
        if !file.exists() {
            return Ok(());
        }
        let text = text(&name, dice);
        // Some editors save by rename, some in place.
        if dice.bool() { self.replace(&file, &text) } else { fs::write(file, text) }
    }

    fn add(&self, source: &str, dice: &mut Rng) -> io::Result<()> {
        let mut names = self.names(source)?;
        let name = any_name(dice);
        if names.contains(&name) {
            return Ok(());
        }
        self.add_skill(source, &name, &text(&name, dice))?;
        names.push(name);
        self.list(source, &names)
    }

    fn remove(&self, source: &str, dice: &mut Rng) -> io::Result<()> {
        let mut names = self.names(source)?;
        if names.len() <= AT_LEAST {
            return Ok(());
        }
        let name = names.swap_remove(dice.usize(..names.len()));
        self.list(source, &names)?;
        fs::remove_dir_all(self.skill(source, &name))
    }

    fn rename(&self, source: &str, dice: &mut Rng) -> io::Result<()> {
        let mut names = self.names(source)?;
        let (place, to) = (dice.usize(..names.len()), any_name(dice));
        if names.contains(&to) || self.skill(source, &to).exists() {
            return Ok(());
        }
        fs::rename(self.skill(source, &names[place]), self.skill(source, &to))?;
        names[place] = to;
        self.list(source, &names)
    }

    /// A whole collection goes away, or comes back.
    fn come_or_go(&self) -> io::Result<()> {
        let (here, away) = (self.root(GAMMA), self.0.path().join("away"));
        if here.exists() { fs::rename(here, away) } else { fs::rename(away, here) }
    }

    /// Brings back what went away: of a source that is missing, the cache keeps what it had.
    pub(super) fn complete(&self) -> io::Result<()> {
        if self.root(GAMMA).exists() { Ok(()) } else { self.come_or_go() }
    }

    /// What every source says, as an independent reader sees it.
    pub(super) fn read(&self) -> io::Result<BTreeMap<&'static str, Shown>> {
        let mut all = BTreeMap::new();
        for source in SOURCES {
            let mut shown = Shown::new();
            for name in self.names(source)? {
                let text = fs::read_to_string(self.skill(source, &name).join("SKILL.md"))?;
                let description = text.lines().find_map(|it| it.strip_prefix("description: "));
                let description = description.unwrap_or_default().trim_matches(['"', '\'']);
                shown.insert(id(&name), description.to_owned());
            }
            all.insert(source, shown);
        }
        Ok(all)
    }

    /// The names that a source lists.
    fn names(&self, source: &str) -> io::Result<Vec<String>> {
        if source == PLAIN {
            let entries = fs::read_dir(self.root(source).join("skills"))?;
            let name = |entry: io::Result<fs::DirEntry>| {
                entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
            };
            let mut names = entries.map(name).collect::<io::Result<Vec<String>>>()?;
            names.sort_unstable();
            return Ok(names);
        }
        let manifest = fs::read_to_string(self.manifest_of(source))?;
        let (_, entries) = manifest.split_once("[[artifacts]]").unwrap_or_default();
        let name = |line: &str| Some(line.strip_prefix("name = \"")?.strip_suffix('"')?.to_owned());
        Ok(entries.lines().filter_map(name).collect())
    }

    /// Makes a source list these names.
    fn list(&self, source: &str, names: &[String]) -> io::Result<()> {
        if source == PLAIN {
            return Ok(());
        }
        self.replace(&self.manifest_of(source), &manifest(names))
    }

    fn add_skill(&self, source: &str, name: &str, text: &str) -> io::Result<()> {
        let directory = self.skill(source, name);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("SKILL.md"), text)
    }

    /// Saves by rename.
    fn replace(&self, file: &Path, text: &str) -> io::Result<()> {
        let aside = self.0.path().join("aside");
        fs::write(&aside, text)?;
        fs::rename(aside, file)
    }

    fn root(&self, source: &str) -> PathBuf {
        if source == PLAIN { self.plain() } else { self.collections().join(source) }
    }

    fn skill(&self, source: &str, name: &str) -> PathBuf {
        self.root(source).join("skills").join(name)
    }

    fn manifest_of(&self, source: &str) -> PathBuf {
        self.root(source).join("collection.toml")
    }
}

/// The text of a skill, unlike any other.
fn text(name: &str, dice: &mut Rng) -> String {
    format!("---\nname: {name}\ndescription: {}\n---\n# {name}\n", description(dice))
}

/// A description unlike any other.
pub(crate) fn description(dice: &mut Rng) -> String {
    format!("What is {:x} about.", dice.u64(..))
}

fn manifest(names: &[String]) -> String {
    let head = "[collection]\nname = \"soaked\"\nversion = \"1.0.0\"\n\
                created = \"2026-01-05T10:00:00\"\nupdated = \"2026-01-05T10:00:00\"\n";
    let entry = |name: &String| {
        format!(
            "\n[[artifacts]]\nname = \"{name}\"\ntype = \"skill\"\npath = \"skills/{name}\"\n\
             origin = \"local\"\nadded = \"2026-01-05T10:00:00\"\n"
        )
    };
    names.iter().map(entry).fold(head.to_owned(), |all, entry| all + &entry)
}
