//! The right to refresh a source, among all processes that share the database.

use std::sync::LazyLock;

use larder::domain::id::SourceName;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::error::Result;

/// How long a refresh waits for another process's of the same source. One that holds the lease for
/// longer may hang, and must not take everybody else along.
const WAIT: &str = "60s";

/// The lock's number. Another schema is another Larder.
const KEY: &str = "hashtextextended('larder lease ' || current_schema() || ' ' || $1, 0)";

/// Waits for the lease of a source. It is a connection of its own, which the server's lock lives
/// and dies with: one of the pool's would be missing there for as long as the refresh takes.
pub(crate) async fn lease(options: &PgConnectOptions, source: &SourceName) -> Result<PgConnection> {
    static LOCK: LazyLock<String> = LazyLock::new(|| format!("SELECT pg_advisory_lock({KEY})"));
    let options = options.clone().options([("lock_timeout", WAIT)]);
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::query(LOCK.as_str()).bind(source.as_str()).execute(&mut connection).await?;
    Ok(connection)
}

/// The lease of a source, unless somebody has it.
pub(crate) async fn try_lease(
    options: &PgConnectOptions,
    source: &SourceName,
) -> Result<Option<PgConnection>> {
    static TRY: LazyLock<String> = LazyLock::new(|| format!("SELECT pg_try_advisory_lock({KEY})"));
    let mut connection = PgConnection::connect_with(options).await?;
    let had =
        sqlx::query_scalar(TRY.as_str()).bind(source.as_str()).fetch_one(&mut connection).await?;
    Ok(if had { Some(connection) } else { None })
}
