//! Source collections on the disk, and the collections that the API serves.

use serde::{Deserialize, Serialize};

use super::{
    Timestamp,
    caller::Caller,
    disks::Disks,
    id::{CollectionId, SourceName},
    report::SourceReport,
};

/// How a source collection is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// With a `collection.toml` that lists its artifacts.
    Managed,
    /// A directory in which artifacts are recognised by where they lie.
    Plain,
}

/// A directory of artifacts that the configuration covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Unique among the sources.
    pub name: SourceName,
    /// Its directory, absolute. Never part of an answer.
    pub root: String,
    /// How it is laid out.
    pub layout: Layout,
}

/// A source together with what the cache knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredSource {
    /// The source.
    pub source: Source,
    /// The collection that holds its rows: its mirror, or `default` for the source of that name.
    pub home: CollectionId,
    /// When the last whole scan that succeeded began, by its reader's wall clock; `None` before the
    /// first, and after the source has moved to another root.
    pub verified_at: Option<Timestamp>,
    /// The manifest's hash at that scan, as the source gave it.
    pub manifest_hash: Option<String>,
    /// The disks that the files were on at that scan; `None` as well if an earlier version of Larder
    /// made it.
    pub disks: Option<Disks>,
}

/// Where a collection's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollectionKind {
    /// Every artifact of every configured source.
    Default,
    /// All of one source.
    Mirror,
    /// What a person put together.
    Curated,
}

impl CollectionKind {
    /// The word used in the database and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Mirror => "mirror",
            Self::Curated => "curated",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Default, Self::Mirror, Self::Curated].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A collection that the API serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Its id.
    pub id: CollectionId,
    /// Its name, unique. A mirror's and `default`'s is their id.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where its rows come from.
    pub kind: CollectionKind,
    /// The source of a mirror.
    pub source: Option<SourceName>,
    /// Who made a curated collection.
    pub created_by: Option<String>,
    /// Whether it is the mirror of a source that the configuration no longer covers.
    pub detached: bool,
    /// One higher with every committed change of its rows.
    pub generation: u64,
    /// How many artifacts a page without filters counts.
    pub artifact_count: u64,
    /// The sum of the orders of its sources' last whole scans (its own source for a mirror, every
    /// attached source otherwise): another number whenever one of them is scanned.
    pub verification: i64,
    /// The last report of its source (a mirror), or the latest of all attached sources.
    pub last_report: Option<SourceReport>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its rows last changed.
    pub updated_at: Timestamp,
}

impl Collection {
    /// Whether an artifact of that source belongs to it without being listed: what is no member of
    /// a curated collection is not there, whatever the files say.
    #[must_use]
    pub fn draws_from(&self, source: &SourceName) -> bool {
        match self.kind {
            CollectionKind::Default => true,
            CollectionKind::Mirror => self.source.as_ref() == Some(source),
            CollectionKind::Curated => false,
        }
    }

    /// Whether that caller may change or delete it: its owner, or an administrator.
    #[must_use]
    pub fn is_changed_by(&self, caller: &Caller) -> bool {
        caller.may_change_of(self.created_by.as_deref())
    }

    /// Whether that writer may refresh it: a curated collection is refreshed by who may change it,
    /// what mirrors files by everybody.
    #[must_use]
    pub fn is_refreshed_by(&self, caller: &Caller) -> bool {
        self.kind != CollectionKind::Curated || self.is_changed_by(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::caller::Scope,
        testing::{at, collection_id},
    };

    fn collection(kind: CollectionKind, owner: Option<&str>) -> Collection {
        Collection {
            id: collection_id("shelf"),
            name: "shelf".to_owned(),
            description: None,
            kind,
            source: None,
            created_by: owner.map(str::to_owned),
            detached: false,
            generation: 0,
            artifact_count: 0,
            verification: 0,
            last_report: None,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn a_curated_collection_is_refreshed_by_its_owner_and_by_admin_and_others_by_every_writer() {
        let caller = |name: &str, scope| Caller { name: Some(name.to_owned()), scope };
        let (ada, bob) = (caller("ada", Scope::Write), caller("bob", Scope::Write));
        let adas = collection(CollectionKind::Curated, Some("ada"));
        assert!(adas.is_refreshed_by(&ada) && !adas.is_refreshed_by(&bob));
        assert!(adas.is_refreshed_by(&caller("root", Scope::Admin)));
        assert!(!collection(CollectionKind::Curated, None).is_refreshed_by(&ada));
        for kind in [CollectionKind::Default, CollectionKind::Mirror] {
            assert!(collection(kind, None).is_refreshed_by(&bob), "{kind:?}");
        }
    }
}
