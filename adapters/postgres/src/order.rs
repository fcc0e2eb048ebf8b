//! The order of reads.

use larder::domain::{Timestamp, read_order::ReadOrder};
use sqlx::PgConnection;

use crate::{error::Result, row::micros};

/// Issues the next order, as [`ReadOrder::after`] has it, in a transaction of its own: nobody waits
/// for more than this statement.
pub(crate) async fn next(writer: &mut PgConnection, now: Timestamp) -> Result<ReadOrder> {
    const NEXT: &str =
        "UPDATE read_clock SET last_order = GREATEST(last_order + 1, $1) RETURNING last_order";
    let number = sqlx::query_scalar(NEXT).bind(micros(now)).fetch_one(writer).await?;
    Ok(ReadOrder::stored(number))
}
