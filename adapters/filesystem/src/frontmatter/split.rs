//! Cuts a Markdown file into frontmatter and body.

/// The delimiter, alone on its line.
const FENCE: &str = "---";

/// A Markdown file in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// `None` when the file does not begin with frontmatter.
    pub(crate) block: Option<Block<'a>>,
    /// What follows it.
    pub(crate) body: &'a str,
}

/// What stands between the delimiters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    pub(crate) text: &'a str,
    /// The line of the file at which the text begins, from 1.
    pub(crate) first_line: u32,
    /// Whether a closing delimiter follows. Without one the block ends at the first blank line.
    pub(crate) closed: bool,
}

/// Cuts a file. A byte-order mark, blank lines and one HTML comment may precede the frontmatter.
pub(crate) fn split(file: &str) -> Parts<'_> {
    let file = file.strip_prefix('\u{feff}').unwrap_or(file);
    let start = opening(file);
    let Some((fence, rest)) = line(&file[start..]) else {
        return Parts { block: None, body: file };
    };
    if fence.trim_end() != FENCE {
        return Parts { block: None, body: file };
    }
    let begin = file.len() - rest.len();
    let first_line = u32::try_from(file[..begin].matches('\n').count()).unwrap_or(u32::MAX - 1) + 1;
    let (mut at, mut blank) = (begin, None);
    while let Some((text, rest)) = line(&file[at..]) {
        let next = file.len() - rest.len();
        if text.trim_end() == FENCE {
            let block = Block { text: &file[begin..at], first_line, closed: true };
            return Parts { block: Some(block), body: rest };
        }
        if blank.is_none() && text.trim().is_empty() {
            blank = Some(at);
        }
        at = next;
    }
    let end = blank.unwrap_or(file.len());
    let block = Block { text: &file[begin..end], first_line, closed: false };
    Parts { block: Some(block), body: &file[end..] }
}

/// Where the opening delimiter would stand: after blank lines, and one comment.
fn opening(file: &str) -> usize {
    let blank = skip_blank(file, 0);
    let comment = file[blank..].strip_prefix("<!--").and_then(|rest| rest.split_once("-->"));
    let Some((_, after)) = comment else { return blank };
    match line(after) {
        Some((tail, rest)) if tail.trim().is_empty() => skip_blank(file, file.len() - rest.len()),
        _ => blank,
    }
}

fn skip_blank(file: &str, mut at: usize) -> usize {
    while let Some((text, rest)) = line(&file[at..]) {
        if !text.trim().is_empty() {
            break;
        }
        at = file.len() - rest.len();
    }
    at
}

/// The first line, without its line feed, and the rest; `None` at the end.
fn line(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() { None } else { Some(text.split_once('\n').unwrap_or((text, ""))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(file: &str) -> Option<(&str, u32, bool)> {
        split(file).block.map(|block| (block.text, block.first_line, block.closed))
    }

    #[test]
    fn frontmatter_stands_at_the_start_between_lines_of_dashes() {
        let parts = split("---\na: 1\n---\nbody\n---\n");
        assert_eq!(parts.block.unwrap().text, "a: 1\n");
        assert_eq!(parts.body, "body\n---\n");
        assert_eq!(block("---\r\na: 1\r\n---\r\nbody"), Some(("a: 1\r\n", 2, true)));
        assert_eq!(block("---\n---"), Some(("", 2, true)));
    }

    #[test]
    fn a_mark_blank_lines_and_one_comment_may_precede_it() {
        assert_eq!(block("\u{feff}---\na: 1\n---\n"), Some(("a: 1\n", 2, true)));
        assert_eq!(block("\n \n---\na: 1\n---\n"), Some(("a: 1\n", 4, true)));
        assert_eq!(block("<!-- by\nx -->\n\n---\na: 1\n---\n"), Some(("a: 1\n", 5, true)));
        assert_eq!(block("<!-- a --><!-- b -->\n---\na: 1\n---\n"), None);
    }

    #[test]
    fn a_block_further_down_is_body() {
        assert_eq!(block("# Title\n---\na: 1\n---\n"), None);
        assert_eq!(block("----\na: 1\n----\n"), None);
        assert_eq!(block(""), None);
    }

    #[test]
    fn a_block_without_an_end_ends_at_the_first_blank_line() {
        let parts = split("---\na: 1\n\nbody --- here\n");
        assert_eq!(parts.block, Some(Block { text: "a: 1\n", first_line: 2, closed: false }));
        assert_eq!(parts.body, "\nbody --- here\n");
    }
}
