//! The operations, a file for each resource.

pub(crate) mod artifacts;
pub(crate) mod collections;
pub(crate) mod curated;
pub(crate) mod editing;
mod listing;
pub(crate) mod projects;
pub(crate) mod service;

use larder::{
    app::Larder,
    domain::{
        caller::Caller,
        freshness,
        id::{ArtifactId, CollectionId},
    },
};
use poem::Request;
use poem_openapi::Tags;

use crate::{dto::Freshness, problem::Problem};

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

/// Who a request comes from. Without access tokens that is the machine's own user.
fn caller_of(_request: &Request) -> Caller {
    Caller::local()
}

fn parse_id(text: &str) -> Result<ArtifactId, Problem> {
    ArtifactId::parse(text).map_err(|error| Problem::invalid("artifact_id", error.to_string()))
}

/// How fresh the rows of a collection are at the moment.
fn freshness_of(larder: &Larder, collection: &CollectionId) -> Freshness {
    let ttl = larder.ttl().of(collection);
    Freshness { ttl, cutoff: freshness::cutoff(larder.now(), ttl) }
}

/// The collection meant when none is named.
fn default_collection() -> String {
    CollectionId::default_collection().to_string()
}
