//! The layer of `larder.toml`.

use serde::Deserialize;
use toml::{
    Spanned, Value,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    keys,
    layers::{Layers, Origin, SettingsError},
};

/// Lays the settings of a TOML text over `layers`; `origin` is that of a line, from 1.
pub(super) fn parse(
    text: &str,
    origin: impl Fn(usize) -> Origin,
    layers: &mut Layers,
) -> Result<(), SettingsError> {
    let file = File { text, origin };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        SettingsError::new("the configuration file", error.message(), &file.origin(at))
    })?;
    file.flatten("", table.into_inner(), &mut |key, value, origin| layers.put(key, value, origin))
}

struct File<'a, O> {
    text: &'a str,
    origin: O,
}

impl<O: Fn(usize) -> Origin> File<'_, O> {
    fn origin(&self, at: usize) -> Origin {
        let before = self.text.get(..at).unwrap_or(self.text);
        (self.origin)(before.matches('\n').count() + 1)
    }

    /// Hands each setting of a table to `put`, by the path of its key.
    fn flatten(
        &self,
        section: &str,
        table: DeTable<'_>,
        put: &mut impl FnMut(&'static str, Value, Origin),
    ) -> Result<(), SettingsError> {
        for (name, value) in table {
            let origin = self.origin(name.span().start);
            let path = match section {
                "" => name.get_ref().to_string(),
                _ => format!("{section}.{}", name.get_ref()),
            };
            if let Some(key) = keys::find(&path) {
                let value = plain(value)
                    .map_err(|error| SettingsError::new(key, error.message(), &origin))?;
                put(key, value, origin);
            } else if keys::names_in(&path).is_empty() {
                let names = keys::names_in(section).join(", ");
                let reason = format!("there is no such setting; here may stand {names}");
                return Err(SettingsError::new(&path, &reason, &origin));
            } else if let DeValue::Table(inner) = value.into_inner() {
                self.flatten(&path, inner, put)?;
            } else {
                return Err(SettingsError::new(&path, "it must be a table", &origin));
            }
        }
        Ok(())
    }
}

fn plain(value: Spanned<DeValue<'_>>) -> Result<Value, toml::de::Error> {
    Value::deserialize(ValueDeserializer::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize) -> Origin {
        Origin::File { path: "larder.toml".into(), line }
    }

    fn error(text: &str) -> String {
        parse(text, at, &mut Layers::default()).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_its_neighbours() {
        assert_eq!(
            error("[log]\nformat = \"text\"\n\ncolour = true\n"),
            "log.colour: there is no such setting; here may stand format (from larder.toml line 4)"
        );
        assert!(error("\n[srever]\nbind = \"x\"").starts_with("srever: there is no such setting"));
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let error = error("[log]\nformat = \n");
        assert!(error.contains("larder.toml line 2"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }

    #[test]
    fn a_section_must_be_a_table() {
        assert_eq!(error("server = 3"), "server: it must be a table (from larder.toml line 1)");
    }

    #[test]
    fn each_setting_knows_its_line() {
        let mut layers = Layers::default();
        let text = "# a comment\n[server]\n\nbind = \"127.0.0.1:1\"\n[[auth.tokens]]\nname = \"a\"";
        parse(text, at, &mut layers).unwrap();
        assert_eq!((layers.origin("server.bind"), layers.origin("auth.tokens")), (&at(4), &at(5)));
    }
}
