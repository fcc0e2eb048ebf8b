//! `collection.toml` and `collection.lock`.

use larder::{
    domain::{Timestamp, id::SourceName, revision::Revision},
    ports::SourceError,
};

use super::entry::Entry;
use crate::{
    files::Root,
    fingerprint::{READER, Stat},
    unreadable,
};

pub(crate) const MANIFEST: &str = "collection.toml";
const LOCK: &str = "collection.lock";

/// The bytes of both files.
pub(crate) struct ManifestFiles {
    manifest: Vec<u8>,
    lock: Option<Vec<u8>>,
    /// Of both, taken before their bytes.
    stats: [Stat; 2],
}

/// The fingerprint that both files would have, were they read now.
pub(crate) fn fingerprint(root: &Root) -> String {
    fingerprint_of(&[root.stat(MANIFEST), root.stat(LOCK)])
}

fn fingerprint_of([manifest, lock]: &[Stat; 2]) -> String {
    format!("{} {}", manifest.plain(), lock.plain())
}

impl ManifestFiles {
    /// Reads both; `None` without a manifest. The lock may be absent.
    pub(crate) fn read(root: &Root, source: &SourceName) -> Result<Option<Self>, SourceError> {
        let read = |name| root.read_manifest(name).map_err(|error| unreadable(source, error));
        let Some((stat, manifest)) = read(MANIFEST)? else { return Ok(None) };
        let (lock_stat, lock) = read(LOCK)?.unzip();
        let stats = [stat, lock_stat.unwrap_or_else(Stat::nothing)];
        Ok(Some(Self { manifest, lock, stats }))
    }

    /// Tells one state of both files, and one version of the reader, from the next.
    pub(crate) fn hash(&self) -> String {
        let lock = self.lock.as_deref().unwrap_or_default();
        Revision::of(&[READER.as_bytes(), &self.manifest, lock]).as_str().to_owned()
    }

    /// The fingerprint of both files, where it proves something about a read at that moment.
    pub(crate) fn fingerprint(&self, read_at: Timestamp) -> Option<String> {
        let trusted = self.stats.iter().all(|stat| stat.is_trusted(read_at));
        trusted.then(|| fingerprint_of(&self.stats))
    }

    /// The entries, in order.
    pub(crate) fn entries(&self, source: &SourceName) -> Result<Vec<Entry>, SourceError> {
        let mut manifest = parse(&self.manifest, MANIFEST, source)?;
        let mut locked = match &self.lock {
            Some(lock) => lock_entries(parse(lock, LOCK, source)?),
            None => toml::Table::new(),
        };
        let invalid =
            || error(source, MANIFEST, "`artifacts` is not a list of tables".into(), None);
        let artifacts = match manifest.remove("artifacts") {
            None => return Ok(Vec::new()),
            Some(toml::Value::Array(artifacts)) => artifacts,
            Some(_) => return Err(invalid()),
        };
        let entry = |artifact| match artifact {
            toml::Value::Table(keys) => {
                let lock = match lock_key(&keys).and_then(|key| locked.remove(&key)) {
                    Some(toml::Value::Table(lock)) => Some(lock),
                    _ => None,
                };
                Ok(Entry::new(keys, lock))
            }
            _ => Err(invalid()),
        };
        artifacts.into_iter().map(entry).collect()
    }

    /// The lines at which the entries begin, from 1, when they all have a header `[[artifacts]]`.
    pub(crate) fn entry_lines(&self, count: usize) -> Vec<u32> {
        let text = std::str::from_utf8(&self.manifest).unwrap_or_default();
        let lines = (1..).zip(text.lines()).filter(|(_, line)| line.trim() == "[[artifacts]]");
        let lines: Vec<u32> = lines.map(|(number, _)| number).collect();
        if lines.len() == count { lines } else { Vec::new() }
    }
}

fn lock_entries(mut lock: toml::Table) -> toml::Table {
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
fn lock_key(entry: &toml::Table) -> Option<String> {
    Some(format!("{}::{}", entry.get("name")?.as_str()?, entry.get("type")?.as_str()?))
}

fn parse(
    bytes: &[u8],
    file: &'static str,
    source: &SourceName,
) -> Result<toml::Table, SourceError> {
    let text = std::str::from_utf8(bytes).map_err(|invalid| {
        let line = line_at(bytes, invalid.valid_up_to());
        error(source, file, "it is not UTF-8".into(), Some(line))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.parse::<toml::Table>().map_err(|invalid| {
        let line = invalid.span().map(|span| line_at(text.as_bytes(), span.start));
        let message: Vec<&str> = invalid.message().lines().map(str::trim).collect();
        error(source, file, message.join(", "), line)
    })
}

fn line_at(bytes: &[u8], offset: usize) -> u32 {
    let before = &bytes[..offset.min(bytes.len())];
    u32::try_from(before.split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

fn error(
    source: &SourceName,
    file: &'static str,
    message: String,
    line: Option<u32>,
) -> SourceError {
    SourceError::Manifest { source_name: source.clone(), file, message, line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(manifest: &str, lock: Option<&str>) -> ManifestFiles {
        let stats = [Stat::nothing(), Stat::nothing()];
        ManifestFiles { manifest: manifest.into(), lock: lock.map(Into::into), stats }
    }

    fn entries(manifest: &str, lock: Option<&str>) -> Result<Vec<Entry>, SourceError> {
        files(manifest, lock).entries(&SourceName::new("work").unwrap())
    }

    #[test]
    fn a_file_that_does_not_parse_is_named_with_its_line() {
        let told = |result: Result<_, SourceError>| match result {
            Err(SourceError::Manifest { file, line, message, .. }) => {
                assert!(!message.is_empty() && !message.contains('\n'), "{message}");
                (file, line)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(told(entries("a = 1\n[[artifacts]\n", None)), (MANIFEST, Some(2)));
        assert_eq!(told(entries("", Some("x = \n"))), (LOCK, Some(1)));
        assert_eq!(told(entries("artifacts = 3", None)), (MANIFEST, None));
        let deep = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(told(entries(&deep, None)).0, MANIFEST);
        let latin = ManifestFiles { manifest: b"a = 1\nb = \"\xe9\"".to_vec(), ..files("", None) };
        assert_eq!(told(latin.entries(&SourceName::new("work").unwrap())), (MANIFEST, Some(2)));
    }

    #[test]
    fn an_entry_meets_its_lock_and_has_a_line() {
        let manifest =
            "[collection]\nname = \"c\"\n\n[[artifacts]]\nname = \"a\"\ntype = \"skill\"\n";
        let lock = "[lock]\n[lock.entries.\"a::skill\"]\nresolved_sha = \"s\"\n";
        let entries = entries(manifest, Some(lock)).unwrap();
        assert_eq!(entries[0].provenance().resolved_sha.as_deref(), Some("s"));
        assert_eq!(files(manifest, None).entry_lines(1), [4]);
        assert!(files("artifacts = [{}]", None).entry_lines(1).is_empty());
    }
}
