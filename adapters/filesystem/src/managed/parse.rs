//! Parsing both files, or parts of them, with errors that name file and line.

use std::ops::Range;

use larder::{domain::id::SourceName, ports::SourceError};

use crate::rows::shown_message;

/// A whole file, parsed.
pub(super) fn parse(
    bytes: &[u8],
    file: &'static str,
    source: &SourceName,
) -> Result<toml::Table, SourceError> {
    let text = utf8(bytes, file, source)?;
    parse_part(text, 0..text.len(), file, source)
}

/// A file as text.
pub(super) fn utf8<'a>(
    bytes: &'a [u8],
    file: &'static str,
    source: &SourceName,
) -> Result<&'a str, SourceError> {
    std::str::from_utf8(bytes).map_err(|invalid| {
        let line = line_at(bytes, invalid.valid_up_to());
        error(source, file, "it is not UTF-8".into(), Some(line))
    })
}

/// Parses a part of a file; the line of an error is that of the file.
pub(super) fn parse_part(
    text: &str,
    part: Range<usize>,
    file: &'static str,
    source: &SourceName,
) -> Result<toml::Table, SourceError> {
    text[part.clone()].parse::<toml::Table>().map_err(|invalid| {
        let line = invalid.span().map(|span| line_at(text.as_bytes(), part.start + span.start));
        error(source, file, on_one_line(&invalid), line)
    })
}

/// What the parser says.
pub(super) fn on_one_line(invalid: &toml::de::Error) -> String {
    let message: Vec<&str> = invalid.message().lines().map(str::trim).collect();
    message.join(", ")
}

/// The line of an offset, from 1.
pub(super) fn line_at(bytes: &[u8], offset: usize) -> u32 {
    let before = &bytes[..offset.min(bytes.len())];
    u32::try_from(before.split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// What is wrong with a file.
pub(super) fn error(
    source: &SourceName,
    file: &'static str,
    message: String,
    line: Option<u32>,
) -> SourceError {
    let message = shown_message(message);
    SourceError::Manifest { source_name: source.clone(), file, message, line }
}
