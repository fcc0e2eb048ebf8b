//! Databases that one test has to itself.

use std::{
    env, fs, io, process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use larder::ports::{CacheRepository, RepositoryError, SchemaMigrations};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// The environment's name of a Postgres database in which tests may make schemas of their own.
pub const POSTGRES_URL: &str = "LARDER_TEST_POSTGRES_URL";

/// Connections of one repository: enough for all that a case does at once.
const CONNECTIONS: u32 = 16;

/// What a repository on a real database can do.
pub trait SqlRepository: CacheRepository + SchemaMigrations {}

impl<T: CacheRepository + SchemaMigrations> SqlRepository for T {}

/// An empty database: a file, or a schema of the test server.
pub enum Database {
    /// A SQLite file in a directory that goes with this value.
    Sqlite {
        /// `sqlite://…`
        url: String,
        /// Removes the directory when it is dropped.
        directory: TempDir,
    },
    /// A schema of the Postgres server that [`POSTGRES_URL`] names.
    Postgres {
        /// `postgres://…`, with the schema as its search path.
        url: String,
        /// The schema's name.
        schema: String,
    },
}

/// The kinds of database.
#[derive(Debug, Clone, Copy)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server, named by [`POSTGRES_URL`].
    Postgres,
}

impl Database {
    /// An empty database.
    ///
    /// # Panics
    /// Without a temporary directory, or without a test server.
    pub async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::sqlite(),
            Backend::Postgres => Self::postgres().await,
        }
    }

    fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite://{}", directory.path().join("larder.db").display());
        Self::Sqlite { url, directory }
    }

    async fn postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = postgres_server();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let schema = format!("larder_test_{}_{number}", process::id());
        let separator = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{separator}options=-csearch_path%3D{schema}");
        let database = Self::Postgres { url, schema };
        database.drop_schema().await;
        database.execute(&format!("CREATE SCHEMA {}", database.schema())).await;
        database
    }

    /// A repository on it, not migrated yet.
    pub async fn connect(&self) -> Result<Arc<dyn SqlRepository>, RepositoryError> {
        Ok(match self {
            Self::Sqlite { url, .. } => Arc::new(larder_sqlite::connect(url, CONNECTIONS).await?),
            Self::Postgres { url, .. } => {
                Arc::new(larder_postgres::connect(url, CONNECTIONS).await?)
            }
        })
    }

    /// A repository on it with this version's schema.
    ///
    /// # Panics
    /// When it cannot be opened or migrated.
    pub async fn migrated(&self) -> Arc<dyn SqlRepository> {
        let repository = self.connect().await.expect("the database opens");
        repository.up().await.expect("the migrations apply");
        repository
    }

    /// Runs statements past the repository, as somebody else would; answers how many rows they
    /// changed.
    ///
    /// # Panics
    /// When the database refuses one.
    pub async fn execute(&self, sql: &str) -> u64 {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite { url, .. } => {
                let mut connection =
                    SqliteConnection::connect(url).await.expect("the database opens");
                let done =
                    statements.execute(&mut connection).await.expect("the statements succeed");
                connection.close().await.expect("the connection closes");
                done.rows_affected()
            }
            Self::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url).await.expect("the server answers");
                let done =
                    statements.execute(&mut connection).await.expect("the statements succeed");
                connection.close().await.expect("the connection closes");
                done.rows_affected()
            }
        }
    }

    /// Asks for one number past the repository.
    ///
    /// # Panics
    /// When the database refuses the query, or answers something else.
    pub async fn number(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite { url, .. } => {
                let mut connection =
                    SqliteConnection::connect(url).await.expect("the database opens");
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await
            }
            Self::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url).await.expect("the server answers");
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await
            }
        }
        .expect("a number")
    }

    /// Whether a text is anywhere in it: in a row, or in the bytes of a SQLite file.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn holds(&self, text: &str) -> bool {
        match self {
            Self::Sqlite { directory, .. } => {
                let files = fs::read_dir(directory.path()).expect("the directory of the database");
                let holds = |file: io::Result<fs::DirEntry>| {
                    let bytes = fs::read(file.expect("a file").path()).expect("a readable file");
                    bytes.windows(text.len()).any(|part| part == text.as_bytes())
                };
                files.into_iter().any(holds)
            }
            Self::Postgres { .. } => {
                // Without OFFSET the server may look into tables of other schemas first.
                let tables = format!(
                    "SELECT COUNT(*) FROM (SELECT oid::regclass AS name FROM pg_class \
                         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' \
                         OFFSET 0) own \
                     WHERE query_to_xml(format('SELECT * FROM %s', name), true, false, '')::text \
                         ILIKE '%{text}%'"
                );
                self.number(&tables).await > 0
            }
        }
    }

    /// Removes it from the server.
    pub async fn remove(self) {
        if let Self::Postgres { .. } = self {
            self.drop_schema().await;
        }
    }

    async fn drop_schema(&self) {
        self.execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema())).await;
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Sqlite { url, .. } | Self::Postgres { url, .. } => url,
        }
    }

    fn schema(&self) -> &str {
        match self {
            Self::Sqlite { .. } => "main",
            Self::Postgres { schema, .. } => schema,
        }
    }
}

fn postgres_server() -> String {
    env::var(POSTGRES_URL).unwrap_or_else(|_| {
        panic!(
            "{POSTGRES_URL} names no Postgres server to test with: run `make test`, or \
             `tests/with-postgres cargo test`"
        )
    })
}
