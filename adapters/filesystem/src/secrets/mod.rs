//! Secrets by name and by shape: found where people keep them, and masked in everything that leaves
//! the files. Pure functions, from text to text and from JSON to JSON.
//!
//! - `names`: which names hold secrets, and which values only stand for one.
//! - `tokens`: tokens with a public prefix; `shapes`: secrets in a text, by what is around them.
//! - `block`: frontmatter as text; `values`: JSON.
//! - `kept`: what a mask stands for in an edit.

mod block;
mod kept;
mod names;
mod shapes;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

use std::{borrow::Cow, ops::Range};

use larder::domain::artifact::{Metadata, Problem, Provenance, SECRET_IN_CLEAR};

pub(crate) use self::{
    kept::{Misplaced, with_secrets},
    shapes::Setting,
    values::{finding_in_json, mask_json, mask_unread},
};
use crate::frontmatter;

/// What is in place of a secret.
pub(crate) const MASK: &str = "***";

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    range: Range<usize>,
    /// Whether it is surely a secret, and no harmless setting beside one: the value of
    /// `env.LOG_LEVEL` is masked, but is no finding.
    is_finding: bool,
}

impl Span {
    fn shaped(range: Range<usize>) -> Self {
        Self { range, is_finding: true }
    }

    fn of_map(range: Range<usize>) -> Self {
        Self { range, is_finding: false }
    }

    fn after(self, offset: usize) -> Self {
        Self { range: self.range.start + offset..self.range.end + offset, ..self }
    }
}

/// How readily values below a key count as secrets: those that explain the artifact to people or
/// models are prose.
fn setting_of(key: &str) -> Setting {
    const PROSE: [&str; 8] = [
        "description",
        "when_to_use",
        "name",
        "title",
        "summary",
        "argument-hint",
        "initialPrompt",
        "tags",
    ];
    if PROSE.contains(&key) { Setting::Prose } else { Setting::Config }
}

/// A text without its secrets.
pub(crate) fn mask_text(text: &str, setting: Setting) -> Cow<'_, str> {
    masked(text, shapes::spans(text, setting).into_iter().map(Span::shaped).collect())
}

/// The new text of a value, with the secrets of its old one for which masks stand.
pub(crate) fn with_secrets_of(new: &str, old: &str) -> Result<String, Misplaced> {
    // The same value is masked as prose in one place and as an argument in another.
    let shown = [Setting::Prose, Setting::Config].map(|setting| mask_text(old, setting));
    let mut masked = shown.iter().filter(|shown| *shown != old);
    let first = with_secrets(new, old, masked.next().map_or(old, |shown| shown));
    first.or_else(|why| masked.next().map_or(Err(why), |shown| with_secrets(new, old, shown)))
}

/// A file of settings, in YAML or something like it, without its secrets.
pub(crate) fn mask_settings(file: &str) -> Cow<'_, str> {
    masked(file, block::spans(file))
}

/// A Markdown file without its secrets: those of its frontmatter by name and shape, those of its
/// body by shape alone. It has as many lines as before.
pub(crate) fn mask_markdown(file: &str) -> Cow<'_, str> {
    masked(file, markdown_spans(file))
}

/// The first secret of a Markdown file that should not be there.
pub(crate) fn finding_in_markdown(file: &str) -> Option<Problem> {
    let findings = markdown_spans(file).into_iter().filter(|span| span.is_finding);
    let first = findings.map(|span| span.range.start).min()?;
    Some(finding(Some(line_of(file, first))))
}

/// That a secret is written at a line, from 1.
pub(crate) fn finding(line: Option<u32>) -> Problem {
    Problem { message: SECRET_IN_CLEAR.to_owned(), line }
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, at: usize) -> u32 {
    u32::try_from(text[..at].matches('\n').count()).unwrap_or(u32::MAX - 1) + 1
}

fn markdown_spans(file: &str) -> Vec<Span> {
    let parts = frontmatter::split(file);
    let offset = |part: &str| part.as_ptr() as usize - file.as_ptr() as usize;
    let mut spans: Vec<Span> = Vec::new();
    if let Some(block) = parts.block {
        let at = offset(block.text);
        spans.extend(block::spans(block.text).into_iter().map(|span| span.after(at)));
    }
    let at = offset(parts.body);
    let shaped = shapes::spans(parts.body, Setting::Prose).into_iter();
    spans.extend(shaped.map(|range| Span::shaped(range).after(at)));
    spans
}

/// A text with a mask in place of each secret; lines stay lines.
fn masked(text: &str, mut spans: Vec<Span>) -> Cow<'_, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_by_key(|span| span.range.start);
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for Range { start, end } in merged(spans) {
        masked.push_str(&text[at..start]);
        for line in text[start..end].split_inclusive('\n') {
            let inner = line.trim();
            let indent = line.len() - line.trim_start().len();
            if inner.is_empty() {
                masked.push_str(line);
            } else {
                masked.extend([&line[..indent], MASK, &line[indent + inner.len()..]]);
            }
        }
        at = end;
    }
    masked.push_str(&text[at..]);
    Cow::Owned(masked)
}

/// Spans that overlap, as one.
fn merged(sorted: Vec<Span>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
    for Span { range, .. } in sorted {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Masks what an artifact says of itself. Returns whether there was a secret that should not be
/// there.
pub(crate) fn mask_metadata(metadata: &mut Metadata) -> bool {
    let mut found = false;
    let mut mask = |text: &mut String, setting| {
        if let Cow::Owned(masked) = mask_text(text, setting) {
            *text = masked;
            found = true;
        }
    };
    let Metadata { display_name, description, author, license, version, tags, tools, extra } =
        metadata;
    let prose = [display_name, description].into_iter().flatten().chain(tags);
    prose.for_each(|text| mask(text, Setting::Prose));
    let config = [author, license, version].into_iter().flatten().chain(tools);
    config.for_each(|text| mask(text, Setting::Config));
    values::mask_map(extra) || found
}

/// Masks where an artifact came from. Returns whether there was a secret.
pub(crate) fn mask_provenance(provenance: &mut Provenance) -> bool {
    let Provenance { version_spec, source, origin, origin_source, resolved_sha, resolved_version } =
        provenance;
    let fields = [version_spec, source, origin, origin_source, resolved_sha, resolved_version];
    let mut found = false;
    for text in fields.into_iter().flatten() {
        if let Cow::Owned(masked) = mask_text(text, Setting::Config) {
            *text = masked;
            found = true;
        }
    }
    found
}
