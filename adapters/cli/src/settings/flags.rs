//! The layer of the command line's flags.

use toml::Value;

use super::{
    layers::{Layers, Origin, SettingsError},
    sources,
};

/// Flags that set something: the setting's key, the flag's name, and what was given to it. None of
/// them is in the list without a value.
pub(crate) type Flags = Vec<(&'static str, &'static str, FlagValue)>;

/// What was given to a flag.
pub(crate) enum FlagValue {
    /// To one that may stand once.
    One(String),
    /// To one that may be repeated: together they replace the list of the layers below.
    Many(Vec<String>),
}

/// Lays flags over `layers`.
pub(super) fn lay_over(flags: Flags, layers: &mut Layers) -> Result<(), SettingsError> {
    for (key, name, given) in flags {
        let origin = Origin::Flag(name);
        let item = |text: String| match key {
            "directories" => sources::from_flag(&text)
                .map_err(|reason| SettingsError::new(key, &reason, &origin)),
            _ => Ok(Value::String(text)),
        };
        let value = match given {
            FlagValue::One(text) => item(text)?,
            FlagValue::Many(texts) => {
                Value::Array(texts.into_iter().map(item).collect::<Result<_, _>>()?)
            }
        };
        layers.put(key, value, origin);
    }
    Ok(())
}
