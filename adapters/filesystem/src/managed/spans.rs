//! Where the tables of a TOML text stand, so that one can be read or changed without the others.

use std::{borrow::Cow, ops::Range};

use toml_parser::{Source, lexer::TokenKind};

use super::statements::{Kind, Statement, Statements};

/// A table under a header of its own, or, without one, what stands before the first header.
pub(super) struct Table<'a> {
    pub(super) path: Vec<Cow<'a, str>>,
    pub(super) array: bool,
    /// From the comments that stand directly above the header to those of the next one.
    pub(super) span: Range<usize>,
    /// Where the line of the header ends.
    pub(super) body: usize,
}

impl Table<'_> {
    /// Whether it is the table of these keys or lies below it.
    pub(super) fn is_below(&self, keys: &[&str]) -> bool {
        self.path.len() >= keys.len() && self.path.iter().zip(keys).all(|(a, b)| a == b)
    }

    /// Whether it is the table of these keys.
    pub(super) fn is(&self, keys: &[&str]) -> bool {
        self.path.len() == keys.len() && self.is_below(keys)
    }

    /// Its own keys, values and lines.
    pub(super) fn pairs(
        &self,
        text: &str,
    ) -> impl Iterator<Item = (Range<usize>, Range<usize>, Range<usize>)> {
        Statements::new(text, self.body..self.span.end).filter_map(|statement| {
            match statement.kind {
                Kind::Pair { keys, value } => Some((keys, value, statement.line)),
                _ => None,
            }
        })
    }

    /// Where the value of one of its own keys stands.
    pub(super) fn value(&self, text: &str, key: &str) -> Option<Range<usize>> {
        let is_it = |keys: &str| {
            let is_quoted = keys.contains(['"', '\'']);
            keys.trim_ascii_end() == key
                || (is_quoted && path(keys).is_some_and(|path| path == [key]))
        };
        self.pairs(text).find(|(keys, ..)| is_it(&text[keys.clone()])).map(|(_, value, _)| value)
    }
}

/// The tables of a text, in order, the one without a header first; `None` if it is no TOML as far
/// as its lines tell.
pub(super) fn tables(text: &str) -> Option<Vec<Table<'_>>> {
    let body = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut tables = Vec::new();
    let mut open = Table { path: Vec::new(), array: false, span: 0..text.len(), body };
    let mut comments = None;
    for Statement { line, kind } in Statements::new(text, body..text.len()) {
        match kind {
            Kind::Comment => drop(comments.get_or_insert(line.start)),
            Kind::Blank | Kind::Pair { .. } => comments = None,
            Kind::Header { keys, array } => {
                let start = comments.take().unwrap_or(line.start);
                open.span.end = start;
                let path = path(&text[keys])?;
                let next = Table { path, array, span: start..text.len(), body: line.end };
                tables.push(std::mem::replace(&mut open, next));
            }
            Kind::Garbled => return None,
        }
    }
    tables.push(open);
    Some(tables)
}

/// The parts of a dotted key.
pub(super) fn path(keys: &str) -> Option<Vec<Cow<'_, str>>> {
    let keys = keys.trim_ascii();
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if keys.bytes().all(bare) {
        return Some(keys.split('.').map(Cow::Borrowed).collect());
    }
    // As the entries of a lock are written.
    let quoted = keys.strip_suffix('"').and_then(|keys| keys.split_once(".\""));
    if let Some((above, last)) = quoted
        && above.bytes().all(bare)
        && !last.contains(['"', '\\'])
    {
        return Some(above.split('.').chain([last]).map(Cow::Borrowed).collect());
    }
    let parts = Source::new(keys).lex().filter_map(|token| {
        let written = &keys[token.span().start()..token.span().end()];
        match token.kind() {
            TokenKind::Whitespace | TokenKind::Dot | TokenKind::Eof => None,
            TokenKind::Atom => Some(Some(Cow::Borrowed(written))),
            _ => Some(string(written)),
        }
    });
    parts.collect()
}

/// The text that a value says, if it is one.
pub(super) fn string(value: &str) -> Option<Cow<'_, str>> {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.contains([quote, '\\'])) {
            return Some(Cow::Borrowed(inner));
        }
    }
    match value.parse() {
        Ok(toml::Value::String(text)) => Some(Cow::Owned(text)),
        _ => None,
    }
}

/// A text with some parts replaced; two at the same place stay in order, and of two that overlap
/// only the first is.
pub(super) fn spliced(text: &str, mut parts: Vec<(Range<usize>, String)>) -> String {
    parts.sort_by_key(|(range, _)| (range.start, range.end));
    let grown: usize = parts.iter().map(|(_, new)| new.len()).sum();
    let (mut spliced, mut at) = (String::with_capacity(text.len() + grown), 0);
    for (range, new) in parts {
        if let Some(kept) = text.get(at..range.start) {
            spliced.push_str(kept);
            spliced.push_str(&new);
            at = range.end;
        }
    }
    spliced.push_str(&text[at..]);
    spliced
}

/// The line break of a text.
pub(super) fn line_ending(text: &str) -> &'static str {
    if text.find('\n').is_some_and(|at| text[..at].ends_with('\r')) { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample};

    use super::*;

    /// Of which valid and invalid texts are made.
    const PIECES: &[&str] = &[
        "[a]\n",
        "[[b]]\n",
        "[ c . \"d\" ]\r\n",
        "e = 1\n",
        "f = \"x\"\n",
        "g = \"\"\n",
        "h = [\n",
        "]\n",
        "i = \"\"\"\n",
        "\"\"\"\n",
        "j = , \n",
        "# \"\"\"\n",
        "\n",
        "k = { l = '[' }\n",
        "m = \"\\\"\n",
        "\"\n",
        "\"n\" = '\"'\n",
        "1,\n",
        "\u{feff}",
        "é = 1\n",
        "[o",
    ];

    fn spans(text: &str) -> Vec<(String, &str)> {
        let tables = tables(text).unwrap();
        let said = |table: &Table<'_>| (table.path.join("|"), table.span.clone());
        tables.iter().map(said).map(|(path, span)| (path, &text[span])).collect()
    }

    #[test]
    fn a_table_ends_where_the_comments_above_the_next_begin() {
        let text = "\u{feff}a = 1\r\n\r\n# of b\r\n  # too\r\n[ b . \"c.d\" ] # b\r\nx = '#'\r\n# alone\r\n\r\n[[e]]";
        let expected = [
            ("", "\u{feff}a = 1\r\n\r\n"),
            ("b|c.d", "# of b\r\n  # too\r\n[ b . \"c.d\" ] # b\r\nx = '#'\r\n# alone\r\n\r\n"),
            ("e", "[[e]]"),
        ];
        assert_eq!(spans(text), expected.map(|(path, text)| (path.to_owned(), text)));
    }

    #[test]
    fn a_header_inside_a_value_is_none() {
        for value in [
            "\"\"\"\n[b]\n\\\"\"\"\n[b]\n\"\"\"\"\"",
            "'''\n[b]\n\"\"\"\n# '''",
            "[ # [\n[1],\n[\n'[b]'],\n]",
            "{ a = [\n[b]\n] }",
            "\"[\" # \"\"\"",
        ] {
            let text = format!("a = {value}\n[c]\n");
            assert_eq!(spans(&text)[1], ("c".to_owned(), "[c]\n"), "{text}");
            let value_at = tables(&text).unwrap()[0].value(&text, "a").unwrap();
            assert!(value.starts_with(&text[value_at]), "{text}");
        }
    }

    #[test]
    fn what_is_no_toml_has_no_tables() {
        for text in
            ["[a", "[a]]\n", "[[a]\n", "[]\n", "a\n", "= 1\n", "a = [\n[b]\n", "a = }\n", "[a] b\n"]
        {
            assert!(tables(text).is_none_or(|_| text.parse::<toml::Table>().is_err()), "{text}");
        }
        assert!(tables("a = [\n[b]\n").is_none());
    }

    proptest! {
        #[test]
        fn each_table_of_a_valid_text_is_valid_by_itself(
            pieces in prop::collection::vec(sample::select(PIECES), 0..12),
        ) {
            let text = pieces.concat();
            let tables = tables(&text);
            if text.parse::<toml::Table>().is_ok() {
                prop_assert!(tables.is_some(), "{}", text);
                for table in tables.iter().flatten() {
                    prop_assert!(text[table.span.clone()].parse::<toml::Table>().is_ok(), "{}", text);
                }
            }
            let all: String = tables.iter().flatten().map(|it| &text[it.span.clone()]).collect();
            prop_assert!(tables.is_none() || all == text);
        }
    }

    #[test]
    fn a_key_may_be_quoted() {
        let text = "[x]\n\"n\\u0061me\" = 1\n'type' = '''a'b'''\n other\t= 3";
        let table = &tables(text).unwrap()[1];
        let value = |key| table.value(text, key).map(|at| &text[at]);
        assert_eq!(value("name"), Some("1"));
        assert_eq!(value("type").and_then(string).as_deref(), Some("a'b"));
        assert_eq!(value("other"), Some("3"));
        assert_eq!(value("n\\u0061me"), None);
    }
}
