//! A proxy before the Postgres server, which can stop to pass bytes on.

use std::{
    io,
    str::FromStr,
    sync::{Arc, Mutex},
};

use larder_tests::database::{Backend, Database};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A proxy, which ends with the test's runtime.
pub(crate) struct Proxy {
    passes: watch::Sender<bool>,
    /// The ports by which the server knows the connections.
    ports: Arc<Mutex<Vec<u16>>>,
}

impl Proxy {
    /// A new Postgres database behind a proxy of its own.
    pub(crate) async fn start() -> (Self, Database) {
        let database = Database::new(Backend::Postgres).await;
        let options = PgConnectOptions::from_str(database.url()).unwrap();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let Database::Postgres { url, schema } = database else { unreachable!() };
        let proxied = url.replace(&server, &own);
        assert_ne!(proxied, url, "the URL names the server's host and port");
        let proxy = Self { passes: watch::Sender::new(true), ports: Arc::default() };
        let (passes, ports) = (proxy.passes.subscribe(), Arc::clone(&proxy.ports));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                ports.lock().unwrap().push(server.local_addr().unwrap().port());
                tokio::spawn(relay(client, server, passes.clone()));
            }
        });
        (proxy, Database::Postgres { url: proxied, schema })
    }

    /// Passes nothing on any more, as a server that hangs, until it is told otherwise.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.passes.send_replace(!frozen);
    }

    /// Which connections of the server are these, in SQL.
    pub(crate) fn connections(&self) -> String {
        format!("client_port = ANY (ARRAY{:?})", self.ports.lock().unwrap())
    }
}

async fn relay(client: TcpStream, server: TcpStream, passes: watch::Receiver<bool>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = pass(from_client, to_server, passes.clone()) => {}
        _ = pass(from_server, to_client, passes) => {}
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut passes: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 || passes.wait_for(|passes| *passes).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
