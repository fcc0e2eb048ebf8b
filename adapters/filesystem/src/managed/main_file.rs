//! Which file of a manifest entry is the main one.

use crate::{
    files::{Refusal, Root},
    fingerprint::Stat,
    reading::is_markdown,
};

/// A main file.
pub(crate) struct Found {
    pub(crate) file: String,
    /// The stat of the directory that it was chosen in, taken before, and how many names the file
    /// lies below it.
    pub(crate) directory: Option<(Stat, usize)>,
}

/// The main file of the artifact of that name at a path: the file itself, or the one of a
/// directory that tells most.
pub(crate) fn find(root: &Root, path: &str, name: &str) -> Result<Found, Refusal> {
    let (stat, files) = match root.list(path) {
        Ok(listed) => listed,
        // A file, or nothing: its reading tells.
        Err(Refusal::Missing) => return Ok(Found { file: path.to_owned(), directory: None }),
        Err(refusal) => return Err(refusal),
    };
    let own = format!("{name}.md");
    let rank = |file: &str| match file {
        _ if crate::plain::is_skill_file(file) => Some(0),
        _ if file == own => Some(1),
        "plugin.json" => Some(2),
        ".claude-plugin" => Some(3),
        ".mcp.json" => Some(4),
        "hooks.json" => Some(5),
        _ if is_markdown(file) => Some(6),
        _ => None,
    };
    let main = files.iter().filter_map(|file| Some((rank(file)?, file))).min();
    let (file, depth) = match main {
        Some((_, file)) if file == ".claude-plugin" => (format!("{path}/{file}/plugin.json"), 2),
        Some((_, file)) => (format!("{path}/{file}"), 1),
        None => return Err(Refusal::Missing),
    };
    Ok(Found { file, directory: Some((stat, depth)) })
}
