//! Access tokens, of which nothing is known but a hash.

use std::{fmt, str::FromStr};

use larder::domain::{Timestamp, caller::Scope};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// A token that may be presented.
#[derive(Debug, Clone)]
pub struct TokenRule {
    /// Whose it is, unique.
    pub name: String,
    /// The widest of its scopes.
    pub scope: Scope,
    /// Its hash.
    pub hash: TokenHash,
    /// From when on it is refused; `None`: never.
    pub expires: Option<Timestamp>,
}

/// The SHA-256 of a token: 64 hexadecimal digits as a text. There is no way to compare two of them
/// but the one that takes the same time wherever they differ.
#[derive(Clone)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// That of a token.
    #[must_use]
    pub fn of(token: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl ConstantTimeEq for TokenHash {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Without its digits: what is debugged ends in logs.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// A text is no SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHash;

impl FromStr for TokenHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoHash);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| NoHash)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_sha_256_and_is_read_back_from_its_digits() {
        // The digest of "abc" in FIPS 180-2, appendix B.1.
        let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = TokenHash::of("abc");
        assert_eq!(hash.to_string(), digits);
        let read: TokenHash = digits.to_uppercase().parse().unwrap();
        assert!(bool::from(read.ct_eq(&hash)) && !bool::from(read.ct_eq(&TokenHash::of("abd"))));
        assert!(!format!("{hash:?}").contains("ba78"));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for wrong in ["", "0f", &"0g".repeat(32), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(wrong.parse::<TokenHash>().unwrap_err(), NoHash, "{wrong}");
        }
    }
}
