//! An artifact as its files give it, and as a row of a collection.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Timestamp,
    id::{ArtifactId, CollectionId, SourceName},
    report::Issue,
    revision::Revision,
    text,
};

/// How well an artifact's metadata could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As its format asks.
    Ok,
    /// Only by reading leniently; [`Artifact::problem`] says why.
    Recovered,
    /// Not at all; the metadata is the last good one, if there was one.
    Broken,
}

impl Health {
    /// Every state, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Recovered, Self::Broken];

    /// The word used in the database and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Recovered => "recovered",
            Self::Broken => "broken",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.as_str() == word)
    }
}

/// The message of a [`Problem`] that is a secret in a file of the artifact. Its value is masked
/// everywhere.
pub const SECRET_IN_CLEAR: &str = "a secret is written in clear text: move it to an environment \
     variable, and replace it at its issuer if others may have read the file";

/// What is wrong with an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One sentence, without a path of the machine's disk.
    pub message: String,
    /// The line of the main file it is about, from 1.
    pub line: Option<u32>,
}

/// What an artifact's author wrote about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The frontmatter's own `name`. Often another than the name in the id, never the identity.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Its licence, as written.
    pub license: Option<String>,
    /// The author's version, as written: `1.0` is a text.
    pub version: Option<String>,
    /// Tags in the author's order, without repetition.
    pub tags: Vec<String>,
    /// Tools it may use, in the author's order, without repetition.
    pub tools: Vec<String>,
    /// Every other key of the frontmatter or manifest entry, secrets masked.
    pub extra: Map<String, Value>,
}

impl Metadata {
    /// Without the control characters that no row may hold.
    #[must_use]
    pub fn cleaned(self) -> Self {
        let clean = |field: Option<String>| field.map(text::without_controls);
        let clean_all =
            |list: Vec<String>| list.into_iter().map(text::without_controls).collect::<Vec<_>>();
        let Value::Object(extra) = text::json_without_controls(Value::Object(self.extra)) else {
            unreachable!("an object stays an object")
        };
        Self {
            display_name: clean(self.display_name),
            description: clean(self.description),
            author: clean(self.author),
            license: clean(self.license),
            version: clean(self.version),
            tags: clean_all(self.tags),
            tools: clean_all(self.tools),
            extra,
        }
    }
}

/// Where an artifact came from, as the manifest and the lock say; all empty in a plain directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version asked for: `latest`, a tag, a branch.
    pub version_spec: Option<String>,
    /// The entry's `source`, else its `upstream`.
    pub source: Option<String>,
    /// `local`, `github` or `marketplace`, or another word of the manifest.
    pub origin: Option<String>,
    /// Behind a marketplace: `github`, `gitlab`, `bitbucket`.
    pub origin_source: Option<String>,
    /// The commit it was taken from.
    pub resolved_sha: Option<String>,
    /// The version it was taken at.
    pub resolved_version: Option<String>,
}

/// An artifact as it was read from its files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its identity within the source.
    pub id: ArtifactId,
    /// What its author wrote.
    pub metadata: Metadata,
    /// Where it came from.
    pub provenance: Provenance,
    /// Its main file, relative to the source's root, `/` between segments. One key of a JSON file
    /// is named by a JSON pointer in the fragment (RFC 6901, section 6):
    /// `.mcp.json#/mcpServers/github`.
    pub path: String,
    /// The hash of its source bytes.
    pub revision: Revision,
    /// What the source compares to tell whether the files were touched; it alone can read it.
    /// `None` when the files changed so shortly before the read that their times prove nothing.
    pub fingerprint: Option<String>,
    /// How well it could be read.
    pub health: Health,
    /// Why it is broken; else [`SECRET_IN_CLEAR`], if it holds one; else why it is not
    /// [`Health::Ok`].
    pub problem: Option<Problem>,
    /// When it joined the collection, if the manifest says so.
    pub added_at: Option<Timestamp>,
    /// The main file's modification time; `None` when there is no file.
    pub updated_at: Option<Timestamp>,
    /// A moment before any of its files was looked at: what the row's `synced_at` becomes.
    pub read_at: Timestamp,
}

/// By what a row is compared with its artifact: if these are the same, the row stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<'a> {
    /// The hash of the source bytes.
    pub revision: &'a Revision,
    /// The path relative to the source's root.
    pub path: &'a str,
    /// How well it could be read.
    pub health: Health,
    /// Why it is broken, and the line; for broken artifacts alone. Files that cannot be read at all
    /// have the same revision, whatever the reason.
    pub problem: Option<(&'a str, Option<u32>)>,
    /// The main file's modification time.
    pub updated_at: Option<Timestamp>,
}

impl State<'_> {
    /// Whether a reader sees the same: a file that was only touched is no updated one.
    #[must_use]
    pub fn reads_like(&self, other: &Self) -> bool {
        self.revision == other.revision
            && self.health == other.health
            && self.problem == other.problem
    }
}

impl Artifact {
    /// By what it is compared with a row.
    #[must_use]
    pub fn state(&self) -> State<'_> {
        State {
            revision: &self.revision,
            path: &self.path,
            health: self.health,
            problem: self
                .problem
                .as_ref()
                .filter(|_| self.health == Health::Broken)
                .map(|told| (told.message.as_str(), told.line)),
            updated_at: self.updated_at,
        }
    }

    /// A broken artifact keeps the metadata it had before, if it had any.
    pub fn keep_last_good(&mut self, before: Metadata) {
        if self.health == Health::Broken && before != Metadata::default() {
            self.metadata = before;
        }
    }

    /// The line of a report about it, if it is broken or holds a secret.
    #[must_use]
    pub fn issue(&self) -> Option<Issue> {
        let problem = self.problem.as_ref().map(|it| (it.message.as_str(), it.line));
        Issue::of_artifact(&self.id, &self.path, self.health, problem)
    }

    /// The words by which a search finds it.
    #[must_use]
    pub fn search_document(&self) -> SearchDocument {
        let metadata = &self.metadata;
        let fields = [&metadata.display_name, &metadata.description, &metadata.author];
        let texts = fields.into_iter().flatten().chain(&metadata.tags).map(String::as_str);
        SearchDocument {
            name: text::distinct_words([self.id.name()]),
            all: text::distinct_words(texts.chain([self.id.name()])),
        }
    }
}

/// The words of one artifact, cut by [`text::words`], each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchDocument {
    /// Words of the name.
    pub name: Vec<String>,
    /// Words of name, display name, description, author and tags.
    pub all: Vec<String>,
}

/// One cached row: an artifact in a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionArtifact {
    /// The collection it stands in.
    pub collection: CollectionId,
    /// The source its files belong to.
    pub source: SourceName,
    /// The artifact as last read. Its `added_at` is never `None` in a row: where no manifest gives
    /// it, it is when the row was made; `read_at` and `fingerprint` are the row's own.
    pub artifact: Artifact,
    /// When the row was last known to agree with its files; `None` once it is invalidated.
    pub synced_at: Option<Timestamp>,
}

impl CollectionArtifact {
    /// Whether the artifact can be edited: what cannot be read cannot, nor what has no frontmatter of
    /// its own in a plain directory (an MCP server's key, a hook, a plugin), nor a server that stands
    /// in the manifest itself.
    #[must_use]
    pub fn is_editable(&self, managed: bool) -> bool {
        const WITH_FRONTMATTER: [&str; 3] = ["skill", "agent", "command"];
        let has_place = managed || WITH_FRONTMATTER.contains(&self.artifact.id.kind().as_str());
        let is_in_manifest = self.artifact.path.starts_with("collection.toml#/");
        has_place && !is_in_manifest && self.artifact.health != Health::Broken
    }
}
