//! What is wrong, kept until all of it can be told at once.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
};

/// So many are told.
const TOLD: usize = 20;

/// Everything that was not as it must be.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<String>>);

impl Faults {
    /// Keeps a fault unless all is fine.
    pub(crate) fn judge(&self, is_fine: bool, fault: impl FnOnce() -> String) {
        if !is_fine {
            self.extend([fault()]);
        }
    }

    /// Keeps faults.
    pub(crate) fn extend(&self, faults: impl IntoIterator<Item = String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }

    /// Tells them, beside what went on.
    ///
    /// # Panics
    /// When there are any.
    pub(crate) fn tell(self, figures: &impl Display) {
        let faults = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let told = faults.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(faults.is_empty(), "{} faults:\n{told}\n{figures}", faults.len());
    }
}
