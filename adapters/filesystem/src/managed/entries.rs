//! Whole entries of a manifest: added, taken out, put back.

use larder::domain::{Timestamp, id::ArtifactId};

use super::{
    edit::find,
    entry::Entry,
    groups,
    known::{KnownValid, Unsafe},
    manifest::{MANIFEST, lock_key_of, sole_entry},
    new_entry::NewEntry,
    parse::line_at,
    places::Manifest,
    spans,
    updated::stamp,
};

/// The manifest with one more entry behind the last one, and `[collection] updated` set.
pub(crate) fn add_entry(
    known: &KnownValid,
    manifest: &str,
    new: &NewEntry<'_>,
    now: Timestamp,
) -> Result<String, Unsafe> {
    insert(known, manifest, &new.text(now, spans::line_ending(manifest)), &[], new.id, now)
}

/// An entry that was taken out of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Its text, with the comments directly above it and all that stands before those of the next.
    pub(crate) entry: String,
    /// The names of the groups that the artifact was in.
    pub(crate) groups: Vec<String>,
}

/// The manifest without an artifact's entry and without the artifact in its groups, and with
/// `[collection] updated` set; and what was taken out.
pub(crate) fn remove_entry(
    known: &KnownValid,
    manifest: &str,
    id: &ArtifactId,
    now: Timestamp,
) -> Result<(String, Removed), Unsafe> {
    known.check(manifest)?;
    let places = Manifest::of(manifest).ok_or_else(not_in_one_piece)?;
    let span = find(manifest, &places, id)?;
    let entry = manifest[span.clone()].to_owned();
    id_of(&entry).filter(|it| it == id).ok_or_else(|| {
        refused("more than the entry would go", Some(line_at(manifest.as_bytes(), span.start)))
    })?;
    let (mut parts, groups) = groups::leave(manifest, &places, id);
    parts.extend(places.updated().and_then(|at| stamp(manifest, at, now)));
    parts.push((span, String::new()));
    let left = spans::spliced(manifest, parts);
    known.remember(&left);
    Ok((left, Removed { entry, groups }))
}

/// The manifest with a removed entry behind the last one, and `[collection] updated` set. The
/// artifact is in its groups again, as far as they are still there.
pub(crate) fn restore_entry(
    known: &KnownValid,
    manifest: &str,
    Removed { entry, groups }: &Removed,
    now: Timestamp,
) -> Result<String, Unsafe> {
    let id = id_of(entry).ok_or_else(|| refused("what was removed is not one entry", None))?;
    insert(known, manifest, entry, groups, &id, now)
}

fn insert(
    known: &KnownValid,
    manifest: &str,
    entry: &str,
    groups: &[String],
    id: &ArtifactId,
    now: Timestamp,
) -> Result<String, Unsafe> {
    known.check(manifest)?;
    let places = Manifest::of(manifest).ok_or_else(not_in_one_piece)?;
    if let Some(span) = places.entries_of(&lock_key_of(id)).next() {
        let line = line_at(manifest.as_bytes(), span.start);
        return Err(refused(format!("it has an entry of {id} already"), Some(line)));
    }
    if id_of(entry).as_ref() != Some(id) {
        return Err(refused(format!("no entry can be written for {id}"), None));
    }
    let at = places.end_of_entries();
    let mut parts = vec![(at..at, set_apart(manifest, at, entry))];
    parts.extend(groups::rejoin(manifest, &places, id, groups));
    parts.extend(places.empty_list.clone().map(|line| (line, String::new())));
    parts.extend(places.updated().and_then(|value| stamp(manifest, value, now)));
    let edited = spans::spliced(manifest, parts);
    known.remember(&edited);
    Ok(edited)
}

/// A table with the line breaks and blank lines that it needs at a place.
pub(super) fn set_apart(text: &str, at: usize, table: &str) -> String {
    let eol = spans::line_ending(text);
    let (before, after) = (text[..at].trim_start_matches('\u{feff}'), &text[at..]);
    let is_open = |text: &str| !text.ends_with('\n');
    let ends_blank = |text: &str| {
        let line = text.strip_suffix('\n').map(|rest| rest.rsplit('\n').next().unwrap_or(rest));
        line.is_some_and(|line| line.trim().is_empty())
    };
    let gap = |text: &str| match (is_open(text), ends_blank(text)) {
        (true, _) => eol.repeat(2),
        (false, false) => eol.to_owned(),
        (false, true) => String::new(),
    };
    let above = if before.is_empty() { String::new() } else { gap(before) };
    let below = if after.is_empty() { String::new() } else { gap(table) };
    format!("{above}{table}{below}")
}

/// The id of the entry that a text consists of.
fn id_of(text: &str) -> Option<ArtifactId> {
    let entry = Entry::new(sole_entry(text.parse().ok()?)?, None);
    entry.path()?;
    entry.id()?.ok().filter(|_| Manifest::of(text).is_some_and(|places| places.is_one_entry()))
}

fn refused(why: impl std::fmt::Display, line: Option<u32>) -> Unsafe {
    Unsafe::new(MANIFEST, why, line)
}

fn not_in_one_piece() -> Unsafe {
    refused("its entries are not tables that lie in one piece each under [[artifacts]]", None)
}

#[cfg(test)]
mod tests {
    use larder::domain::artifact::Metadata;
    use proptest::{prelude::*, sample};
    use toml::Table;

    use super::{
        super::sample::{Block, NOW, manifest},
        *,
    };

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn id(text: &str) -> ArtifactId {
        ArtifactId::parse(text).unwrap()
    }

    fn entry_alone(entry: &str) -> Removed {
        Removed { entry: entry.to_owned(), groups: Vec::new() }
    }

    fn added(manifest: &str, metadata: &Metadata) -> String {
        let new = NewEntry { id: &id("skill:new \"one\""), path: "skills/new", metadata };
        add_entry(&KnownValid::default(), manifest, &new, now()).unwrap()
    }

    #[test]
    fn a_new_entry_keeps_to_the_format() {
        let metadata = Metadata {
            description: Some("says \"\"\" and '''\\".into()),
            tags: vec!["a".into(), "[[artifacts]]".into()],
            tools: vec!["Read".into(), "Bash(git log:*)".into()],
            ..Metadata::default()
        };
        let text =
            added("artifacts = []\r\n\r\n[collection]\r\nupdated = 2026-01-05\r\n[x]", &metadata);
        let start = "\r\n[collection]\r\nupdated = 2026-03-04\r\n\r\n[[artifacts]]\r\n";
        assert!(text.starts_with(start) && text.ends_with("]\r\n\r\n[x]"), "{text}");
        assert!(text.contains("\r\nadded = \"2026-03-04T05:06:07.891234\"\r\n"), "{text}");
        let table: Table = text.parse().unwrap();
        let entry = Entry::new(table["artifacts"][0].as_table().unwrap().clone(), None);
        assert!(entry.is(&id("skill:new \"one\"")));
        assert_eq!(entry.provenance().origin.as_deref(), Some("local"));
        assert_eq!(entry.added_at(), Some(now()));
        assert_eq!(entry.complete(Metadata::default()), metadata);
        assert!(table["artifacts"][0]["metadata"].get("tags").is_none(), "tags stand once");
        let known = table["artifacts"][0]["metadata"]["tools"].to_string();
        assert_eq!(known, "[\"Read\"]");
        let bare = added("", &Metadata::default());
        assert!(bare.starts_with("[[artifacts]]\nname = 'new \"one\"'\n"), "{bare}");
        assert!(!bare.contains("metadata"));
    }

    #[test]
    fn what_is_there_already_or_not_written_as_tables_is_refused() {
        let known = KnownValid::default();
        let list = "artifacts = [{ name = \"a\", type = \"skill\", path = \"p\" }]";
        let refused = remove_entry(&known, list, &id("skill:a"), now()).unwrap_err();
        assert!(refused.message.contains("[[artifacts]]"), "{refused:?}");
        let entry = "[[artifacts]]\nname = \"a\"\ntype = \"skill\"\npath = \"p\"\n";
        let manifest = format!("# x\n\n{entry}");
        let refused = restore_entry(&known, &manifest, &entry_alone(entry), now()).unwrap_err();
        assert_eq!(refused.line, Some(3));
        assert!(restore_entry(&known, list, &entry_alone(entry), now()).is_err());
        assert!(restore_entry(&known, "", &entry_alone(&format!("{entry}[x]\n")), now()).is_err());
        assert!(
            restore_entry(&known, "", &entry_alone(&format!("a = 1\n{entry}")), now()).is_err()
        );
        assert!(
            restore_entry(&known, "", &entry_alone(&format!("{entry}{entry}")), now()).is_err()
        );
        let refused = remove_entry(&known, &manifest, &id("skill:b"), now()).unwrap_err();
        assert!(refused.message.ends_with("it has no entry of skill:b"), "{refused:?}");
        assert_eq!(remove_entry(&known, "x = ", &id("skill:b"), now()).unwrap_err().line, Some(1));
    }

    #[test]
    fn one_of_twenty_thousand_entries_is_found_and_taken_out() {
        let entry = |n: usize| {
            format!(
                "# {n}\n[[artifacts]]\nname = \"n{n}\"\ntype = \"skill\"\npath = \"p/{n}\"\n\
                 [artifacts.metadata]\ntext = '''\n[[artifacts]]\nname = \"n7\"\n'''\n\n"
            )
        };
        let entries = |range: std::ops::Range<usize>| range.map(entry).collect::<String>();
        let (known, manifest) = (KnownValid::default(), entries(0..20_000));
        let (left, removed) = remove_entry(&known, &manifest, &id("skill:n12345"), now()).unwrap();
        assert_eq!(removed, entry_alone(&entry(12_345)));
        assert!(left == entries(0..12_345) + &entries(12_346..20_000));
        let restored = restore_entry(&known, &left, &removed, now()).unwrap();
        assert!(restored == left + &removed.entry);
    }

    proptest! {
        #[test]
        fn an_entry_is_added_behind_the_last_and_nothing_else_changes(sample in manifest()) {
            let text = added(&sample.text(), &Metadata::default());
            let is_own = |block: &Block| !matches!(block, Block::Other(_));
            let last_entry = sample.entries().last().map(|(block, _)| *block);
            let last = last_entry.or_else(|| sample.blocks.iter().rposition(is_own));
            let texts = sample.texts(true);
            let (before, after) = texts.split_at(last.map_or(texts.len(), |last| last + 1));
            let (before, after) = (before.concat(), after.concat());
            let written = text.strip_prefix(&before).and_then(|it| it.strip_suffix(&after));
            prop_assert!(written.is_some(), "{} became {}", sample.text(), text);
            let written = written.unwrap().trim();
            prop_assert!(written.starts_with("[[artifacts]]"));
            prop_assert!(written.ends_with("891234\""));
            let table: Table = text.parse().unwrap();
            prop_assert_eq!(table["artifacts"].as_array().unwrap().len(), sample.entries().len() + 1);
        }

        #[test]
        fn an_entry_that_is_taken_out_comes_back(sample in manifest(), which in any::<sample::Index>()) {
            let entries = sample.entries();
            prop_assume!(!entries.is_empty());
            let id = &entries[which.index(entries.len())].1.id;
            let Some((block, _)) = sample.first(id).map(|index| entries[index]) else { return Ok(()) };
            let (known, mut texts) = (KnownValid::default(), sample.texts(true));
            let (left, removed) = remove_entry(&known, &sample.text(), id, now()).unwrap();
            // The mark at the beginning of the file is of no entry.
            let unmarked = |text: &str| text.trim_start_matches('\u{feff}').to_owned();
            prop_assert_eq!(&removed, &entry_alone(&unmarked(&texts.remove(block))));
            prop_assert_eq!(unmarked(&left), unmarked(&texts.concat()));
            prop_assert_eq!(left.starts_with('\u{feff}'), sample.text().starts_with('\u{feff}'));
            prop_assert!(left.parse::<Table>().is_ok());
            let restored = restore_entry(&known, &left, &removed, now());
            if entries.iter().filter(|(_, entry)| entry.id == *id).count() > 1 {
                prop_assert!(restored.is_err(), "another of its name is there");
                return Ok(());
            }
            let restored = restored.unwrap();
            prop_assert!(restored.parse::<Table>().is_ok() && restored.contains(&removed.entry));
            let mut others = entries.iter().map(|(other, _)| *other).filter(|other| *other != block);
            if let Some(last) = others.next_back() {
                // It stands behind the last one, with blank lines around it where there were none.
                texts.insert(if last < block { last + 1 } else { last }, removed.entry);
                let without_blanks = |text: &str| unmarked(text).replace(char::is_whitespace, "");
                let expected = texts.concat();
                prop_assert_eq!(without_blanks(&restored), without_blanks(&expected));
            }
        }
    }
}
