//! Pages and facets kept in memory, as the bytes that were sent.

use bytes::Bytes;
use larder::app::View;
use moka::sync::Cache;
use serde::Serialize;

use crate::{
    answer::{Cached, Json},
    conditional::IfNoneMatch,
    problem::Problem,
};

/// Bytes that an entry costs beside its value, about.
const OVERHEAD: usize = 256;

/// Answers by their validator. One that is no longer right is never found again, since the state
/// that its validator names does not come back; it leaves when room is needed.
pub(crate) struct Answers(Cache<String, Bytes>);

impl Answers {
    /// Room for so many MiB; 0 keeps nothing.
    pub(crate) fn new(mib: u32) -> Self {
        let weight = |key: &String, value: &Bytes| {
            u32::try_from(key.len() + value.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let room = u64::from(mib) * 1024 * 1024;
        Self(Cache::builder().max_capacity(room).weigher(weight).build())
    }

    /// The answer of this state: that the client has it, or what was sent before.
    pub(crate) fn find<T: Serialize>(&self, view: &View, held: &IfNoneMatch) -> Option<Cached<T>> {
        let validator = view.validator.as_deref()?;
        if held.holds(validator) {
            return Some(Cached::Unchanged(validator.to_owned()));
        }
        let bytes = self.0.get(validator)?;
        Some(Cached::Fresh(Json::of_bytes(bytes).with_etag(Some(validator))))
    }

    /// The answer with this value, kept for the next who asks.
    pub(crate) fn keep<T: Serialize>(&self, view: &View, value: &T) -> Result<Cached<T>, Problem> {
        let json = Json::new(value)?;
        if let Some(validator) = &view.validator {
            // A copy of just its length: what was written to in growing has room that nobody counts.
            self.0.insert(validator.clone(), Bytes::copy_from_slice(&json.bytes()));
        }
        Ok(Cached::Fresh(json.with_etag(view.validator.as_deref())))
    }
}
