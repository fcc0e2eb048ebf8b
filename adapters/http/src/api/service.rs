//! The service itself, at the root.

use std::sync::Arc;

use larder::{app::Readiness, ports::Exposition};
use poem::web::Data;
use poem_openapi::{Object, OpenApi, param::Header, types::Example};
use serde::Serialize;

use super::Tag;
use crate::{
    answer::{Json, Text},
    problem::{Kind, Problem},
    refused::{Nothing, Refused},
    state::State,
};

/// Operations on the service.
#[derive(Default)]
pub(crate) struct ServiceApi;

/// That all is well.
#[derive(Debug, Serialize, Object)]
#[oai(example)]
pub(crate) struct Status {
    /// Always `ok`.
    pub status: String,
}

impl Example for Status {
    fn example() -> Self {
        Self { status: "ok".to_owned() }
    }
}

fn ok() -> Result<Json<Status>, Problem> {
    Json::new(&Status::example())
}

#[OpenApi(tag = "Tag::Service")]
#[expect(clippy::unused_async, reason = "every operation is asynchronous to the framework")]
impl ServiceApi {
    /// Whether the process lives
    ///
    /// Touches nothing.
    #[oai(path = "/healthz", method = "get", operation_id = "getHealth")]
    async fn health(&self) -> Result<Json<Status>, Refused<Nothing>> {
        Ok(ok()?)
    }

    /// Whether requests can be answered
    ///
    /// 503 while the database does not answer or cannot be written; when it last failed a page or a
    /// refresh, until one succeeds; while the cache is being filled for the first time; and when the
    /// keeper, which refreshes what goes stale, has stopped. The answer comes within 2 seconds.
    #[oai(path = "/readyz", method = "get", operation_id = "getReadiness")]
    async fn readiness(&self, shared: Data<&Arc<State>>) -> Result<Json<Status>, Refused<Nothing>> {
        match shared.larder.readiness().await {
            Readiness::Ready => Ok(ok()?),
            Readiness::Filling => {
                let detail = "The cache is being filled for the first time.";
                Err(Problem::new(Kind::Unavailable, detail).retry_after(1).into())
            }
            Readiness::KeeperStopped => {
                let detail = "The keeper has stopped: what goes stale is not refreshed any more. \
                              The log tells why; restart the server.";
                Err(Problem::new(Kind::Unavailable, detail).into())
            }
            Readiness::Unavailable(error) => Err(error.into()),
        }
    }

    /// Measurements, for a scraper
    ///
    /// OpenMetrics if `Accept` asks for it, else Prometheus's classic text format.
    #[oai(path = "/metrics", method = "get", operation_id = "getMetrics")]
    async fn metrics(
        &self,
        shared: Data<&Arc<State>>,
        /// `application/openmetrics-text` for OpenMetrics.
        accept: Header<Option<String>>,
    ) -> Result<Text, Refused<Nothing>> {
        let open = accept.as_deref().is_some_and(|it| it.contains("application/openmetrics-text"));
        let format = if open { Exposition::OpenMetrics } else { Exposition::Classic };
        Ok(Text::metrics(shared.larder.exposition(format).await, format))
    }
}
