//! One client's connection: the state that its timeouts and the limit of connections depend on.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::{Body, Frame, SizeHint};
use larder::ports::CloseReason;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::{Instant, Sleep},
};

/// Bytes of a response that a client must read within [`Timeouts::write`]. Without such a minimum a
/// client could hold a large response in memory by reading a few bytes at a time.
const LEAST_READ: usize = 64 * 1024;

/// A client that has taken nothing of a response for so long reads it no more: its connection may make
/// room for another one.
const LONGEST_STALL: Duration = Duration::from_secs(1);

/// How long a client may take for its part of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request, or from the connection's start, to the end of its header.
    pub header: Duration,
    /// From the end of a response to the first byte of the next request.
    pub idle: Duration,
    /// For the client to read 64 KiB of a response, or all that is left of it.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            // Longer than the usual 60 s of a proxy, so that the proxy closes its connection first.
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
        }
    }
}

/// Which side the connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client is sending the header of a request, or is about to send its first one.
    Header,
    /// The client has no request at the moment.
    Idle,
    /// The server is answering.
    Answering,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The beginning of the phase, or a later write.
    since: Instant,
    /// Since when the socket's buffers have been full; `None` when there is nothing to be written.
    blocked_since: Option<Instant>,
    /// Bytes written since then.
    written: usize,
    /// The last write.
    wrote_at: Instant,
    is_leaving: bool,
}

impl State {
    /// Whether the connection may be closed in favour of another one. hyper drops a body as soon as it
    /// has buffered it, so the response may still be on its way when the phase is over.
    fn is_waiting(&self) -> bool {
        let is_read = self.blocked_since.is_some() && self.wrote_at.elapsed() < LONGEST_STALL;
        self.phase != Phase::Answering && !is_read
    }
}

/// The state of a connection, shared by its task, its socket, its responses and the accept loop.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
    pub timeouts: Timeouts,
    leave: Notify,
}

impl Activity {
    pub(crate) fn new(timeouts: Timeouts) -> Arc<Self> {
        let state = State {
            phase: Phase::Header,
            since: Instant::now(),
            blocked_since: None,
            written: 0,
            wrote_at: Instant::now(),
            is_leaving: false,
        };
        Arc::new(Self { state: Mutex::new(state), timeouts, leave: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when the connection has waited for a request; `None` while one is answered, and while
    /// the client reads the rest of a response.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        state.is_waiting().then_some(state.since)
    }

    /// Whether a request is being answered, or a part of its response is still to be sent.
    pub(crate) fn owes_response(&self) -> bool {
        let state = self.state();
        state.phase == Phase::Answering || state.blocked_since.is_some()
    }

    /// Whether the connection was asked to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state().is_leaving
    }

    /// Asks the connection to end.
    pub(crate) fn ask_to_leave(&self) {
        self.state().is_leaving = true;
        self.leave.notify_one();
    }

    /// Waits until the connection is asked to end.
    pub(crate) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether the connection ends as it was asked to. It stays if a request has come meanwhile.
    pub(crate) fn leaves(&self) -> bool {
        let mut state = self.state();
        state.is_leaving = state.is_waiting();
        state.is_leaving
    }

    /// Marks the connection as answering until the returned value is dropped.
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.state().phase = Phase::Answering;
        Answering(Arc::clone(self))
    }

    fn deadline(&self) -> Option<(Instant, CloseReason)> {
        let state = self.state();
        let waits = match state.phase {
            Phase::Header => Some((state.since + self.timeouts.header, CloseReason::HeaderTimeout)),
            Phase::Idle => Some((state.since + self.timeouts.idle, CloseReason::IdleTimeout)),
            Phase::Answering => None,
        };
        let writes = state
            .blocked_since
            .map(|since| (since + self.timeouts.write, CloseReason::WriteTimeout));
        waits.into_iter().chain(writes).min_by_key(|(deadline, _)| *deadline)
    }

    /// Is ready when the client has taken too long. Its task must poll this after the connection,
    /// whose progress moves the deadline.
    pub(crate) fn poll_overdue(
        &self,
        mut timer: Pin<&mut Sleep>,
        context: &mut Context<'_>,
    ) -> Poll<CloseReason> {
        while let Some((deadline, reason)) = self.deadline() {
            // A timer that ends too early is set again then, so that not every request sets it.
            if deadline < timer.deadline() {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(context));
            if deadline <= Instant::now() {
                return Poll::Ready(reason);
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn received(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.phase = Phase::Header;
            state.since = Instant::now();
        }
    }

    fn wrote(&self, outcome: &Poll<io::Result<usize>>) {
        let mut state = self.state();
        match outcome {
            Poll::Pending if state.blocked_since.is_none() => {
                state.blocked_since = Some(Instant::now());
                state.written = 0;
            }
            Poll::Ready(Ok(bytes)) => {
                state.written += bytes;
                state.wrote_at = Instant::now();
                if state.written >= LEAST_READ {
                    state.blocked_since = None;
                }
                // The end of a response may be written after the response counts as answered.
                if state.phase == Phase::Idle {
                    state.since = Instant::now();
                }
            }
            _ => {}
        }
    }

    fn flushed(&self) {
        self.state().blocked_since = None;
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.phase = Phase::Idle;
        state.since = Instant::now();
    }
}

/// A response's body. Its request counts as answered when the body has been handed over.
pub(crate) struct AnsweringBody<B> {
    body: B,
    /// Dropped with the body.
    _answering: Answering,
}

impl<B> AnsweringBody<B> {
    pub(crate) fn new(body: B, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl<B: Body + Unpin> Body for AnsweringBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A socket that reports to its connection's [`Activity`] what it reads and writes.
pub(crate) struct Socket<S> {
    pub inner: S,
    pub activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.activity.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.activity.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has written everything.
        self.activity.flushed();
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
