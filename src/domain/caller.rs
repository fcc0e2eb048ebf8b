//! Who asks, and what they may do.

use serde::{Deserialize, Serialize};

/// What a caller may do. Each scope holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Reading.
    Read,
    /// Refreshing, editing artifacts, and making and changing one's own collections.
    Write,
    /// Everything, other callers' collections too.
    Admin,
}

impl Scope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The word used in the configuration and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name; `None` where Larder has no tokens and whoever reaches it is the machine's
    /// own user.
    pub name: Option<String>,
    /// The widest of the caller's scopes.
    pub scope: Scope,
}

impl Caller {
    /// What stands in histories for a caller without a name.
    pub const LOCAL: &str = "local";

    /// The machine's own user, who may do everything.
    #[must_use]
    pub fn local() -> Self {
        Self { name: None, scope: Scope::Admin }
    }

    /// The name that is written down.
    #[must_use]
    pub fn signature(&self) -> &str {
        self.name.as_deref().unwrap_or(Self::LOCAL)
    }

    /// Whether the caller may do what asks for that scope.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scope >= scope
    }

    /// Whether the caller may change what that person owns; what nobody owns belongs to
    /// [`Scope::Admin`].
    #[must_use]
    pub fn may_change_of(&self, owner: Option<&str>) -> bool {
        let is_owner = owner.is_some() && owner == self.name.as_deref();
        self.may(Scope::Admin) || (self.may(Scope::Write) && is_owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str, scope: Scope) -> Caller {
        Caller { name: Some(name.to_owned()), scope }
    }

    #[test]
    fn a_scope_holds_the_narrower_ones() {
        assert!(caller("ada", Scope::Write).may(Scope::Read));
        assert!(!caller("ada", Scope::Read).may(Scope::Write));
        assert!(Caller::local().may(Scope::Admin));
    }

    #[test]
    fn what_is_somebodys_is_changed_by_them_and_by_admin_alone() {
        assert!(caller("ada", Scope::Write).may_change_of(Some("ada")));
        assert!(!caller("ada", Scope::Read).may_change_of(Some("ada")), "no longer a writer");
        assert!(!caller("bob", Scope::Write).may_change_of(Some("ada")));
        assert!(!caller("bob", Scope::Write).may_change_of(None));
        assert!(caller("root", Scope::Admin).may_change_of(Some("ada")));
        assert!(Caller::local().may_change_of(None));
    }
}
