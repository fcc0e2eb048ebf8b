//! Who may call: a web page elsewhere must not reach a local Larder.

use std::net::IpAddr;

use poem::{
    Request,
    http::{HeaderMap, Uri, header},
};

use crate::{
    HttpSettings,
    problem::{Kind, Problem},
};

/// Checks the Host and Origin of every request. A page of another site can make a browser send
/// requests here: its Origin gives it away, or, when it has pointed a name of its own at this
/// address (DNS rebinding), its Host.
pub(crate) struct Gate {
    server_host: Option<String>,
    origins: Vec<String>,
}

impl Gate {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let url: Option<Uri> = settings.url.parse().ok();
        let server_host = url.as_ref().and_then(Uri::host).map(str::to_ascii_lowercase);
        let mut origins = settings.cors_origins.clone();
        origins.push(settings.url.trim_end_matches('/').to_owned());
        Self { server_host, origins }
    }

    /// Lets a request pass, or says why not.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Problem> {
        let host = authority(request)?;
        if !self.is_own_host(&host) {
            let detail = format!(
                "This server does not answer to {host:?}, the name in the Host header: use localhost, \
                 or set server.url to the address that clients use."
            );
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        let Some(origin) = single(request.headers(), header::ORIGIN.as_str())? else {
            return Ok(());
        };
        let same = origin.split_once("://").is_some_and(|(_, it)| it.eq_ignore_ascii_case(&host));
        if same || self.origins.iter().any(|it| it.eq_ignore_ascii_case(&origin)) {
            return Ok(());
        }
        let detail = format!(
            "Pages of the Origin {origin:?} may not call this server: add it to server.cors_origins to \
             let them."
        );
        Err(Problem::new(Kind::Forbidden, detail))
    }

    fn is_own_host(&self, authority: &str) -> bool {
        let host = without_port(authority).to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost"
            || address.is_ok_and(|address| address.is_loopback())
            || self.server_host.as_deref() == Some(host.as_str())
    }
}

/// The host and port that a request is for. HTTP/2 names them in the URI, HTTP/1.1 must name them in
/// exactly one Host header (RFC 9112, section 3.2).
fn authority(request: &Request) -> Result<String, Problem> {
    if let Some(authority) = request.uri().authority() {
        return Ok(authority.to_string());
    }
    single(request.headers(), header::HOST.as_str())?
        .ok_or_else(|| Problem::new(Kind::BadRequest, "The request has no Host header."))
}

fn single(headers: &HeaderMap, name: &str) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        let detail = format!("The request has several {name} headers.");
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let Some(value) = first else { return Ok(None) };
    let detail = format!("The {name} header is not valid.");
    let text = value.to_str().map_err(|_| Problem::new(Kind::BadRequest, detail))?;
    Ok(Some(text.to_owned()))
}

/// `[::1]:80` and `localhost:80` without the port.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}
