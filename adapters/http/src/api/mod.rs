//! The operations, a file for each resource.

pub(crate) mod artifacts;
pub(crate) mod collections;
mod listing;
pub(crate) mod service;

use larder::domain::id::{ArtifactId, CollectionId};
use poem_openapi::Tags;

use crate::problem::Problem;

/// The groups of operations.
#[derive(Tags)]
pub(crate) enum Tag {
    /// The service itself.
    #[oai(rename = "service")]
    Service,
    /// Collections: what the cache serves, and how fresh it is.
    #[oai(rename = "user-collections")]
    UserCollections,
    /// Artifacts, over the collection `default` unless another is named.
    #[oai(rename = "artifacts")]
    Artifacts,
}

fn parse_id(text: &str) -> Result<ArtifactId, Problem> {
    ArtifactId::parse(text).map_err(|error| Problem::invalid("artifact_id", error.to_string()))
}

/// The collection meant when none is named.
fn default_collection() -> String {
    CollectionId::default_collection().to_string()
}
