//! A managed collection: a `collection.toml` lists its artifacts.

mod entry;
mod main_file;
mod manifest;
mod scan;

pub(crate) use manifest::MANIFEST;
pub(crate) use scan::{read, scan};
