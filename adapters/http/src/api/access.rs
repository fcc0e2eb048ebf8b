//! Who calls.

use larder::domain::caller::Caller;
use poem::web::Data;
use poem_openapi::OpenApi;

use super::Tag;
use crate::{
    access::Presented,
    answer::Json,
    dto::Me,
    refused::{Nothing, Refused},
};

/// Operations on access.
#[derive(Default)]
pub(crate) struct AccessApi;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Access")]
#[expect(clippy::unused_async, reason = "every operation is asynchronous to the framework")]
impl AccessApi {
    /// Who calls, and what they may do
    ///
    /// By the token of the request. Without tokens everybody is nameless and may do everything.
    #[oai(path = "/me", method = "get", operation_id = "getMe")]
    async fn me(
        &self,
        caller: Data<&Caller>,
        presented: Data<&Presented>,
    ) -> Result<Json<Me>, Refused<Nothing>> {
        Ok(Json::new(&Me::new(&caller, presented.expires()))?)
    }
}
