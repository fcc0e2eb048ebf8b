//! The statements of a TOML text, told by its tokens alone: in a tenth of the time that parsing takes.

use std::ops::Range;

use toml_parser::{Source, lexer::TokenKind};

/// A line, or the lines of one key and its value.
pub(super) struct Statement {
    /// With the line break.
    pub(super) line: Range<usize>,
    pub(super) kind: Kind,
}

/// What a [`Statement`] is.
pub(super) enum Kind {
    Blank,
    Comment,
    /// `[keys]`, or `[[keys]]`.
    Header {
        keys: Range<usize>,
        array: bool,
    },
    Pair {
        keys: Range<usize>,
        value: Range<usize>,
    },
    /// No TOML.
    Garbled,
}

/// The statements of a part of a text that begins with one.
pub(super) struct Statements<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

impl<'a> Statements<'a> {
    pub(super) fn new(text: &'a str, part: Range<usize>) -> Self {
        Self { text, at: part.start, end: part.end }
    }
}

impl Iterator for Statements<'_> {
    type Item = Statement;

    fn next(&mut self) -> Option<Statement> {
        let start = self.at;
        if let Some(pair) = plain_pair(self.text, start, self.end) {
            self.at = pair.line.end;
            return Some(pair);
        }
        let (mut first, mut equals, mut value, mut end) = (None, None, None, start);
        let mut depth = 0_i32;
        for token in Source::new(&self.text[start..self.end]).lex() {
            let (from, to) = (start + token.span().start(), start + token.span().end());
            let kind = token.kind();
            self.at = to;
            match kind {
                TokenKind::Whitespace => continue,
                // Only values go on beyond a line.
                TokenKind::Newline if depth > 0 && equals.is_some() => continue,
                TokenKind::Newline | TokenKind::Eof => break,
                TokenKind::Comment if first.is_some() => continue,
                TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
                TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth -= 1,
                _ => {}
            }
            first.get_or_insert((kind, from));
            if equals.is_some() {
                value.get_or_insert(from);
            } else if kind == TokenKind::Equals {
                equals = Some(from);
            }
            end = to;
        }
        let kind = match (first, equals, value) {
            (None, ..) if self.at == start => return None,
            (None, ..) => Kind::Blank,
            (Some((TokenKind::Comment, _)), ..) => Kind::Comment,
            _ if depth != 0 => Kind::Garbled,
            (Some((TokenKind::LeftSquareBracket, from)), None, _) => header(self.text, from..end),
            (Some((_, from)), Some(equals), Some(value)) => {
                Kind::Pair { keys: from..equals, value: value..end }
            }
            _ => Kind::Garbled,
        };
        Some(Statement { line: start..self.at, kind })
    }
}

/// What a line in brackets is.
fn header(text: &str, brackets: Range<usize>) -> Kind {
    let Range { start, end } = brackets;
    let array = text[start..end].starts_with("[[");
    let width = 1 + usize::from(array);
    let closed = text[start..end].ends_with(&"]]"[..width]) && end - start > 2 * width;
    if closed { Kind::Header { keys: start + width..end - width, array } } else { Kind::Garbled }
}

/// What most lines are, `key = "text"`, in half the time that their tokens take.
fn plain_pair(text: &str, start: usize, end: usize) -> Option<Statement> {
    let bytes = &text.as_bytes()[start..end];
    let key = bytes.iter().position(|byte| !byte.is_ascii_lowercase() && *byte != b'_')?;
    let inner = bytes[key..].strip_prefix(b" = \"").filter(|_| key > 0)?;
    let length = inner.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))?;
    let eol = [&b"\"\n"[..], b"\"\r\n"].into_iter().find(|eol| inner[length..].starts_with(eol))?;
    let value = start + key + 3..start + key + 5 + length;
    let line = start..value.end - 1 + eol.len();
    Some(Statement { line, kind: Kind::Pair { keys: start..start + key, value } })
}
