//! What is committed, told to every process that shares the database, by LISTEN and NOTIFY.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use larder::{domain::change::CollectionChange, ports::CacheNotice};
use sqlx::{
    PgConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{sync::broadcast, task::AbortHandle};

use crate::{WAIT, error::Result, row::to_json};

/// Notices that wait for a slow reader, which then has missed some.
const UNREAD: usize = 1_024;
/// How long a listener that has lost the server waits before it tries again.
const PAUSE: Duration = Duration::from_secs(1);
/// After so much silence the server is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(30);
/// The channel's name. Another schema is another Larder; a name of a channel has 63 bytes at most.
const CHANNEL: &str = "'larder_' || md5(current_schema())";

/// Tells changes when the transaction commits, and never if it does not.
pub(crate) async fn tell(writer: &mut PgConnection, changes: &[CollectionChange]) -> Result<()> {
    // One by one: a payload has 8,000 bytes at most.
    notify(writer, changes.iter().map(to_json).collect::<Result<_>>()?).await
}

/// Tells that the collections are others.
pub(crate) async fn tell_of_collections(writer: &mut PgConnection) -> Result<()> {
    notify(writer, vec![to_json(&None::<CollectionChange>)?]).await
}

async fn notify(writer: &mut PgConnection, payloads: Vec<String>) -> Result<()> {
    let sql = format!("SELECT pg_notify({CHANNEL}, payload) FROM unnest($1::TEXT[]) payload");
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(payloads).execute(writer).await?;
    Ok(())
}

/// Listens from the first time on that somebody wants to know, until it is ended.
pub(crate) struct Listener {
    notices: broadcast::Sender<CacheNotice>,
    task: Mutex<Option<AbortHandle>>,
}

impl Default for Listener {
    fn default() -> Self {
        Self { notices: broadcast::Sender::new(UNREAD), task: Mutex::default() }
    }
}

impl Listener {
    /// What is told from now on.
    pub(crate) fn subscribe(&self, options: &PgConnectOptions) -> broadcast::Receiver<CacheNotice> {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none() {
            let listening = listen(options.clone(), self.notices.clone());
            *task = Some(tokio::spawn(listening).abort_handle());
        }
        self.notices.subscribe()
    }

    /// Listens no more.
    pub(crate) fn end(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = &*task {
            task.abort();
        }
    }
}

/// Hands on what is told, over one connection after the other. Between two of them anything may have
/// been told.
async fn listen(options: PgConnectOptions, notices: broadcast::Sender<CacheNotice>) {
    let mut told = String::new();
    loop {
        let error = hand_on(&options, &notices).await.err();
        let reason = error.map_or_else(|| "the connection was lost".into(), |it| it.to_string());
        if reason != told {
            tracing::warn!(reason, "changes by other processes are not heard of: trying again");
            told = reason;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hand_on(
    options: &PgConnectOptions,
    notices: &broadcast::Sender<CacheNotice>,
) -> Result<()> {
    // A pool of its own: one of the others would be missing there for good.
    let own = PgPoolOptions::new()
        .max_connections(1)
        // The pauses between its tries grow with it.
        .acquire_timeout(WAIT)
        .connect_lazy_with(options.clone());
    let channel: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT {CHANNEL}")))
        .fetch_one(&own)
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(&channel).await?;
    // What was told before this connection listened is gone.
    let _ = notices.send(CacheNotice::Missed);
    loop {
        let Ok(told) = tokio::time::timeout(SILENCE, listener.try_recv()).await else {
            // A server that went away without a word is silent as well.
            let asked = sqlx::query("SELECT 1").execute(&mut listener);
            tokio::time::timeout(WAIT, asked).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
            continue;
        };
        let Some(told) = told? else { return Ok(()) };
        let notice = match serde_json::from_str(told.payload()) {
            Ok(Some(change)) => CacheNotice::Changed(change),
            Ok(None) => CacheNotice::Collections,
            // Of another version of Larder.
            Err(_) => CacheNotice::Missed,
        };
        // Nobody may be listening.
        let _ = notices.send(notice);
    }
}
