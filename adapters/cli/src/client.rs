//! What the command line asks of a running server.

use std::{thread, time::Duration};

use larder::app::chain;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use ureq::{
    Agent, Body, Error, RequestBuilder,
    http::{
        Response, StatusCode,
        header::{AUTHORIZATION, RETRY_AFTER},
    },
};

use crate::{
    failure::Failure,
    settings::{Environment, Settings},
};

/// Where a token comes from: a flag would show it to everybody who lists processes.
const TOKEN: &str = "LARDER_TOKEN";

/// How long an answer may take; a server gives up earlier by itself.
const PATIENCE: Duration = Duration::from_mins(5);

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// None answers there.
    #[error(
        "no Larder answers at {server} ({reason}): start one with `larder serve`, or name another \
         one with --server"
    )]
    Unreachable {
        /// Where one was looked for.
        server: String,
        /// What happened.
        reason: String,
    },
    /// It refuses, for the reason that it gives.
    #[error("{detail}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// What happened, and what to do.
        detail: String,
    },
    /// What answers there is no Larder, or not of this version.
    #[error("{server} does not answer as Larder does: {reason}")]
    Foreign {
        /// Who answered.
        server: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Running(error.to_string())
    }
}

/// A server of Larder's API.
pub(crate) struct Client {
    agent: Agent,
    server: String,
    authorization: Option<String>,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
}

impl Client {
    /// The server that the settings name, with the token of the environment.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let environment = Environment::of_process();
        let token = environment.text(TOKEN)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            server: settings.server_url(),
            authorization: token.map(|token| format!("Bearer {token}")),
        })
    }

    /// What is at a path below `/api/v1`.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.read(self.authorized(self.agent.get(self.url(path))).call())
    }

    /// The answer to a POST of JSON. A server that has too much to do is asked again when it says.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let mut waited = Duration::ZERO;
        loop {
            let answer = self.authorized(self.agent.post(self.url(path))).send_json(body);
            let wait = answer.as_ref().ok().and_then(wait_of);
            let Some(wait) = wait.filter(|wait| waited + *wait < PATIENCE) else {
                return self.read(answer);
            };
            waited += wait;
            thread::sleep(wait);
        }
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }

    /// Every item of a list, page after page.
    pub(crate) fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, CallError> {
        let (mut items, mut query) = (Vec::new(), String::new());
        loop {
            let page: Page<T> = self.get(&format!("{path}?limit=200{query}"))?;
            items.extend(page.items);
            match page.page_info.end_cursor.filter(|_| page.page_info.has_next_page) {
                Some(cursor) => query = format!("&after={}", segment(&cursor)),
                None => return Ok(items),
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.server)
    }

    fn read<T: DeserializeOwned>(
        &self,
        answer: Result<Response<Body>, Error>,
    ) -> Result<T, CallError> {
        let server = || self.server.clone();
        let mut answer = answer
            .map_err(|error| CallError::Unreachable { server: server(), reason: chain(&error) })?;
        let foreign = |error: Error| CallError::Foreign { server: server(), reason: chain(&error) };
        let status = answer.status();
        if status.is_success() {
            return answer.body_mut().read_json().map_err(foreign);
        }
        let Problem { mut detail } = answer.body_mut().read_json().map_err(foreign)?;
        if status == StatusCode::UNAUTHORIZED {
            detail = format!("{detail} The token is that of the variable {TOKEN}.");
        }
        Err(CallError::Refused { status: status.as_u16(), detail })
    }
}

/// How long a server wants to be left alone, if it says so.
fn wait_of(answer: &Response<Body>) -> Option<Duration> {
    if answer.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds: u64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.max(1)))
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
