//! Who calls.

use larder::domain::{
    Timestamp,
    caller::{Caller, Scope as DomainScope},
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::{Moment, Nullable};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Reading.
    Read,
    /// Refreshing, editing artifacts, and making and changing one's own collections.
    Write,
    /// Everything, other callers' collections too.
    Admin,
}

impl From<DomainScope> for Scope {
    fn from(scope: DomainScope) -> Self {
        match scope {
            DomainScope::Read => Self::Read,
            DomainScope::Write => Self::Write,
            DomainScope::Admin => Self::Admin,
        }
    }
}

/// Who calls, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
#[oai(example)]
pub(crate) struct Me {
    /// The name of the token; null where the server has no tokens.
    pub name: Nullable<String>,
    /// What the caller may do, the narrowest first.
    pub scopes: Vec<Scope>,
    /// From when on the token is refused; null if never.
    pub expires_at: Nullable<Moment>,
}

impl Me {
    /// That caller, whose token expires then.
    pub(crate) fn new(caller: &Caller, expires: Option<Timestamp>) -> Self {
        let scopes = DomainScope::ALL.into_iter().filter(|scope| caller.may(*scope));
        Self {
            name: caller.name.clone().into(),
            scopes: scopes.map(Scope::from).collect(),
            expires_at: expires.map(Moment).into(),
        }
    }
}

impl Example for Me {
    fn example() -> Self {
        Self {
            name: Nullable(Some("alice".to_owned())),
            scopes: vec![Scope::Read, Scope::Write],
            expires_at: Nullable(Some(Moment::example())),
        }
    }
}
