//! Who may call.

use super::{
    layers::{Layers, SettingsError},
    tokens::{self, Token},
    values,
};

/// The settings of access.
pub(crate) struct Auth {
    /// Whether metrics ask for the scope `read`.
    pub(crate) metrics_need_read: bool,
    /// Who may do what.
    pub(crate) tokens: Vec<Token>,
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

    /// What somebody may rely on that is not so yet.
    pub(super) fn warnings(&self) -> Vec<String> {
        let tokens = "auth.tokens are not in force yet: whoever reaches Larder may do everything";
        let metrics = "auth.metrics is not in force yet: /metrics is open";
        [(!self.tokens.is_empty(), tokens), (self.metrics_need_read, metrics)]
            .into_iter()
            .filter(|(configured, _)| *configured)
            .map(|(_, warning)| warning.to_owned())
            .collect()
    }
}
