//! The schema, up and down.

use larder::ports::{Migration, RepositoryError, schema_migrations::SchemaMigrations};
use sqlx::{
    SqliteConnection,
    migrate::{Migrate, MigrateError, Migrator},
};

use crate::{SqliteRepository, error::repository_error};

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations/sqlite");

type Answer<T> = Result<T, RepositoryError>;

#[async_trait::async_trait]
impl SchemaMigrations for SqliteRepository {
    async fn status(&self) -> Answer<Vec<Migration>> {
        let mut connection = self.writer.acquire().await.map_err(repository_error)?;
        status(&mut connection).await
    }

    async fn up(&self) -> Answer<Vec<Migration>> {
        let mut connection = self.writer.acquire().await.map_err(repository_error)?;
        let (done, missing): (Vec<_>, Vec<_>) =
            status(&mut connection).await?.into_iter().partition(|it| it.applied);
        let mut applied = Vec::new();
        for migration in missing {
            run(&mut connection, migration.version, true).await?;
            applied.push(Migration { applied: true, ..migration });
        }
        if !done.is_empty() && !applied.is_empty() {
            forget(&mut connection).await?;
        }
        Ok(applied)
    }

    async fn down(&self) -> Answer<Option<Migration>> {
        let mut connection = self.writer.acquire().await.map_err(repository_error)?;
        let last = status(&mut connection).await?.into_iter().rfind(|it| it.applied);
        let Some(last) = last else { return Ok(None) };
        run(&mut connection, last.version, false).await?;
        Ok(Some(Migration { applied: false, ..last }))
    }
}

/// The version of the last migration that was applied, if there is one. Changes nothing.
pub(crate) async fn applied(connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    const TABLE: &str =
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations')";
    const APPLIED: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";
    if sqlx::query_scalar(TABLE).fetch_one(&mut *connection).await? {
        sqlx::query_scalar(APPLIED).fetch_one(connection).await
    } else {
        Ok(None)
    }
}

/// Refuses a schema that is not exactly the one of this version.
pub(crate) fn check(applied: Option<i64>) -> Answer<()> {
    let latest = MIGRATOR.iter().map(|migration| migration.version).max();
    match applied {
        _ if applied == latest => Ok(()),
        Some(version) if applied > latest => Err(newer(version)),
        _ => Err(RepositoryError::Schema("it is not migrated; run `larder migrate up`".into())),
    }
}

/// Every migration that this version knows; an error if the database has another one.
async fn status(connection: &mut SqliteConnection) -> Answer<Vec<Migration>> {
    let table = &MIGRATOR.table_name;
    connection.ensure_migrations_table(table).await.map_err(migrate_error)?;
    let applied = connection.list_applied_migrations(table).await.map_err(migrate_error)?;
    if let Some(unknown) = applied.iter().find(|it| !MIGRATOR.version_exists(it.version)) {
        return Err(newer(unknown.version));
    }
    let mut told = Vec::new();
    for migration in MIGRATOR.iter().filter(|it| it.migration_type.is_up_migration()) {
        let here = applied.iter().find(|it| it.version == migration.version);
        if here.is_some_and(|it| it.checksum != migration.checksum) {
            return Err(RepositoryError::Schema(format!(
                "migration {} is not the one that made this database; \
                 use the version of Larder that did, or another database",
                migration.version
            )));
        }
        told.push(Migration {
            version: migration.version,
            name: migration.description.replace(' ', "_"),
            applied: here.is_some(),
        });
    }
    Ok(told)
}

/// Runs one migration, up or down, in a transaction of its own.
async fn run(connection: &mut SqliteConnection, version: i64, up: bool) -> Answer<()> {
    let table = &MIGRATOR.table_name;
    let script = MIGRATOR
        .iter()
        .find(|it| it.version == version && it.migration_type.is_up_migration() == up)
        .ok_or_else(|| migrate_error(MigrateError::VersionNotPresent(version)))?;
    let done = if up {
        connection.apply(table, script).await
    } else {
        connection.revert(table, script).await
    };
    done.map(drop).map_err(migrate_error)
}

/// Takes what migrations have removed out of the file: free pages and the log keep it otherwise.
async fn forget(connection: &mut SqliteConnection) -> Answer<()> {
    const FORGET: &str = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)";
    sqlx::raw_sql(FORGET).execute(connection).await.map(drop).map_err(repository_error)
}

fn newer(version: i64) -> RepositoryError {
    RepositoryError::Schema(format!(
        "the database was written by a newer version of Larder (migration {version}); \
         use that version or another database"
    ))
}

fn migrate_error(error: MigrateError) -> RepositoryError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            repository_error(error)
        }
        other => RepositoryError::Internal(other.into()),
    }
}
