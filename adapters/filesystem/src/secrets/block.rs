//! Secrets in the text of a frontmatter block, whether or not it is valid YAML: what agents read
//! leniently must be masked as well.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{
    Span,
    names::{is_placeholder, is_secret_key, is_secret_map},
    setting_of, shapes,
};
use crate::frontmatter::key_of;

/// Where secrets are in a block; ranges may overlap.
pub(super) fn spans(block: &str) -> Vec<Span> {
    let mut spans = by_key(block);
    spans.extend(in_flow(block));
    for (setting, segment) in segments(block) {
        let shaped = shapes::spans(&block[segment.clone()], setting).into_iter();
        spans.extend(shaped.map(|found| Span::shaped(found).after(segment.start)));
    }
    spans
}

/// The top-level keys with their lines, and how readily values below them count as secrets.
fn segments(block: &str) -> Vec<(shapes::Setting, Range<usize>)> {
    let mut segments: Vec<(shapes::Setting, Range<usize>)> = Vec::new();
    let mut at = 0;
    for line in block.split_inclusive('\n') {
        let end = at + line.len();
        match (key_of(line), segments.last_mut()) {
            (None, Some((_, range))) => range.end = end,
            (key, _) => {
                let setting = setting_of(key.map_or("", |(key, _)| key));
                segments.push((setting, at..end));
            }
        }
        at = end;
    }
    segments
}

/// A key whose value, with everything indented below it, is secret.
struct Secret {
    /// The column of the key.
    column: usize,
    /// Whether the keys of the lines directly below stay readable: `env`, and not `token`.
    is_map: bool,
    /// The column of those lines, once there was one.
    inside: Option<usize>,
}

/// The values of keys that name secrets, line by line.
fn by_key(block: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut secret: Option<Secret> = None;
    let mut at = 0;
    for line in block.split_inclusive('\n') {
        let text = line.trim();
        let start = at + (line.len() - line.trim_start().len());
        let column = start - at;
        at += line.len();
        if text.is_empty() {
            continue;
        }
        if let Some(open) = &mut secret {
            let is_item = column == open.column && open.is_map && text.starts_with("- ");
            if column > open.column || is_item {
                let inside = *open.inside.get_or_insert(column);
                let pair = pair(text, start).filter(|_| open.is_map && column == inside);
                spans.extend(match pair {
                    Some((key, value)) => masked_value(key, block, value),
                    None => Some(Span::of_map(start..start + text.len())),
                });
                continue;
            }
        }
        secret = None;
        let dash = text.len() - text.trim_start_matches(['-', ' ']).len();
        let Some((key, value)) = pair(&text[dash..], start + dash) else { continue };
        let is_map = is_secret_map(key);
        if !is_map && !is_secret_key(key) {
            continue;
        }
        let written = block[value.clone()].trim();
        // Below such a key without a value there may be a map of harmless settings.
        let is_nested = written.is_empty() && !is_map;
        if is_nested || (!is_map && is_placeholder(written) && !is_indicator(written)) {
            continue;
        }
        spans.extend(masked_value(key, block, value));
        secret = Some(Secret { column: column + dash, is_map, inside: None });
    }
    spans
}

/// The key of a line, without quotes, and where its value is.
fn pair(text: &str, start: usize) -> Option<(&str, Range<usize>)> {
    let inner = text.strip_prefix("- ").unwrap_or(text).trim_start();
    let start = start + (text.len() - inner.len());
    let colon = inner.find(": ").or_else(|| inner.ends_with(':').then(|| inner.len() - 1))?;
    let key = inner[..colon].trim().trim_matches(['"', '\'']);
    let is_key = !key.is_empty() && !key.contains(['#', '{', '[']);
    is_key.then(|| (key, start + colon + 1..start + inner.len()))
}

/// A value without the space before it; nothing where it is empty, or only announces a block.
fn masked_value(key: &str, block: &str, value: Range<usize>) -> Option<Span> {
    let written = block[value.clone()].trim();
    if written.is_empty() || is_indicator(written) {
        return None;
    }
    let range = value.end - written.len()..value.end;
    let is_named = is_secret_key(key) && !is_placeholder(written);
    Some(if is_named { Span::shaped(range) } else { Span::of_map(range) })
}

/// `|` or `>`, with what may follow them in YAML; or an anchor alone.
fn is_indicator(value: &str) -> bool {
    value.starts_with(['|', '>']) && value[1..].chars().all(|c| "+-0123456789".contains(c))
}

/// `env: {…}` and `"headers": […]` within a line, or over several. One within another is part of
/// it: looking for the end of each would take time that is quadratic in the length of the text.
fn in_flow(block: &str) -> Vec<Span> {
    static OPENING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"([A-Za-z][\w-]*)["']?\s*:\s*[\[{]"#).expect("a valid pattern")
    });
    let mut spans = Vec::new();
    let mut known = 0;
    for opening in OPENING.captures_iter(block) {
        let start = opening.get_match().end();
        if start <= known || !is_secret_map(&opening[1]) {
            continue;
        }
        known = start + closing(&block[start..]);
        if !block[start..known].trim().is_empty() {
            spans.push(Span::of_map(start..known));
        }
    }
    spans
}

/// Where the bracket is closed that was opened before this text; its end, if it never is.
fn closing(text: &str) -> usize {
    let mut open = 1;
    let closes = |c: char| {
        open += match c {
            '{' | '[' => 1,
            '}' | ']' => -1,
            _ => 0,
        };
        open == 0
    };
    text.find(closes).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_within_a_map_is_part_of_it_and_one_that_never_ends_is_read_once() {
        let nested = "env: {a: 1, headers: {b: 2}, c: 3} headers: [d]";
        assert_eq!(in_flow(nested), [Span::of_map(6..33), Span::of_map(45..46)]);
        let open = "env:[".repeat((1 << 20) / 5);
        assert_eq!(in_flow(&open), [Span::of_map(5..open.len())]);
    }
}
