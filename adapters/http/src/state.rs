//! What the operations share: Larder, and how often a caller may refresh.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use larder::{app::Larder, domain::caller::Caller};
use poem::Request;
use tokio::sync::Semaphore;

use crate::{
    HttpSettings,
    answers::Answers,
    problem::{Kind, Problem},
    token::Tokens,
};

/// Clients that may follow the events at the same time.
const MAX_LISTENERS: usize = 256;
/// Whose refreshes are counted together.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Token(String),
    Address(IpAddr),
}

/// Larder and the limits at its edge.
pub(crate) struct State {
    pub larder: Arc<Larder>,
    pub answers: Answers,
    /// A permit for each client that may follow the events.
    pub listeners: Arc<Semaphore>,
    /// The tokens that are accepted.
    pub tokens: Tokens,
    refreshes: DefaultKeyedRateLimiter<Who>,
    trusted_proxies: Vec<IpAddr>,
}

impl State {
    pub(crate) fn new(larder: Arc<Larder>, settings: &HttpSettings) -> Self {
        let at_least_one = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(settings.refresh_per_minute))
            .allow_burst(at_least_one(settings.refresh_burst));
        Self {
            larder,
            answers: Answers::new(settings.pages_mib),
            listeners: Arc::new(Semaphore::new(MAX_LISTENERS)),
            tokens: settings.tokens.clone(),
            refreshes: DefaultKeyedRateLimiter::keyed(quota),
            trusted_proxies: settings.trusted_proxies.clone(),
        }
    }

    /// Lets the caller refresh, or says when it may.
    pub(crate) fn admit_refresh(&self, caller: &Caller, request: &Request) -> Result<(), Problem> {
        // Callers who have not asked for a while are forgotten, so that the list stays short.
        self.refreshes.retain_recent();
        self.refreshes.check_key(&self.who(caller, request)).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let unit = if seconds == 1 { "second" } else { "seconds" };
            let detail = format!("Too many refreshes: try again in {seconds} {unit}.");
            Problem::new(Kind::TooManyRequests, detail).retry_after(seconds)
        })
    }

    fn who(&self, caller: &Caller, request: &Request) -> Who {
        match &caller.name {
            Some(name) => Who::Token(name.clone()),
            None => Who::Address(self.address(request)),
        }
    }

    /// The address a request comes from. `X-Forwarded-For` is believed from a trusted proxy alone,
    /// and in it the last address that is no trusted proxy itself: whatever stands further left,
    /// the client may have written.
    fn address(&self, request: &Request) -> IpAddr {
        let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        // A socket of both families shows an IPv4 client as ::ffff:192.0.2.1.
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.to_canonical());
        if !self.trusted_proxies.contains(&peer) {
            return peer;
        }
        let headers = request.headers().get_all("x-forwarded-for").iter();
        let values: Option<Vec<&str>> = headers.map(|value| value.to_str().ok()).collect();
        let Some(values) = values else { return peer };
        for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            // A hop that is no address hides all that is left of it: the proxy that wrote it is not
            // understood, and what stands further left the client may have written.
            let Some(address) = address_of(hop.trim()) else { return peer };
            if !self.trusted_proxies.contains(&address) {
                return address;
            }
        }
        peer
    }
}

/// The address in `203.0.113.7`, `203.0.113.7:4711`, `2001:db8::7`, `[2001:db8::7]` or
/// `[2001:db8::7]:4711`.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse().map(|at: SocketAddr| at.ip()));
    address.map(|address: IpAddr| address.to_canonical()).ok()
}
