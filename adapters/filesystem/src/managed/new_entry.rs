//! The entry of an artifact that has none yet.

use larder::domain::{Timestamp, artifact::Metadata, id::ArtifactId};
use toml::Value;

use super::fields::written;

/// The tools that the format has a name for. Others lie in `metadata.extra.unknown_tools`.
const KNOWN_TOOLS: [&str; 18] = [
    "Read",
    "Write",
    "Edit",
    "MultiEdit",
    "Glob",
    "Grep",
    "NotebookEdit",
    "Bash",
    "KillShell",
    "AskUserQuestion",
    "TodoWrite",
    "WebFetch",
    "WebSearch",
    "Task",
    "TaskOutput",
    "Skill",
    "EnterPlanMode",
    "ExitPlanMode",
];

/// An artifact that has no entry yet.
pub(crate) struct NewEntry<'a> {
    pub(crate) id: &'a ArtifactId,
    /// Relative to the collection.
    pub(crate) path: &'a str,
    /// What its file says. `display_name` and `extra` are left there.
    pub(crate) metadata: &'a Metadata,
}

impl NewEntry<'_> {
    /// The lines of the entry.
    pub(super) fn text(&self, now: Timestamp, eol: &str) -> String {
        let list = |items: &[String]| (!items.is_empty()).then(|| Value::from(items.to_vec()));
        let Metadata { description, author, license, version, tags, tools, .. } = self.metadata;
        let (known, unknown): (Vec<String>, Vec<String>) =
            tools.iter().cloned().partition(|tool| KNOWN_TOOLS.contains(&tool.as_str()));
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let some = |text: &str| Some(Value::from(text));
        let added = now.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        let own = [
            ("name", some(self.id.name())),
            ("type", some(self.id.kind().as_str())),
            ("path", some(self.path)),
            ("origin", some("local")),
            ("added", some(&added)),
            ("tags", list(tags)),
        ];
        let metadata = [
            ("description", text(description)),
            ("author", text(author)),
            ("license", text(license)),
            ("version", text(version)),
            ("tools", list(&known)),
        ];
        let extra = [("unknown_tools", list(&unknown))];
        let lines = |header: &str, pairs: &[(&str, Option<Value>)]| -> String {
            let pairs = pairs.iter().filter_map(|(key, value)| {
                Some(format!("{key} = {}{eol}", written(value.as_ref()?, eol)))
            });
            let pairs: String = pairs.collect();
            if pairs.is_empty() { pairs } else { format!("{header}{eol}{pairs}") }
        };
        lines("[[artifacts]]", &own)
            + &lines("[artifacts.metadata]", &metadata)
            + &lines("[artifacts.metadata.extra]", &extra)
    }
}
