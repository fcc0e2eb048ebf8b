//! What a plugin's manifest names beyond the usual layout.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    classify::is_artifact,
    identity::{file_name, parent},
};
use crate::{FileKind, files::stays_inside};

/// Most patterns with wildcards that one plugin may have; each is held against all its files.
const MAX_GLOBS: usize = 64;

/// What a manifest names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Markdown files of the plugin.
    pub(crate) files: BTreeSet<(String, FileKind)>,
    /// Paths that lead out of the plugin, as written.
    pub(crate) refused: Vec<String>,
}

/// Finds what the manifest at `file` names as its `agents` and `commands` (a path, a list of paths,
/// or patterns with `*`, `**` and `?`) among `loose`, the Markdown of all plugins in path order.
/// The skills it names are found by their file name anyway.
pub(crate) fn named(file: &str, manifest: &Value, loose: &[String]) -> Named {
    let base = parent(parent(file));
    let prefix = if base.is_empty() { String::new() } else { format!("{base}/") };
    let own = below(loose, &prefix);
    let mut named = Named::default();
    for (key, kind) in [("agents", FileKind::Agent), ("commands", FileKind::Command)] {
        let mut globs = MAX_GLOBS;
        for written in paths(&manifest[key]) {
            let Some(pattern) = normal(written) else {
                named.refused.push(written.to_owned());
                continue;
            };
            let full = format!("{prefix}{pattern}");
            let found: Vec<&String> = if !pattern.contains(['*', '?']) {
                exactly(own, &full).into_iter().chain(below(own, &directory(&full))).collect()
            } else if globs > 0 {
                globs -= 1;
                own.iter().filter(|path| matches(&pattern, &path[prefix.len()..])).collect()
            } else {
                Vec::new()
            };
            let is_artifact = |path: &&String| is_artifact(file_name(path), kind);
            named.files.extend(found.into_iter().filter(is_artifact).map(|p| (p.clone(), kind)));
        }
    }
    named
}

/// The paths that a value of the manifest holds: a text, a list, or a map to either, where an
/// object stands for its `source`.
fn paths(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::String(path) => BTreeSet::from([path.as_str()]),
        Value::Array(items) => items.iter().filter_map(path_of).collect(),
        Value::Object(map) => map.values().filter_map(path_of).collect(),
        _ => BTreeSet::new(),
    }
}

fn path_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("source")?.as_str())
}

/// Without `./` and a slash at the end; `None` when it leads out of the plugin.
fn normal(path: &str) -> Option<String> {
    let path = path.strip_prefix("${CLAUDE_PLUGIN_ROOT}/").unwrap_or(path);
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    stays_inside(path).then(|| parts.collect::<Vec<_>>().join("/"))
}

fn directory(path: &str) -> String {
    if path.is_empty() || path.ends_with('/') { path.to_owned() } else { format!("{path}/") }
}

/// The part of a sorted list that begins with a prefix.
fn below<'a>(sorted: &'a [String], prefix: &str) -> &'a [String] {
    let start = sorted.partition_point(|path| path.as_str() < prefix);
    let length = sorted[start..].partition_point(|path| path.starts_with(prefix));
    &sorted[start..start + length]
}

fn exactly<'a>(sorted: &'a [String], path: &str) -> Option<&'a String> {
    sorted.binary_search_by(|other| other.as_str().cmp(path)).ok().map(|index| &sorted[index])
}

/// Whether the pattern is the path's, or that of a directory above it. Every step keeps the set of
/// places in the pattern that the path may have reached, so that no pattern takes long.
fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let skip = |reached: &mut Vec<bool>| {
        for at in 0..pattern.len() {
            if reached[at] && pattern[at] == "**" {
                reached[at + 1] = true;
            }
        }
    };
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip(&mut reached);
    for part in path.split('/') {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| reached[*at]) {
            if pattern[at] == "**" {
                next[at] = true;
            } else if part_matches(pattern[at].as_bytes(), part.as_bytes()) {
                next[at + 1] = true;
            }
        }
        skip(&mut next);
        if next[pattern.len()] {
            return true;
        }
        reached = next;
    }
    false
}

/// `*` stands for any bytes, `?` for one: greedy, going back to the last `*` alone.
fn part_matches(pattern: &[u8], part: &[u8]) -> bool {
    let (mut p, mut at, mut star) = (0, 0, None);
    while at < part.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, at));
                p += 1;
            }
            Some(&c) if c == b'?' || c == part[at] => (p, at) = (p + 1, at + 1),
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    (p, at) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(manifest: &Value) -> Vec<String> {
        let mut loose: Vec<String> =
            ["p/x/a.md", "p/x/b.md", "p/x/y/c.md", "p/z.md", "q/a.md", "p/x/TEMPLATE.md"]
                .map(str::to_owned)
                .to_vec();
        loose.sort();
        let named = named("p/.claude-plugin/plugin.json", manifest, &loose);
        named.files.into_iter().map(|(path, kind)| format!("{} {path}", kind.as_str())).collect()
    }

    #[test]
    fn a_path_a_list_a_directory_and_a_pattern_are_followed() {
        assert_eq!(files(&json!({"agents": "./x/a.md"})), ["agent p/x/a.md"]);
        assert_eq!(
            files(&json!({"commands": ["./x/a.md", {"source": "z.md"}, 1]})),
            ["command p/x/a.md", "command p/z.md"]
        );
        let below_x = ["agent p/x/a.md", "agent p/x/b.md", "agent p/x/y/c.md"];
        assert_eq!(files(&json!({"agents": "./x/"})), below_x);
        assert_eq!(files(&json!({"agents": "x/*.md"})), below_x[..2]);
        assert_eq!(files(&json!({"agents": "**/?.md"})).len(), 4);
        assert_eq!(files(&json!({"agents": ["*"]})).len(), 4, "never beyond the plugin");
        assert!(files(&json!({"agents": ["nowhere", {}]})).is_empty());
    }

    #[test]
    fn a_path_out_of_the_plugin_is_refused() {
        let manifest = json!({"agents": ["../q/a.md", "/etc"]});
        let named = named("p/.claude-plugin/plugin.json", &manifest, &["q/a.md".to_owned()]);
        assert!(named.files.is_empty());
        assert_eq!(named.refused, ["../q/a.md", "/etc"]);
    }

    #[test]
    fn a_pattern_that_could_go_back_for_ever_does_not() {
        let path = vec!["a"; 200].join("/");
        assert!(!matches(&format!("{}b", "**/".repeat(100)), &path));
        assert!(!part_matches(&b"*a".repeat(50), &[b'a'; 40]));
    }
}
