//! Access tokens, as the file lists them.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// One `[[auth.tokens]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    name: String,
    scopes: Vec<Scope>,
    sha256: String,
    expires: Option<toml::value::Datetime>,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Reading.
    Read,
    /// Refreshing, and editing artifacts and one's own collections.
    Write,
    /// Everything.
    Admin,
}

/// A token that may be presented.
#[expect(dead_code, reason = "tokens are checked from the first day, and in force later")]
pub(crate) struct Token {
    /// Whose it is, unique.
    pub(crate) name: String,
    /// What it allows, at least one.
    pub(crate) scopes: Vec<Scope>,
    /// The SHA-256 of the token, the only thing known of it.
    pub(crate) sha256: [u8; 32],
    /// From when on it is refused.
    pub(crate) expires: Option<DateTime<Utc>>,
}

/// Checks each entry, and that no two have the same name.
pub(super) fn checked(entries: Vec<TokenEntry>) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::with_capacity(entries.len());
    for entry in entries {
        let name = entry.name.trim().to_owned();
        if name.is_empty() {
            return Err("a token has no name".to_owned());
        }
        if tokens.iter().any(|token| token.name == name) {
            return Err(format!("two tokens have the name \"{name}\""));
        }
        if entry.scopes.is_empty() {
            return Err(format!("the token \"{name}\" has no scopes"));
        }
        let sha256 = hash(&entry.sha256).ok_or_else(|| {
            format!("the sha256 of the token \"{name}\" must be 64 hexadecimal digits")
        })?;
        let expires = entry.expires.map(|at| moment(&at)).transpose().map_err(|at| {
            format!("the token \"{name}\" expires at {at}: give a date, a time and Z")
        })?;
        tokens.push(Token { name, scopes: entry.scopes, sha256, expires });
    }
    Ok(tokens)
}

fn hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

fn moment(at: &toml::value::Datetime) -> Result<DateTime<Utc>, String> {
    let text = at.to_string();
    DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc()).map_err(|_| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Tokens {
        tokens: Vec<TokenEntry>,
    }

    fn read(toml: &str) -> Result<usize, String> {
        let parsed: Tokens = toml::from_str(toml).map_err(|error| error.message().to_owned())?;
        checked(parsed.tokens).map(|tokens| tokens.len())
    }

    fn token(name: &str, rest: &str) -> String {
        format!("[[tokens]]\nname = \"{name}\"\n{rest}\n")
    }

    #[test]
    fn what_a_token_lacks_is_told_with_its_name() {
        let sha256 = format!("sha256 = \"{}\"", "0f".repeat(32));
        let good =
            format!("scopes = [\"read\", \"write\"]\n{sha256}\nexpires = 2027-01-01T00:00:00Z");
        assert_eq!(read(&token("alice", &good)), Ok(1));

        let twice = token("alice", &good).repeat(2);
        assert!(read(&twice).unwrap_err().contains("two tokens have the name \"alice\""));
        for (rest, reason) in [
            (format!("scopes = []\n{sha256}"), "\"bob\" has no scopes"),
            (format!("scopes = [\"root\"]\n{sha256}"), "root"),
            ("scopes = [\"read\"]\nsha256 = \"plain\"".to_owned(), "64 hexadecimal digits"),
            (format!("scopes = [\"read\"]\n{sha256}\nexpires = 2027-01-01"), "2027-01-01"),
            (format!("scopes = [\"read\"]\n{sha256}\nuntil = 1"), "until"),
        ] {
            let error = read(&token("bob", &rest)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
