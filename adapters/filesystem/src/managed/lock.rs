//! Entries of a lock: taken out, put back.

use larder::domain::id::ArtifactId;

use super::{
    entries::set_apart,
    known::{Unsafe, parsed},
    manifest::{LOCK, lock_key_of},
    places::{self, Found},
    spans,
};

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
        Some(toml::Value::Table(mut lock)) => lock.remove("entries"),
        _ => None,
    };
    match entries {
        Some(toml::Value::Table(entries)) => entries,
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
