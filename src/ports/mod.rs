//! What the middle needs from outside, one trait a file.

pub mod artifact_deployer;
pub mod artifact_source;
pub mod artifact_writer;
pub mod cache_freshness;
pub mod cache_repository;
pub mod clock;
pub mod curated_collections;
pub mod failures;
pub mod metrics_sink;
pub mod schema_migrations;

pub use artifact_deployer::{ArtifactDeployer, Project};
pub use artifact_source::{ArtifactSource, Pace, Scan, ScanOptions, SourceError, Watch};
pub use artifact_writer::{ArtifactWriter, WriteError};
pub use cache_freshness::CacheFreshness;
pub use cache_repository::{CacheNotice, CacheReader, CacheRepository, Lease, RepositoryError};
pub use clock::Clock;
pub use curated_collections::CuratedCollections;
pub use failures::Failures;
pub use metrics_sink::{CloseReason, Exposition, MetricsSink};
pub use schema_migrations::{Migration, SchemaMigrations};

/// The cause of an adapter's error, for the log.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
