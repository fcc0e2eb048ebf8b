//! `collection.toml` and `collection.lock`.

use std::{io, sync::Arc};

use larder::{
    domain::{
        Timestamp,
        id::{ArtifactId, ArtifactKind, SourceName},
        revision::Revision,
    },
    ports::SourceError,
};

use super::{
    entry::Entry,
    lock::{lock_entries, lock_key},
    parse::{error, parse, parse_part, utf8},
    place::EntryPlace,
    places::{self, ARTIFACTS, Found, Manifest},
    servers,
};
use crate::{
    files::{Refusal, Root},
    fingerprint::{READER, Stat},
    rows::Reader,
    unreadable,
};

pub(crate) const MANIFEST: &str = "collection.toml";
pub(crate) const LOCK: &str = "collection.lock";

/// The bytes of both files.
pub(crate) struct ManifestFiles {
    manifest: Vec<u8>,
    /// Edits leave it as it is, so that it is shared by what comes before and after.
    lock: Option<Arc<Vec<u8>>>,
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
    pub(crate) fn read(reader: &Reader<'_>, root: &Root) -> Result<Option<Self>, SourceError> {
        let source = &reader.source.name;
        let read = |name| match root.read_manifest(name, reader.max_manifest) {
            Ok(read) => Ok(Some(read)),
            Err(Refusal::Missing) => Ok(None),
            Err(Refusal::TooLarge) => {
                let mib = reader.max_manifest / 1024 / 1024;
                let message = format!("it is larger than {mib} MiB: raise cache.manifest_mib");
                Err(error(source, name, message, None))
            }
            Err(Refusal::Io(error)) => Err(unreadable(source, error)),
            Err(refusal) => Err(unreadable(source, io::Error::other(refusal.to_string()))),
        };
        let Some((stat, manifest)) = read(MANIFEST)? else { return Ok(None) };
        let (lock_stat, lock) = read(LOCK)?.unzip();
        let stats = [stat, lock_stat.unwrap_or_else(Stat::nothing)];
        Ok(Some(Self { manifest, lock: lock.map(Arc::new), stats }))
    }

    /// Tells one state of both files, and one version of the reader, from the next.
    pub(crate) fn hash(&self) -> String {
        let lock = self.lock.as_deref().map(Vec::as_slice).unwrap_or_default();
        Revision::of(&[&READER.to_be_bytes(), &self.manifest, lock]).as_str().to_owned()
    }

    /// The fingerprint of both files, where it proves something about a read at that moment.
    pub(crate) fn fingerprint(&self, read_at: Timestamp) -> Option<String> {
        let trusted = self.stats.iter().all(|stat| stat.is_trusted(read_at));
        trusted.then(|| fingerprint_of(&self.stats))
    }

    /// The entries, in order; the `[[mcp_servers]]` come last.
    pub(crate) fn entries(&self, source: &SourceName) -> Result<Vec<Entry>, SourceError> {
        let mut manifest = parse(&self.manifest, MANIFEST, source)?;
        let mut locked = match &self.lock {
            Some(lock) => lock_entries(parse(lock, LOCK, source)?),
            None => toml::Table::new(),
        };
        let invalid =
            || error(source, MANIFEST, "`artifacts` is not a list of tables".into(), None);
        let servers = servers::entries(&mut manifest);
        let artifacts = match manifest.remove(ARTIFACTS) {
            None => return Ok(servers),
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
        artifacts.into_iter().map(entry).chain(servers.into_iter().map(Ok)).collect()
    }

    /// The first entry of an id that has a path, as [`Self::entries`] has it. Only that entry is
    /// parsed, so the rest of the files may be invalid.
    pub(crate) fn entry(
        &self,
        source: &SourceName,
        id: &ArtifactId,
    ) -> Result<Option<Entry>, SourceError> {
        Ok(self.locate(source, id)?.map(|(entry, _)| entry))
    }

    /// The same, and where the entry stands, unless only the parser can tell.
    pub(super) fn locate(
        &self,
        source: &SourceName,
        id: &ArtifactId,
    ) -> Result<Option<(Entry, Option<EntryPlace>)>, SourceError> {
        let text = utf8(&self.manifest, MANIFEST, source)?;
        let Some(places) = Manifest::of(text) else {
            let entry = self.entries(source)?.into_iter().find(|entry| entry.is(id));
            return Ok(entry.map(|entry| (entry, None)));
        };
        let key = lock_key_of(id);
        for (nth, span) in places.entries_of(&key).enumerate() {
            let Some(keys) = sole_entry(parse_part(text, span.clone(), MANIFEST, source)?) else {
                continue;
            };
            if Entry::new(keys.clone(), None).is(id) {
                // Only the first of several entries meets the lock.
                let lock = if nth == 0 { self.lock_entry(source, &key)? } else { None };
                let place = EntryPlace { entry: span, updated: places.updated() };
                return Ok(Some((Entry::new(keys, lock), Some(place))));
            }
        }
        if id.kind().as_str() == ArtifactKind::MCP && text.contains(servers::SERVERS) {
            let server = self.entries(source)?.into_iter().find(|entry| entry.is(id));
            return Ok(server.map(|server| (server, None)));
        }
        Ok(None)
    }

    fn lock_entry(
        &self,
        source: &SourceName,
        key: &str,
    ) -> Result<Option<toml::Table>, SourceError> {
        let Some(lock) = &self.lock else { return Ok(None) };
        let text = utf8(lock, LOCK, source)?;
        let part = match places::lock_entry(text, key) {
            Found::Nowhere => return Ok(None),
            Found::Here(span) => span,
            Found::Unclear => 0..text.len(),
        };
        Ok(match lock_entries(parse_part(text, part, LOCK, source)?).remove(key) {
            Some(toml::Value::Table(lock)) => Some(lock),
            _ => None,
        })
    }

    /// The manifest's text.
    pub(crate) fn manifest_text(&self, source: &SourceName) -> Result<&str, SourceError> {
        utf8(&self.manifest, MANIFEST, source)
    }

    /// The lock's text, if there is one.
    pub(crate) fn lock_text(&self, source: &SourceName) -> Result<Option<&str>, SourceError> {
        self.lock.as_deref().map(|lock| utf8(lock, LOCK, source)).transpose()
    }

    /// Both files, with that manifest in place of the one that was read.
    pub(crate) fn with_manifest(&self, manifest: String) -> Self {
        let (lock, stats) = (self.lock.clone(), self.stats.clone());
        Self { manifest: manifest.into_bytes(), lock, stats }
    }

    /// Both files, with that lock in place of the one that was read.
    pub(crate) fn with_lock(self, lock: String) -> Self {
        Self { lock: Some(Arc::new(lock.into_bytes())), ..self }
    }

    /// Whether both files have the same bytes.
    pub(super) fn say_the_same(&self, other: &Self) -> bool {
        self.manifest == other.manifest && self.lock == other.lock
    }

    /// The lines at which the entries begin, from 1, when they all have a header `[[artifacts]]`.
    pub(crate) fn entry_lines(&self, count: usize) -> Vec<u32> {
        let text = std::str::from_utf8(&self.manifest).unwrap_or_default();
        let lines = (1..).zip(text.lines()).filter(|(_, line)| line.trim() == "[[artifacts]]");
        let lines: Vec<u32> = lines.map(|(number, _)| number).collect();
        if lines.len() == count { lines } else { Vec::new() }
    }
}

/// The entry of a text that has but one.
pub(super) fn sole_entry(mut text: toml::Table) -> Option<toml::Table> {
    match text.remove(ARTIFACTS)? {
        toml::Value::Array(mut entries) if entries.len() == 1 => match entries.remove(0) {
            toml::Value::Table(entry) => Some(entry),
            _ => None,
        },
        _ => None,
    }
}

/// `name::type`.
pub(super) fn lock_key_of(id: &ArtifactId) -> String {
    format!("{}::{}", id.name(), id.kind())
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample};

    use super::{super::sample::manifest, *};

    fn files(manifest: &str, lock: Option<&str>) -> ManifestFiles {
        let stats = [Stat::nothing(), Stat::nothing()];
        ManifestFiles {
            manifest: manifest.into(),
            lock: lock.map(|lock| Arc::new(lock.into())),
            stats,
        }
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

    #[test]
    fn an_invalid_entry_has_its_line_of_the_whole_file() {
        let manifest = "[collection]\nname = 1\n# a\n[[artifacts]]\nname = \"a\"\n\
                        type = \"skill\"\npath = \"p\"\nname = \"a\"\n[broken]\nx = [\n]\nx = 2\n";
        let source = SourceName::new("work").unwrap();
        let id = ArtifactId::parse("skill:a").unwrap();
        match files(manifest, None).entry(&source, &id) {
            Err(SourceError::Manifest { line, .. }) => assert_eq!(line, Some(8)),
            other => panic!("{other:?}"),
        }
        let valid = manifest.replacen("path = \"p\"\nname = \"a\"\n", "path = \"p\"\n", 1);
        assert!(files(&valid, None).entries(&source).is_err());
        assert!(files(&valid, None).entry(&source, &id).unwrap().is_some());
    }

    fn lock() -> impl Strategy<Value = Option<String>> {
        let above = [
            "",
            "lock.entries.\"n1::agent\".a = 1\n",
            "lock = { entries = { \"n1::agent\" = { a = 1 } } }\n",
        ];
        let entries = [
            "[lock]\nversion = \"1.0.0\"\n",
            "[lock.entries.\"n0::skill\"]\nresolved_sha = \"s\"\n",
            "# more\n[lock.entries.'n1::skill']\nx = \"\"\"\n[lock.entries.\"n2::skill\"]\n\"\"\"\n",
            "[lock.entries.'n1::skill'.more]\ny = 1\n",
            "[ lock . entries . \"n0::agent\" ]\nfetched = 2026-01-05T10:00:00Z\n",
            "[lock.entries]\n\"n3::skill\" = { z = 1 }\n",
        ];
        let some = sample::subsequence(entries.to_vec(), 0..=entries.len()).prop_shuffle();
        let text = (sample::select(above.to_vec()), some)
            .prop_map(|(above, entries)| above.to_owned() + &entries.concat())
            .prop_filter("it is valid", |text| text.parse::<toml::Table>().is_ok());
        prop::option::of(text)
    }

    proptest! {
        #[test]
        fn one_entry_is_what_it_is_among_all(manifest in manifest(), lock in lock()) {
            let source = SourceName::new("work").unwrap();
            let files = files(&manifest.text(), lock.as_deref());
            let all = files.entries(&source).unwrap();
            for kind in ["skill", "agent"] {
                for name in 0..6 {
                    let id = ArtifactId::parse(&format!("{kind}:n{name}")).unwrap();
                    let one = files.entry(&source, &id).unwrap();
                    let expected = all.iter().find(|entry| entry.is(&id));
                    prop_assert_eq!(one.as_ref().map(Entry::bytes), expected.map(Entry::bytes));
                    prop_assert_eq!(one.as_ref(), expected);
                }
            }
        }
    }
}
