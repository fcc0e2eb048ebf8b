//! What is gathered until a moment of silence.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// So many paths of one source are remembered; then the whole source counts as touched.
const MOST: usize = 4096;

/// What happened in all watched directories.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Whether the sources must be looked for.
    pub(super) sources: bool,
    /// Paths at which a source may have appeared, if they are directories.
    pub(super) candidates: BTreeSet<PathBuf>,
    /// By the number of the source, and by path relative to its root; whether anything happened to
    /// a directory there.
    pub(super) touched: BTreeMap<usize, BTreeMap<String, bool>>,
}

impl Batch {
    /// Whether nothing happened that concerns any source.
    pub(super) fn is_empty(&self) -> bool {
        !self.sources && self.candidates.is_empty() && self.touched.is_empty()
    }

    /// Remembers a path. An empty one is the root, and with it all that is below.
    pub(super) fn touch(&mut self, source: usize, path: String, directory: bool) {
        let paths = self.touched.entry(source).or_default();
        if paths.contains_key("") {
            return;
        }
        if path.is_empty() || paths.len() == MOST {
            paths.clear();
            paths.insert(String::new(), true);
            return;
        }
        *paths.entry(path).or_default() |= directory;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_was_a_directory_if_it_was_one_at_any_time() {
        let mut batch = Batch::default();
        batch.touch(0, "a".into(), false);
        batch.touch(0, "a".into(), true);
        batch.touch(0, "a".into(), false);
        batch.touch(0, "b".into(), false);
        assert_eq!(batch.touched[&0], BTreeMap::from([("a".into(), true), ("b".into(), false)]));
    }

    #[test]
    fn too_many_paths_are_the_whole_source_and_leave_the_others_alone() {
        let mut batch = Batch::default();
        batch.touch(1, "other".into(), false);
        for number in 0..=MOST {
            batch.touch(0, number.to_string(), false);
        }
        batch.touch(0, "one more".into(), false);
        let paths: Vec<&String> = batch.touched[&0].keys().collect();
        assert_eq!(paths, [""]);
        assert!(batch.touched[&0][""]);
        assert!(batch.touched[&1].contains_key("other"));
    }
}
