//! The right to refresh a source, among all processes that share the database.

use larder::domain::id::SourceName;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::error::Result;

/// Waits for the lease of a source. It is a connection of its own, which the server's lock lives
/// and dies with: one of the pool's would be missing there for as long as the refresh takes.
pub(crate) async fn lease(options: &PgConnectOptions, source: &SourceName) -> Result<PgConnection> {
    // Another schema is another Larder.
    const LOCK: &str = "SELECT pg_advisory_lock( \
         hashtextextended('larder lease ' || current_schema() || ' ' || $1, 0))";
    // Waiting is what it is for: a refresh takes as long as it takes.
    let options = options.clone().options([("lock_timeout", "0")]);
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::query(LOCK).bind(source.as_str()).execute(&mut connection).await?;
    Ok(connection)
}
