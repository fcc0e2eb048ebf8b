//! Settings of what comes later.

use std::time::Duration;

use super::{
    layers::{Layers, SettingsError},
    tokens::{self, Token},
    values,
};

/// Settings that steer nothing yet: a file that has them is right already, and a wrong value is
/// told already.
#[expect(dead_code, reason = "what they steer comes later")]
pub(crate) struct Later {
    /// How often stale sources are looked at; `None`: never.
    pub(crate) sweep_every: Option<Duration>,
    /// Whether changes of files are watched.
    pub(crate) watch: bool,
    /// Where `owner/repo/path` is fetched from.
    pub(crate) forge_url: String,
    /// Whether metrics ask for the scope `read`.
    pub(crate) metrics_need_read: bool,
    /// Who may do what.
    pub(crate) tokens: Vec<Token>,
}

impl Later {
    /// Reads and checks them.
    pub(super) fn of(layers: &Layers) -> Result<Self, SettingsError> {
        let tokens = tokens::checked(layers.structure("auth.tokens")?);
        Ok(Self {
            sweep_every: layers.text("cache.sweep_every", values::duration_or_off)?,
            watch: layers.switch("cache.watch")?,
            forge_url: layers.text("forge.url", values::web_url)?,
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
