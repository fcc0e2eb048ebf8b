//! Who may call.

use larder_http::TokenRule;

use super::{
    layers::{Layers, SettingsError},
    tokens, values,
};

/// The settings of access.
pub(crate) struct Auth {
    /// Whether metrics ask for the scope `read`.
    pub(crate) metrics_need_read: bool,
    /// Who may do what.
    pub(crate) tokens: Vec<TokenRule>,
}

impl Auth {
    /// Reads and checks them.
    pub(super) fn of(layers: &Layers) -> Result<Self, SettingsError> {
        let tokens = tokens::checked(layers.structure("auth.tokens")?);
        Ok(Self {
            metrics_need_read: layers.text("auth.metrics", |text| {
                values::word(&[("open", false), ("read", true)], text)
            })?,
            tokens: tokens.map_err(|reason| layers.error("auth.tokens", &reason))?,
        })
    }
}
