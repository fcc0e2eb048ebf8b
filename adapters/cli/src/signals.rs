//! How the system asks a process to end.

use std::{
    fs::File,
    io::{self, IsTerminal},
    sync::Arc,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

use crate::failure::Failure;

/// Ends when SIGTERM or SIGINT comes, or SIGHUP because the terminal was closed; any other SIGHUP
/// notifies `reload`. From this call on, none of them ends the process by itself.
pub(crate) fn termination(
    reload: Arc<Notify>,
) -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new("signals cannot be listened for", &error));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let on_terminal = io::stderr().is_terminal();
    Ok(async move {
        let name = loop {
            tokio::select! {
                _ = terminate.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                // The controlling terminal of a process cannot be opened once it is closed.
                _ = hangup.recv() => if on_terminal && File::open("/dev/tty").is_err() {
                    break "SIGHUP";
                } else {
                    reload.notify_one();
                }
            }
        };
        tracing::info!(signal = name, "ending");
    })
}
