//! What both databases must do alike with text is decided here: sort keys and search words.

use std::collections::BTreeSet;

use serde_json::Value;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Longest search word, in characters; a longer run of letters is cut. Postgres takes lexemes of
/// at most 2,046 bytes (its manual, 12.11 "Limitations").
const MAX_WORD_CHARS: usize = 64;

/// Most different words kept of one artifact, far above any real description.
const MAX_WORDS: usize = 2_000;

/// The key by which names are sorted, compared byte by byte.
#[must_use]
pub fn sort_key(name: &str) -> String {
    name.to_lowercase()
}

/// Cuts a text into search words: runs of Unicode letters and digits, in lower case, accents
/// folded (`Café` gives `cafe`). Words come in the text's order, repeated as they repeat in it.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    // Marks go before the text is cut: in decomposed text an accent stands between two letters.
    let folded: String =
        text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(MAX_WORD_CHARS).collect())
        .collect()
}

/// The words of several texts, each once, in byte order; at most 2,000.
#[must_use]
pub fn distinct_words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let all: BTreeSet<String> = texts.into_iter().flat_map(words).collect();
    all.into_iter().take(MAX_WORDS).collect()
}

/// Drops control characters other than tab and line feed; Postgres refuses NUL, and terminals
/// obey the rest.
#[must_use]
pub fn without_controls(text: String) -> String {
    let unwanted = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(unwanted) { text.replace(unwanted, "") } else { text }
}

/// [`without_controls`] on every text and key of a JSON value.
#[must_use]
pub fn json_without_controls(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_controls(text)),
        Value::Array(items) => items.into_iter().map(json_without_controls).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (without_controls(key), json_without_controls(value)))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_with_accents_folded() {
        assert_eq!(words("Café-Crème: v2.1, ÅNGSTRÖM"), ["cafe", "creme", "v2", "1", "angstrom"]);
        assert_eq!(words("cafe\u{301}s"), ["cafes"], "a decomposed accent does not cut the word");
        assert_eq!(words("ﬁle 日本語"), ["file", "日本語"]);
        assert_eq!(words(" -- "), Vec::<String>::new());
    }

    #[test]
    fn a_word_has_a_limit() {
        assert_eq!(words(&"x".repeat(130_000)), ["x".repeat(MAX_WORD_CHARS)]);
    }

    #[test]
    fn control_characters_go_and_line_breaks_stay() {
        assert_eq!(without_controls("a\0b\u{1b}[1m\n\tc".into()), "ab[1m\n\tc");
        let json = json_without_controls(serde_json::json!({"k\0": ["\u{7f}x", 1]}));
        assert_eq!(json, serde_json::json!({"k": ["x", 1]}));
    }
}
