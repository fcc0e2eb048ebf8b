//! Entries of a lock: taken out, put back.

use larder::domain::{Timestamp, id::ArtifactId};
use sha2::{Digest as _, Sha256};
use toml::Value;

use super::{
    entries::set_apart,
    known::{Unsafe, parsed},
    manifest::{LOCK, lock_key_of},
    places::{self, Found},
    spans,
};

/// The lock, which may be missing, with the entry of a new artifact in place of any that was left
/// under its name. `files` are the artifact's files, by their paths below its directory; the path of
/// a single file is empty.
pub(crate) fn add_lock_entry(
    lock: Option<&str>,
    id: &ArtifactId,
    files: &[(&str, &[u8])],
    now: Timestamp,
) -> Result<String, Unsafe> {
    let left = lock.map(|lock| remove_lock_entry(lock, id)).transpose()?.flatten();
    let left = left.as_ref().map(|(left, _)| left.as_str()).or(lock);
    let eol = left.map_or("\n", spans::line_ending);
    let key = Value::from(lock_key_of(id));
    let lines = [
        format!("[lock.entries.{key}]"),
        format!("content_hash = \"{}\"", content_hash(files)),
        format!("fetched = \"{}\"", now.format("%Y-%m-%dT%H:%M:%S%.6f")),
    ];
    restore_lock_entry(left, &lines.map(|line| line + eol).concat())
}

/// The hash by which SkillMeat recognises changes: SHA-256 over the path below the directory and the
/// content of each file, in the order of the paths' names; of a single file over its content alone.
pub(crate) fn content_hash(files: &[(&str, &[u8])]) -> String {
    let mut files = files.to_vec();
    files.sort_unstable_by(|a, b| a.0.split('/').cmp(b.0.split('/')));
    let mut hash = Sha256::new();
    for (path, bytes) in files {
        hash.update(path);
        hash.update(bytes);
    }
    format!("{:x}", hash.finalize())
}

/// The lock without an artifact's entry, and the text of that entry; `None` if it has none.
pub(crate) fn remove_lock_entry(
    lock: &str,
    id: &ArtifactId,
) -> Result<Option<(String, String)>, Unsafe> {
    let key = lock_key_of(id);
    match places::lock_entry(lock, &key) {
        Found::Nowhere => Ok(None),
        Found::Here(span) => {
            let removed = lock[span.clone()].to_owned();
            Ok(Some((spans::spliced(lock, vec![(span, String::new())]), removed)))
        }
        Found::Unclear => {
            parsed(lock, LOCK)?;
            Err(Unsafe::new(LOCK, "its entries are not tables in one piece each", None))
        }
    }
}

/// The lock, which may be missing, with a removed entry at its end.
pub(crate) fn restore_lock_entry(lock: Option<&str>, removed: &str) -> Result<String, Unsafe> {
    let lock = lock.unwrap_or("[lock]\nversion = \"1.0.0\"\n");
    let restored = lock.to_owned() + &set_apart(lock, lock.len(), removed);
    parsed(&restored, LOCK)?;
    Ok(restored)
}

/// The entries of a parsed lock, by their keys.
pub(super) fn lock_entries(mut lock: toml::Table) -> toml::Table {
    let entries = match lock.remove("lock") {
        Some(Value::Table(mut lock)) => lock.remove("entries"),
        _ => None,
    };
    match entries {
        Some(Value::Table(entries)) => entries,
        _ => toml::Table::new(),
    }
}

/// `name::type`.
pub(super) fn lock_key(entry: &toml::Table) -> Option<String> {
    Some(format!("{}::{}", entry.get("name")?.as_str()?, entry.get("type")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ArtifactId {
        ArtifactId::parse(text).unwrap()
    }

    #[test]
    fn a_new_lock_entry_replaces_one_that_was_left() {
        let now = "2026-03-04T05:06:07.891234Z".parse().unwrap();
        let add = |lock: Option<&str>, bytes: &[u8]| {
            add_lock_entry(lock, &id("agent:a"), &[("", bytes)], now).unwrap()
        };
        let entry = "[lock.entries.\"a::agent\"]\n\
                     content_hash = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n\
                     fetched = \"2026-03-04T05:06:07.891234\"\n";
        let made = add(None, b"abc");
        assert_eq!(made, format!("[lock]\nversion = \"1.0.0\"\n\n{entry}"));
        let empty = "[lock]\nversion = \"1.0.0\"\n\n[lock.entries]\n";
        assert_eq!(add(Some(empty), b"abc"), format!("{empty}\n{entry}"));
        assert_eq!(add(Some(&add(None, b"old")), b"abc"), made);
        let skill = [("b/c.md", &b"2"[..]), ("SKILL.md", b"1")];
        assert_eq!(content_hash(&skill), content_hash(&[("", b"SKILL.md1b/c.md2")]));
    }

    #[test]
    fn a_lock_entry_goes_and_comes_back() {
        let lock = "[lock]\nversion = \"1.0.0\"\n\n# a\n[lock.entries.\"a::skill\"]\nx = '''\n\
                    [lock.entries.\"b::skill\"]'''\n[lock.entries.\"a::skill\".y]\n\n\
                    [lock.entries.\"b::skill\"]\n";
        let (left, removed) = remove_lock_entry(lock, &id("skill:a")).unwrap().unwrap();
        assert_eq!(left, "[lock]\nversion = \"1.0.0\"\n\n[lock.entries.\"b::skill\"]\n");
        assert_eq!(
            restore_lock_entry(Some(&left), &removed).unwrap(),
            format!("{left}\n{removed}")
        );
        let alone = restore_lock_entry(None, &removed).unwrap();
        assert_eq!(alone, format!("[lock]\nversion = \"1.0.0\"\n\n{removed}"));
        assert!(restore_lock_entry(Some(lock), &removed).is_err(), "it is there");
        assert_eq!(remove_lock_entry(lock, &id("agent:a")), Ok(None));
        let list = "[lock.entries]\n\"a::skill\" = {}\n";
        assert!(remove_lock_entry(list, &id("skill:a")).is_err());
    }
}
