//! What is sent to do harm, or written where harm can be done: each is refused by its name, no file
//! changes, and the answer tells nothing of the server's disk.
//!
//! - `paths`: ids, names and paths that lead elsewhere; `links`: links that do.
//! - `values`: texts that mean something in YAML, TOML or JSON, and too much of everything.
//! - `disks`: full and read-only ones, and a collection that another program has locked.

mod disks;
mod links;
pub(crate) mod own_mounts;
mod paths;
mod values;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    answer::Answer,
    house::{Backend, House, managed, skill, write},
};

/// What may not be touched.
const SECRET: &str = "outside/secret/SKILL.md";

/// What is in it.
const TOLD_NOWHERE: &str = "told nowhere";

/// Files to be served: the collection `work`, a project that may be used, and what lies outside.
fn files() -> Arc<TempDir> {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 2);
    write(files.path(), "projects/shop/README.md", "a shop\n");
    write(files.path(), SECRET, skill(TOLD_NOWHERE));
    write(files.path(), "outside/project/README.md", "not yours\n");
    files
}

/// On SQLite: what is refused before anything is written is the same for both.
async fn open(files: &Arc<TempDir>) -> House {
    House::open(files, Backend::Sqlite).await
}

/// Every file, link and directory with its content, but for Larder's own that say nothing.
fn snapshot(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, format!("-> {}", target.display()).into_bytes());
            } else if kind.is_dir() {
                let own = [".larder", ".larder/staged", ".claude/.larder-project", ".claude"];
                if !own.iter().any(|own| name.ends_with(own)) {
                    found.insert(name, Vec::new());
                }
                directories.push(path);
            } else if ![".larder/lock", ".larder-project/lock", "/.gitignore"]
                .iter()
                .any(|own| name.ends_with(own))
            {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

impl House {
    fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        snapshot(self.files.path())
    }

    /// Checks that a request was refused as one of these, and that nothing has changed since.
    #[track_caller]
    fn refused(
        &self,
        answer: &Answer,
        expected: &[(u16, &str)],
        before: &BTreeMap<String, Vec<u8>>,
        what: &str,
    ) -> Value {
        let found = expected.iter().find(|(status, _)| *status == answer.status);
        let Some((status, kind)) = found else {
            panic!("{what}: {}: {}", answer.status, answer.text)
        };
        let problem = answer.problem(*status, kind);
        self.tells_no_place(answer, what);
        let after = self.snapshot();
        let differs = |name: &&String| before.get(*name) != after.get(*name);
        let changed: Vec<&String> = before.keys().chain(after.keys()).filter(differs).collect();
        assert!(changed.is_empty(), "{what}: {changed:?}");
        problem
    }

    #[track_caller]
    fn tells_no_place(&self, answer: &Answer, what: &str) {
        let root = self.files.path().to_str().unwrap();
        let name = self.files.path().file_name().unwrap().to_str().unwrap();
        assert!(!answer.text.contains(root) && !answer.text.contains(name), "{what}: {answer:?}");
        assert!(!answer.text.contains(TOLD_NOWHERE), "{what}: {answer:?}");
    }
}

/// An edit that anything may be asked for.
fn edit() -> Value {
    json!({"description": "Edited."})
}
