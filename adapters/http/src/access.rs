//! Who may call which operation. Tokens are sent as RFC 6750, section 2.1 has it, and refused by its
//! section 3.

use std::fmt;

use larder::domain::{
    Timestamp,
    caller::{Caller, Scope},
};
use poem::{
    Request,
    http::{HeaderMap, header},
};

use crate::{
    HttpSettings,
    problem::{Kind, Problem},
    token::{TokenHash, TokenRule, Tokens},
};

/// What an operation asks of who calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: a probe, or a page that tells of no artifact.
    Nothing,
    /// [`Scope::Read`] where the configuration wants it.
    AsConfigured,
    /// A caller who may do that.
    Of(Scope),
}

const READ: Need = Need::Of(Scope::Read);
const WRITE: Need = Need::Of(Scope::Write);

/// What each operation needs, by its id. One that is missing here needs everything.
const NEEDS: [(&str, Need); 35] = [
    // A browser that goes to a page sends no token.
    ("getRoot", Need::Nothing),
    ("getDocs", Need::Nothing),
    ("getSpec", Need::Nothing),
    ("getHealth", Need::Nothing),
    ("getReadiness", Need::Nothing),
    ("getMetrics", Need::AsConfigured),
    ("getMe", READ),
    ("streamEvents", READ),
    ("listUserCollections", READ),
    ("getCacheStats", READ),
    ("getUserCollection", READ),
    ("listCollectionArtifacts", READ),
    ("getCollectionFacets", READ),
    ("refreshAll", WRITE),
    ("refreshUserCollection", WRITE),
    ("createUserCollection", WRITE),
    ("updateUserCollection", WRITE),
    ("deleteUserCollection", WRITE),
    ("addArtifactsToCollection", WRITE),
    ("removeArtifactFromCollection", WRITE),
    ("listArtifacts", READ),
    ("getFacets", READ),
    ("getArtifact", READ),
    ("getArtifactContent", READ),
    ("getArtifactHistory", READ),
    ("listTrash", READ),
    ("listDeployments", READ),
    ("refreshArtifact", WRITE),
    ("createArtifact", WRITE),
    ("editArtifact", WRITE),
    ("deleteArtifact", WRITE),
    ("restoreArtifact", WRITE),
    ("deployArtifact", WRITE),
    ("undeployArtifact", WRITE),
    ("syncArtifact", WRITE),
];

impl Need {
    /// What that operation needs.
    pub(crate) fn of(operation: &str) -> Self {
        let row = NEEDS.iter().find(|(id, _)| *id == operation);
        row.map_or(Self::Of(Scope::Admin), |(_, need)| *need)
    }
}

/// What a caller presented; `None` where no tokens are configured.
#[derive(Debug, Clone)]
pub(crate) struct Presented(pub Option<TokenRule>);

impl Presented {
    /// When the token expires; `None` if it never does, or if no tokens are configured.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.0.as_ref().and_then(|token| token.expires)
    }
}

/// The tokens, and what they open.
pub(crate) struct Access {
    tokens: Tokens,
    metrics_need_read: bool,
}

impl Access {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let HttpSettings { tokens, metrics_need_read, .. } = settings;
        Self { tokens: tokens.clone(), metrics_need_read: *metrics_need_read }
    }

    /// Lets a request for that operation pass if its caller may ask for it, and adds the [`Caller`]
    /// and what it [`Presented`] to its data where the operation needs one.
    pub(crate) fn admit(
        &self,
        request: &mut Request,
        operation: &str,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let needed = match Need::of(operation) {
            Need::Of(scope) => scope,
            Need::AsConfigured if self.metrics_need_read => Scope::Read,
            Need::AsConfigured | Need::Nothing => return Ok(()),
        };
        let (caller, presented) = self.caller(request.headers(), now)?;
        if !caller.may(needed) {
            return Err(Challenge::TooNarrow(needed).into());
        }
        tracing::Span::current().record("caller", caller.signature());
        request.set_data(caller);
        request.set_data(presented);
        Ok(())
    }

    fn caller(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<(Caller, Presented), Challenge> {
        let accepted = self.tokens.current();
        if !accepted.is_required() {
            return Ok((Caller::local(), Presented(None)));
        }
        // One answer for both, and which of them it was is for the log.
        let Some(token) = accepted.find(&TokenHash::of(bearer(headers)?)) else {
            tracing::info!("a token was refused: there is none of that hash");
            return Err(Challenge::Invalid);
        };
        if token.expires.is_some_and(|expires| expires <= now) {
            tracing::info!(token = token.name, "a token was refused: it has expired");
            return Err(Challenge::Invalid);
        }
        let caller = Caller { name: Some(token.name.clone()), scope: token.scope };
        Ok((caller, Presented(Some(token.clone()))))
    }
}

/// The token in the headers.
fn bearer(headers: &HeaderMap) -> Result<&[u8], Challenge> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(Challenge::Missing) };
    let value = value.as_bytes().trim_ascii();
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(Challenge::Missing);
    }
    match (token.trim_ascii(), values.next()) {
        (b"", _) | (_, Some(_)) => Err(Challenge::Invalid),
        (token, None) => Ok(token),
    }
}

/// Why a request is refused for its token. As a text, what `WWW-Authenticate` says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// There is none.
    Missing,
    /// There never was one like it, or it has expired.
    Invalid,
    /// It does not allow what needs that scope.
    TooNarrow(Scope),
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer realm=\"larder\"")?;
        match self {
            Self::Missing => Ok(()),
            Self::Invalid => f.write_str(", error=\"invalid_token\""),
            Self::TooNarrow(needed) => {
                write!(f, ", error=\"insufficient_scope\", scope=\"{}\"", needed.as_str())
            }
        }
    }
}

impl From<Challenge> for Problem {
    fn from(challenge: Challenge) -> Self {
        let (kind, detail) = match challenge {
            Challenge::Missing => (
                Kind::Unauthorized,
                "An access token is needed: send it as Authorization: Bearer TOKEN. Who runs this \
                 server makes one with larder token new."
                    .to_owned(),
            ),
            Challenge::Invalid => (
                Kind::Unauthorized,
                "The access token is wrong or has expired: ask who runs this server for another \
                 one, which larder token new makes."
                    .to_owned(),
            ),
            Challenge::TooNarrow(needed) => (
                Kind::InsufficientScope,
                format!(
                    "The access token does not have the scope {}, which is needed here: ask who \
                     runs this server for one that has it.",
                    needed.as_str()
                ),
            ),
        };
        Self { challenge: Some(challenge), ..Self::new(kind, detail) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::operations::Operations;

    #[test]
    fn every_operation_has_one_row_and_every_row_an_operation() {
        let spec: Value = serde_json::from_str(&crate::spec()).unwrap();
        let operations = Operations::of_spec(&spec);
        let ids: BTreeSet<&str> = operations.ids().collect();
        let rows: BTreeSet<&str> = NEEDS.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, rows);
        assert_eq!(rows.len(), NEEDS.len(), "a row stands twice");
    }

    #[test]
    fn an_operation_without_a_row_needs_everything() {
        assert_eq!(Need::of("dropEverything"), Need::Of(Scope::Admin));
    }

    #[test]
    fn the_token_is_what_follows_bearer_in_the_only_header() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(<[u8]>::to_vec)
        };
        for good in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(of(&[good]), Ok(b"abc".to_vec()), "{good}");
        }
        for other in [&[][..], &["Basic abc"], &[""], &["Bearers abc"]] {
            assert_eq!(of(other), Err(Challenge::Missing), "{other:?}");
        }
        for malformed in [&["Bearer"][..], &["Bearer "], &["Bearer abc", "Bearer abc"]] {
            assert_eq!(of(malformed), Err(Challenge::Invalid), "{malformed:?}");
        }
    }
}
