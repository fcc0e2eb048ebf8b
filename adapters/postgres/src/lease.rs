//! The right to refresh a source, among all processes that share the database.

use larder::domain::id::SourceName;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::error::Result;

/// How long a refresh waits for another process's of the same source. One that holds the lease for
/// longer may hang, and must not take everybody else along.
const WAIT: &str = "60s";

/// Waits for the lease of a source. It is a connection of its own, which the server's lock lives
/// and dies with: one of the pool's would be missing there for as long as the refresh takes.
pub(crate) async fn lease(options: &PgConnectOptions, source: &SourceName) -> Result<PgConnection> {
    // Another schema is another Larder.
    const LOCK: &str = "SELECT pg_advisory_lock( \
         hashtextextended('larder lease ' || current_schema() || ' ' || $1, 0))";
    let options = options.clone().options([("lock_timeout", WAIT)]);
    let connecting = tokio::time::timeout(crate::WAIT, PgConnection::connect_with(&options));
    let mut connection = connecting.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    sqlx::query(LOCK).bind(source.as_str()).execute(&mut connection).await?;
    Ok(connection)
}
