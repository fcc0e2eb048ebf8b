//! Swagger UI, from the binary and from nowhere else.

use base64::{Engine, engine::general_purpose::STANDARD};
use poem::{Endpoint, Response, endpoint::make_sync};
use sha2::{Digest, Sha256};

/// The page, under a Content-Security-Policy that names its own scripts by hash and lets it call
/// this server alone.
pub(crate) fn endpoint(html: &str) -> impl Endpoint<Output = Response> + use<> {
    // Without an icon of its own a page makes the browser ask for one that is not there.
    let head = "<title>Larder API</title><link rel=\"icon\" href=\"data:,\">";
    let html = html.replace("<title>Swagger UI</title>", head);
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
    let scripts: Vec<String> = inline_scripts(html).into_iter().map(hash).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        scripts.join(" ")
    )
}

fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

/// The text of every `script` element: from the end of its tag to the next `</script`, whatever
/// stands in between (HTML Living Standard, 13.2.5.4).
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let mut rest = html;
    while let Some((_, element)) = rest.split_once("<script") {
        let Some((_, text)) = element.split_once('>') else { break };
        let Some((text, after)) = text.split_once("</script") else { break };
        scripts.push(text);
        rest = after;
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_every_script() {
        let policy = policy("<script a=b>one('<script>')</script><p>x</p><script>two()</script>");
        for script in ["one('<script>')", "two()"] {
            assert!(policy.contains(&hash(script)), "{policy}");
        }
        assert_eq!(policy.matches("'sha256-").count(), 2);
    }
}
