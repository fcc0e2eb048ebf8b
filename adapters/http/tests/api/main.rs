//! The API in one process, on a scripted source and a repository in memory.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the right answer")]

mod house;

mod access;
mod conditional;
mod connections;
mod curated;
mod editing;
mod events;
mod gate;
mod matrix;
mod paging;
mod problems;
mod projects;
mod reading;
mod refreshing;
