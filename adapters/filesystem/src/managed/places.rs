//! Where the entries of a manifest and of its lock stand.

use std::{borrow::Cow, ops::Range};

use super::spans::{Table, path, string, tables};

/// The key of the entries.
pub(super) const ARTIFACTS: &str = "artifacts";

/// The places of a manifest whose entries all lie in one piece each, under `[[artifacts]]`.
pub(super) struct Manifest<'a> {
    text: &'a str,
    tables: Vec<Table<'a>>,
    /// Which tables make up each entry.
    entries: Vec<Range<usize>>,
    /// The line `artifacts = []`, which other programs write when there is none.
    pub(super) empty_list: Option<Range<usize>>,
}

impl<'a> Manifest<'a> {
    /// `None` if entries, or `[collection]`, are written in another way, or the text is no TOML:
    /// then it must be looked at as a whole.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let tables = tables(text)?;
        let mut empty_list = None;
        for (keys, value, line) in tables[0].pairs(text) {
            let path = path(&text[keys])?;
            match path.first()?.as_ref() {
                ARTIFACTS if path.len() == 1 && is_empty_list(&text[value]) => {
                    empty_list = Some(line);
                }
                ARTIFACTS | "collection" => return None,
                _ => {}
            }
        }
        let mut entries: Vec<Range<usize>> = Vec::new();
        for (index, table) in tables.iter().enumerate().filter(|(_, it)| it.is_below(&[ARTIFACTS]))
        {
            match entries.last_mut() {
                _ if table.path.len() == 1 && table.array => entries.push(index..index + 1),
                Some(entry) if table.path.len() > 1 && entry.end == index => entry.end += 1,
                _ => return None,
            }
        }
        Some(Self { text, tables, entries, empty_list })
    }

    fn span(&self, tables: &Range<usize>) -> Range<usize> {
        self.tables[tables.start].span.start..self.tables[tables.end - 1].span.end
    }

    /// Where the entries of one `name::type` stand.
    pub(super) fn entries_of(&self, lock_key: &str) -> impl Iterator<Item = Range<usize>> {
        let says = |table: &Table<'_>, key| string(&self.text[table.value(self.text, key)?]);
        let is_it = move |entry: &&Range<usize>| {
            let table = &self.tables[entry.start];
            let rest = says(table, "name").and_then(|name| lock_key.strip_prefix(name.as_ref()));
            let kind = rest.and_then(|rest| rest.strip_prefix("::"));
            kind.is_some_and(|kind| says(table, "type").as_deref() == Some(kind))
        };
        self.entries.iter().filter(is_it).map(|entry| self.span(entry))
    }

    /// Where the next entry belongs: behind the last one, else behind `[collection]`.
    pub(super) fn end_of_entries(&self) -> usize {
        let last = self.entries.last().map(|entry| self.span(entry).end);
        let collection = || self.tables.iter().rfind(|it| it.is_below(&["collection"]));
        last.or_else(|| Some(collection()?.span.end)).unwrap_or(self.text.len())
    }

    /// Where the value of `[collection] updated` stands.
    pub(super) fn updated(&self) -> Option<Range<usize>> {
        self.tables.iter().find(|it| it.is(&["collection"]))?.value(self.text, "updated")
    }

    /// The names of the `[[groups]]`, and where the value of each one's `members` stands.
    pub(super) fn groups(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        let groups = self.tables.iter().filter(|it| it.array && it.is(&["groups"]));
        groups.filter_map(|it| {
            let name = string(&self.text[it.value(self.text, "name")?])?.into_owned();
            Some((name, it.value(self.text, "members")?))
        })
    }

    /// Whether there is nothing beside one entry.
    pub(super) fn is_one_entry(&self) -> bool {
        let one = self.entries.len() == 1 && self.entries[0] == (1..self.tables.len());
        one && self.tables[0].pairs(self.text).next().is_none()
    }
}

fn is_empty_list(value: &str) -> bool {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

/// Where a lock entry stands.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Here(Range<usize>),
    Nowhere,
    /// Only the parser can tell.
    Unclear,
}

/// Where the entry of a key stands in a lock.
pub(super) fn lock_entry(text: &str, key: &str) -> Found {
    let Some(tables) = tables(text) else { return Found::Unclear };
    // A key of the tables above the entries may say the same in another way.
    let may_say_it = |table: &Table<'_>| {
        let depth = (0..=2).find(|depth| table.is(&["lock", "entries"][..*depth]));
        depth.is_some_and(|depth| {
            let next = ["lock", "entries"].get(depth).copied();
            let is_next =
                |keys| path(keys).is_none_or(|path| path.first().map(Cow::as_ref) == next);
            table.pairs(text).any(|(keys, ..)| next.is_none() || is_next(&text[keys]))
        })
    };
    if tables.iter().any(may_say_it) {
        return Found::Unclear;
    }
    let mut found = Found::Nowhere;
    for Table { span, .. } in tables.iter().filter(|it| it.is_below(&["lock", "entries", key])) {
        found = match found {
            Found::Nowhere => Found::Here(span.clone()),
            Found::Here(before) if before.end == span.start => Found::Here(before.start..span.end),
            _ => return Found::Unclear,
        };
    }
    found
}
