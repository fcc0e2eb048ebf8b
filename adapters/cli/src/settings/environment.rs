//! The process's environment, and the layer that it makes.

use std::{collections::BTreeMap, env, ffi::OsString, path::PathBuf};

use toml::Value;

use super::{
    keys::{KEYS, Shape, variable},
    layers::{Layers, Origin, SettingsError},
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
            if shape != Shape::Structure
                && let Some(text) = self.text(&name)?
            {
                layers.put(key, shaped(text, shape), Origin::Environment(name));
            }
        }
        Ok(())
    }

    /// The variables that look like Larder's and mean nothing to it.
    pub(super) fn unknown(&self) -> Vec<String> {
        let known = |name: &str| {
            OTHERS.contains(&name)
                || KEYS
                    .iter()
                    .any(|(key, shape)| *shape != Shape::Structure && variable(key) == name)
        };
        self.0
            .keys()
            .filter_map(|name| name.to_str())
            .filter(|name| name.starts_with("LARDER_") && !known(name))
            .map(str::to_owned)
            .collect()
    }
}

/// The value that a text stands for. What has not the right shape stays a text, which the setting
/// then refuses.
fn shaped(text: &str, shape: Shape) -> Value {
    let list = |items: Vec<String>| Value::Array(items.into_iter().map(Value::String).collect());
    let as_text = || Value::String(text.to_owned());
    match shape {
        Shape::Text | Shape::Structure => as_text(),
        Shape::Number => text.parse().map_or_else(|_| as_text(), Value::Integer),
        Shape::Switch => text.parse().map_or_else(|_| as_text(), Value::Boolean),
        Shape::List => list(text.split(',').map(|item| item.trim().to_owned()).collect()),
        Shape::Paths => list(
            env::split_paths(text)
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| path.to_string_lossy().into_owned())
                .collect(),
        ),
    }
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
        ]);
        environment.lay_over(&mut layers).unwrap();
        let text = |text: &str| Ok(text.to_owned());
        assert_eq!(layers.list("collections", text).unwrap(), ["/a", "/b"]);
        assert_eq!(layers.list("server.cors_origins", text).unwrap(), ["http://a", "http://b"]);
        assert_eq!(layers.number("database.max_connections", 1..=9).unwrap(), 3);
        assert!(!layers.switch("cache.watch").unwrap());
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
            ("LARDER_AUTH_TOKENS", "x"),
            ("LARDER_SEVRER_BIND", "x"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(environment.unknown(), ["LARDER_AUTH_TOKENS", "LARDER_SEVRER_BIND"]);
    }
}
