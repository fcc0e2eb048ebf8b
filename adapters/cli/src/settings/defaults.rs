//! The lowest layer: what holds where nothing else is said.

use super::{
    database::DatabaseUrl,
    file,
    layers::{Layers, Origin, SettingsError},
    places::Places,
};

/// Lays the defaults down, before every other layer.
pub(super) fn lay(places: &Places, layers: &mut Layers) -> Result<(), SettingsError> {
    file::parse(include_str!("defaults.toml"), |_| Origin::Default, layers)?;
    if let Some(data) = places.data_directory() {
        let url = DatabaseUrl::sqlite(&data.join("larder.db"));
        layers.put("database.url", url.to_string().into(), Origin::Default);
    }
    Ok(())
}
