//! The operations, a file for each resource.

pub(crate) mod access;
pub(crate) mod artifacts;
pub(crate) mod collections;
pub(crate) mod curated;
pub(crate) mod editing;
pub(crate) mod events;
mod listing;
pub(crate) mod projects;
pub(crate) mod service;

use larder::{
    app::Larder,
    domain::{
        freshness::FreshRange,
        id::{ArtifactId, CollectionId},
    },
};
use poem_openapi::Tags;

use crate::{dto::Freshness, problem::Problem};

/// The groups of operations.
#[derive(Tags)]
pub(crate) enum Tag {
    /// The service itself.
    #[oai(rename = "service")]
    Service,
    /// Who calls, and what they may do.
    #[oai(rename = "access")]
    Access,
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

/// How fresh the rows of a collection are at the moment.
async fn freshness_of(larder: &Larder, collection: &CollectionId) -> Result<Freshness, Problem> {
    let ttl = larder.ttl_of(collection).await?;
    Ok(Freshness { ttl, fresh: FreshRange::new(larder.now(), ttl) })
}

/// The collection meant when none is named.
fn default_collection() -> String {
    CollectionId::default_collection().to_string()
}
