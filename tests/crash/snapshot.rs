//! All files of a world, as they can be compared.

use std::{collections::BTreeMap, fs, path::Path};

use larder_tests::writes::{JOURNAL_KEY, OTHER_KEY, Operation};
use serde_json::Value;

/// Files by path, with what is drawn at random taken out.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapshot {
    files: BTreeMap<String, String>,
    /// Larder's own files that a finished write does not leave.
    leftovers: BTreeMap<String, String>,
}

impl Snapshot {
    pub(crate) fn of(root: &Path) -> Self {
        let mut snapshot = Self { files: BTreeMap::new(), leftovers: BTreeMap::new() };
        let mut directories = vec![root.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                if [JOURNAL_KEY, OTHER_KEY].contains(&name) {
                    continue;
                }
                let bytes = fs::read(&path).unwrap();
                snapshot.add(name, &String::from_utf8(bytes).unwrap(), root);
            }
        }
        snapshot
    }

    fn add(&mut self, name: &str, text: &str, root: &Path) {
        let places = [".larder/", ".larder-project/"];
        let own = places.iter().find_map(|place| name.split_once(place)).map(|(_, own)| own);
        match own {
            Some("lock" | ".gitignore") => {}
            Some(own) if own.starts_with("trash/") => {
                let name: Vec<&str> = name
                    .split('/')
                    .map(|part| if part.len() == 26 { "ID" } else { part })
                    .collect();
                let text =
                    if own.ends_with("record.json") { without_ids(text) } else { text.into() };
                self.files.insert(name.join("/"), text);
            }
            Some("history.jsonl") => {
                let lines: Vec<String> = text.lines().map(without_ids).collect();
                self.files.insert(name.to_owned(), lines.join("\n"));
            }
            Some("deployments.toml") => {
                let text = text.replace(root.to_str().unwrap(), "ROOT");
                self.files.insert(name.to_owned(), text);
            }
            Some(_) => drop(self.leftovers.insert(name.to_owned(), text.to_owned())),
            None => drop(self.files.insert(name.to_owned(), text.to_owned())),
        }
    }

    /// Whether no record, staged file or conflict is left.
    pub(crate) fn is_clean(&self) -> bool {
        self.leftovers.is_empty()
    }

    /// The content of a file.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.files.get(name).map_or("", String::as_str)
    }

    /// Without what a killed writer leaves among Larder's own files in a project: it hurts nobody,
    /// and the next writer there takes it away.
    pub(crate) fn with_project_tidied(mut self) -> Self {
        self.leftovers.retain(|name, _| !name.starts_with("project/"));
        self
    }

    /// Each file of the world before has its old text or its new one, or the old one is kept among
    /// Larder's own files.
    pub(crate) fn assert_nothing_lost(&self, old: &Self, new: &Self, what: &str) {
        for (name, text) in &old.files {
            let there = self.files.get(name);
            let is_kept =
                |(name, kept): (&String, &String)| name.contains(".larder") && kept == text;
            assert!(
                there.is_some_and(|there| there == text || Some(there) == new.files.get(name))
                    || self.files.iter().chain(&self.leftovers).any(is_kept),
                "{what}: {name} is lost: {self:?}"
            );
        }
    }

    /// Before anybody has come to finish it, no file is torn: each is the old one or the new one.
    pub(crate) fn assert_whole(&self, old: &Self, new: &Self, operation: Operation, at: usize) {
        for (name, text) in &self.files {
            let known = [old.files.get(name), new.files.get(name)];
            assert!(
                known.contains(&Some(text)),
                "{operation:?} killed at {at} tore {name}: {text}"
            );
        }
    }
}

fn without_ids(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    value["id"] = Value::Null;
    value.to_string()
}
