//! What is gathered until a moment of silence.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// So many paths of one source are remembered; then the whole source counts as touched.
const MOST: usize = 4096;

/// What happened at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touch {
    /// Whether it began with its creation, so that nothing was there before.
    pub(super) made: bool,
    /// Whether it happened to a directory.
    pub(super) directory: bool,
}

/// What happened in all watched directories.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Whether the sources must be looked for.
    pub(super) sources: bool,
    /// Paths at which a source may have appeared, if they are directories.
    pub(super) candidates: BTreeSet<PathBuf>,
    /// By the number of the source, and by path relative to its root.
    pub(super) touched: BTreeMap<usize, BTreeMap<String, Touch>>,
}

impl Batch {
    /// Whether nothing happened that concerns any source.
    pub(super) fn is_empty(&self) -> bool {
        !self.sources && self.candidates.is_empty() && self.touched.is_empty()
    }

    /// Remembers a path. An empty one is the root, and with it all that is below.
    pub(super) fn touch(&mut self, source: usize, path: String, touch: Touch) {
        let paths = self.touched.entry(source).or_default();
        if paths.contains_key("") {
            return;
        }
        if path.is_empty() || paths.len() == MOST {
            paths.clear();
            paths.insert(String::new(), Touch { made: false, directory: true });
            return;
        }
        paths.entry(path).or_insert(touch).directory |= touch.directory;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Touch = Touch { made: false, directory: false };

    #[test]
    fn what_happened_first_says_whether_anything_was_there_before() {
        let (made, directory) = (Touch { made: true, ..FILE }, Touch { directory: true, ..FILE });
        let mut batch = Batch::default();
        batch.touch(0, "new".into(), made);
        batch.touch(0, "new".into(), directory);
        batch.touch(0, "old".into(), FILE);
        batch.touch(0, "old".into(), made);
        assert_eq!(batch.touched[&0]["new"], Touch { made: true, directory: true });
        assert_eq!(batch.touched[&0]["old"], FILE);
    }

    #[test]
    fn too_many_paths_are_the_whole_source_and_leave_the_others_alone() {
        let mut batch = Batch::default();
        batch.touch(1, "other".into(), FILE);
        for number in 0..=MOST {
            batch.touch(0, number.to_string(), FILE);
        }
        batch.touch(0, "one more".into(), FILE);
        let paths: Vec<&String> = batch.touched[&0].keys().collect();
        assert_eq!(paths, [""]);
        assert!(batch.touched[&0][""].directory);
        assert!(batch.touched[&1].contains_key("other"));
    }
}
