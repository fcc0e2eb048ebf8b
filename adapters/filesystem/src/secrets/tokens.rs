//! Tokens that their issuers marked with a prefix, so that anybody can recognise them.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::names::is_placeholder;

/// The shapes: the public prefix, and the characters that follow it. Where no other source is
/// named, the prefix is that of the rule of the same issuer in gitleaks (`config/gitleaks.toml`).
/// Lengths are lower bounds, since issuers lengthen their tokens.
const SHAPES: [&str; 27] = [
    // GitHub: "Behind GitHub's new authentication token formats" (github.blog, 2021-04-05).
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    // GitLab: "Token overview", section "Token prefixes" (docs.gitlab.com/security/tokens).
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_.-]{16,}",
    // OpenAI, Anthropic and others that copied the prefix.
    r"sk-[A-Za-z0-9_-]{20,}",
    // Slack: "Tokens" (api.slack.com/concepts/token-types).
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"xapp-[A-Za-z0-9-]{10,}",
    r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    // AWS: "IAM identifiers", section "Unique identifiers" (docs.aws.amazon.com/IAM).
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    // A JSON Web Token (RFC 7519): header and payload are base64url of `{"…`.
    r"eyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?",
    // Google Cloud.
    r"AIza[A-Za-z0-9_-]{30,}",
    r"GOCSPX-[A-Za-z0-9_-]{20,}",
    // Stripe: "API keys" (docs.stripe.com/keys).
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,}",
    r"whsec_[A-Za-z0-9+/=]{16,}",
    // npm: "Announcing npm's new access token format" (github.blog, 2021-09-23).
    r"npm_[A-Za-z0-9]{30,}",
    r"pypi-AgEIcHlwaS[A-Za-z0-9_-]{20,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"do[opr]_v1_[a-f0-9]{40,}",
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{30,}",
    r"lin_api_[A-Za-z0-9]{30,}",
    r"ntn_[A-Za-z0-9]{30,}",
    r"dapi[a-f0-9]{32}",
    r"dp\.pt\.[A-Za-z0-9]{30,}",
    r"gsk_[A-Za-z0-9]{30,}",
    r"pplx-[A-Za-z0-9]{30,}",
    r"(?:xai|tvly)-[A-Za-z0-9_-]{20,}",
    r"sbp_[a-f0-9]{30,}",
];

/// Where tokens are in a text.
pub(super) fn spans(text: &str) -> impl Iterator<Item = Range<usize>> {
    static TOKEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&SHAPES.join("|")).expect("valid patterns"));
    let begins = |at: usize| !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let tokens = TOKEN.find_iter(text);
    tokens.filter(move |it| begins(it.start()) && is_random(it.as_str())).map(|it| it.range())
}

/// Whether it looks issued: `sk-learn-in-five-steps` and `sk-xxxx` are words.
fn is_random(token: &str) -> bool {
    let lower = token.chars().any(|c| c.is_ascii_lowercase());
    let upper = token.chars().any(|c| c.is_ascii_uppercase());
    let digit = token.chars().any(|c| c.is_ascii_digit());
    (digit || (lower && upper)) && !is_placeholder(token)
}
