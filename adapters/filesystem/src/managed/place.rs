//! Where one entry stands in a manifest, so that it is looked for but once in an edit.

use std::ops::Range;

use larder::{
    domain::{Timestamp, id::SourceName},
    ports::SourceError,
};

use super::{
    fields::{self, Wanted},
    known::Unsafe,
    manifest::{MANIFEST, sole_entry},
    parse::{error, line_at, parse_part},
    spans,
    updated::stamp,
};

/// Where an entry stands in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryPlace {
    pub(super) entry: Range<usize>,
    /// The value of `[collection] updated`.
    pub(super) updated: Option<Range<usize>>,
}

/// A manifest after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edited {
    pub(crate) text: String,
    /// Where the entry stands now, unless only the parser can tell.
    pub(super) place: Option<EntryPlace>,
}

impl EntryPlace {
    /// The keys of the entry.
    pub(super) fn keys(&self, text: &str, source: &SourceName) -> Result<toml::Table, SourceError> {
        let entry = sole_entry(parse_part(text, self.entry.clone(), MANIFEST, source)?);
        entry.ok_or_else(|| error(source, MANIFEST, "an entry is gone".into(), None))
    }

    /// The manifest with fields of the entry changed, and with the time set.
    pub(super) fn edit(
        &self,
        manifest: &str,
        changes: &[Wanted],
        now: Timestamp,
    ) -> Result<Edited, Unsafe> {
        let entry = fields::change(&manifest[self.entry.clone()], 0, changes).map_err(|why| {
            Unsafe::new(MANIFEST, why, Some(line_at(manifest.as_bytes(), self.entry.start)))
        })?;
        Ok(self.put(manifest, Some(entry), now))
    }

    /// The manifest with another text for the entry, if there is one, and with the time set.
    pub(super) fn put(&self, manifest: &str, entry: Option<String>, now: Timestamp) -> Edited {
        let stamp = self.updated.clone().and_then(|at| stamp(manifest, at, now));
        let length = entry.as_ref().map_or(self.entry.len(), String::len);
        let stamp_length = stamp.as_ref().map(|(_, stamp)| stamp.len());
        let parts = stamp.into_iter().chain(entry.map(|entry| (self.entry.clone(), entry)));
        let text = spans::spliced(manifest, parts.collect());
        Edited { text, place: Some(self.moved(length, stamp_length)) }
    }

    /// The place once the entry and the time have these lengths: each moves with what grows before
    /// it.
    fn moved(&self, length: usize, stamp_length: Option<usize>) -> Self {
        let start = |of: &Range<usize>, other: &Range<usize>, length: usize| {
            if other.start < of.start { of.start + length - other.len() } else { of.start }
        };
        let Some(updated) = &self.updated else {
            return Self { entry: self.entry.start..self.entry.start + length, updated: None };
        };
        let stamp_length = stamp_length.unwrap_or(updated.len());
        let entry = start(&self.entry, updated, stamp_length);
        let updated = start(updated, &self.entry, length);
        Self { entry: entry..entry + length, updated: Some(updated..updated + stamp_length) }
    }
}
