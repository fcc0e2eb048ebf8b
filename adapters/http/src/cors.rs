//! Cross-origin requests from the pages that the configuration lists (Fetch Standard, section 3.2).
//! Whether an Origin may call at all is the gate's business.

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};

/// Which origins are told that they may read the answers.
pub(crate) struct Cors(pub Vec<String>);

impl Cors {
    /// The request's Origin, if it is listed.
    pub(crate) fn listed(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        let listed = self.0.iter().any(|it| origin.as_bytes().eq_ignore_ascii_case(it.as_bytes()));
        listed.then(|| origin.clone())
    }
}

/// The answer to a preflight request, if it is one.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let asked = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    (*request.method() == Method::OPTIONS && asked).then(|| {
        Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE")
            .header(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, if-match, if-none-match",
            )
            // In seconds; browsers cap it at two hours at most.
            .header(header::ACCESS_CONTROL_MAX_AGE, "7200")
            .finish()
    })
}

/// Lets a listed origin read an answer.
pub(crate) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let exposed = HeaderValue::from_static("etag, location, retry-after, x-request-id");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}
