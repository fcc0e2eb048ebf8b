//! The token of optimistic locking.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The blake3 hash of an artifact's source bytes: its main file, its manifest entry, its lock
/// entry. 64 hexadecimal digits. Two reads that give the same revision saw the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(String);

impl Revision {
    /// The revision of these parts, in order. Each part's length goes into the hash as well, so
    /// that bytes which move from one part to the next give another revision.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().to_hex().to_string())
    }

    /// A revision as it was stored. What is no revision equals none that [`Revision::of`] gives.
    #[must_use]
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads a revision that a client sends; `None` unless it is 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_part_ends_matters() {
        assert_ne!(Revision::of(&[b"ab", b"c"]), Revision::of(&[b"a", b"bc"]));
        assert_eq!(Revision::of(&[b"ab", b"c"]), Revision::of(&[b"ab", b"c"]));
    }
}
