//! What the spec says of access: made from the table that is enforced.

use std::collections::HashMap;

use larder::domain::caller::Scope;
use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    OpenApi,
    registry::{MetaApi, MetaOperation, MetaResponse, MetaSecurityScheme, Registry},
};

use crate::{access::Need, refused};

/// The name of the only security scheme.
const TOKEN: &str = "token";

/// Operations, described with what each needs of its caller.
pub(crate) struct Secured<T>(pub T);

impl<T: OpenApi> OpenApi for Secured<T> {
    fn meta() -> Vec<MetaApi> {
        let mut apis = T::meta();
        let paths = apis.iter_mut().flat_map(|api| &mut api.paths);
        paths.flat_map(|path| &mut path.operations).for_each(describe);
        apis
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
        let scheme = MetaSecurityScheme {
            ty: "http",
            scheme: Some("bearer"),
            description: Some(
                "An access token, made with `larder token new`. A server without tokens asks for \
                 none.",
            ),
            name: None,
            key_in: None,
            bearer_format: None,
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(TOKEN, scheme);
    }

    fn add_routes(self, routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        self.0.add_routes(routes);
    }
}

fn describe(operation: &mut MetaOperation) {
    let by_token = || HashMap::from([(TOKEN, Vec::new())]);
    let (security, needed) = match Need::of(operation.operation_id.unwrap_or_default()) {
        Need::Nothing => return,
        Need::AsConfigured => (vec![HashMap::new(), by_token()], Scope::Read),
        Need::Of(scope) => (vec![by_token()], scope),
    };
    operation.security = security;
    let description = match needed {
        Scope::Read => "There is no token, or none that is valid. It needs the scope `read`.",
        Scope::Write => "There is no token, or none that is valid. It needs the scope `write`.",
        Scope::Admin => "There is no token, or none that is valid. It needs the scope `admin`.",
    };
    let responses = &mut operation.responses.responses;
    responses.push(MetaResponse { description, ..refused::response(401) });
    responses.sort_by_key(|response| response.status);
}
