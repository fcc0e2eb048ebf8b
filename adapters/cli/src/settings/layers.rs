//! Settings from several places, laid over each other: of each key the last value holds, and where
//! it came from is known.

use std::{
    collections::BTreeMap,
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::Value;

use super::{keys::KEYS, values};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program itself.
    Default,
    /// A line of the file.
    File {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The environment variable of that name.
    Environment(String),
    /// The flag of that name.
    Flag(&'static str),
}

impl Origin {
    /// The directory that relative paths start at: the file's own, otherwise the current one.
    fn base(&self) -> &Path {
        match self {
            Self::File { path, .. } => path.parent().unwrap_or(Path::new("")),
            _ => Path::new(""),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A setting that is wrong, in one line: which, why, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SettingsError(String);

impl SettingsError {
    /// What is wrong with an environment variable.
    pub(crate) fn of_variable(name: &str, reason: &str) -> Self {
        Self::new(name, reason, &Origin::Environment("the environment".to_owned()))
    }

    /// What is wrong with `what`, which the flag of that name gave.
    pub(crate) fn of_flag(what: &str, reason: &str, flag: &'static str) -> Self {
        Self::new(what, reason, &Origin::Flag(flag))
    }

    /// What is wrong with `what`, which came from `origin`.
    pub(super) fn new(what: &str, reason: &str, origin: &Origin) -> Self {
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Self(format!("{what}: {reason} (from {origin})"))
    }
}

/// One value and where it came from.
#[derive(Debug, Clone)]
struct Setting {
    value: Value,
    origin: Origin,
}

/// The values of all layers so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    settings: BTreeMap<&'static str, Setting>,
    home: Option<PathBuf>,
}

impl Layers {
    /// No layer yet; `home` is what `~` stands for.
    pub(super) fn new(home: Option<&Path>) -> Self {
        Self { settings: BTreeMap::new(), home: home.map(Path::to_owned) }
    }

    /// Lays a value over what was there.
    pub(super) fn put(&mut self, key: &'static str, value: Value, origin: Origin) {
        self.settings.insert(key, Setting { value, origin });
    }

    /// Whether any layer has the key.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.settings.contains_key(key)
    }

    /// That the value of `key` is wrong.
    pub(crate) fn error(&self, key: &'static str, reason: &str) -> SettingsError {
        SettingsError::new(key, reason, self.origin(key))
    }

    /// Where the value of `key` came from.
    pub(super) fn origin(&self, key: &'static str) -> &Origin {
        self.settings.get(key).map_or(&Origin::Default, |setting| &setting.origin)
    }

    fn value<'a, T>(
        &'a self,
        key: &'static str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let setting = self.settings.get(key);
        let setting = setting.ok_or_else(|| self.error(key, "it has no default here: set it"))?;
        read(&setting.value).ok_or_else(|| self.error(key, &format!("it must be {expected}")))
    }

    /// A text, read by `parse`, whose error is a reason.
    pub(super) fn text<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        let text = self.value(key, "a text", Value::as_str)?;
        parse(text).map_err(|reason| self.error(key, &reason))
    }

    /// A list of texts, each read by `parse`, whose error is a reason.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, SettingsError> {
        let texts = self.value(key, "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()
        })?;
        texts
            .into_iter()
            .map(|text| parse(text).map_err(|reason| self.error(key, &reason)))
            .collect()
    }

    /// A table of texts, each read by `parse`, whose error is a reason.
    pub(super) fn table<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<BTreeMap<String, T>, SettingsError> {
        let texts: BTreeMap<String, String> = self.structure(key)?;
        texts
            .into_iter()
            .map(|(name, text)| match parse(&text) {
                Ok(value) => Ok((name, value)),
                Err(reason) => Err(self.error(key, &format!("{name}: {reason}"))),
            })
            .collect()
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Result<u32, SettingsError> {
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.value(key, &expected, |value| {
            u32::try_from(value.as_integer()?).ok().filter(|number| bounds.contains(number))
        })
    }

    /// `true` or `false`.
    pub(super) fn switch(&self, key: &'static str) -> Result<bool, SettingsError> {
        self.value(key, "true or false", Value::as_bool)
    }

    /// A table, or a list of tables.
    pub(super) fn structure<T: DeserializeOwned>(
        &self,
        key: &'static str,
    ) -> Result<T, SettingsError> {
        let value = self.value(key, "a table", |value| Some(value.clone()))?;
        value.try_into().map_err(|error: toml::de::Error| self.error(key, error.message()))
    }

    /// The absolute path that a text in the value of `key` stands for; an error is a reason.
    pub(super) fn path(&self, key: &'static str, text: &str) -> Result<PathBuf, String> {
        values::path(text, self.origin(key).base(), self.home.as_deref())
    }

    /// Each setting as `key = value (origin)`, in the order of the table of keys, without secrets.
    pub(crate) fn described(&self) -> impl Iterator<Item = String> {
        KEYS.iter().filter_map(|(key, _)| {
            let Setting { value, origin } = self.settings.get(key)?;
            let shown = match value {
                Value::Array(tokens) if *key == "auth.tokens" => {
                    format!("{} tokens", tokens.len())
                }
                Value::String(url) if key.ends_with("url") => values::without_password(url),
                _ => value.to_string(),
            };
            Some(format!("{key} = {shown} ({origin})"))
        })
    }
}
