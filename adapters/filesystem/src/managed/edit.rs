//! Edits of a manifest that leave every other byte as it is: functions from text to text.

use std::ops::Range;

use larder::domain::{Timestamp, id::ArtifactId};
use toml::Value;

use super::{
    entry::Entry,
    fields::{self, Wanted},
    known::{KnownValid, Unsafe, parsed},
    manifest::{MANIFEST, lock_key_of, sole_entry},
    place::{Edited, EntryPlace},
    places::{ARTIFACTS, Manifest},
    spans,
    updated::{stamp, stamped_as_a_whole},
};

/// The manifest with fields of an entry changed, and with `[collection] updated` set if that key
/// is there. `place` is where the entry stands, if that is known.
pub(crate) fn edit_entry(
    known: &KnownValid,
    manifest: &str,
    place: Option<&EntryPlace>,
    id: &ArtifactId,
    changes: &[Wanted],
    now: Timestamp,
) -> Result<Edited, Unsafe> {
    known.check(manifest)?;
    let edited = if let Some(place) = place {
        place.edit(manifest, changes, now)?
    } else if let Some(places) = Manifest::of(manifest) {
        let entry = find(manifest, &places, id)?;
        EntryPlace { entry, updated: places.updated() }.edit(manifest, changes, now)?
    } else {
        let index = position(parsed(manifest, MANIFEST)?, id).ok_or_else(|| no_entry(id))?;
        let text = fields::change(manifest, index, changes)
            .map_err(|why| Unsafe::new(MANIFEST, why, None))?;
        Edited { text: stamped_as_a_whole(&text, now), place: None }
    };
    known.remember(&edited.text);
    Ok(edited)
}

/// The manifest with `[collection] updated` set if that key is there. `place` is where some entry
/// stands, if that is known.
pub(crate) fn touch(
    known: &KnownValid,
    manifest: &str,
    place: Option<&EntryPlace>,
    now: Timestamp,
) -> Result<Edited, Unsafe> {
    known.check(manifest)?;
    let touched = match place {
        Some(place) => place.put(manifest, None, now),
        None => Edited { text: touched_as_a_whole(manifest, now), place: None },
    };
    known.remember(&touched.text);
    Ok(touched)
}

fn touched_as_a_whole(manifest: &str, now: Timestamp) -> String {
    let Some(places) = Manifest::of(manifest) else { return stamped_as_a_whole(manifest, now) };
    let stamp = places.updated().and_then(|at| stamp(manifest, at, now));
    spans::spliced(manifest, stamp.into_iter().collect())
}

/// Where the entry that readers take for an artifact's stands.
pub(super) fn find(
    manifest: &str,
    places: &Manifest<'_>,
    id: &ArtifactId,
) -> Result<Range<usize>, Unsafe> {
    let is_it = |span: &Range<usize>| {
        let entry = manifest[span.clone()].parse().ok().and_then(sole_entry);
        entry.is_some_and(|entry| Entry::new(entry, None).is(id))
    };
    places.entries_of(&lock_key_of(id)).find(is_it).ok_or_else(|| no_entry(id))
}

/// The same by parsing all of it.
fn position(mut manifest: toml::Table, id: &ArtifactId) -> Option<usize> {
    let Value::Array(entries) = manifest.remove(ARTIFACTS)? else { return None };
    entries.into_iter().position(
        |entry| matches!(entry, Value::Table(keys) if Entry::new(keys.clone(), None).is(id)),
    )
}

fn no_entry(id: &ArtifactId) -> Unsafe {
    Unsafe::new(MANIFEST, format!("it has no entry of {id}"), None)
}

#[cfg(test)]
mod tests {
    use larder::domain::edit::{Change, Field};
    use proptest::{prelude::*, sample};
    use toml::Table;

    use super::{
        super::sample::{Form, NOW, Sample, SampleEntry, manifest},
        *,
    };

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    /// The text alone, of an edit of an entry that must be looked for.
    fn edit_entry(
        known: &KnownValid,
        manifest: &str,
        id: &ArtifactId,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<String, Unsafe> {
        Ok(super::edit_entry(known, manifest, None, id, wanted, now)?.text)
    }

    /// Values that would do harm if they were not escaped.
    fn change(field: Field) -> impl Strategy<Value = Change> {
        let nasty = ["\"", "\\", "\"\"\"", "'''", "[[artifacts]]", "# x", "\u{1f980}", "old", "}"];
        let text = prop::collection::vec(sample::select(nasty.to_vec()), 1..5)
            .prop_map(|parts| parts.concat());
        let value = if field == Field::Tags {
            prop::collection::vec(text, 1..4).prop_map(Change::List).boxed()
        } else {
            let lines = prop::collection::vec(prop_oneof![text.clone(), Just(String::new())], 2..5);
            let lines = lines.prop_map(|lines| lines.join("\n"));
            prop_oneof![text, lines, "[^\\p{Cc}]{1,12}"].prop_map(Change::Text).boxed()
        };
        prop_oneof![1 => Just(Change::Clear), 3 => value]
    }

    fn changes() -> impl Strategy<Value = Vec<Wanted>> {
        let all = Field::ALL.map(|field| (Just(field), change(field)));
        let all = all.map(prop::option::of);
        (all, any::<bool>()).prop_map(|(all, reversed)| {
            let mut wanted: Vec<Wanted> = all.into_iter().flatten().collect();
            if reversed {
                wanted.reverse();
            }
            wanted
        })
    }

    /// What of a text is not in the blocks around the nth one, as they are after an edit.
    fn between<'a>(text: &'a str, sample: &Sample, block: usize) -> Option<&'a str> {
        let texts = sample.texts(true);
        let (before, after) = (texts[..block].concat(), texts[block + 1..].concat());
        text.strip_prefix(&before)?.strip_suffix(&after)
    }

    fn entry_of(text: &str, index: usize) -> Table {
        let mut text: Table = text.parse().unwrap();
        text.remove("artifacts")
            .unwrap()
            .as_array_mut()
            .unwrap()
            .remove(index)
            .as_table()
            .unwrap()
            .clone()
    }

    /// The values of a field in the entry and in its metadata; both are taken out.
    fn taken(entry: &mut Table, key: &str) -> [Option<Value>; 2] {
        let metadata = entry.get_mut("metadata").and_then(Value::as_table_mut);
        let inner = metadata.and_then(|metadata| metadata.remove(key));
        [entry.remove(key), inner]
    }

    fn check_values(old: &Table, new: &Table, wanted: &[Wanted]) {
        let (mut old, mut new) = (old.clone(), new.clone());
        for (field, change) in wanted {
            let [had, had_inner] = taken(&mut old, field.as_str()).map(|value| value.is_some());
            let (supplies, value) = match change {
                Change::Clear => (false, None),
                Change::Text(text) => (!had && !had_inner, Some(Value::from(text.clone()))),
                Change::List(items) => (!had && !had_inner, Some(Value::from(items.clone()))),
            };
            let inner = *field != Field::Tags;
            let expected = [had || (supplies && !inner), had_inner || (supplies && inner)];
            let expected = expected.map(|it| value.clone().filter(|_| it));
            assert_eq!(taken(&mut new, field.as_str()), expected, "{field:?}");
        }
        let is_empty = |entry: &Table| entry.get("metadata") == Some(&Value::Table(Table::new()));
        for entry in [&mut old, &mut new] {
            if is_empty(entry) {
                entry.remove("metadata");
            }
        }
        assert_eq!(old, new);
    }

    /// Every line that no change is for stands in the new text, in order.
    fn check_lines(sample: &Sample, entry: &SampleEntry, new: &str, wanted: &[Wanted]) {
        let mut rest = new;
        for (keys, text) in &entry.items {
            let text = sample.eol(text);
            let is_touched = match entry.form {
                Form::Inline if text.starts_with("metadata") => true,
                _ => wanted.iter().any(|(field, ..)| keys == field.as_str()),
            };
            if !is_touched {
                let at = rest.find(text.trim_end());
                let at = at.unwrap_or_else(|| panic!("{text:?} is gone from {new:?}"));
                rest = &rest[at + text.trim_end().len()..];
            }
        }
    }

    #[test]
    fn a_manifest_in_another_form_is_edited_as_well() {
        let known = KnownValid::default();
        let id = ArtifactId::parse("skill:a").unwrap();
        let set = [(Field::Author, Change::Text("é".into()))];
        let own = "name = \"a\"\ntype = \"skill\"\npath = \"p\"\n";
        let inline = own.trim_end().replace('\n', ", ");
        for (manifest, old, new) in [
            (
                format!("artifacts = [{{}}, {{{inline}}}]"),
                "{name",
                "{ metadata.author = \"é\",name",
            ),
            (
                format!("[[artifacts]]\n{own}[x]\n[artifacts.metadata] # m\n[y]\n"),
                "# m\n",
                "# m\nauthor = \"é\"\n",
            ),
            (
                format!("collection.updated = 2026-01-05\n[[artifacts]]\n{own}"),
                own,
                &format!("{own}\n[artifacts.metadata]\nauthor = \"é\"\n"),
            ),
        ] {
            for mark in ["", "\u{feff}"] {
                let manifest = format!("{mark}{manifest}");
                assert!(Manifest::of(&manifest).is_none(), "{manifest}");
                let expected = manifest.replace(old, new).replace("2026-01-05", "2026-03-04");
                assert_eq!(edit_entry(&known, &manifest, &id, &set, now()), Ok(expected));
            }
        }
    }

    #[test]
    fn an_edit_that_cannot_be_made_alone_is_refused_with_its_line() {
        let known = KnownValid::default();
        let id = ArtifactId::parse("skill:a").unwrap();
        let set = [(Field::Author, Change::Clear)];
        let entry = "[[artifacts]]\nname = \"a\"\ntype = \"skill\"\npath = \"p\"\n";
        let refused = |manifest: &str| edit_entry(&known, manifest, &id, &set, now()).unwrap_err();
        let table = refused(&format!("a = 1\n\n{entry}[artifacts.author]\nx = 1\n"));
        assert_eq!(table.line, Some(3));
        assert!(
            table.message.starts_with("collection.toml cannot be edited safely: "),
            "{table:?}"
        );
        assert_eq!(refused(&format!("{entry}[x]\nnot valid\n")).line, Some(6));
        assert_eq!(refused("").line, None);
    }

    proptest! {
        #[test]
        fn an_edit_changes_the_fields_and_nothing_else(
            sample in manifest(),
            which in any::<sample::Index>(),
            wanted in changes(),
        ) {
            let entries = sample.entries();
            prop_assume!(!entries.is_empty());
            let (_, asked) = entries[which.index(entries.len())];
            let Some(index) = sample.first(&asked.id) else { return Ok(()) };
            let (block, entry) = entries[index];
            let (text, known) = (sample.text(), KnownValid::default());
            prop_assert!(Manifest::of(&text).is_some(), "it needs no second way");
            let edited = super::edit_entry(&known, &text, None, &entry.id, &wanted, now());
            let edited = edited.unwrap_or_else(|refused| panic!("{refused:?} of {text}"));
            let (new, place) = (edited.text.clone(), edited.place.clone().unwrap());
            let written = between(&new, &sample, block);
            prop_assert!(written.is_some(), "more has changed of {}\nin {}", text, new);
            check_lines(&sample, entry, written.unwrap(), &wanted);
            check_values(&entry_of(&text, index), &entry_of(&new, index), &wanted);
            prop_assert!(!sample.crlf || !new.replace("\r\n", "").contains('\n'));
            prop_assert_eq!(known.check(&new), Ok(()));
            prop_assert_eq!(edit_entry(&known, &new, &entry.id, &wanted, now()), Ok(new.clone()));

            prop_assert_eq!(&place.updated, &Manifest::of(&new).unwrap().updated());
            let placed = sole_entry(new[place.entry.clone()].parse().unwrap());
            prop_assert_eq!(placed, Some(entry_of(&new, index)));
            let again = super::edit_entry(&known, &new, Some(&place), &entry.id, &wanted, now());
            prop_assert_eq!(again, Ok(edited));
        }

        #[test]
        fn a_touch_changes_the_time_alone(sample in manifest()) {
            let touched = touch(&KnownValid::default(), &sample.text(), None, now()).unwrap();
            prop_assert_eq!(touched.text, sample.texts(true).concat());
        }
    }
}
