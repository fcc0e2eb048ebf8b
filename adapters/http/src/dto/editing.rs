//! Bodies of the operations that write artifacts, and what they answer.

use larder::{
    app::{CacheState as DomainCacheState, Saved as DomainSaved},
    domain::{
        edit::{Field, MetadataEdit},
        new_artifact::NewArtifact,
        revision::Revision,
    },
};
use poem_openapi::{Enum, Object, types::Example};
use serde::Serialize;

use super::{ArtifactDetail, EXAMPLE_REVISION, Freshness, Nullable};
use crate::body::{Described, Fields};

/// Changes of an artifact's metadata. A field that is absent stays; null removes it.
///
/// A value that is equal to the present one is accepted whatever its size, and is not written. Only
/// new values must keep to the limits; control characters are not allowed in them.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(crate) struct MetadataChange {
    /// What it is for. A new description has 1,024 characters or less; line breaks are allowed.
    /// Without a description, the body's first paragraph serves.
    #[oai(validator(min_length = 1), skip_serializing_if_is_none)]
    pub description: Option<Nullable<String>>,
    /// Who wrote it. A new author has 255 characters or less, on one line.
    #[oai(validator(min_length = 1), skip_serializing_if_is_none)]
    pub author: Option<Nullable<String>>,
    /// Its licence. A new licence has 100 characters or less, on one line.
    #[oai(validator(min_length = 1), skip_serializing_if_is_none)]
    pub license: Option<Nullable<String>>,
    /// Its tags; repeated ones count once. A new tag has 64 characters or less, on one line. A list
    /// does not grow beyond 50 tags.
    #[oai(skip_serializing_if_is_none)]
    pub tags: Option<Nullable<Vec<String>>>,
    /// The author's version. A new version has 100 characters or less, on one line.
    #[oai(validator(min_length = 1), skip_serializing_if_is_none)]
    pub version: Option<Nullable<String>>,
    /// The revision that the changes were made for, unless `If-Match` names it. When the artifact
    /// has another one by now, the answer is 409.
    #[oai(skip_serializing_if_is_none)]
    pub expected_revision: Option<String>,
}

impl Described for MetadataChange {
    type Value = (MetadataEdit, Option<Revision>);

    fn read(fields: &mut Fields) -> Self::Value {
        let expected = fields.text("expected_revision").and_then(|text| {
            Revision::parse(&text).or_else(|| {
                fields.refuse("expected_revision", "it must be the revision of an artifact")
            })
        });
        (changes(fields), expected)
    }
}

fn changes(fields: &mut Fields) -> MetadataEdit {
    let changes: Vec<_> = Field::ALL.into_iter().filter_map(|field| fields.change(field)).collect();
    // An edit of nothing is worth no word beside what else is wrong.
    if changes.is_empty() && !fields.are_sound() {
        return MetadataEdit::default();
    }
    MetadataEdit::new(changes).unwrap_or_else(|refused| {
        fields.refuse_all(refused);
        MetadataEdit::default()
    })
}

impl Example for MetadataChange {
    fn example() -> Self {
        Self {
            description: Some(Nullable(Some("Fill, merge, split and sign PDF files.".into()))),
            author: None,
            license: Some(Nullable(None)),
            tags: Some(Nullable(Some(vec!["documents".into(), "pdf".into()]))),
            version: None,
            expected_revision: Some(EXAMPLE_REVISION.into()),
        }
    }
}

/// An artifact to be created.
#[derive(Debug, Clone, Object)]
#[oai(example)]
pub(crate) struct NewArtifactBody {
    /// `skill`, `agent` or `command`.
    #[oai(rename = "type", validator(pattern = "^(skill|agent|command)$"))]
    pub kind: String,
    /// Words of lower-case letters and digits with single hyphens between them.
    #[oai(validator(max_length = 64, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub name: String,
    /// What it is for. Line breaks are allowed.
    #[oai(validator(
        min_length = 1,
        max_length = 1024,
        pattern = r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f]*$"
    ))]
    pub description: String,
    /// Who wrote it.
    #[oai(validator(min_length = 1, max_length = 255), skip_serializing_if_is_none)]
    pub author: Option<String>,
    /// Its licence.
    #[oai(validator(min_length = 1, max_length = 100), skip_serializing_if_is_none)]
    pub license: Option<String>,
    /// Its tags, each of 1 to 64 characters; repeated ones count once.
    #[oai(validator(max_items = 50), skip_serializing_if_is_none)]
    pub tags: Option<Vec<String>>,
    /// Tools it may use, each of 1 to 255 characters.
    #[oai(validator(max_items = 200), skip_serializing_if_is_none)]
    pub tools: Option<Vec<String>>,
    /// The author's version.
    #[oai(validator(min_length = 1, max_length = 100), skip_serializing_if_is_none)]
    pub version: Option<String>,
    /// The Markdown behind the frontmatter.
    #[oai(skip_serializing_if_is_none)]
    pub body: Option<String>,
    /// The collection whose files it becomes, by id or name; without it the source collection
    /// `default`, else the only one with a `collection.toml`.
    #[oai(validator(min_length = 1, max_length = 255), skip_serializing_if_is_none)]
    pub collection: Option<String>,
}

impl Described for NewArtifactBody {
    /// `None` when something is wrong.
    type Value = Option<(NewArtifact, Option<String>)>;

    fn read(fields: &mut Fields) -> Self::Value {
        let (kind, name) = (fields.required_text("type"), fields.required_text("name"));
        let description = fields.required_text("description");
        let mut wanted =
            vec![(Field::Description, larder::domain::edit::Change::Text(description))];
        let others = Field::ALL.into_iter().filter(|field| *field != Field::Description);
        wanted.extend(others.filter_map(|field| fields.change(field)));
        let (tools, body) = (fields.list("tools"), fields.text("body").unwrap_or_default());
        let collection = fields.text("collection");
        if !fields.are_sound() {
            return None;
        }
        match NewArtifact::new(&kind, &name, MetadataEdit::new(wanted), tools, body) {
            Ok(new) => Some((new, collection)),
            Err(refused) => {
                fields.refuse_all(refused);
                None
            }
        }
    }
}

impl Example for NewArtifactBody {
    fn example() -> Self {
        Self {
            kind: "skill".into(),
            name: "review-sql".into(),
            description: "Review SQL for locks and missing indexes.".into(),
            author: Some("Ada".into()),
            license: Some("MIT".into()),
            tags: Some(vec!["review".into(), "sql".into()]),
            tools: Some(vec!["Read".into(), "Bash(psql:*)".into()]),
            version: Some("1.0.0".into()),
            body: Some("# Review SQL\n\nRead the query plan first.\n".into()),
            collection: None,
        }
    }
}

/// Whether the cache has followed a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Enum)]
#[serde(rename_all = "lowercase")]
#[oai(rename_all = "lowercase")]
pub(crate) enum CacheState {
    /// Every collection shows it.
    Current,
    /// The files are written, and the database did not answer: it follows as soon as it does.
    Pending,
}

impl From<DomainCacheState> for CacheState {
    fn from(state: DomainCacheState) -> Self {
        match state {
            DomainCacheState::Current => Self::Current,
            DomainCacheState::Pending => Self::Pending,
        }
    }
}

/// An artifact after a write, as read back from its files.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(example)]
pub(crate) struct SavedArtifact {
    #[serde(flatten)]
    #[oai(flatten)]
    pub artifact: ArtifactDetail,
    /// Whether the cache has followed.
    pub cache: CacheState,
}

impl SavedArtifact {
    pub(crate) fn new(saved: DomainSaved, freshness: &Freshness) -> Self {
        let DomainSaved { row, collections, managed, cache } = saved;
        let artifact = ArtifactDetail::new(row, freshness, managed, &collections);
        Self { artifact, cache: cache.into() }
    }
}

impl Example for SavedArtifact {
    fn example() -> Self {
        Self { artifact: ArtifactDetail::example(), cache: CacheState::Current }
    }
}
