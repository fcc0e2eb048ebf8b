//! New values for fields of one entry. Only the bytes of those values and lines change.

use std::ops::Range;

use larder::domain::edit::{Change, Field};
use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

use super::{places::ARTIFACTS, spans};

/// A field, and what it shall become.
pub(crate) type Wanted = (Field, Change);

const METADATA: &str = "metadata";

/// The text with its nth entry changed, and nothing else; why not, as the end of a sentence.
pub(super) fn change(text: &str, index: usize, wanted: &[Wanted]) -> Result<String, String> {
    const MORE: &str = "other values would change with it";
    let mut expected: Table = text.parse().map_err(|_| "the entry is not valid by itself")?;
    let mut edited = text.to_owned();
    for (field, change) in wanted {
        let value = value_of(change);
        let how = || format!("{} is written in a way that cannot be changed alone", field.as_str());
        let (after, added_in) = apply(&edited, index, *field, value.as_ref()).ok_or_else(how)?;
        edited = after;
        model(entry_mut(&mut expected, index).ok_or_else(how)?, *field, value.as_ref(), added_in);
    }
    let mut after: Table = edited.parse().map_err(|_| MORE)?;
    for table in [&mut expected, &mut after] {
        without_empty_metadata(entry_mut(table, index).ok_or(MORE)?);
    }
    // A float may be no number, which is not equal to itself.
    let same = after == expected || format!("{after:?}") == format!("{expected:?}");
    let ended = edited.ends_with('\n') || !text.ends_with('\n');
    if same && ended { Ok(edited) } else { Err(MORE.to_owned()) }
}

fn value_of(change: &Change) -> Option<Value> {
    match change {
        Change::Clear => None,
        Change::Text(text) => Some(Value::from(text.as_str())),
        Change::List(items) => Some(Value::from(items.clone())),
    }
}

fn entry_mut(table: &mut Table, index: usize) -> Option<&mut Table> {
    table.get_mut(ARTIFACTS)?.get_mut(index)?.as_table_mut()
}

/// An empty table says nothing, and one made of dotted keys goes with the last of them.
fn without_empty_metadata(entry: &mut Table) {
    if entry.get(METADATA).and_then(Value::as_table).is_some_and(Table::is_empty) {
        entry.remove(METADATA);
    }
}

/// A table of an entry that a field can be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Entry,
    Metadata,
}

/// What a change makes of the values of an entry.
fn model(entry: &mut Table, field: Field, value: Option<&Value>, added_in: Option<Place>) {
    let key = field.as_str();
    let pair = || value.map(|value| (key.to_owned(), value.clone()));
    if let Some(place) = added_in {
        let table = match place {
            Place::Entry => Some(entry),
            Place::Metadata => {
                let metadata = || Value::Table(Table::new());
                entry.entry(METADATA).or_insert_with(metadata).as_table_mut()
            }
        };
        if let Some(table) = table {
            table.extend(pair());
        }
        return;
    }
    let set = |table: &mut Table| {
        if table.remove(key).is_some() {
            table.extend(pair());
        }
    };
    entry.get_mut(METADATA).and_then(Value::as_table_mut).map(set);
    set(entry);
}

/// The text with a field set, or removed, wherever the entry has it; and the table that it was
/// added to, if the entry did not have it.
fn apply(
    text: &str,
    index: usize,
    field: Field,
    value: Option<&Value>,
) -> Option<(String, Option<Place>)> {
    let document = DeTable::parse(text).ok()?;
    let entry = document.get_ref().get(ARTIFACTS)?.get_ref().get(index)?;
    let metadata = entry.get_ref().get(METADATA);
    let (mut splices, mut found) = (Vec::new(), false);
    for table in [Some(entry), metadata].into_iter().flatten() {
        let pair = table.get_ref().as_table().and_then(|it| it.get_key_value(field.as_str()));
        let Some((key, old)) = pair else { continue };
        found = true;
        let pair = key.span().start..old.span().end;
        splices.push(match value {
            // What says the same already keeps its looks.
            Some(value) if text[old.span()].parse().as_ref() == Ok(value) => continue,
            Some(value) => (old.span(), written(value, spans::line_ending(text))),
            None if is_inline(text, table) => (with_comma(text, pair), String::new()),
            None => (lines(text, pair), String::new()),
        });
    }
    let mut added_in = None;
    if let (false, Some(value)) = (found, value) {
        // Other programs look for tags in the entry, and for the other fields in its metadata.
        let place = if field == Field::Tags { Place::Entry } else { Place::Metadata };
        splices.push(addition(text, index, entry, place, field.as_str(), value)?);
        added_in = Some(place);
    }
    Some((spans::spliced(text, splices), added_in))
}

/// A value as it is written in a file with these line breaks. Where they are CR LF, a text of several
/// lines is written on one: parsers disagree on whether its line breaks would be CR LF as well.
pub(super) fn written(value: &Value, eol: &str) -> String {
    match value {
        // What JSON escapes, TOML escapes in the same way.
        Value::String(text) if text.contains('\n') && eol != "\n" => {
            serde_json::Value::from(text.as_str()).to_string()
        }
        value => value.to_string(),
    }
}

fn is_inline(text: &str, table: &Spanned<DeValue<'_>>) -> bool {
    text[table.span()].starts_with('{')
}

/// A pair of an inline table, or an item of a list, and the comma that goes with it.
pub(super) fn with_comma(text: &str, pair: Range<usize>) -> Range<usize> {
    if let Some(rest) = text[pair.end..].trim_start().strip_prefix(',') {
        return pair.start..text.len() - rest.trim_start().len();
    }
    let before = text[..pair.start].trim_end().strip_suffix(',');
    before.map_or(pair.start, str::len)..pair.end
}

/// The whole lines of a pair.
fn lines(text: &str, pair: Range<usize>) -> Range<usize> {
    let start = text[..pair.start].rfind('\n').map_or(0, |at| at + 1);
    start..text[pair.end..].find('\n').map_or(text.len(), |at| pair.end + at + 1)
}

/// How a key comes into the entry, or into its metadata, which are a table of their own unless the
/// entry has them in another way.
fn addition(
    text: &str,
    index: usize,
    entry: &Spanned<DeValue<'_>>,
    place: Place,
    key: &str,
    value: &Value,
) -> Option<(Range<usize>, String)> {
    let (eol, dotted) = (spans::line_ending(text), format!("{METADATA}.{key}"));
    let value = written(value, eol);
    let inline = |table: &Spanned<DeValue<'_>>, key: &str| {
        let comma = if table.get_ref().as_table()?.is_empty() { " " } else { "," };
        let at = table.span().start + 1;
        is_inline(text, table).then(|| (at..at, format!(" {key} = {value}{comma}")))
    };
    let metadata = entry.get_ref().get(METADATA).filter(|_| place == Place::Metadata);
    let in_entry = if place == Place::Entry { key } else { &dotted };
    let whole = metadata.and_then(|it| inline(it, key)).or_else(|| inline(entry, in_entry));
    if whole.is_some() {
        return whole;
    }
    let tables = spans::tables(text)?;
    let heads = tables.iter().enumerate().filter(|(_, it)| it.array && it.is(&[ARTIFACTS]));
    let mut heads = heads.map(|(at, _)| at).skip(index);
    let own = &tables[heads.next()?..heads.next().unwrap_or(tables.len())];
    let is_dotted = |keys: Range<usize>| {
        spans::path(&text[keys]).is_some_and(|it| it.len() > 1 && it[0] == METADATA)
    };
    let lines = match (place, own.iter().find(|it| it.is(&[ARTIFACTS, METADATA]))) {
        (Place::Metadata, Some(table)) => (table, format!("{key} = {value}")),
        (Place::Metadata, None) if own[0].pairs(text).any(|(keys, ..)| is_dotted(keys)) => {
            (&own[0], format!("{dotted} = {value}"))
        }
        (Place::Metadata, None) => {
            (&own[0], format!("{eol}[{ARTIFACTS}.{METADATA}]{eol}{key} = {value}"))
        }
        (Place::Entry, _) => (&own[0], format!("{key} = {value}")),
    };
    let (table, lines) = lines;
    let at = table.pairs(text).last().map_or(table.body, |(.., line)| line.end);
    let is_open = !text[..at].ends_with('\n');
    Some((at..at, if is_open { eol.to_owned() + &lines } else { lines + eol }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[[artifacts]]\nname = \"a\"\n";

    fn text(text: &str) -> Change {
        Change::Text(text.to_owned())
    }

    fn changed(body: &str, field: Field, change: Change) -> Result<String, String> {
        let head = if body.starts_with("artifacts") { "" } else { HEAD };
        let result = super::change(&format!("{head}{body}"), 0, &[(field, change)]);
        result.map(|text| text.strip_prefix(head).unwrap().to_owned())
    }

    #[test]
    fn every_copy_is_set_and_what_stands_beside_it_stays() {
        let body = "license = 'MIT'  # why\nmetadata.license = \"\"\"\nBSD\"\"\" # not\n";
        let set = changed(body, Field::License, text("ISC")).unwrap();
        assert_eq!(set, "license = \"ISC\"  # why\nmetadata.license = \"ISC\" # not\n");
        assert_eq!(changed(body, Field::License, Change::Clear).unwrap(), "");
        let same = "license = 'MIT'\n[artifacts.metadata]\nlicense = \"M\\u0049T\"";
        assert_eq!(changed(same, Field::License, text("MIT")).unwrap(), same);
    }

    #[test]
    fn a_field_that_no_place_has_goes_into_the_metadata_and_tags_into_the_entry() {
        let body = "x = 1\n[artifacts.metadata]\ntitle = \"t\" # t\n\n# of extra\n[artifacts.metadata.extra]";
        let set = changed(body, Field::Author, text("é")).unwrap();
        assert_eq!(set, body.replace("# t\n", "# t\nauthor = \"é\"\n"));
        let set = changed(body, Field::Tags, Change::List(vec!["a".into()])).unwrap();
        assert_eq!(set, body.replace("x = 1\n", "x = 1\ntags = [\"a\"]\n"));
        let extra = "[artifacts.metadata.extra]\nauthor = 1\n";
        let set = changed(extra, Field::Author, text("é")).unwrap();
        assert_eq!(set, format!("\n[artifacts.metadata]\nauthor = \"é\"\n{extra}"));
        let dotted = "metadata.title = 't'\n\n[artifacts.more]\nx = 1\n";
        let set = changed(dotted, Field::Author, text("é")).unwrap();
        assert_eq!(set, dotted.replace("'t'\n", "'t'\nmetadata.author = \"é\"\n"));
        let open = changed("[artifacts.metadata]", Field::Author, text("é")).unwrap();
        assert_eq!(open, "[artifacts.metadata]\nauthor = \"é\"");
    }

    #[test]
    fn a_text_of_several_lines_stands_on_several_where_line_breaks_are_certain() {
        let set = |body: &str, value: &str| changed(body, Field::Description, text(value)).unwrap();
        let lines = "description = \"\"\"\na\n\n  b\"\"\"\n";
        assert_eq!(set("description = 'x'\n", "a\n\n  b"), lines);
        assert_eq!(set("", "a\n\n  b"), format!("\n[artifacts.metadata]\n{lines}"));
        let quotes = "description = '''\na\n\"\"\"\\'''\n";
        assert_eq!(set("description = 'x'\n", "a\n\"\"\"\\"), quotes);
        let entry = "[[artifacts]]\r\nname = \"a\"\r\n";
        let wanted = [(Field::Description, text("a\nb"))];
        let crlf = change(entry, 0, &wanted).unwrap();
        let metadata = "\r\n[artifacts.metadata]\r\ndescription = \"a\\nb\"\r\n";
        assert_eq!(crlf, format!("{entry}{metadata}"));
    }

    #[test]
    fn inline_tables_keep_their_commas() {
        let clear = |table: &str| {
            let cleared = changed(&format!("metadata = {table}\n"), Field::Author, Change::Clear);
            cleared.unwrap().replace("metadata = ", "").trim_end().to_owned()
        };
        assert_eq!(clear("{ author = 'a', b = 1 }"), "{ b = 1 }");
        assert_eq!(clear("{ b = 1 , author = 'a' }"), "{ b = 1  }");
        assert_eq!(clear("{author='a'}"), "{}");
        assert_eq!(clear("{ a = 1, author = ',', b = 1 }"), "{ a = 1, b = 1 }");
        let set = |body| changed(body, Field::Author, text("é")).unwrap();
        assert_eq!(set("metadata = {}"), "metadata = { author = \"é\" }");
        assert_eq!(set("metadata = { b = 1 }"), "metadata = { author = \"é\", b = 1 }");
        let list = "artifacts = [ { name = \"a\" }, {} ]\n";
        assert_eq!(set(list), list.replace("{ name", "{ metadata.author = \"é\", name"));
    }

    #[test]
    fn what_cannot_be_changed_alone_is_refused() {
        let table = "[artifacts.metadata.author]\nname = \"x\"\n";
        assert!(changed(table, Field::Author, text("é")).is_err());
        assert!(changed(table, Field::Author, Change::Clear).is_err());
        let dotted = "artifacts = [{ name = \"a\", metadata.author = \"x\" }]\n";
        assert!(changed(dotted, Field::Author, Change::Clear).is_err());
        assert!(changed(dotted, Field::Author, text("é")).is_ok());
        let both = dotted.replace(" }", ", author = \"y\" }");
        assert!(changed(&both, Field::Author, Change::Clear).is_err());
        assert!(changed("author = 1\nauthor = 2\n", Field::Author, Change::Clear).is_err());
        assert!(changed("nothing = nan\n", Field::Author, text("é")).is_ok());
    }
}
