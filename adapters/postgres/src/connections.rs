//! Which connection an operation has, and how its outcome is recorded.

use larder::ports::{CacheRepository, RepositoryError};
use sqlx::{PgConnection, Postgres, Transaction, pool::PoolConnection};

use crate::{
    PostgresRepository,
    error::{READ_ONLY, Result, is_closed, repository_error},
    migrate,
};

type Answer<T> = std::result::Result<T, RepositoryError>;

impl PostgresRepository {
    /// Runs a read on a connection of its own. If the server has closed that connection while it
    /// was idle, the read runs once more on a new one.
    pub(crate) async fn read<T, F>(
        &self,
        operation: &'static str,
        read: impl Fn(PoolConnection<Postgres>) -> F,
    ) -> Answer<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut outcome = async { read(self.pool.acquire().await?).await }.await;
        if outcome.as_ref().is_err_and(is_closed) {
            self.drop_idle();
            outcome = async { read(self.pool.acquire().await?).await }.await;
        }
        self.failures.note(operation, outcome.map_err(repository_error))
    }

    /// Begins a transaction, also if the server has closed idle connections.
    pub(crate) async fn begin(&self) -> Answer<Transaction<'static, Postgres>> {
        let mut begun = self.pool.begin().await;
        if begun.as_ref().is_err_and(is_closed) {
            self.drop_idle();
            begun = self.pool.begin().await;
        }
        self.failures.note("begin", begun.map_err(repository_error))
    }

    /// Commits a successful operation; a failed one is rolled back.
    pub(crate) async fn commit<T>(
        &self,
        operation: &'static str,
        transaction: Transaction<'static, Postgres>,
        outcome: Result<T>,
    ) -> Answer<T> {
        let committing = async {
            let answer = outcome?;
            transaction.commit().await?;
            Ok(answer)
        };
        self.failures.note(operation, committing.await.map_err(repository_error))
    }

    /// A server, or a proxy before it, closes idle connections together: the pool opens new ones.
    fn drop_idle(&self) {
        while let Some(idle) = self.pool.try_acquire() {
            drop(idle.detach());
        }
    }

    /// Probes reads and writes.
    pub(crate) async fn probe(&self) -> Answer<()> {
        let (applied, read_only) = self
            .read("check", |mut reader| async move {
                Ok((migrate::applied(&mut reader).await?, is_read_only(&mut reader).await?))
            })
            .await?;
        migrate::check(applied)?;
        self.registered().await?;
        if read_only {
            let cause = "transaction_read_only is on".into();
            return Err(RepositoryError::Unwritable { reason: READ_ONLY, cause });
        }
        if self.failures.is_unwritable() {
            let mut writer = self.begin().await?;
            let written = write_one_row(&mut writer).await;
            self.commit("check", writer, written).await?;
        }
        self.failures.forget_passing();
        Ok(())
    }
}

async fn is_read_only(reader: &mut PgConnection) -> Result<bool> {
    const READ_ONLY: &str = "SELECT current_setting('transaction_read_only')::BOOLEAN";
    sqlx::query_scalar(READ_ONLY).fetch_one(reader).await
}

/// Changes nothing, in a row that only migrations lock.
async fn write_one_row(writer: &mut PgConnection) -> Result<()> {
    const WRITE: &str = "UPDATE _sqlx_migrations SET success = success WHERE version = 1";
    sqlx::query(WRITE).execute(writer).await.map(drop)
}
