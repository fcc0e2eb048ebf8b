//! Access tokens, as the file lists them.

use larder::domain::{
    Timestamp,
    caller::{Caller, Scope},
};
use larder_http::{TokenHash, TokenRule};
use serde::Deserialize;
use toml::value::Datetime;

/// One `[[auth.tokens]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenEntry {
    name: String,
    scopes: Vec<Scope>,
    sha256: String,
    expires: Option<Datetime>,
}

/// Checks each entry, and that no two have the same name.
pub(super) fn checked(entries: Vec<TokenEntry>) -> Result<Vec<TokenRule>, String> {
    let mut tokens: Vec<TokenRule> = Vec::with_capacity(entries.len());
    for entry in entries {
        let name = entry.name.trim().to_owned();
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(format!("{name:?} is no name of a token: give it one that can be read"));
        }
        if name == Caller::LOCAL {
            return Err(format!("no token may be called \"{name}\": histories say so of nobody"));
        }
        if tokens.iter().any(|token| token.name == name) {
            return Err(format!("two tokens have the name \"{name}\""));
        }
        let scope = entry.scopes.into_iter().max();
        let scope = scope.ok_or_else(|| format!("the token \"{name}\" has no scopes"))?;
        let hash: Result<TokenHash, _> = entry.sha256.parse();
        let hash = hash.map_err(|_| {
            format!("the sha256 of the token \"{name}\" must be 64 hexadecimal digits")
        })?;
        let expires = entry.expires.as_ref().map(moment).transpose().map_err(|at| {
            format!("the token \"{name}\" expires at {at}: give a date, a time and Z")
        })?;
        tokens.push(TokenRule { name, scope, hash, expires });
    }
    Ok(tokens)
}

fn moment(at: &Datetime) -> Result<Timestamp, String> {
    let text = at.to_string();
    chrono::DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc()).map_err(|_| text)
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
