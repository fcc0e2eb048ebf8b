//! A managed collection: a `collection.toml` lists its artifacts.

mod edit;
mod entries;
mod entry;
mod fields;
mod groups;
mod known;
mod listed;
mod listing;
mod lock;
mod main_file;
mod manifest;
mod new_entry;
mod parse;
mod place;
mod places;
#[cfg(test)]
mod sample;
mod scan;
mod servers;
mod spans;
mod statements;
mod unlisted;
mod updated;

pub(crate) use edit::{edit_entry, touch};
pub(crate) use entries::{Removed, add_entry, remove_entry, restore_entry};
pub(crate) use entry::moment;
pub(crate) use known::{KnownValid, Unsafe};
pub(crate) use listed::{Listed, open};
pub(crate) use listing::Listings;
pub(crate) use lock::{add_lock_entry, content_hash, remove_lock_entry, restore_lock_entry};
pub(crate) use manifest::{LOCK, MANIFEST, ManifestFiles};
pub(crate) use new_entry::NewEntry;
pub(crate) use scan::{read, scan};
pub(crate) use servers::content as server_content;
