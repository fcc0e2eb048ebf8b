//! How a path is reached.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs,
    path::{Component, Path, PathBuf},
};

/// As many links are followed on one way as the system follows.
const MOST_LINKS: usize = 40;

/// The directories on the way to an absolute path, links followed, each with the name that the way
/// takes in it, as far as there is a way. When one of these names comes, goes or is replaced, the
/// path leads elsewhere.
pub(super) fn steps(path: &Path) -> Vec<(PathBuf, OsString)> {
    let mut steps = Vec::new();
    let (mut here, mut links) = (PathBuf::from("/"), 0);
    let mut ahead: VecDeque<OsString> = parts(path).collect();
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&part);
        steps.push((here.clone(), part));
        match fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                ahead = parts(&target).chain(ahead).collect();
            }
            Err(_) if next.is_dir() => here = next,
            _ => break,
        }
    }
    steps
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// The steps below a directory, as paths relative to it.
    fn below(directory: &Path, path: &str) -> Vec<String> {
        let steps = steps(&directory.join(path)).into_iter();
        let paths = steps.map(|(place, name)| place.join(name));
        let inside = paths.filter_map(|path| {
            let inside = path.strip_prefix(directory).ok()?.to_str()?.to_owned();
            (!inside.is_empty()).then_some(inside)
        });
        inside.collect()
    }

    #[test]
    fn a_way_ends_where_nothing_is_and_leads_over_links() {
        let dir = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(real.join("a/b")).unwrap();
        fs::create_dir(real.join("c")).unwrap();
        symlink("../a/b", real.join("c/up")).unwrap();
        symlink(real.join("c"), real.join("absolute")).unwrap();
        symlink("loop", real.join("loop")).unwrap();
        assert_eq!(below(&real, "a/b"), ["a", "a/b"]);
        assert_eq!(below(&real, "a/none/further"), ["a", "a/none"]);
        assert_eq!(below(&real, "c/up"), ["c", "c/up", "a", "a/b"]);
        assert_eq!(below(&real, "absolute/up/x")[..3], ["absolute", "c", "c/up"]);
        assert_eq!(below(&real, "loop").len(), MOST_LINKS + 1);
    }
}
