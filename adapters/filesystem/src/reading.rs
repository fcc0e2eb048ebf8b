//! What one file says of the artifact whose main file it is.

use std::borrow::Cow;

use larder::domain::{
    artifact::{Health, Metadata, Problem},
    id::ArtifactKind,
};
use serde_json::{Map, Value};

use crate::{frontmatter, json, secrets};

/// Metadata, and how well they could be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) metadata: Metadata,
    /// The first paragraph of the body: the description, where nothing else gives one.
    pub(crate) first_paragraph: Option<String>,
    pub(crate) health: Health,
    pub(crate) problem: Option<Problem>,
}

impl Reading {
    /// Of what could be read.
    pub(crate) fn ok(metadata: Metadata) -> Self {
        Self { metadata, first_paragraph: None, health: Health::Ok, problem: None }
    }

    /// Nothing could be read.
    pub(crate) fn broken(message: impl Into<String>, line: Option<u32>) -> Self {
        let problem = Some(Problem { message: message.into(), line });
        Self { health: Health::Broken, problem, ..Self::ok(Metadata::default()) }
    }

    /// Of a main file: Markdown, JSON, or another file, which says nothing of itself.
    pub(crate) fn of_file(kind: &str, path: &str, bytes: &[u8]) -> Self {
        if json::is_json(path) {
            match json::parse(bytes) {
                Ok(value) => Self::of_json(kind, value, bytes),
                Err((message, line)) => Self::broken(message, Some(line)),
            }
        } else if is_markdown(path) {
            Self::of_markdown(kind, bytes)
        } else {
            Self::ok(Metadata::default())
        }
    }

    /// Of a Markdown file with its frontmatter.
    pub(crate) fn of_markdown(kind: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let read = frontmatter::read(&text);
        if read.health == Health::Broken {
            let (health, problem) = (read.health, read.problem);
            return Self { health, problem, ..Self::ok(Metadata::default()) };
        }
        let bare = read.values.is_none();
        let metadata = frontmatter::metadata(read.values.unwrap_or_default());
        let first_paragraph = frontmatter::first_paragraph(read.body);
        let mut reading =
            Self { metadata, first_paragraph, health: read.health, problem: read.problem };
        if reading.health == Health::Recovered {
            secrets::mask_unread(&mut reading.metadata.extra);
        } else if matches!(text, Cow::Owned(_)) {
            reading.recovered("the file is not valid UTF-8; what is not was replaced");
        } else if bare && [ArtifactKind::SKILL, ArtifactKind::AGENT].contains(&kind) {
            reading.recovered("there is no frontmatter");
        }
        reading.with_secret(secrets::finding_in_markdown(&text))
    }

    /// A secret is more urgent than why the file was read leniently.
    fn with_secret(self, finding: Option<Problem>) -> Self {
        Self { problem: finding.or(self.problem), ..self }
    }

    fn recovered(&mut self, message: &str) {
        self.health = Health::Recovered;
        self.problem = Some(Problem { message: message.to_owned(), line: None });
    }

    /// Of a JSON value of a file: a plugin's manifest, a server's settings, hooks.
    pub(crate) fn of_json(kind: &str, value: Value, file: &[u8]) -> Self {
        let secret = secrets::finding_in_json(&value, file);
        let Value::Object(mut keys) = value else {
            return Self::broken("the JSON value is not an object", None);
        };
        if kind == ArtifactKind::COMPOSITE {
            return Self::ok(frontmatter::metadata(keys)).with_secret(secret);
        }
        let description = keys.remove("description").as_ref().and_then(frontmatter::text_of);
        Self::ok(Metadata { description, extra: keys, ..Metadata::default() }).with_secret(secret)
    }

    /// Of the value of `hooks` in a settings file.
    pub(crate) fn of_hooks(value: Value, file: &[u8]) -> Self {
        let value = Value::Object(Map::from_iter([("hooks".into(), value)]));
        Self::of_json(ArtifactKind::HOOK, value, file)
    }
}

/// Whether a file is Markdown, by its name.
pub(crate) fn is_markdown(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() > 3 && bytes[bytes.len() - 3..].eq_ignore_ascii_case(b".md")
}

#[cfg(test)]
mod tests {
    use larder::domain::artifact::SECRET_IN_CLEAR;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_skills_and_agents_need_frontmatter() {
        let health = |kind| Reading::of_markdown(kind, b"# Title\n\nText.\n").health;
        assert_eq!(health("skill"), Health::Recovered);
        assert_eq!(health("agent"), Health::Recovered);
        assert_eq!(health("command"), Health::Ok);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_told() {
        let reading = Reading::of_markdown("command", b"---\nname: a\n---\nb\xff\n");
        assert_eq!(reading.health, Health::Recovered);
        assert_eq!(reading.first_paragraph.as_deref(), Some("b\u{fffd}"));
        assert_eq!(Reading::of_markdown("command", b"\0\0").health, Health::Ok);
        assert_eq!(Reading::of_markdown("skill", b"").health, Health::Recovered);
    }

    #[test]
    fn a_plugin_gives_columns() {
        let value =
            json!({"name": "p", "author": {"name": "a"}, "keywords": ["k"], "homepage": "h"});
        let plugin = Reading::of_json("composite", value, b"").metadata;
        assert_eq!(
            (plugin.display_name.as_deref(), plugin.author.as_deref()),
            (Some("p"), Some("a"))
        );
        assert_eq!(Value::Object(plugin.extra), json!({"homepage": "h"}));
    }

    #[test]
    fn a_secret_is_a_problem_that_names_its_line() {
        let problem = |reading: Reading| reading.problem.map(|it| (it.message, it.line));
        let found = |line| Some((SECRET_IN_CLEAR.to_owned(), line));
        let body = b"---\nname: a\n---\nUse\nghp_0123456789abcdefghijABCDEFGHIJ012345\n";
        assert_eq!(problem(Reading::of_markdown("agent", body)), found(Some(5)));
        let file = b"{\"a\": 1,\n\"args\": [\"--token\",\n \"s3cr\\\"et\"]}";
        let value = serde_json::from_slice(file).unwrap();
        assert_eq!(problem(Reading::of_json("mcp", value, file)), found(Some(3)));
        let harmless = json!({"env": {"LOG_LEVEL": "debug", "TOKEN": "${TOKEN}"}});
        assert_eq!(problem(Reading::of_json("mcp", harmless, b"")), None);
    }
}
