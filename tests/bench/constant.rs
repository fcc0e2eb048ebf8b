//! What the same server software makes of bytes that never change: the measure for real answers.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};

use poem::{Response, Server, endpoint::make_sync, http::StatusCode, listener::TcpAcceptor};

use crate::Outcome;

/// The argument that makes this program be the server.
pub(crate) const ARGUMENT: &str = "--constant-server";

/// The longest answer, in bytes.
const LONGEST: usize = 1 << 20;

/// A process that answers `/N` with N bytes, or with a 304 of none for `/0`; it ends with this
/// value.
pub(crate) struct ConstantServer {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl ConstantServer {
    /// Starts one.
    pub(crate) fn start() -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or("the constant server has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().parse()? })
    }
}

impl Drop for ConstantServer {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is that server, until stdin ends: so it does not outlive a benchmark that was killed.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    let bytes: &'static [u8] = Box::leak(vec![b'x'; LONGEST].into_boxed_slice());
    let answer = make_sync(move |request| {
        let length = request.uri().path().trim_start_matches('/').parse().unwrap_or(LONGEST);
        match bytes.get(..length) {
            Some([]) => Response::builder().status(StatusCode::NOT_MODIFIED).finish(),
            Some(body) => Response::builder().content_type("application/json").body(body),
            None => Response::builder().status(StatusCode::NOT_FOUND).finish(),
        }
    });
    let parent_ended = async {
        let waited = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await;
        drop(waited);
    };
    Server::new_with_acceptor(TcpAcceptor::from_std(listener)?)
        .run_with_graceful_shutdown(answer, parent_ended, None)
        .await?;
    Ok(())
}
