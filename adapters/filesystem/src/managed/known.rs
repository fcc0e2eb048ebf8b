//! Manifests that are known to be valid.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use super::{
    manifest::MANIFEST,
    parse::{line_at, on_one_line},
};

/// Why an edit was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsafe {
    /// One sentence, without the full stop.
    pub(crate) message: String,
    /// The line of the file it is about, from 1.
    pub(crate) line: Option<u32>,
}

impl Unsafe {
    /// What is wrong, as the end of a sentence about a file.
    pub(super) fn new(file: &str, why: impl std::fmt::Display, line: Option<u32>) -> Self {
        Self { message: format!("{file} cannot be edited safely: {why}"), line }
    }
}

/// The hashes of texts that are valid TOML, so that a series of edits of a large manifest parses it
/// once: what an edit makes of a valid text is valid as well.
#[derive(Debug, Default)]
pub(crate) struct KnownValid(Mutex<VecDeque<blake3::Hash>>);

impl KnownValid {
    /// More than the manifests that one process edits in turns.
    const MOST: usize = 64;

    /// Refuses a text that is not valid.
    pub(crate) fn check(&self, text: &str) -> Result<(), Unsafe> {
        let hash = blake3::hash(text.as_bytes());
        if self.hashes().contains(&hash) {
            return Ok(());
        }
        parsed(text, MANIFEST)?;
        self.keep(hash);
        Ok(())
    }

    /// Takes a text for valid from now on.
    pub(crate) fn remember(&self, text: &str) {
        self.keep(blake3::hash(text.as_bytes()));
    }

    fn keep(&self, hash: blake3::Hash) {
        let mut hashes = self.hashes();
        hashes.retain(|known| *known != hash);
        hashes.truncate(Self::MOST - 1);
        hashes.push_front(hash);
    }

    /// A panic elsewhere leaves nothing half done behind the lock.
    fn hashes(&self) -> std::sync::MutexGuard<'_, VecDeque<blake3::Hash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A whole file, parsed.
pub(super) fn parsed(text: &str, file: &str) -> Result<toml::Table, Unsafe> {
    text.parse().map_err(|invalid: toml::de::Error| {
        let line = invalid.span().map(|span| line_at(text.as_bytes(), span.start));
        Unsafe::new(file, format!("it is not valid ({})", on_one_line(&invalid)), line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_valid_is_refused_with_its_line() {
        let known = KnownValid::default();
        let refused = known.check("a = 1\r\nb = \r\n").unwrap_err();
        assert_eq!(refused.line, Some(2));
        assert!(refused.message.starts_with("collection.toml cannot be edited safely: it is not"));
        assert!(!refused.message.contains('\n'));
        assert_eq!(known.check("\u{feff}a = 1"), Ok(()));
    }

    #[test]
    fn only_the_latest_texts_are_kept() {
        let known = KnownValid::default();
        let texts: Vec<String> = (0..=KnownValid::MOST).map(|n| format!("not valid {n}")).collect();
        for text in &texts {
            known.remember(text);
        }
        assert!(known.check(&texts[0]).is_err());
        assert!(texts[1..].iter().all(|text| known.check(text).is_ok()));
    }
}
