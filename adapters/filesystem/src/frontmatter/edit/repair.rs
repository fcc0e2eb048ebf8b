//! Valid YAML in the place of frontmatter that was read leniently.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::write::double_quoted;
use crate::frontmatter::{
    KEYS,
    lines::{is_conflict_marker, key_of, segments, value_of, yaml_of},
    quote::{line_end, quoted},
    strict, with_line_feeds,
};

/// The text if it is valid, else one that says the same `keys` strictly; what was valid in it keeps
/// its bytes. Refused with the text up to the place that cannot be repaired.
pub(super) fn repaired<'a>(
    text: &'a str,
    keys: &Map<String, Value>,
) -> Result<Cow<'a, str>, (&'static str, &'a str)> {
    let says = |text: &str| strict::parse(&with_line_feeds(text)).ok();
    if says(text).is_some() {
        return Ok(text.into());
    }
    let text = match quoted(text).filter(|quoted| says(quoted).is_some()) {
        Some(quoted) => quoted,
        None => by_line(text)?,
    };
    if says(&text).as_ref() == Some(keys) {
        return Ok(text.into());
    }
    Err(("not all of it can be written as valid YAML with the values that were read", ""))
}

/// The text with those keys' values quoted that are not YAML by themselves, if every line belongs
/// to one key. Nested keys are not made a text.
fn by_line(text: &str) -> Result<String, (&'static str, &str)> {
    let before = |line: &str| {
        let lines = text.split_inclusive('\n').take_while(|other| !std::ptr::eq(*other, line));
        &text[..lines.map(str::len).sum()]
    };
    if let Some(line) = text.split_inclusive('\n').find(|line| is_conflict_marker(line)) {
        return Err(("a merge conflict is left in it", before(line)));
    }
    let segments = segments(text);
    let first = segments.first().map_or(text, |(_, lines)| before(lines[0]));
    let passed_over = |line: &&str| line.trim().is_empty() || line.starts_with('#');
    if let Some(line) = first.split_inclusive('\n').find(|line| !passed_over(line)) {
        return Err(("this line belongs to no key", before(line)));
    }
    let mut out = first.to_owned();
    for (index, (key, lines)) in segments.iter().enumerate() {
        if segments[..index].iter().any(|(other, _)| other == key) {
            return Err(("this key comes twice", before(lines[0])));
        }
        let is_key = |line: &&&str| key_of(line.trim()).is_some_and(|(key, _)| KEYS.contains(&key));
        if *key != "description"
            && yaml_of(key, lines).is_none()
            && let Some(line) = lines.iter().skip(1).find(is_key)
        {
            return Err(("this line may be a key of its own", before(line)));
        }
        if yaml_of(key, lines).is_some() {
            out.extend(lines.iter().copied());
        } else if *key != "description" && announces_more(lines[0]) {
            return Err(("what stands below this key is not valid YAML", before(lines[0])));
        } else {
            out.push_str(&as_text(key, lines));
        }
    }
    Ok(out)
}

/// Whether a key's value stands on the lines below it.
fn announces_more(line: &str) -> bool {
    key_of(line).is_some_and(|(_, value)| value.is_empty() || value.starts_with('#'))
}

/// The text that was read of these lines, in quotes; the blank lines below it stay.
fn as_text(key: &str, lines: &[&str]) -> String {
    let blank = lines.iter().rev().take_while(|line| line.trim().is_empty()).count();
    let (own, blank) = lines.split_at(lines.len() - blank);
    let text = value_of(key, lines).as_str().map(double_quoted).unwrap_or_default();
    format!("{key}: {text}{}{}", own.last().map_or("", |line| line_end(line)), blank.concat())
}
