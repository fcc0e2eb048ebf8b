//! How the system asks a process to end.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Ends when SIGTERM or SIGINT comes. From this call on, neither ends the process by itself.
pub(crate) fn termination() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new("signals cannot be listened for", &error));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "ending");
    })
}
