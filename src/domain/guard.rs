//! The mass-loss guard: an unmounted disk must not empty the catalogue.

/// What a scan found where the source's root should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootState {
    /// A directory with entries, and its manifest if it is managed.
    Present,
    /// Nothing there.
    Missing,
    /// A directory without any entry.
    Empty,
    /// A managed collection whose `collection.toml` is gone.
    ManifestMissing,
}

/// Fewer rows than this are never guarded by proportion: of ten artifacts somebody may well delete
/// six.
const SMALL: u64 = 10;

/// Why a scan may not remove what it found gone, as a sentence for the report; `None` when it may.
///
/// `known` counts the rows before, `gone` those that would go, `confirmed` how many removals the
/// caller accepts. `trusted` says that the known rows were read from this very root.
#[must_use]
pub fn objection(
    root: RootState,
    known: u64,
    gone: u64,
    confirmed: Option<u64>,
    trusted: bool,
) -> Option<String> {
    let suspicion = match root {
        // Nothing can be lost of a source without rows, whatever has become of its directory.
        _ if known == 0 => return None,
        RootState::Missing => "its directory is missing",
        RootState::Empty => "its directory is empty",
        RootState::ManifestMissing => "its collection.toml is missing",
        RootState::Present if trusted && known > SMALL && (known - gone.min(known)) * 2 < known => {
            "fewer than half of its artifacts are left"
        }
        RootState::Present => return None,
    };
    if confirmed.is_some_and(|confirmed| gone <= confirmed) {
        return None;
    }
    Some(format!(
        "{suspicion}: {gone} of {known} artifacts would be removed, so nothing was changed; \
         if they are really gone, refresh with confirm_removals={gone}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losing_more_than_half_of_many_is_stopped() {
        assert!(objection(RootState::Present, 11, 6, None, true).is_some());
        assert!(objection(RootState::Present, 12, 6, None, true).is_none(), "half may go");
        assert!(objection(RootState::Present, 10, 10, None, true).is_none(), "few rows may go");
        assert!(objection(RootState::Present, 11, 11, None, false).is_none(), "another root");
    }

    #[test]
    fn a_root_that_is_not_itself_is_stopped_however_few_rows_there_are() {
        assert!(objection(RootState::Missing, 1, 1, None, true).is_some());
        assert!(objection(RootState::Missing, 0, 0, None, true).is_none(), "nothing to lose");
        assert!(objection(RootState::Empty, 1, 1, None, true).is_some());
        assert!(objection(RootState::Empty, 0, 0, None, true).is_none());
        assert!(objection(RootState::ManifestMissing, 1, 1, None, true).is_some());
    }

    #[test]
    fn a_confirmation_covers_so_many_removals_and_no_more() {
        assert!(objection(RootState::Present, 20, 15, Some(14), true).is_some());
        assert!(objection(RootState::Present, 20, 15, Some(15), true).is_none());
        assert!(objection(RootState::Missing, 20, 20, Some(20), true).is_none());
    }
}
