//! The first way to read what YAML rejects: quote the values that cannot stand bare.

use std::fmt::Write as _;

use super::{lines::key_of, strict};

/// The text with those top-level values quoted that take one line and are no YAML by themselves,
/// such as `argument-hint: [a] | --x`; `None` when there is none. Other lines, and all line ends,
/// stay as they are.
pub(crate) fn quoted(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len() + 16);
    let mut changed = false;
    for (index, line) in lines.iter().enumerate() {
        match key_of(line) {
            Some((key, value)) if !goes_on(&lines, index) && cannot_stand_bare(line, value) => {
                changed = true;
                let _ = write!(out, "{key}: '{}'{}", value.replace('\'', "''"), line_end(line));
            }
            _ => out.push_str(line),
        }
    }
    changed.then_some(out)
}

/// What ends a line: a line feed, with or without a carriage return, or nothing.
pub(crate) fn line_end(line: &str) -> &str {
    &line[line.trim_end_matches(['\r', '\n']).len()..]
}

/// Whether the value continues on the next line, indented.
fn goes_on(lines: &[&str], index: usize) -> bool {
    let next = lines[index + 1..].iter().find(|line| !line.trim().is_empty());
    next.is_some_and(|line| line.starts_with([' ', '\t']))
}

fn cannot_stand_bare(line: &str, value: &str) -> bool {
    !value.is_empty() && strict::parse(line).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_stand_bare_is_quoted() {
        let text = "name: x\ntags: [a, b]\ndescription: Use when: it's y\nhint: [a] | --x\n";
        assert_eq!(
            quoted(text).unwrap(),
            "name: x\ntags: [a, b]\ndescription: 'Use when: it''s y'\nhint: '[a] | --x'\n"
        );
        assert_eq!(quoted("name: x\n"), None);
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let text = "name: x\r\nhint: a: b\r\nmodel: y\n";
        assert_eq!(quoted(text).unwrap(), "name: x\r\nhint: 'a: b'\r\nmodel: y\n");
    }

    #[test]
    fn a_value_of_several_lines_is_left_alone() {
        assert_eq!(quoted("description: Use when: x\n  and: y\n"), None);
    }
}
