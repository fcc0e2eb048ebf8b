//! Changes of the text that leave alone what they are not about.

use std::ops::Range;

use larder::domain::edit::Change;
use serde_json::Value;

use super::{
    tree::{BLANK, Entry, Node, Shape},
    write,
};
use crate::lists;

/// Puts another value in the place of an entry's, in the style of the old one. A comment behind it
/// stays, and so do the lines of a list's items that stay. A text of several lines is written as a
/// block scalar if it can be; the last way to write it always takes one line.
pub(super) fn replace(
    text: &str,
    entry: &Entry,
    change: &Change,
    flow: bool,
    eol: &str,
) -> Vec<String> {
    if let (Shape::List { flow: false, items }, Change::List(wanted)) = (&entry.value.shape, change)
    {
        return vec![replace_items(text, entry, items, wanted, eol)];
    }
    let (head, end) = extent(text, entry);
    let (before, colon) = (&text[..head.start], entry.colon(text).1);
    let pad = match before.ends_with(':') {
        _ if !colon => ": ",
        true => " ",
        false => "",
    };
    let block = Block::like(text, entry).lines(change, flow, eol);
    let block = block.map(|(sign, lines)| {
        let line = line_end(text, head.end);
        // A value that begins below its key moves up to it.
        let (before, pad) = match before.trim_end() {
            key if key.ends_with(':') && before[key.len()..].contains('\n') => (key, " "),
            _ => (before, pad),
        };
        let (rest, after) = (&text[head.end..line], &text[end.max(line)..]);
        format!("{before}{pad}{sign}{rest}{lines}{after}")
    });
    let value = written(text, Some(&entry.value), change, flow);
    let rest = &text[head.end..end.min(line_end(text, head.end))];
    let one_line = format!("{before}{pad}{value}{rest}{}", &text[end..]);
    block.into_iter().chain([one_line]).collect()
}

/// Narrowest text, in characters, that folded lines are broken to.
const MIN_WIDTH: usize = 40;

/// How a text of several lines is written below its key.
struct Block<'a> {
    /// What announces it: `|` or `>`, with an indentation or a chomping sign.
    sign: &'a str,
    indent: usize,
    /// Longest line of the present text, where lines are folded.
    width: usize,
}

impl<'a> Block<'a> {
    /// As the present value of an entry is written, if that is a block scalar; otherwise each line
    /// as it is, two columns right of the key.
    fn like(text: &'a str, entry: &Entry) -> Self {
        let key = entry.key.start();
        let column = key - line_start(text, key);
        if !(matches!(entry.value.shape, Shape::Scalar(..)) && entry.value.is_block()) {
            return Self::below(column);
        }
        let (head, end) = extent(text, entry);
        let sign = text[head.clone()].rsplit(BLANK).next().unwrap_or("|-");
        let lines = text[line_end(text, head.end)..end].lines();
        let old: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
        let explicit = sign.chars().find_map(|c| c.to_digit(10)).map(|step| column + step as usize);
        let first = || old.first().map(|line| line.len() - line.trim_start_matches(' ').len());
        let indent = explicit.or_else(first).unwrap_or(column + 2);
        let width = old.iter().map(|line| line.chars().count().saturating_sub(indent)).max();
        Self { sign, indent, width: width.unwrap_or(usize::MAX).max(MIN_WIDTH) }
    }

    /// Each line as it is, below a key in that column.
    fn below(column: usize) -> Self {
        Self { sign: "|-", indent: column + 2, width: usize::MAX }
    }

    /// The sign, and a text in lines that each begin with a line break. `None` if the text has one
    /// line, or cannot be written so.
    fn lines(&self, change: &Change, flow: bool, eol: &str) -> Option<(&'a str, String)> {
        let Change::Text(text) = change else { return None };
        if flow
            || !text.contains('\n')
            || !text.chars().all(|c| c == '\n' || write::is_printable(c))
        {
            return None;
        }
        let is_folded = self.sign.starts_with('>');
        let lines =
            if is_folded { write::folded(text, self.width) } else { text.split('\n').collect() };
        let pad = " ".repeat(self.indent);
        let line = |line: &&str| format!("{eol}{}{line}", if line.is_empty() { "" } else { &pad });
        Some((self.sign, lines.iter().map(line).collect()))
    }
}

/// What of a value stands on the line of its key, to be replaced, and where the value ends. What
/// stands on that line behind it (blanks, a comment) stays; the lines below belong to the value.
fn extent(text: &str, entry: &Entry) -> (Range<usize>, usize) {
    let (value, colon) = (&entry.value, entry.colon(text).0);
    let behind = value.properties.as_ref().map_or(colon, |properties| properties.end);
    let start = value.properties.as_ref().map_or(colon, |properties| properties.start);
    match &value.shape {
        Shape::Scalar(..) if value.is_block() => {
            let sign = skip_blank(text, behind);
            let start = if value.properties.is_some() { start } else { sign };
            let end = sign + text[sign..].find(char::is_whitespace).unwrap_or(0);
            (start..end, line_end(text, value.span.end.max(end)))
        }
        _ if value.is_block() => (start..behind, line_end(text, value.span.end)),
        _ if value.span.is_empty() => (start..behind, behind),
        _ => (value.start()..value.span.end, value.span.end),
    }
}

/// The lines of a block list, made anew: an item that was there keeps its lines, with the comments
/// before and behind it.
fn replace_items(
    text: &str,
    entry: &Entry,
    items: &[Node],
    wanted: &[String],
    eol: &str,
) -> String {
    let behind = entry.value.properties.as_ref().map_or(entry.colon(text).0, |range| range.end);
    let dash = skip_blank(text, behind);
    let indent = &text[line_start(text, dash)..dash];
    let (start, mut end) = (next_line(text, behind), next_line(text, behind));
    let mut old = Vec::new();
    for item in items {
        let next = next_line(text, item.span.end.max(end));
        old.push((item, &text[end..next]));
        end = next;
    }
    let style = items.first().and_then(Node::style);
    let lines = wanted.iter().map(|wanted| {
        let kept = old.iter().find(|(item, _)| is_text(item, wanted));
        let new = || format!("{indent}- {}{eol}", write::scalar(wanted, style, false));
        kept.map_or_else(new, |(_, lines)| (*lines).to_owned())
    });
    format!("{}{}{}", &text[..start], lines.collect::<String>(), &text[end..])
}

/// Adds a key to a map: at the end of the text to the outermost one, right behind its last entry to
/// another; to a map in brackets as the first.
pub(super) fn insert(
    text: &str,
    map: Option<(&Node, bool)>,
    key: &str,
    change: &Change,
    eol: &str,
) -> Vec<String> {
    let entries = map.map_or(&[][..], |(map, _)| map.entries());
    if let Some((Node { shape: Shape::Map { flow: true, .. }, span, .. }, _)) = map {
        let comma = if entries.is_empty() { "" } else { ", " };
        let (before, after) = text.split_at(span.start + 1);
        return vec![format!("{before}{key}: {}{comma}{after}", written(text, None, change, true))];
    }
    let first = entries.first().map_or(0, |first| first.key.start());
    let line = &text[line_start(text, first)..first];
    let indent = &line[..line.len() - line.trim_start_matches(BLANK).len()];
    let (before, after) = text.split_at(match map {
        Some((map, false)) => next_line(text, map.span.end),
        _ => text.len(),
    });
    let block = Block::below(indent.len()).lines(change, false, eol);
    let block = block.map(|(sign, lines)| format!("{sign}{lines}"));
    let values = block.into_iter().chain([written(text, None, change, false)]);
    values.map(|value| format!("{before}{indent}{key}: {value}{eol}{after}")).collect()
}

/// Takes an entry out of a map: its lines, or what stands between two commas. The second way takes
/// the blank lines and indented comments below it as well, for a block scalar above would take them
/// for its own.
pub(super) fn remove(text: &str, map: &Node, index: usize) -> [String; 2] {
    let entries = map.entries();
    let entry = &entries[index];
    let (start, end) = (entry.key.start(), entry.end(text));
    let without = |range: Range<usize>| format!("{}{}", &text[..range.start], &text[range.end..]);
    if !map.is_block() {
        let range = match (entries.get(index + 1), index.checked_sub(1)) {
            (Some(next), _) => start..next.key.start(),
            (None, Some(previous)) => entries[previous].end(text)..end,
            (None, None) => start..end,
        };
        return [without(range.clone()), without(range)];
    }
    let (first, last) = (line_start(text, start), next_line(text, end));
    let below = text[last..].split_inclusive('\n').take_while(|line| {
        let indent = line.len() - line.trim_start().len();
        line.trim().is_empty() || indent > start - first
    });
    [without(first..last), without(first..last + below.map(str::len).sum::<usize>())]
}

/// A value as YAML on one line, in the style of the one that it replaces.
fn written(text: &str, old: Option<&Node>, change: &Change, flow: bool) -> String {
    let style = old.and_then(Node::style);
    match (change, old.map(|old| &old.shape)) {
        (Change::Clear, _) => String::new(),
        (Change::Text(text), _) => write::scalar(text, style, flow),
        (Change::List(items), Some(Shape::Scalar(old, _))) if is_commas(old, items) => {
            write::scalar(&items.join(", "), style, flow)
        }
        (Change::List(items), old) => {
            let old =
                if let Some(Shape::List { items, .. }) = old { items.as_slice() } else { &[] };
            let style = old.first().and_then(Node::style);
            let item = |wanted: &String| match old.iter().find(|item| is_text(item, wanted)) {
                Some(item) => text[item.start()..item.span.end].to_owned(),
                None => write::scalar(wanted, style, true),
            };
            format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether a list was written as one text, and can be so again.
fn is_commas(old: &str, items: &[String]) -> bool {
    let is_list = |text: &str| !lists::items(&Value::String(text.to_owned())).is_empty();
    is_list(old) && lists::items(&Value::String(items.join(", "))) == items
}

/// Whether an item of a list is this text, written on its own.
fn is_text(item: &Node, wanted: &str) -> bool {
    matches!(&item.shape, Shape::Scalar(text, _) if text.trim() == wanted && !item.is_block())
}

/// The first character that is neither blank nor in a comment.
fn skip_blank(text: &str, mut at: usize) -> usize {
    loop {
        at += text[at..].len() - text[at..].trim_start_matches(BLANK).len();
        if !text[at..].starts_with('#') {
            return at;
        }
        at = next_line(text, at);
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |feed| feed + 1)
}

fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |feed| at + feed + 1)
}

/// Where the line ends, before its line feed and carriage return.
fn line_end(text: &str, at: usize) -> usize {
    at + text[at..next_line(text, at)].trim_end_matches(['\r', '\n']).len()
}
