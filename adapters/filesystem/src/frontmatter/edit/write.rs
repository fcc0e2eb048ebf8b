//! New values as YAML that every reader takes for the same text.

use std::fmt::Write as _;

use granit_parser::ScalarStyle;

/// What YAML 1.1 or 1.2 takes for something else than a text, in any letter case.
const WORDS: [&str; 12] =
    ["", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];

/// A text as a scalar of one line: in the quotes of the value that it replaces, else bare if it can
/// stand so, else in double quotes. `flow` says that it stands in brackets.
pub(super) fn scalar(text: &str, old: Option<ScalarStyle>, flow: bool) -> String {
    match old {
        Some(ScalarStyle::DoubleQuoted) => double_quoted(text),
        Some(ScalarStyle::SingleQuoted) if text.chars().all(is_printable) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ if stands_bare(text, flow) => text.to_owned(),
        _ => double_quoted(text),
    }
}

/// A text in double quotes, in which everything can be said.
pub(super) fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// The lines of a folded block scalar (YAML 1.2, section 8.1.3) that is read as this text. A line
/// break between two lines that begin without a space needs a blank line more; a line that is longer
/// than `width` is broken at a space.
pub(super) fn folded(text: &str, width: usize) -> Vec<&str> {
    let (mut lines, mut follows_flush) = (Vec::new(), false);
    for line in text.split('\n') {
        if line.is_empty() {
            lines.push(line);
            continue;
        }
        let is_flush = !line.starts_with(' ');
        if is_flush && follows_flush {
            lines.push("");
        }
        follows_flush = is_flush;
        let mut rest = line;
        while let Some(at) = is_flush.then(|| fold_at(rest, width)).flatten() {
            lines.push(&rest[..at]);
            rest = &rest[at + 1..];
        }
        lines.push(rest);
    }
    lines
}

/// The last single space of a line at which it can be broken to be no wider than `width`; else the
/// first one behind.
fn fold_at(line: &str, width: usize) -> Option<usize> {
    let limit = line.char_indices().nth(width)?.0;
    let is_single = |at: &usize| {
        !line[..*at].ends_with(' ') && !line[*at + 1..].starts_with(' ') && *at + 1 < line.len()
    };
    let spaces = || line.match_indices(' ').map(|(at, _)| at).filter(is_single);
    spaces().take_while(|at| *at <= limit).last().or_else(|| spaces().next())
}

/// Whether a character can stand in a file as itself. YAML 1.1 takes three of those that 1.2 allows
/// for line breaks, and a byte-order mark is lost too easily.
pub(super) fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a text needs no quotes.
fn stands_bare(text: &str, flow: bool) -> bool {
    let first = |c: char| c.is_alphanumeric() || "_./($+".contains(c);
    text.starts_with(first)
        && text.trim() == text
        && text.chars().all(is_printable)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !(flow && text.contains([',', '[', ']', '{', '}', ':', '?']))
        && !WORDS.contains(&text.trim_start_matches('+').to_lowercase().as_str())
        && !is_like_a_number(text)
}

/// Whether a text could be a number, a date or a time to some reader: of digits and what may stand
/// between them. With two points it is a version, which none takes for either.
fn is_like_a_number(text: &str) -> bool {
    let parts = |c: char| c.is_ascii_hexdigit() || "._:+-xXoOtTzZ ".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+')
        && text.matches('.').count() < 2
        && text.chars().all(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frontmatter::strict;

    fn bare(text: &str) -> String {
        scalar(text, None, false)
    }

    #[test]
    fn a_text_stands_bare_where_no_reader_takes_it_for_something_else() {
        for text in ["Bob", "1.2.3", "v1.0", "a:b, c", "é ü", "C# and C++", "it's", "2 apples"] {
            assert_eq!(bare(text), text);
        }
        let nasty = [
            "yes",
            "NULL",
            "~",
            "1.0",
            "0x1F",
            "1_000",
            "12:30",
            "2024-01-02",
            "1e3",
            ".5",
            "+1",
            ".inf",
            "+.INF",
            "- a",
            "---",
            "a: b",
            "a #b",
            "#a",
            "a:",
            "!a",
            "&a",
            "*a",
            "%a",
            "@a",
            "`a",
            "'a",
            "\"a",
            "[a",
            "{a",
            "| a",
            "> a",
            "?",
            "<<",
            "=",
            "on",
            "Y",
            "\u{feff}a",
            "a\u{2028}b",
            "3.14",
        ];
        for text in nasty {
            assert!(bare(text).starts_with('"'), "{text}");
        }
        assert_eq!(scalar("a, b", None, true), "\"a, b\"");
    }

    #[test]
    fn quotes_stay_what_they_were() {
        assert_eq!(scalar("a", Some(ScalarStyle::DoubleQuoted), false), "\"a\"");
        assert_eq!(scalar("it's", Some(ScalarStyle::SingleQuoted), false), "'it''s'");
        let mark = scalar("a\u{feff}", Some(ScalarStyle::SingleQuoted), false);
        assert_eq!(mark, "\"a\\U0000FEFF\"");
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "\\PC{1,30}|[\u{85}\u{2028}\u{feff}a-c:#\"' ,\\[-]{1,12}") {
            let text = text.trim();
            for style in [None, Some(ScalarStyle::SingleQuoted), Some(ScalarStyle::DoubleQuoted)] {
                let block = format!("u: {}\n", scalar(text, style, false));
                prop_assert_eq!(&strict::parse(&block).unwrap()["u"], text);
                let flow = format!("u: [{}]\n", scalar(text, style, true));
                prop_assert_eq!(&strict::parse(&flow).unwrap()["u"][0], text);
            }
        }
    }
}
