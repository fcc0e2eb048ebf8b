//! The process's environment, and the layer that it makes.

use std::{collections::BTreeMap, env, ffi::OsString, path::PathBuf};

use toml::{Table, Value};

use super::{
    keys::{KEYS, Shape, variable},
    layers::{Layers, Origin, SettingsError},
    sources,
};

/// Variables that begin with `LARDER_` and are no settings.
const OTHERS: [&str; 2] = ["LARDER_LOG", "LARDER_TOKEN"];

/// The variables of a process. One that is set to nothing counts as not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        Self(env::vars_os().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// These and no others.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The text of a variable; what is not UTF-8 is an error.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, SettingsError> {
        let not_text = || SettingsError::of_variable(name, "it is not valid UTF-8");
        let value = self.0.get(&OsString::from(name));
        value.map(|value| value.to_str().ok_or_else(not_text)).transpose()
    }

    /// The absolute path in a variable; the XDG specification has a relative one ignored.
    pub(super) fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.0.get(&OsString::from(name))?);
        path.is_absolute().then_some(path)
    }

    /// Lays the settings among the variables over `layers`.
    pub(super) fn lay_over(&self, layers: &mut Layers) -> Result<(), SettingsError> {
        for (key, shape) in KEYS {
            let name = variable(key);
            if let Some(text) = self.text(&name)? {
                let value = shaped(key, text, shape)
                    .map_err(|reason| SettingsError::of_variable(&name, &reason))?;
                layers.put(key, value, Origin::Environment(name));
            }
        }
        Ok(())
    }

    /// The variables that look like Larder's and mean nothing to it.
    pub(super) fn unknown(&self) -> Vec<String> {
        let known = |name: &str| {
            OTHERS.contains(&name) || KEYS.iter().any(|(key, _)| variable(key) == name)
        };
        self.0
            .keys()
            .filter_map(|name| name.to_str())
            .filter(|name| name.starts_with("LARDER_") && !known(name))
            .map(str::to_owned)
            .collect()
    }
}

/// The value that a text stands for. A text that does not have the right shape stays a text, which
/// the setting then refuses; the error is a reason.
fn shaped(key: &str, text: &str, shape: Shape) -> Result<Value, String> {
    let list = |items: Vec<String>| Value::Array(items.into_iter().map(Value::String).collect());
    let as_text = || Value::String(text.to_owned());
    Ok(match shape {
        Shape::Text => as_text(),
        Shape::Structure if key == "directories" && !text.starts_with('[') => {
            let entries = text.split(':').filter(|entry| !entry.is_empty());
            Value::Array(entries.map(sources::from_flag).collect::<Result<_, _>>()?)
        }
        Shape::Structure => toml_value(text)?,
        Shape::Number => text.parse().map_or_else(|_| as_text(), Value::Integer),
        Shape::Switch => text.parse().map_or_else(|_| as_text(), Value::Boolean),
        Shape::List => list(text.split(',').map(|item| item.trim().to_owned()).collect()),
        Shape::Paths => list(
            env::split_paths(text)
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| path.to_string_lossy().into_owned())
                .collect(),
        ),
    })
}

/// A value as it stands behind a key of the file, in one line.
fn toml_value(text: &str) -> Result<Value, String> {
    let table: Result<Table, toml::de::Error> = toml::from_str(&format!("value = {text}"));
    let value = table.map(|mut table| table.remove("value"));
    value.ok().flatten().ok_or_else(|| {
        "it must be a value of TOML in one line, such as [{ name = \"a\" }] or { a = \"5m\" }"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_shaped_by_the_table_of_keys() {
        let mut layers = Layers::default();
        let environment = Environment::of(&[
            ("LARDER_COLLECTIONS", "/a:/b"),
            ("LARDER_DATABASE_MAX_CONNECTIONS", "3"),
            ("LARDER_CACHE_WATCH", "false"),
            ("LARDER_SERVER_CORS_ORIGINS", "http://a, http://b"),
            ("LARDER_DIRECTORIES", "claude=~/.claude:work=/w,kind=agent"),
            ("LARDER_CACHE_TTL_BY_COLLECTION", "{ work = '5m' }"),
        ]);
        environment.lay_over(&mut layers).unwrap();
        let text = |text: &str| Ok(text.to_owned());
        assert_eq!(layers.list("collections", text).unwrap(), ["/a", "/b"]);
        assert_eq!(layers.list("server.cors_origins", text).unwrap(), ["http://a", "http://b"]);
        assert_eq!(layers.number("database.max_connections", 1..=9).unwrap(), 3);
        assert!(!layers.switch("cache.watch").unwrap());
        let ttls = layers.table("cache.ttl_by_collection", text).unwrap();
        assert_eq!(ttls["work"], "5m");
        let directories: Vec<BTreeMap<String, String>> = layers.structure("directories").unwrap();
        assert_eq!((&*directories[0]["path"], &*directories[1]["kind"]), ("~/.claude", "agent"));
    }

    #[test]
    fn a_structure_that_is_not_toml_is_refused() {
        for (name, text) in [("LARDER_AUTH_TOKENS", "ada"), ("LARDER_DIRECTORIES", "/just/a/path")]
        {
            let error = Environment::of(&[(name, text)]).lay_over(&mut Layers::default());
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }

    #[test]
    fn a_number_that_is_none_is_told_by_the_name_of_the_variable() {
        let mut layers = Layers::default();
        let environment = Environment::of(&[("LARDER_CACHE_PAGES_MIB", "lots")]);
        environment.lay_over(&mut layers).unwrap();
        assert_eq!(
            layers.number("cache.pages_mib", 0..=9).unwrap_err().to_string(),
            "cache.pages_mib: it must be a whole number from 0 to 9 (from LARDER_CACHE_PAGES_MIB)"
        );
    }

    #[test]
    fn names_that_mean_nothing_are_found() {
        let environment = Environment::of(&[
            ("LARDER_LOG", "debug"),
            ("LARDER_TOKEN", "x"),
            ("LARDER_SERVER_BIND", "127.0.0.1:1"),
            ("LARDER_AUTH_TOKEN", "x"),
            ("LARDER_SEVRER_BIND", "x"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(environment.unknown(), ["LARDER_AUTH_TOKEN", "LARDER_SEVRER_BIND"]);
    }
}
