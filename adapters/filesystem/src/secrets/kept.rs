//! Edits of texts that were read with masks.

use std::collections::HashMap;

use super::MASK;

/// A mask where no secret of the old text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misplaced {
    /// The line of the new text, from 1.
    pub(crate) line: u32,
}

/// The new text with the secrets for which its masks stand. `shown` is `original` with masks, line
/// by line. A mask stands for a secret only in a line that is otherwise equal; where several
/// secrets have equal lines, all of those lines must be there, in the same order.
pub(crate) fn with_secrets(new: &str, original: &str, shown: &str) -> Result<String, Misplaced> {
    let mut originals: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut had_secrets = false;
    for (shown, original) in lines(shown).zip(lines(original)) {
        // Lines without a secret count as well: one may equal a line that is shown with a mask.
        if shown != original || shown.contains(MASK) {
            originals.entry(shown).or_default().push(original);
        }
        had_secrets |= shown != original;
    }
    let mut uses: HashMap<&str, usize> = HashMap::new();
    lines(new).for_each(|line| *uses.entry(line).or_default() += 1);
    let mut kept = String::with_capacity(new.len());
    let mut taken: HashMap<&str, usize> = HashMap::new();
    for (number, (line, end)) in new.split('\n').map(without_return).enumerate() {
        if number > 0 {
            kept.push('\n');
        }
        let known = originals.get(line);
        let is_one = known.is_some_and(|known| known.iter().all(|it| *it == known[0]));
        let is_all = known.is_some_and(|known| known.len() == uses[line]);
        let text = match known {
            Some(known) if is_one => known[0],
            Some(known) if is_all => {
                let place = taken.entry(line).or_default();
                *place += 1;
                known[*place - 1]
            }
            None if !line.contains(MASK) => line,
            // Without secrets it is emphasis or a thematic break of Markdown. Beside a secret it may
            // be a mask: `**ghp_…**` is shown as `*******`.
            None if !had_secrets && (!has_mask(line) || line.trim() == MASK) => line,
            _ => return Err(Misplaced { line: u32::try_from(number + 1).unwrap_or(u32::MAX) }),
        };
        kept.extend([text, end]);
    }
    Ok(kept)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| without_return(line).0)
}

fn without_return(line: &str) -> (&str, &str) {
    line.strip_suffix('\r').map_or((line, ""), |line| (line, "\r"))
}

/// Whether a text holds a mask. `***word***` is emphasis of Markdown.
fn has_mask(text: &str) -> bool {
    let is_text = |c: char| c.is_alphanumeric() || c == '*';
    text.match_indices(MASK).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + MASK.len()..].chars().next();
        !before.is_some_and(is_text) && !after.is_some_and(is_text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_stands_for_the_secret_of_a_line_that_is_otherwise_equal() {
        let (original, shown) = ("a\nkey: one\nb\n", "a\nkey: ***\nb\n");
        assert_eq!(with_secrets(shown, original, shown).unwrap(), original);
        assert_eq!(
            with_secrets("new\r\nkey: ***\r\n", original, shown).unwrap(),
            "new\r\nkey: one\r\n"
        );
        assert_eq!(with_secrets("no key", original, shown).unwrap(), "no key");
        assert_eq!(with_secrets("a\nother: ***\n", original, shown), Err(Misplaced { line: 2 }));
        assert_eq!(with_secrets("***", "", ""), Ok("***".to_owned()), "a thematic break");
        assert_eq!(with_secrets("so ***very*** bold", "", "").unwrap(), "so ***very*** bold");
    }

    #[test]
    fn lines_that_look_equal_keep_their_order_or_are_refused() {
        let (original, shown) = ("k: one\nk: two", "k: ***\nk: ***");
        assert_eq!(
            with_secrets("k: ***\nx\nk: ***", original, shown).unwrap(),
            "k: one\nx\nk: two"
        );
        assert_eq!(with_secrets("k: ***", original, shown), Err(Misplaced { line: 1 }));
        assert_eq!(with_secrets("k: ***\nk: ***", "k: one", "k: ***").unwrap(), "k: one\nk: one");
    }

    #[test]
    fn a_mask_beside_a_letter_or_an_asterisk_stands_for_its_secret() {
        for (original, shown) in [("Use **one** now", "Use ******* now"), ("令牌one", "令牌***")]
        {
            assert_eq!(with_secrets(shown, original, shown).unwrap(), original);
            let changed = format!("{shown} again");
            assert_eq!(with_secrets(&changed, original, shown), Err(Misplaced { line: 1 }));
        }
        let (original, shown) = ("key: one\n***bold***", "key: ***\n***bold***");
        assert_eq!(with_secrets("x\n***bold***", original, shown).unwrap(), "x\n***bold***");
        let (original, shown) = ("k: one\nk: ***", "k: ***\nk: ***");
        assert_eq!(with_secrets("k: ***", original, shown), Err(Misplaced { line: 1 }));
    }
}
