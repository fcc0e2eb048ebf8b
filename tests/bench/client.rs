//! As little of an HTTP client as there can be, so that the server is what is measured: HTTP/1.1,
//! connections kept, bodies of a told length.

use std::{io, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Outcome;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request(String);

impl Request {
    /// GET of a path.
    pub(crate) fn get(path: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    /// GET of a path unless it is still as that validator says.
    pub(crate) fn get_unless(path: &str, etag: &str) -> Self {
        Self(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {etag}\r\n\r\n"))
    }

    /// POST to a path, without a body.
    pub(crate) fn post(path: &str) -> Self {
        Self(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"))
    }

    /// PUT of JSON to a path, if it is still as that validator says.
    pub(crate) fn put_if(path: &str, etag: &str, body: &Value) -> Self {
        let body = body.to_string();
        let length = body.len();
        Self(format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nIf-Match: {etag}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }
}

/// An answer that a connection has received.
pub(crate) struct Answer<'a> {
    /// The status.
    pub(crate) status: u16,
    head: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// An open connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(64 << 10) })
    }

    /// Sends a request and receives all of its answer.
    pub(crate) async fn ask(&mut self, request: &Request) -> Outcome<Answer<'_>> {
        self.stream.write_all(request.0.as_bytes()).await?;
        self.received.clear();
        let head = loop {
            self.receive().await?;
            let end = self.received.windows(END_OF_HEAD.len()).position(|it| it == END_OF_HEAD);
            if let Some(end) = end {
                break end;
            }
        };
        let body = head + END_OF_HEAD.len();
        let end = body + content_length(text(&self.received[..head])?)?;
        self.received.reserve(end.saturating_sub(self.received.len()));
        while self.received.len() < end {
            self.receive().await?;
        }
        let head = text(&self.received[..head])?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or("the answer has no status")?;
        Ok(Answer { status, head, body: &self.received[body..end] })
    }

    /// The JSON of a 200.
    pub(crate) async fn json(&mut self, request: &Request) -> Outcome<Value> {
        let answer = self.ask(request).await?;
        answer.must_be(200, request)?;
        Ok(serde_json::from_slice(answer.body)?)
    }

    async fn receive(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }
}

impl Answer<'_> {
    /// The value of a header; its name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// Fails unless the status is that.
    pub(crate) fn must_be(&self, status: u16, request: &Request) -> Outcome<()> {
        if self.status == status {
            return Ok(());
        }
        let line = request.0.lines().next().unwrap_or_default();
        let body = String::from_utf8_lossy(self.body);
        Err(format!("{line} was answered {} instead of {status}: {body}", self.status).into())
    }
}

fn text(bytes: &[u8]) -> Outcome<&str> {
    Ok(std::str::from_utf8(bytes)?)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn content_length(head: &str) -> Outcome<usize> {
    if header(head, "transfer-encoding").is_some() {
        return Err("the answer has no length of its own".into());
    }
    Ok(header(head, "content-length").map_or(Ok(0), str::parse)?)
}
