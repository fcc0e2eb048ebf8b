//! Which connection an operation has, and how its outcome is recorded.

use larder::{
    domain::{change::CollectionChange, curated::Naming},
    ports::{CacheNotice, CacheRepository, RepositoryError},
};
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use crate::{
    SqliteRepository,
    error::{Result, repository_error},
    migrate,
};

type Answer<T> = std::result::Result<T, RepositoryError>;

/// Takes the write lock at the start: a transaction that began by reading could find it taken when
/// it comes to write, and would have to begin again.
const BEGIN: &str = "BEGIN IMMEDIATE";

impl SqliteRepository {
    /// Runs a read on a connection of its own.
    pub(crate) async fn read<T, F>(
        &self,
        operation: &'static str,
        read: impl FnOnce(PoolConnection<Sqlite>) -> F,
    ) -> Answer<T>
    where
        F: Future<Output = Result<T>>,
    {
        let reading = async {
            if self.readers.num_idle() == 0 {
                // A new connection opens the file that is at the path now.
                self.lock.verify()?;
            }
            let reader = self.readers.acquire().await.map_err(repository_error)?;
            read(reader).await.map_err(repository_error)
        };
        self.failures.note(operation, reading.await)
    }

    /// The writing connection, once nobody else has it.
    pub(crate) async fn writer(&self) -> Answer<PoolConnection<Sqlite>> {
        let acquiring = async {
            self.lock.verify()?;
            self.writer.acquire().await.map_err(repository_error)
        };
        self.failures.note("acquire", acquiring.await)
    }

    pub(crate) async fn begin<'c>(
        &self,
        connection: &'c mut PoolConnection<Sqlite>,
    ) -> Answer<Transaction<'c, Sqlite>> {
        let begun = connection.begin_with(BEGIN).await.map_err(repository_error);
        self.failures.note("begin", begun)
    }

    /// Commits a successful operation, and sends the changes while nobody else can write: notices
    /// are in the order of the commits. A failed operation is rolled back.
    pub(crate) async fn commit<T>(
        &self,
        operation: &'static str,
        transaction: Transaction<'_, Sqlite>,
        outcome: Result<(T, Vec<CollectionChange>)>,
    ) -> Answer<T> {
        let committing = async {
            let outcome = outcome?;
            transaction.commit().await?;
            Ok(outcome)
        };
        let committed = committing.await.map_err(repository_error);
        let (answer, changes) = self.failures.note(operation, committed)?;
        for change in changes {
            // Nobody may be listening.
            let _ = self.notices.send(CacheNotice::Changed(change));
        }
        Ok(answer)
    }

    /// Commits an operation that changed no collection's rows.
    pub(crate) async fn commit_no_rows<T>(
        &self,
        operation: &'static str,
        transaction: Transaction<'_, Sqlite>,
        outcome: Result<T>,
    ) -> Answer<T> {
        self.commit(operation, transaction, outcome.map(|it| (it, Vec::new()))).await
    }

    /// Commits a change of a collection itself.
    pub(crate) async fn commit_naming(
        &self,
        operation: &'static str,
        transaction: Transaction<'_, Sqlite>,
        outcome: Result<Naming>,
    ) -> Answer<Naming> {
        let naming = self.commit_no_rows(operation, transaction, outcome).await?;
        if naming == Naming::Done {
            self.notify_of_collections();
        }
        Ok(naming)
    }

    pub(crate) fn notify_of_collections(&self) {
        let _ = self.notices.send(CacheNotice::Collections);
    }

    /// Probes reads and writes.
    pub(crate) async fn probe(&self) -> Answer<()> {
        self.lock.verify()?;
        let applied = self
            .read("check", |mut reader| async move { migrate::applied(&mut reader).await })
            .await?;
        migrate::check(applied)?;
        self.registered().await?;
        if self.writer.size() > 0 && self.writer.num_idle() == 0 {
            // The outcome of the write that is running will show.
            return Ok(());
        }
        let mut connection = self.writer().await?;
        let mut transaction = self.begin(&mut connection).await?;
        if self.failures.is_unwritable() {
            write_one_page(&mut transaction).await.map_err(repository_error)?;
            transaction.commit().await.map_err(repository_error)?;
        } else {
            transaction.rollback().await.map_err(repository_error)?;
        }
        self.failures.forget_passing();
        Ok(())
    }
}

/// Changes nothing that Larder reads: the number is for applications, which this one does not use.
async fn write_one_page(transaction: &mut SqliteConnection) -> Result<()> {
    sqlx::query("PRAGMA user_version = 0").execute(transaction).await.map(drop)
}
