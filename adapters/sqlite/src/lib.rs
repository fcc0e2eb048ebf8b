//! The cache on SQLite: one file, one writing connection, several reading ones.
//!
//! `page`, `facets`, `stats` and `collections` read; `apply`, `sources` and `curated` write, each in
//! one transaction, with `derive`, `tags` and `search` keeping in step what follows from a source's
//! rows.

mod apply;
mod collections;
mod connections;
mod curated;
mod derive;
mod error;
mod facets;
mod filter;
mod invalidate;
mod known;
mod lock;
mod migrate;
mod order;
mod page;
mod recheck;
mod repository;
mod row;
mod search;
mod shadowed;
mod sources;
mod stats;
mod tags;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, Mutex},
    time::Duration,
};

use larder::{
    domain::id::SourceName,
    ports::{CacheNotice, Failures, RepositoryError},
};
use sqlx::{
    Connection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::broadcast;

use crate::{error::repository_error, lock::DatabaseLock};

/// How long SQLite waits for a lock of the file, and a reader for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// How long a writer waits for its turn: a refresh of 100,000 artifacts may be before it.
const WRITER_WAIT: Duration = Duration::from_secs(20);

/// Notices that wait for a slow reader, which then has missed some.
const UNREAD_NOTICES: usize = 1_024;

/// The cache in a SQLite file. A clone is another handle on the same connections.
#[derive(Clone)]
pub struct SqliteRepository {
    writer: SqlitePool,
    readers: SqlitePool,
    lock: Arc<DatabaseLock>,
    failures: Arc<Failures>,
    leases: Arc<Mutex<HashMap<SourceName, Arc<tokio::sync::Mutex<()>>>>>,
    notices: broadcast::Sender<CacheNotice>,
}

/// Opens the database `sqlite:///path/larder.db`, which is created, with its directories, if it does
/// not exist, for this user alone. One process at a time can have it open: a second one gets
/// [`RepositoryError::InUse`], which names the process. Its schema is left as it is.
pub async fn connect(url: &str, max_connections: u32) -> Result<SqliteRepository, RepositoryError> {
    let options = SqliteConnectOptions::from_str(url).map_err(repository_error)?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        let text = "a database in memory is not supported; name a file: sqlite:///path/larder.db";
        return Err(RepositoryError::Unavailable(text.into()));
    }
    let lock = DatabaseLock::take(options.get_filename())?;

    let options = options.busy_timeout(WAIT).foreign_keys(true);
    let writing = options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // Rows are near a kilobyte: on pages of four, much of each would stay empty.
        .page_size(8192)
        .pragma("temp_store", "MEMORY")
        // In KiB; with less, a large refresh spills half-written pages to the disk too often.
        .pragma("cache_size", "-16384")
        // A chunk's ids come back without the two threads waiting for each other at each.
        .row_buffer_size(row::CHUNK);
    let writer = pool(1, WRITER_WAIT)
        // SQLite itself ends a transaction when its disk is full or fails. sqlx still counts it as
        // open then, and this connection could begin no other one: the pool replaces it.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    // A rollback that a drop has sent precedes the answer.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(writing)
        .await
        .map_err(repository_error)?;
    // In KiB, for each reader: the system keeps the file's pages as well.
    let reading = options.read_only(true).pragma("cache_size", "-512");
    let readers = pool(max_connections.max(1), WAIT).connect_lazy_with(reading);
    Ok(SqliteRepository {
        writer,
        readers,
        lock: Arc::new(lock),
        failures: Arc::default(),
        leases: Arc::default(),
        notices: broadcast::Sender::new(UNREAD_NOTICES),
    })
}

fn pool(connections: u32, wait: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(wait)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

impl SqliteRepository {
    /// Closes the connections once what runs is done, and lets another process have the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.lock.release();
    }
}
