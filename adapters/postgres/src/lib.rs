//! The cache on PostgreSQL, which any number of Larder processes may share.
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
mod lease;
mod migrate;
mod notices;
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

use std::{str::FromStr, sync::Arc, time::Duration};

use larder::ports::{Failures, RepositoryError};
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{error::repository_error, notices::Listener};

/// How long is waited for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// How long a statement waits for another transaction: a refresh of 100,000 artifacts may be
/// before it.
const LOCK_WAIT: &str = "20s";
/// A connection that rested longer is tried before it is used. Trying each time would double the
/// cost of a small query; never trying would let every connection fail once after the server was
/// restarted.
const TRUSTED_REST: Duration = Duration::from_secs(1);
/// How long that trial may take. A connection whose server has vanished would otherwise use up
/// [`WAIT`], although another one could be opened.
const LONGEST_TRIAL: Duration = Duration::from_secs(1);

/// The cache in a PostgreSQL database. A clone is another handle on the same connections.
#[derive(Clone)]
pub struct PostgresRepository {
    pool: PgPool,
    options: PgConnectOptions,
    listener: Arc<Listener>,
    failures: Arc<Failures>,
}

/// Connects to `postgres://user@host/database`. Its schema is left as it is.
pub async fn connect(
    url: &str,
    max_connections: u32,
) -> Result<PostgresRepository, RepositoryError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(repository_error)?
        .application_name("larder")
        .options([("lock_timeout", LOCK_WAIT)]);
    // A pool tries again and again, and in the end says no more than that it took too long.
    let first = tokio::time::timeout(WAIT, PgConnection::connect_with(&options)).await;
    let first = first.map_err(|_| RepositoryError::Unavailable("it took too long".into()))?;
    first.map_err(repository_error)?.close().await.map_err(repository_error)?;
    let pool = PgPoolOptions::new()
        .max_connections(max_connections.max(1))
        .acquire_timeout(WAIT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < TRUSTED_REST {
                    return Ok(true);
                }
                let ping = tokio::time::timeout(LONGEST_TRIAL, connection.ping()).await;
                Ok(ping.is_ok_and(|answer| answer.is_ok()))
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(repository_error)?;
    Ok(PostgresRepository { pool, options, listener: Arc::default(), failures: Arc::default() })
}

impl PostgresRepository {
    /// Closes the connections once what runs is done.
    pub async fn close(&self) {
        self.listener.end();
        self.pool.close().await;
    }
}
