//! Stand-ins for adapters, for tests: a clock that is set by hand, a repository in memory, a
//! source that follows a script, and builders of sensible values.

mod build;
mod clock;
mod memory;
mod scripted;
mod scripted_writer;

pub use build::{
    BuildArtifact, artifact, artifact_id, at, collection_id, limit, order, report, source,
    source_name,
};
pub use clock::FakeClock;
pub use memory::MemoryRepository;
pub use scripted::{Gate, ScriptedSource};
