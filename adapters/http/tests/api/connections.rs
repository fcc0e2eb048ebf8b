//! Connections, over real sockets: how long a client may take, and how many there may be.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use larder::{
    domain::{
        gauges::Gauges,
        report::{RefreshScope, Summary},
        writing::Operation,
    },
    ports::{CloseReason, Exposition, MetricsSink},
};
use larder_http::{HttpSettings, Limits, Timeouts};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::house::{House, settings};

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(100);
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const EVENTS: &str = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Reports why the server closes connections.
struct Closings(mpsc::UnboundedSender<&'static str>);

impl MetricsSink for Closings {
    fn cache_read(&self, _: bool) {}
    fn refreshed(&self, _: RefreshScope, _: &Summary, _: Duration) {}
    fn written(&self, _: Operation, _: bool) {}
    fn http_request(&self, _: &str, _: u16, _: Duration) {}
    fn http_connections(&self, _: usize, _: usize) {}
    fn http_connection_closed(&self, reason: CloseReason) {
        let _ = self.0.send(reason.as_str());
    }
    fn exposition(&self, _: Exposition, _: &Gauges) -> String {
        String::new()
    }
}

/// A server that listens.
struct Listening {
    address: SocketAddr,
    closings: mpsc::UnboundedReceiver<&'static str>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// Limits of which none is reached.
fn generous() -> Limits {
    let timeouts = Timeouts { header: PATIENCE, idle: PATIENCE, write: PATIENCE };
    Limits { connections: 100, timeouts }
}

fn with_timeouts(change: impl FnOnce(&mut Timeouts)) -> Limits {
    let mut limits = generous();
    change(&mut limits.timeouts);
    limits
}

impl Listening {
    fn start(limits: Limits) -> Self {
        Self::with(settings(), limits)
    }

    fn with(settings: HttpSettings, limits: Limits) -> Self {
        let (sender, closings) = mpsc::unbounded_channel();
        let house = House::measuring(&settings, Arc::new(Closings(sender)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            let larder = house.larder.clone();
            larder_http::serve(listener, larder, &settings, limits, shutdown).await.unwrap();
        });
        Self { address, closings, stop, server }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn closing(&mut self) -> &'static str {
        timeout(PATIENCE, self.closings.recv()).await.expect("it is closed in time").unwrap()
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads a response up to these words.
    async fn read_to(&mut self, words: &str) {
        let mut text = String::new();
        while !text.contains(words) {
            let mut buffer = [0; 4096];
            let read = timeout(PATIENCE, self.0.read(&mut buffer)).await.expect("it is answered");
            let read = read.unwrap();
            assert!(read > 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
    }

    async fn is_healthy(&mut self) {
        self.send(HEALTH).await;
        self.read_to(r#"{"status":"ok"}"#).await;
    }

    /// Waits for the server to close the connection.
    async fn is_closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is as good an end as any.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("it is closed");
    }
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_disconnected() {
    let mut server = Listening::start(with_timeouts(|timeouts| timeouts.header = SHORT));
    for start in ["", "GE", "GET /healthz HTTP/1.1\r\nHost: local"] {
        let mut client = server.connect().await;
        client.send(start).await;
        client.is_closed().await;
        assert_eq!(server.closing().await, "header_timeout", "{start:?}");
    }
    let mut second = server.connect().await;
    second.is_healthy().await;
    second.send("GET /he").await;
    second.is_closed().await;
    assert_eq!(server.closing().await, "header_timeout");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_when_its_idle_time_is_over() {
    let mut server = Listening::start(with_timeouts(|timeouts| timeouts.idle = SHORT));
    let mut client = server.connect().await;
    client.is_healthy().await;
    client.is_closed().await;
    assert_eq!(server.closing().await, "idle_timeout");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let mut server = Listening::start(with_timeouts(|timeouts| timeouts.write = SHORT));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Client(socket.connect(server.address).await.unwrap());
    let request = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // More than the buffers of both sockets can hold. The server stops reading when it cannot write.
    let sending = tokio::spawn(async move {
        let _ = client.0.write_all(request.repeat(200).as_bytes()).await;
        client
    });
    assert_eq!(server.closing().await, "write_timeout");
    drop(sending);
}

#[tokio::test]
async fn a_stream_of_events_is_no_idle_connection() {
    let mut server = Listening::start(with_timeouts(|timeouts| timeouts.idle = SHORT));
    let mut follower = server.connect().await;
    follower.send(EVENTS).await;
    follower.read_to("event:").await;
    let mut idle = server.connect().await;
    idle.is_healthy().await;
    idle.is_closed().await;
    assert_eq!(server.closing().await, "idle_timeout");
    assert!(server.closings.try_recv().is_err(), "the follower is still there");
    server.stop.send(()).unwrap();
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_with_its_request() {
    let settings = HttpSettings { request_timeout: SHORT, ..settings() };
    let server = Listening::with(settings, generous());
    let mut client = server.connect().await;
    client
        .send(
            "POST /api/v1/user-collections HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{",
        )
        .await;
    client.read_to("urn:larder:problem:timeout").await;
    client.is_closed().await;
}

#[tokio::test]
async fn the_connection_that_waited_longest_makes_room_for_a_new_one() {
    let mut server = Listening::start(Limits { connections: 4, ..generous() });
    let mut follower = server.connect().await;
    follower.send(EVENTS).await;
    follower.read_to("event:").await;
    let mut clients = Vec::new();
    for number in 0..20 {
        let mut client = server.connect().await;
        if number % 2 == 0 {
            client.is_healthy().await;
        } else {
            client.send("GET /half-a-li").await;
        }
        clients.push(client);
    }
    let mut last = server.connect().await;
    last.is_healthy().await;
    for client in &mut clients[..17] {
        client.is_closed().await;
        assert_eq!(server.closing().await, "limit");
    }
    last.is_healthy().await;
}

#[tokio::test]
async fn a_new_client_waits_while_all_others_are_answered() {
    let server = Listening::start(Limits { connections: 2, ..generous() });
    let mut followers = [server.connect().await, server.connect().await];
    for follower in &mut followers {
        follower.send(EVENTS).await;
        follower.read_to("event:").await;
    }
    let mut waiting = server.connect().await;
    waiting.send(HEALTH).await;
    drop(followers);
    waiting.read_to(r#"{"status":"ok"}"#).await;
}

#[tokio::test]
async fn a_server_that_stops_sends_the_rest_of_a_response() {
    let server = Listening::start(generous());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Client(socket.connect(server.address).await.unwrap());
    // A page that is larger than the buffers of both sockets.
    client.send("GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.0.readable().await.unwrap();
    // The server has written as much as it could by the time it has answered somebody else.
    server.connect().await.is_healthy().await;
    server.stop.send(()).unwrap();
    let mut received = Vec::new();
    timeout(PATIENCE, client.0.read_to_end(&mut received)).await.unwrap().unwrap();
    let received = String::from_utf8(received).unwrap();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    let length = format!("content-length: {}", body.len());
    assert!(head.to_lowercase().contains(&length), "{} bytes came of {head}", body.len());
    timeout(PATIENCE, server.server).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_connection_without_a_request() {
    let server = Listening::start(generous());
    let mut silent = server.connect().await;
    silent.send("GET /half-a-li").await;
    let mut idle = server.connect().await;
    idle.is_healthy().await;
    server.stop.send(()).unwrap();
    silent.is_closed().await;
    idle.is_closed().await;
    timeout(PATIENCE, server.server).await.expect("it ends").unwrap();
}
