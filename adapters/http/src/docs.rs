//! Swagger UI, from the binary and from nowhere else.

use base64::{Engine, engine::general_purpose::STANDARD};
use poem::{Endpoint, Response, endpoint::make_sync};
use sha2::{Digest, Sha256};

/// The page, under a Content-Security-Policy that names its own scripts by hash and lets it call
/// this server alone.
pub(crate) fn endpoint(html: &str) -> impl Endpoint<Output = Response> + use<> {
    let html = html.replace("<title>Swagger UI</title>", "<title>Larder API</title>");
    let policy = policy(&html);
    make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header("content-security-policy", &policy)
            .header("referrer-policy", "no-referrer")
            .body(html.clone())
    })
}

/// Swagger UI sets `style` attributes while it runs, for which a policy has no hashes; its images
/// are data URLs in its style sheet.
fn policy(html: &str) -> String {
    let scripts: Vec<String> = inline_scripts(html).map(hash).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        scripts.join(" ")
    )
}

fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

/// The text of every `script` element. A script's text ends at the first `</script` (HTML Living
/// Standard, 13.2.5.15), so that a search is enough.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    html.split("<script").skip(1).filter_map(|rest| {
        let (_, text) = rest.split_once('>')?;
        text.split("</script").next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_every_script() {
        let policy = policy("<script a=b>one()</script><p>x</p><script>two()</script>");
        for script in ["one()", "two()"] {
            assert!(policy.contains(&hash(script)), "{policy}");
        }
        assert!(!policy.contains("script-src 'unsafe-inline'"));
    }
}
