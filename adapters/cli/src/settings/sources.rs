//! Where artifacts lie: directories of source collections, and plain directories.

use larder::domain::id::SourceName;
use larder_filesystem::{FileKind, FileSystemConfig, PlainDirectory};
use serde::Deserialize;
use toml::{Table, Value};

use super::{
    layers::{Layers, SettingsError},
    places::Places,
};

/// The configured sources; those of the usual places where none is configured.
pub(super) fn of(layers: &Layers, places: &Places) -> Result<FileSystemConfig, SettingsError> {
    let directory = |entry: DirectoryEntry| {
        Ok(PlainDirectory {
            name: entry.name()?,
            path: layers.path("directories", &entry.path)?,
            kind: entry.kind(),
        })
    };
    let entries: Vec<DirectoryEntry> = layers.structure("directories")?;
    let directories: Result<_, String> = entries.into_iter().map(directory).collect();
    let configured = FileSystemConfig {
        collections: layers.list("collections", |text| layers.path("collections", text))?,
        directories: directories.map_err(|reason| layers.error("directories", &reason))?,
    };
    if configured.collections.is_empty() && configured.directories.is_empty() {
        return Ok(places.usual_sources());
    }
    Ok(configured)
}

/// One `[[directories]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectoryEntry {
    name: String,
    path: String,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Agent,
    Command,
}

impl DirectoryEntry {
    /// The source's name, checked.
    fn name(&self) -> Result<String, String> {
        SourceName::new(self.name.trim())
            .map(|name| name.to_string())
            .map_err(|_| format!("\"{}\" cannot be the name of a source", self.name))
    }

    /// What every Markdown file in it is, where that was said.
    fn kind(&self) -> Option<FileKind> {
        self.kind.map(|kind| match kind {
            Kind::Agent => FileKind::Agent,
            Kind::Command => FileKind::Command,
        })
    }
}

/// The entry that `NAME=PATH[,kind=agent|command]` stands for.
pub(super) fn from_flag(text: &str) -> Result<Value, String> {
    let (name, rest) = text
        .split_once('=')
        .ok_or_else(|| format!("\"{text}\" is not NAME=PATH or NAME=PATH,kind=agent"))?;
    let (path, kind) = match rest.rsplit_once(",kind=") {
        Some((path, kind)) => (path, Some(kind)),
        None => (rest, None),
    };
    let fields = [("name", Some(name)), ("path", Some(path)), ("kind", kind)];
    let set = fields.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into())));
    Ok(Value::Table(set.collect::<Table>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Result<DirectoryEntry, String> {
        from_flag(text)?.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn the_flag_names_a_directory_and_perhaps_a_kind() {
        let plain = entry("claude=~/a=b, c").unwrap();
        assert_eq!((plain.name().unwrap().as_str(), plain.path.as_str()), ("claude", "~/a=b, c"));
        assert!(plain.kind().is_none());
        assert!(matches!(entry("x=/y,kind=agent").unwrap().kind(), Some(FileKind::Agent)));
        assert!(entry("/just/a/path").is_err());
        assert!(entry("x=/y,kind=skill").err().unwrap().contains("skill"));
        assert!(entry("=/y").unwrap().name().is_err());
    }
}
