//! The contract of the repository port, run against every adapter.
