//! Cursors as opaque text: base64url of JSON.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem::{Kind, Problem};

/// The text of a cursor.
pub(crate) fn encode(cursor: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

/// The cursor of a text.
pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| {
            Problem::new(
                Kind::BadCursor,
                "This is no cursor of Larder's: take start_cursor or end_cursor of a page, \
                 or leave it out.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cursor_is_refused() {
        let there = encode(&("a", "skill:b"));
        assert_eq!(decode::<(String, String)>(&there).unwrap(), ("a".into(), "skill:b".into()));
        for text in ["", "?", "AAAA", "eyJ9", "e30"] {
            assert!(decode::<(String, String)>(text).is_err(), "{text}");
        }
    }
}
