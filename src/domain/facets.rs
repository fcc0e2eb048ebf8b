//! How many artifacts of a filtered collection have which value.

/// One value and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCount {
    /// The value.
    pub value: String,
    /// Rows that have it, never 0.
    pub count: u64,
}

/// The counts, each list ordered by count (largest first), then by the value's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// By kind.
    pub types: Vec<FacetCount>,
    /// By tag, the first [`Facets::MAX_TAGS`].
    pub tags: Vec<FacetCount>,
    /// By origin; rows without one are not counted.
    pub origins: Vec<FacetCount>,
    /// By health.
    pub healths: Vec<FacetCount>,
    /// The collection's generation at that moment.
    pub generation: u64,
}

impl Facets {
    /// Most tags listed.
    pub const MAX_TAGS: u32 = 200;
}
