//! A managed collection: a `collection.toml` lists its artifacts.

mod entry;
mod listing;
mod main_file;
mod manifest;
mod scan;

pub(crate) use listing::Listings;
pub(crate) use manifest::MANIFEST;
pub(crate) use scan::{read, scan};
