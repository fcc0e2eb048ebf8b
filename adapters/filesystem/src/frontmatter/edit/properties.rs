//! Edits of random frontmatter: the pieces that an edit is not about are all there, in order, to the
//! byte.

use larder::domain::edit::{Change, Field};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value};

use super::{
    edit,
    pieces::{Piece, block},
    places::supplied,
};
use crate::frontmatter::read;

/// Texts that YAML may take for something else.
const NASTY: [&str; 34] = [
    "yes",
    "1.0",
    "null",
    "~",
    "---",
    "...",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "!a",
    "&a",
    "*a",
    "%a",
    "@a",
    "`a`",
    "'a'",
    "\"a\"",
    "[a]",
    "{a}",
    "a, b",
    "|",
    ">-",
    "a:",
    ":a",
    "#",
    "\\n",
    "🦀 é",
    "a\u{2028}b",
    "\u{feff}a",
    "=",
    "<<",
    "2024-01-02",
    "Bash(git log:*, -n 1)",
];

fn wanted() -> impl Strategy<Value = String> {
    let any = "\\PC{1,20}".prop_filter_map("blank", |text| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    });
    prop_oneof![select(&NASTY[..]).prop_map(str::to_owned), any, "[a-z]{1,8}( [a-z]{1,8})?"]
}

/// Texts of several lines, which may look like anything.
fn lines() -> impl Strategy<Value = String> {
    const LINES: [&str; 16] = [
        "",
        "",
        "a",
        "  b",
        " ",
        "- x",
        "# c",
        "---",
        "...",
        "key: v",
        "a  b ",
        "\"",
        "'",
        "|",
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
        "user: \"hi\"",
    ];
    let line = prop_oneof![5 => select(&LINES[..]).prop_map(str::to_owned), 1 => wanted()];
    prop::collection::vec(line, 2..8).prop_filter_map("blank", |lines| {
        let text = lines.join("\n").trim().to_owned();
        (!text.is_empty()).then_some(text)
    })
}

fn change(field: Field) -> impl Strategy<Value = (Field, Change)> {
    let set = if field == Field::Tags {
        let some = prop_oneof![wanted(), "[a-c]"];
        prop::collection::hash_set(some, 1..4)
            .prop_map(|tags| Change::List(tags.into_iter().collect()))
            .boxed()
    } else {
        prop_oneof![wanted(), lines()].prop_map(Change::Text).boxed()
    };
    prop_oneof![1 => Just(Change::Clear), 2 => set].prop_map(move |change| (field, change))
}

fn changes() -> impl Strategy<Value = Vec<(Field, Change)>> {
    prop::sample::subsequence(Field::ALL.to_vec(), 1..4)
        .prop_flat_map(|fields| fields.into_iter().map(change).collect::<Vec<_>>())
}

fn head() -> impl Strategy<Value = String> {
    ("\u{feff}?", "(\n|<!-- a\nb -->\n)?", "---[ \t]?\r?\n")
        .prop_map(|(mark, before, fence)| mark + &before + &fence)
}

/// What follows the block: nothing, or a body that may look like frontmatter.
fn tail() -> impl Strategy<Value = String> {
    "---|--- \r?\n(\u{feff}?\\PC{0,20}|---|author: x|\r?\n){0,6}"
}

/// The block of the new file; what is around it must be as it was.
fn inner<'a>(head: &str, new: &'a str, tail: &str) -> &'a str {
    new.strip_prefix(head)
        .and_then(|rest| rest.strip_suffix(tail))
        .expect("all around is as it was")
}

/// What another reader has for the keys that the changes are not about.
fn others(block: &str, changes: &[(Field, Change)]) -> Map<String, Value> {
    let options = serde_saphyr::options! { merge_keys: serde_saphyr::MergeKeyPolicy::AsOrdinary };
    let value: Value = serde_saphyr::from_str_with_options(block, options).unwrap();
    unnamed(value.as_object().cloned().unwrap_or_default(), changes)
}

/// The keys that the changes are not about.
fn unnamed(mut keys: Map<String, Value>, changes: &[(Field, Change)]) -> Map<String, Value> {
    let about = |key: &String| {
        changes
            .iter()
            .any(|(field, _)| field.as_str() == key || (*field == Field::Tags && key == "keywords"))
    };
    keys.retain(|key, _| !about(key));
    if let Some(inner) = keys.get_mut("metadata").and_then(Value::as_object_mut) {
        inner.retain(|key, _| !about(key));
    }
    keys.retain(|key, value| {
        key != "metadata" || !(value.is_null() || *value == Value::Object(Map::new()))
    });
    keys
}

/// That every piece which the changes are not about is in the new block as it was, in order, and
/// that nothing new stands where nothing was to be set.
fn check_pieces(pieces: &[Piece], new: &str, changes: &[(Field, Change)]) {
    let inner_entries = || pieces.iter().filter(|piece| piece.nested && piece.is_entry());
    let emptied = inner_entries().next().is_some()
        && inner_entries().all(|piece| piece.is_about(changes, true));
    let (mut rest, mut set, mut optional, mut below_block) = (new, false, false, false);
    for piece in pieces {
        let in_emptied = emptied && (piece.nested || piece.text.trim_end() == "metadata:");
        if piece.is_about(changes, false) {
            set |= !piece.is_about(changes, true) || piece.fields.len() > 1;
            optional |= below_block || piece.is_block();
        } else if in_emptied || (optional && piece.is_soft()) {
            let at = rest.find(&*piece.text).filter(|at| rest[..*at].trim().is_empty());
            rest = at.map_or(rest, |at| &rest[at + piece.text.len()..]);
        } else {
            let mut starts = rest.match_indices('\n').map(|(at, _)| at + 1);
            let here = |at: &usize| rest[*at..].starts_with(&*piece.text);
            let at = Some(0).filter(here).or_else(|| starts.find(here));
            let at = at.unwrap_or_else(|| panic!("{:?} is gone from {rest:?}", piece.text));
            let blank = optional && rest[..at].trim().is_empty();
            assert!(at == 0 || set || blank, "{:?} is new", &rest[..at]);
            rest = &rest[at + piece.text.len()..];
            // A blank line may have been found in a list that was set.
            let blank = piece.text.trim().is_empty();
            (set, optional) = (set && blank, optional && blank);
            below_block = piece.is_block() || (below_block && piece.is_soft());
        }
    }
}

/// That comments behind values of one line, and the rest of an author's map, outlive a new value.
fn check_marks(pieces: &[Piece], new: &str, changes: &[(Field, Change)]) {
    for mark in ["# who", "x: y"] {
        let stays = |piece: &&Piece| {
            let own = mark == "x: y" || piece.text.lines().count() == 1;
            !piece.is_about(changes, true) && (own || !piece.is_about(changes, false))
        };
        let marks = pieces.iter().filter(stays).map(|piece| piece.text.matches(mark).count());
        assert!(marks.sum::<usize>() <= new.matches(mark).count(), "{mark} is gone from {new:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_edit_changes_what_it_is_about_and_no_other_byte(
        head in head(), pieces in block(), tail in tail(), changes in changes()
    ) {
        let old: String = pieces.iter().map(|piece| &*piece.text).collect();
        let file = format!("{head}{old}{tail}");
        let referred = |piece: &Piece| piece.is_about(&changes, false) && piece.text.contains(": *f");
        let new = match edit(file.as_bytes(), &changes) {
            Ok(new) => String::from_utf8(new).unwrap(),
            Err(no) => {
                prop_assert!(pieces.iter().any(referred), "{no:?}\n{file}");
                return Ok(());
            }
        };
        let block = inner(&head, &new, &tail);
        check_pieces(&pieces, block, &changes);
        check_marks(&pieces, block, &changes);
        prop_assert_eq!(others(&old, &changes), others(block, &changes));
        let keys = read(&new).values.unwrap();
        for (field, change) in &changes {
            prop_assert_eq!(&supplied(&keys, *field), change);
        }
        prop_assert_eq!(edit(new.as_bytes(), &changes).unwrap(), new.as_bytes());
    }

    #[test]
    fn a_file_without_frontmatter_keeps_its_body(
        mark in "\u{feff}?", body in "(\\PC{0,20}|\r?\n){0,5}", value in wanted()
    ) {
        let changes = [(Field::Author, Change::Text(value))];
        let new = String::from_utf8(edit(format!("{mark}{body}").as_bytes(), &changes).unwrap());
        let new = new.unwrap();
        prop_assert!(new.starts_with(&*mark) && new.ends_with(&*body));
        prop_assert_eq!(supplied(&read(&new).values.unwrap(), Field::Author), changes[0].1.clone());
    }

    #[test]
    fn a_key_that_comes_twice_is_refused(pieces in block(), changes in changes()) {
        let old: String = pieces.iter().map(|piece| &*piece.text).collect();
        let file = format!("---\nu: 1\n{old}u: 2\n---\n");
        let new = edit(file.as_bytes(), &changes);
        prop_assert!(new.is_err() || new.unwrap() == file.as_bytes());
    }

    #[test]
    fn a_repaired_file_says_strictly_what_was_read_leniently(
        pieces in block(), at in any::<prop::sample::Index>(), changes in changes(),
        bad in select(vec![
            "hint: [a] | --x\n", "hint: Use: it\n", "hint: 'a' b\r\n", "x: a\nuser: [b\n  c: d\n",
        ]),
    ) {
        let mut pieces: Vec<Piece> = pieces.into_iter().filter(|piece| !piece.nested).collect();
        pieces.insert(at.index(pieces.len() + 1), Piece::free(bad));
        let old: String = pieces.iter().map(|piece| &*piece.text).collect();
        let file = format!("---\n{old}---\nbody");
        if let Ok(new) = edit(file.as_bytes(), &changes) && new != file.as_bytes() {
            let new = String::from_utf8(new).unwrap();
            inner("---\n", &new, "---\nbody");
            let (old, new) = (read(&file).values.unwrap(), read(&new).values.unwrap());
            prop_assert_eq!(unnamed(old, &changes), unnamed(new.clone(), &changes));
            for (field, change) in &changes {
                prop_assert_eq!(&supplied(&new, *field), change);
            }
        }
    }
}
