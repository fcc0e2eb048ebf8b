//! The statements of a TOML text, told by its tokens alone: in a tenth of the time that parsing takes.

use std::ops::Range;

use toml_parser::{Source, lexer::TokenKind};

/// A line, or the lines of one key and its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// With the line break.
    pub(super) line: Range<usize>,
    pub(super) kind: Kind,
}

/// What a [`Statement`] is.
#[derive(Debug, PartialEq, Eq)]
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
        let Self { text, at, end } = *self;
        let statement = plain_line(text, at, end).or_else(|| by_tokens(text, at, end))?;
        self.at = statement.line.end;
        Some(statement)
    }
}

/// The statement that begins at `start`, by its tokens.
fn by_tokens(text: &str, start: usize, limit: usize) -> Option<Statement> {
    let (mut first, mut equals, mut value, mut end) = (None, None, None, start);
    let (mut depth, mut at) = (0_i32, start);
    for token in Source::new(&text[start..limit]).lex() {
        let (from, to) = (start + token.span().start(), start + token.span().end());
        let kind = token.kind();
        at = to;
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
        (None, ..) if at == start => return None,
        (None, ..) => Kind::Blank,
        (Some((TokenKind::Comment, _)), ..) => Kind::Comment,
        _ if depth != 0 => Kind::Garbled,
        (Some((TokenKind::LeftSquareBracket, from)), None, _) => header(text, from..end),
        (Some((_, from)), Some(equals), Some(value)) => {
            Kind::Pair { keys: from..equals, value: value..end }
        }
        _ => Kind::Garbled,
    };
    Some(Statement { line: start..at, kind })
}

/// What a line in brackets is.
fn header(text: &str, brackets: Range<usize>) -> Kind {
    let Range { start, end } = brackets;
    let array = text[start..end].starts_with("[[");
    let width = 1 + usize::from(array);
    let closed = text[start..end].ends_with(&"]]"[..width]) && end - start > 2 * width;
    if closed { Kind::Header { keys: start + width..end - width, array } } else { Kind::Garbled }
}

/// What most lines are, in a tenth of the time that their tokens take: `[keys]`, `key = "text"`,
/// `key = ["text", "text"]`, or nothing.
fn plain_line(text: &str, start: usize, end: usize) -> Option<Statement> {
    let bytes = &text.as_bytes()[start..end];
    let (length, kind) = match bytes.first()? {
        b'\n' | b'\r' => (0, Kind::Blank),
        b'[' => {
            let length = bytes.iter().position(|byte| *byte == b'\n')?;
            let length = length - usize::from(bytes[..length].ends_with(b"\r"));
            let line = &text[start..start + length];
            let quotes = line.matches('"').count();
            // Quotes side by side may begin what is no key.
            let is_quoted_well = quotes.is_multiple_of(2) && !line.contains("\"\"");
            let array = bytes.starts_with(b"[[");
            let width = 1 + usize::from(array);
            let keys = bytes[..length].get(width..length.checked_sub(width)?)?;
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:\"".contains(byte);
            let closed = bytes[..length].ends_with(&b"]]"[..width]);
            if !closed || keys.is_empty() || !keys.iter().all(is_plain) || !is_quoted_well {
                return None;
            }
            (length, Kind::Header { keys: start + width..start + length - width, array })
        }
        _ => {
            let key = bytes.iter().position(|byte| !byte.is_ascii_lowercase() && *byte != b'_')?;
            let value = bytes[key..].strip_prefix(b" = ").filter(|_| key > 0)?;
            let length = plain_string(value).or_else(|| plain_list(value))?;
            let from = start + key + 3;
            (key + 3 + length, Kind::Pair { keys: start..start + key, value: from..from + length })
        }
    };
    let eol = [&b"\n"[..], b"\r\n"].into_iter().find(|eol| bytes[length..].starts_with(eol))?;
    Some(Statement { line: start..start + length + eol.len(), kind })
}

/// How long the text in quotes is that bytes begin with.
fn plain_string(bytes: &[u8]) -> Option<usize> {
    let inner = bytes.strip_prefix(b"\"")?;
    let length = inner.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))?;
    // A third quote may begin a text of several lines.
    let closes = inner[length] == b'"' && inner.get(length + 1) != Some(&b'"');
    closes.then_some(length + 2)
}

/// How long the list of such texts is that bytes begin with.
fn plain_list(bytes: &[u8]) -> Option<usize> {
    let mut at = bytes.starts_with(b"[").then_some(1)?;
    loop {
        match bytes.get(at)? {
            b']' => return Some(at + 1),
            b' ' | b',' => at += 1,
            _ => at += plain_string(&bytes[at..])?,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample};

    use super::*;

    /// Of which lines are made, plain ones and others.
    const PIECES: &[&str] = &[
        "[", "]", "[[", "]]", "\n", "\r\n", "a", "b_c", ".", "-", ":", "\"", "\"\"", "\"x\"", "'",
        " ", " = ", "=", ", ", "#", "\\", "é", "\r", "{", "}",
    ];

    /// The pair that a line becomes has its key without the blanks before the equals sign.
    fn trimmed(text: &str, mut statement: Statement) -> Statement {
        if let Kind::Pair { keys, .. } = &mut statement.kind {
            keys.end = keys.start + text[keys.clone()].trim_end().len();
        }
        statement
    }

    #[test]
    fn what_may_begin_a_text_of_several_lines_is_not_plain() {
        for text in ["a = [\"\"\"\"]\n", "a = [\"\"\"]\n", "a = \"\"\"\n", "a = [\"x\"\"y\"]\n"] {
            assert_eq!(plain_line(text, 0, text.len()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_line_is_what_its_tokens_are(
            pieces in prop::collection::vec(sample::select(PIECES), 0..14),
        ) {
            for begin in ["", "a = ", "a = [", "[", "[["] {
                let text = format!("{begin}{}\n", pieces.concat());
                if let Some(plain) = plain_line(&text, 0, text.len()) {
                    let by_tokens = by_tokens(&text, 0, text.len()).map(|it| trimmed(&text, it));
                    prop_assert_eq!(Some(plain), by_tokens, "{}", text);
                }
            }
        }
    }
}
