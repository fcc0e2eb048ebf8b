//! Access tokens, of which nothing is known but a hash.

use std::{fmt, str::FromStr, sync::Arc};

use larder::domain::{Timestamp, caller::Scope};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::watch;

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

impl TokenRule {
    /// Whether both allow the same for the same time.
    fn allows_as(&self, other: &Self) -> bool {
        (self.scope, self.expires) == (other.scope, other.expires)
    }
}

/// The tokens that are accepted. Clones share them, so that they can be replaced while the server runs.
#[derive(Debug, Clone)]
pub struct Tokens(watch::Sender<Arc<Accepted>>);

/// The accepted tokens of one moment.
#[derive(Debug)]
pub(crate) struct Accepted {
    rules: Vec<TokenRule>,
    /// Whether a caller needs a token. A server that had tokens once stays closed when the last one is
    /// revoked.
    is_required: bool,
}

impl Tokens {
    /// Accepts these tokens. Without any, every caller may do everything.
    #[must_use]
    pub fn new(rules: Vec<TokenRule>) -> Self {
        let is_required = !rules.is_empty();
        Self(watch::Sender::new(Arc::new(Accepted { rules, is_required })))
    }

    /// Accepts these tokens from now on, and no others. Live updates end for a caller whose token is
    /// not among them, or has another scope or moment of expiry by now; and, once there are tokens,
    /// for a caller that presented none.
    pub fn replace(&self, rules: Vec<TokenRule>) {
        let is_required = self.current().is_required || !rules.is_empty();
        self.0.send_replace(Arc::new(Accepted { rules, is_required }));
    }

    pub(crate) fn current(&self) -> Arc<Accepted> {
        Arc::clone(&self.0.borrow())
    }

    /// Waits until a token is not accepted any more as it was presented; `None`: until a caller needs
    /// a token.
    pub(crate) async fn revoked(&self, presented: Option<&TokenRule>) {
        let mut changes = self.0.subscribe();
        let is_revoked = |accepted: &Arc<Accepted>| match presented {
            Some(token) => !accepted.find(&token.hash).is_some_and(|now| now.allows_as(token)),
            None => accepted.is_required,
        };
        // The sender lives as long as this value, so that waiting never fails.
        let _ = changes.wait_for(is_revoked).await;
    }
}

impl Accepted {
    /// Whether a caller needs a token.
    pub(crate) fn is_required(&self) -> bool {
        self.is_required
    }

    /// The token of that hash. Every token is compared to its end, so that the time it takes reveals
    /// nothing about any of them.
    pub(crate) fn find(&self, hash: &TokenHash) -> Option<&TokenRule> {
        self.rules.iter().fold(None, |found, token| {
            if token.hash.ct_eq(hash).into() { Some(token) } else { found }
        })
    }
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
