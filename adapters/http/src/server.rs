//! The accept loop: it bounds the number of connections, and each of them in time.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Future, poll_fn},
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use larder::ports::{CloseReason, MetricsSink};
use poem::{
    Addr, Endpoint, Request,
    endpoint::BoxEndpoint,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use rustix::process::{Resource, getrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, timeout},
};

use crate::connection::{Activity, AnsweringBody, Socket, Timeouts};

/// How long requests may go on when the server is asked to stop. The whole process has ten seconds,
/// which is what container runtimes grant.
const GRACE: Duration = Duration::from_secs(6);

/// How long no connection is accepted after the system refused one, usually for want of descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// The least time between two warnings.
const BETWEEN_WARNINGS: Duration = Duration::from_mins(1);

/// How often the accept loop looks for a connection to close, while it has a client and no room.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// How long a connection has to send a request before it must make room for another one.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// The most connections at a time, however many descriptors there are: each one takes memory.
const MOST_CONNECTIONS: usize = 4096;

/// Descriptors that are kept free for scans, writes, watches and the database.
const KEPT_DESCRIPTORS: usize = 256;

/// The bounds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; at least 1. For one more, the connection that has waited longest for a
    /// request is closed.
    pub connections: usize,
    /// How long a client may take.
    pub timeouts: Timeouts,
}

impl Limits {
    /// The default timeouts, and as many connections as the process's descriptor limit
    /// (`RLIMIT_NOFILE`) permits: 256 descriptors, or half of fewer than 512, are kept for the files
    /// and the database. Never more than 4,096.
    #[must_use]
    pub fn of_process() -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        Self { connections: most_connections(descriptors), timeouts: Timeouts::default() }
    }
}

fn most_connections(descriptors: usize) -> usize {
    let kept = KEPT_DESCRIPTORS.min(descriptors / 2);
    (descriptors - kept).clamp(1, MOST_CONNECTIONS)
}

/// Serves until `shutdown` ends; then it stops accepting, and lets requests end for 6 s.
pub(crate) async fn run(
    listener: TcpListener,
    endpoint: BoxEndpoint<'static>,
    metrics: &dyn MetricsSink,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let endpoint = Arc::new(endpoint);
    // Connections stop when the sender is dropped.
    let (running, stopped) = watch::channel(());
    let mut connections = Connections::new(limits, metrics);
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            accepted = connections.accept(&listener) => accepted,
        };
        connections
            .add(|activity| serve(stream, peer, Arc::clone(&endpoint), activity, stopped.clone()));
    }
    drop((listener, running));
    if timeout(GRACE, connections.drain()).await.is_err() {
        tracing::warn!(connections = connections.tasks.len(), "requests were cut off by the end");
    }
}

/// The open connections.
struct Connections<'a> {
    limits: Limits,
    metrics: &'a dyn MetricsSink,
    tasks: JoinSet<Option<CloseReason>>,
    activities: HashMap<Id, Arc<Activity>>,
    full: Warnings,
    refused: Warnings,
}

impl<'a> Connections<'a> {
    fn new(limits: Limits, metrics: &'a dyn MetricsSink) -> Self {
        let connections = Self {
            limits,
            metrics,
            tasks: JoinSet::new(),
            activities: HashMap::new(),
            full: Warnings::default(),
            refused: Warnings::default(),
        };
        connections.measure();
        connections
    }

    /// The next client, once there is room for it. Others wait in the system's backlog meanwhile.
    async fn accept(&mut self, listener: &TcpListener) -> (TcpStream, SocketAddr) {
        let accepted = loop {
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.remove(ended),
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => break accepted,
                    Err(error) => self.pause(&error).await,
                },
            }
        };
        while self.tasks.len() >= self.limits.connections {
            self.make_room();
            if self.full.is_due() {
                tracing::warn!(
                    limit = self.limits.connections,
                    "connection limit reached: closing the connections that have waited longest \
                     for a request; to allow more, raise the limit of open files"
                );
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => self.remove(ended),
                () = sleep(BETWEEN_LOOKS) => {}
            }
        }
        accepted
    }

    /// Asks the connection that has waited longest for a request to end, unless one is ending.
    fn make_room(&self) {
        let mut waiting: Vec<_> =
            self.activities.values().filter_map(|it| Some((it.waiting_since()?, it))).collect();
        if waiting.iter().any(|(_, activity)| activity.is_leaving()) {
            return;
        }
        waiting.retain(|(since, _)| since.elapsed() >= LEAST_WAIT);
        if let Some((_, activity)) = waiting.into_iter().min_by_key(|(since, _)| *since) {
            activity.ask_to_leave();
        }
    }

    /// Waits after an error, which may last until somebody closes a descriptor.
    async fn pause(&mut self, error: &io::Error) {
        use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return;
        }
        if self.refused.is_due() {
            tracing::warn!(%error, "cannot accept connections: trying again every 200 ms");
        }
        self.make_room();
        sleep(PAUSE).await;
    }

    fn add<F>(&mut self, serve: impl FnOnce(Arc<Activity>) -> F)
    where
        F: Future<Output = Option<CloseReason>> + Send + 'static,
    {
        let activity = Activity::new(self.limits.timeouts);
        let task = self.tasks.spawn(serve(Arc::clone(&activity)));
        self.activities.insert(task.id(), activity);
        self.measure();
    }

    fn remove(&mut self, ended: Result<(Id, Option<CloseReason>), JoinError>) {
        let (id, reason) = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "a connection ended by a panic");
            (error.id(), None)
        });
        self.activities.remove(&id);
        if let Some(reason) = reason {
            self.metrics.http_connection_closed(reason);
        }
        self.measure();
    }

    fn measure(&self) {
        self.metrics.http_connections(self.tasks.len(), self.limits.connections);
    }

    async fn drain(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.remove(ended);
        }
    }
}

/// Limits how often a warning is logged.
#[derive(Default)]
struct Warnings(Option<Instant>);

impl Warnings {
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|last| last.elapsed() >= BETWEEN_WARNINGS);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

/// Serves one client; returns the reason if the server closed the connection early.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    endpoint: Arc<BoxEndpoint<'static>>,
    activity: Arc<Activity>,
    mut stopped: watch::Receiver<()>,
) -> Option<CloseReason> {
    let local = LocalAddr(stream.local_addr().map(Addr::from).unwrap_or_default());
    let remote = RemoteAddr(Addr::from(peer));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answering = activity.answering();
        let request = Request::from((request, local.clone(), remote.clone(), Scheme::HTTP));
        let endpoint = &endpoint;
        async move {
            let response: hyper::Response<_> = endpoint.get_response(request).await.into();
            Ok::<_, Infallible>(response.map(|body| AnsweringBody::new(body, answering)))
        }
    });
    let socket = TokioIo::new(Socket { inner: stream, activity: Arc::clone(&activity) });
    let mut connection = pin!(http1::Builder::new().serve_connection(socket, service));
    let mut timer = pin!(sleep(activity.timeouts.header));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            // Its progress decides about the others.
            biased;
            _ = connection.as_mut() => return None,
            reason = poll_fn(|context| activity.poll_overdue(timer.as_mut(), context)) => {
                return Some(reason);
            }
            () = activity.asked_to_leave() => {
                if activity.leaves() {
                    return Some(CloseReason::Limit);
                }
            }
            _ = stopped.changed(), if !is_stopping => {
                if !activity.owes_response() {
                    return None;
                }
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_kept_for_files_and_the_database() {
        for (descriptors, connections) in
            [(0, 1), (64, 32), (256, 128), (1024, 768), (4352, 4096), (usize::MAX, 4096)]
        {
            assert_eq!(most_connections(descriptors), connections, "{descriptors}");
        }
    }
}
