//! One entry of a manifest, and what the lock adds to it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound as _, Utc};
use larder::{
    domain::{
        Timestamp,
        artifact::{Metadata, Provenance},
        id::{ArtifactId, ArtifactKind, InvalidName},
        revision::Revision,
    },
    ports::WriteError,
};
use serde_json::{Map, Value};

use crate::{
    frontmatter::{is_column, text_of},
    lists, secrets,
};

/// Keys of an entry that are fields of their own.
const OWN_KEYS: [&str; 14] = [
    "name",
    "type",
    "path",
    "origin",
    "origin_source",
    "added",
    "source",
    "upstream",
    "version_spec",
    "resolved_sha",
    "resolved_version",
    "tags",
    "metadata",
    "description",
];

/// Copies of the frontmatter that other programs keep in `metadata.extra`, and tools that are told
/// elsewhere.
const ECHOES: [&str; 3] = ["frontmatter", "frontmatter_tools", "unknown_tools"];

/// An entry as JSON values, which is how the rest of the reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    keys: Map<String, Value>,
    lock: Option<Map<String, Value>>,
    is_server: bool,
}

impl Entry {
    pub(crate) fn new(entry: toml::Table, lock: Option<toml::Table>) -> Self {
        Self { keys: json_table(entry), lock: lock.map(json_table), is_server: false }
    }

    /// One of the `[[mcp_servers]]`, with the keys of an artifact's entry.
    pub(super) fn of_server(entry: toml::Table) -> Self {
        Self { keys: json_table(entry), lock: None, is_server: true }
    }

    /// Whether it is one of the `[[mcp_servers]]`: it has no file, and is only read.
    pub(crate) fn is_server(&self) -> bool {
        self.is_server
    }

    /// Refuses a write of what is only read.
    pub(crate) fn require_writable(&self) -> Result<(), WriteError> {
        if !self.is_server {
            return Ok(());
        }
        let message = "it is one of the [[mcp_servers]] of collection.toml, which Larder only reads: \
                       change it there, or with the program that keeps them";
        Err(WriteError::unfit(message))
    }

    /// Its keys, with the secrets masked.
    pub(super) fn masked(&self) -> Map<String, Value> {
        let mut keys = Value::Object(self.keys.clone());
        secrets::mask_json(&mut keys);
        let Value::Object(keys) = keys else { unreachable!("an object stays an object") };
        keys
    }

    /// With other keys, and with the same lock.
    pub(super) fn rewritten(&self, entry: toml::Table) -> Self {
        Self { keys: json_table(entry), ..self.clone() }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.keys.get(key).and_then(text_of)
    }

    fn metadata_value(&self, key: &str) -> Option<&Value> {
        self.keys.get("metadata").and_then(|metadata| metadata.get(key))
    }

    /// Its id; `None` when name or type is missing.
    pub(crate) fn id(&self) -> Option<Result<ArtifactId, InvalidName>> {
        let (kind, name) = (self.keys.get("type")?.as_str()?, self.keys.get("name")?.as_str()?);
        Some(ArtifactKind::new(kind).and_then(|kind| ArtifactId::new(&kind, name)))
    }

    /// Whether it is the entry of an artifact, which a path makes it.
    pub(crate) fn is(&self, id: &ArtifactId) -> bool {
        self.path().is_some() && self.id().as_ref() == Some(&Ok(id.clone()))
    }

    /// Its path as written, without a slash at the end.
    pub(crate) fn path(&self) -> Option<&str> {
        let path = self.keys.get("path")?.as_str()?;
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        (!path.is_empty()).then_some(path)
    }

    /// Where the artifact came from: the manifest says, except for what the lock has resolved.
    pub(crate) fn provenance(&self) -> Provenance {
        let resolved = |key: &str| {
            let locked = self.lock.as_ref().and_then(|lock| lock.get(key)).and_then(text_of);
            locked.or_else(|| self.text(key))
        };
        let own_source = self.text("source");
        // The short form names both in one: `anthropics/skills/pdf@v2.1.0`. A URL is none.
        let short = own_source.as_deref().filter(|source| !source.contains(':'));
        let spec = short.and_then(|source| Some(source.rsplit_once('@')?.1.to_owned()));
        let spec = spec.filter(|spec| !spec.is_empty());
        Provenance {
            version_spec: self.text("version_spec").or(spec),
            source: own_source.or_else(|| self.text("upstream")),
            origin: self.text("origin"),
            origin_source: self.text("origin_source"),
            resolved_sha: resolved("resolved_sha"),
            resolved_version: resolved("resolved_version"),
        }
    }

    /// When it was added, if the entry says so in a way that can be understood.
    pub(crate) fn added_at(&self) -> Option<Timestamp> {
        self.keys.get("added").and_then(Value::as_str).and_then(moment)
    }

    /// Completes what the artifact's own file says with what the entry says.
    pub(crate) fn complete(&self, own: Metadata) -> Metadata {
        let field = |own: Option<String>, key: &str| {
            own.or_else(|| self.metadata_value(key).and_then(text_of)).or_else(|| self.text(key))
        };
        let list = |own: Vec<String>, values: [Option<&Value>; 2]| {
            let entry = values.into_iter().flatten().flat_map(lists::items);
            if own.is_empty() { lists::distinct(entry) } else { own }
        };
        let extra = self.metadata_value("extra");
        let unknown_tools = extra.and_then(|extra| extra.get("unknown_tools"));
        Metadata {
            display_name: own.display_name,
            description: field(own.description, "description"),
            author: field(own.author, "author"),
            license: field(own.license, "license"),
            version: field(own.version, "version"),
            tags: list(own.tags, [self.keys.get("tags"), self.metadata_value("tags")]),
            tools: list(own.tools, [self.metadata_value("tools"), unknown_tools]),
            extra: self.extra(own.extra),
        }
    }

    /// Every other key: of the artifact's own, of `metadata.extra`, of `metadata`, of the entry;
    /// the first that has a key wins.
    fn extra(&self, own: Map<String, Value>) -> Map<String, Value> {
        let metadata = self.keys.get("metadata").and_then(Value::as_object);
        let nested = metadata.and_then(|keys| keys.get("extra")).and_then(Value::as_object);
        let nested =
            nested.into_iter().flatten().filter(|(key, _)| !ECHOES.contains(&key.as_str()));
        let metadata = metadata.into_iter().flatten().filter(|(key, _)| *key != "extra");
        let entry = self.keys.iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str()));
        let mut extra = Map::new();
        for (key, value) in nested.chain(metadata).chain(entry).filter(|(key, _)| !is_column(key)) {
            extra.entry(key).or_insert_with(|| value.clone());
        }
        extra.extend(own);
        extra
    }

    /// The entry in bytes that are the same for every way to write it, and those of its lock entry.
    pub(crate) fn bytes(&self) -> [Vec<u8>; 2] {
        let bytes = |keys: &Map<String, Value>| serde_json::to_vec(keys).unwrap_or_default();
        [bytes(&self.keys), self.lock.as_ref().map(bytes).unwrap_or_default()]
    }
}

/// A short hash of an entry's bytes, for the fingerprint.
pub(crate) fn hash([entry, lock]: &[Vec<u8>; 2]) -> String {
    // 64 bits tell one state of an entry from the next.
    Revision::of(&[entry, lock]).as_str()[..16].to_owned()
}

fn json_table(table: toml::Table) -> Map<String, Value> {
    table.into_iter().map(|(key, value)| (key, json_value(value))).collect()
}

fn json_value(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(truth) => Value::Bool(truth),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json_value).collect(),
        toml::Value::Table(table) => Value::Object(json_table(table)),
    }
}

/// A moment in ISO 8601; without a zone it is UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    let zoned = DateTime::parse_from_rfc3339(&text).map(|moment| moment.with_timezone(&Utc));
    let bare = || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok();
    let minutes = || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M").ok();
    let day = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN));
    let moment = zoned.ok().or_else(|| Some(bare().or_else(minutes).or_else(day)?.and_utc()))?;
    Some(moment.trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(text: &str) -> Entry {
        Entry::new(text.parse().unwrap(), None)
    }

    #[test]
    fn times_come_with_and_without_zone() {
        for text in [
            "2026-01-05T10:00:00.123456",
            "2026-01-05 10:00:00.1234567",
            "2026-01-05T11:00:00.123456+01:00",
            "2026-01-05T10:00:00.123456Z",
        ] {
            assert_eq!(moment(text).unwrap().to_rfc3339(), "2026-01-05T10:00:00.123456+00:00");
        }
        assert_eq!(moment("2026-01-05").unwrap().to_rfc3339(), "2026-01-05T00:00:00+00:00");
        assert_eq!(entry("added = 2026-01-05T10:00:00Z").added_at(), moment("2026-01-05T10:00"));
        assert_eq!(moment("yesterday"), None);
    }

    #[test]
    fn the_short_form_names_source_and_version_in_one() {
        let provenance = entry("source = \"anthropics/skills/pdf@v2.1.0\"").provenance();
        assert_eq!(provenance.source.as_deref(), Some("anthropics/skills/pdf@v2.1.0"));
        assert_eq!(provenance.version_spec.as_deref(), Some("v2.1.0"));
        let both = entry("source = \"a@v1\"\nversion_spec = \"latest\"\nupstream = \"u\"");
        assert_eq!(both.provenance().version_spec.as_deref(), Some("latest"));
        let url = entry("source = \"git@github.com:o/r\"").provenance();
        assert_eq!(url.version_spec, None);
        assert_eq!(entry("upstream = \"u\"").provenance().source.as_deref(), Some("u"));
    }

    #[test]
    fn the_lock_overrides_what_was_resolved() {
        let text = "resolved_sha = \"a\"\nresolved_version = \"v1\"";
        let lock = "resolved_sha = \"b\"".parse().unwrap();
        let provenance = Entry::new(text.parse().unwrap(), Some(lock)).provenance();
        assert_eq!(provenance.resolved_sha.as_deref(), Some("b"));
        assert_eq!(provenance.resolved_version.as_deref(), Some("v1"));
    }

    #[test]
    fn the_entry_fills_what_the_file_does_not_say() {
        let entry = entry(
            "tags = [\"a\"]\nuuid = \"u\"\nlicense = \"MIT\"\n[metadata]\ntitle = \"T\"\n\
             description = \"stale\"\ntags = [\"b\", \"a\"]\ntools = [\"Read\"]\n[metadata.extra]\n\
             name = \"echo\"\nmodel = \"old\"\nunknown_tools = [\"Bash(git log:*)\"]\n\
             frontmatter = { x = 1 }\nenv = { TOKEN = \"secret\" }",
        );
        let own = Metadata {
            description: Some("fresh".into()),
            extra: json!({"model": "new"}).as_object().unwrap().clone(),
            ..Metadata::default()
        };
        let metadata = entry.complete(own);
        assert_eq!(metadata.description.as_deref(), Some("fresh"));
        assert_eq!(metadata.license.as_deref(), Some("MIT"));
        assert_eq!(metadata.tags, ["a", "b"]);
        assert_eq!(metadata.tools, ["Read", "Bash(git log:*)"]);
        assert_eq!(
            Value::Object(metadata.extra),
            json!({"model": "new", "title": "T", "uuid": "u", "env": {"TOKEN": "secret"}})
        );
    }

    #[test]
    fn an_entry_without_name_or_type_has_no_id() {
        assert_eq!(entry("name = \"x\"").id(), None);
        assert!(entry("name = \"a\\u0000\"\ntype = \"skill\"").id().unwrap().is_err());
        assert_eq!(
            entry("name = \"x\"\ntype = \"rule_file\"").id().unwrap().unwrap().to_string(),
            "rule_file:x"
        );
    }
}
