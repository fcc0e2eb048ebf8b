//! The whole service in one process: real files, real databases, the API on top. Every case runs on
//! SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a case that cannot go on has failed")]

mod alive;
mod answer;
mod changes;
mod clock;
mod curated;
mod database_failures;
mod hostile;
mod hostile_writes;
mod house;
mod losses;
mod mounts;
mod mutations;
mod neighbours;
mod proxy;
mod races;
mod reach;
mod same;
mod skillmeat;
