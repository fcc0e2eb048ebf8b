//! Whatever happens, the cache that follows it ends up with what a scan finds.

use std::{fs, path::PathBuf};

use super::{Cache, Fixture};

/// Paths at which one file changes what another one is.
const PATHS: [&str; 20] = [
    "a/SKILL.md",
    "a/skill.MD",
    "a/agents/x.md",
    "a/notes.md",
    "a/b/SKILL.md",
    "b/agents/x.md",
    "agents/x.md",
    "plugin/.claude-plugin/plugin.json",
    "plugin/docs/one.md",
    "plugin/docs/two.md",
    "plugin/agents/three.md",
    "plugin/hooks/hooks.json",
    ".mcp.json",
    ".claude/settings.json",
    ".claude/commands/c.md",
    "tool.json",
    "lint.sh",
    "collection.toml",
    "collection.lock",
    ".hidden/SKILL.md",
];
const DIRECTORIES: [&str; 6] = ["a", "a/b", "b", "plugin", "plugin/.claude-plugin", ".claude"];

/// Numbers without a pattern, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// A text that means something at such a path.
fn text(path: &str, dice: &mut Dice) -> String {
    let name = dice.one_of(&["one", "two", "three"]);
    match path.rsplit('/').next().unwrap() {
        "plugin.json" => format!("{{\"name\": \"kit\", \"agents\": \"./docs/{name}.md\"}}"),
        ".mcp.json" => format!("{{\"mcpServers\": {{\"{name}\": {{\"command\": \"x\"}}}}}}"),
        "hooks.json" => format!("{{\"description\": \"{name}\"}}"),
        "settings.json" => format!("{{\"hooks\": {{\"{name}\": []}}}}"),
        "collection.toml" => manifest(dice),
        "collection.lock" => String::new(),
        _ => format!("---\ndescription: {name} {}\n---\n", dice.below(1000)),
    }
}

fn manifest(dice: &mut Dice) -> String {
    let entries = [
        ("skill", "a"),
        ("agent", "a/agents/x.md"),
        ("agent", "./agents/x.md"),
        ("composite", "plugin"),
        ("hook", "lint.sh"),
        ("mcp", ".mcp.json"),
        ("command", ".claude/commands/c.md"),
    ];
    let mut manifest = String::new();
    for (number, (kind, path)) in entries.into_iter().enumerate() {
        if dice.below(4) > 0 {
            let entry = format!("name = \"n{number}\"\ntype = \"{kind}\"\npath = \"{path}\"");
            manifest.extend(["[[artifacts]]\n", entry.as_str(), "\n"]);
        }
    }
    manifest
}

/// Does something to a file or to a directory.
fn act(files: &Fixture, dice: &mut Dice) {
    let at = |path: &str| files.root.join(path);
    let path = dice.one_of(&PATHS);
    let (from, to) = (dice.one_of(&DIRECTORIES), dice.one_of(&DIRECTORIES));
    // What is not there cannot be moved or removed, and a directory not into itself.
    let _ = match dice.below(30) {
        0 if path != "collection.toml" => fs::remove_file(at(path)),
        1 => fs::remove_dir_all(at(from)),
        2 => fs::rename(at(from), at(to)),
        3 => fs::rename(at(from), aside(files)),
        4 => fs::rename(aside(files), at(to)),
        5 => std::os::unix::fs::symlink(at(from), at("a/b")),
        6..=11 => {
            files.write("draft.tmp", text(path, dice));
            fs::rename(at("draft.tmp"), at(path))
        }
        _ if path != "collection.toml" && at(path).parent().is_some_and(|it| !it.exists()) => {
            fs::create_dir_all(at(path).parent().unwrap())
        }
        _ => fs::write(at(path), text(path, dice)),
    };
}

fn aside(files: &Fixture) -> PathBuf {
    files.root.with_file_name(".aside")
}

async fn follow(files: Fixture, seed: u64) {
    let mut dice = Dice(seed);
    files.write("keep/SKILL.md", "the root is never empty");
    for path in PATHS.iter().filter(|path| !path.starts_with("collection")) {
        files.write(path, text(path, &mut dice));
    }
    let mut cache = Cache::of(files).await;
    for _ in 0..25 {
        for _ in 0..=dice.below(4) {
            act(&cache.watched.files, &mut dice);
        }
        if dice.below(3) == 0 {
            // A scan for another reason sees what is gone before anything is told of it.
            let brief = dice.one_of(&["keep/brief.md", "keep/brief/SKILL.md"]);
            cache.watched.files.write(brief, "gone at once");
            cache.rows = cache.scanned().await;
            fs::remove_file(cache.watched.path(brief)).unwrap();
        }
        cache.agrees().await;
    }
}

#[tokio::test]
async fn a_plain_directory_is_followed_whatever_happens_in_it() {
    for seed in 0..8 {
        follow(Fixture::plain(), seed).await;
    }
}

#[tokio::test]
async fn a_managed_collection_is_followed_whatever_happens_in_it() {
    for seed in 0..8 {
        follow(Fixture::managed(&manifest(&mut Dice(seed))), seed).await;
    }
}
