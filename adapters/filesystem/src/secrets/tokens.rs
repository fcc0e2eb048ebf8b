//! Tokens that their issuers marked with a prefix, so that anybody can recognise them.

use std::{ops::Range, sync::LazyLock};

use regex::{Match, Regex};

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
    let is_issued =
        move |it: &Match<'_>| begins(it.start()) && is_random(it.as_str(), &text[it.end()..]);
    TOKEN.find_iter(text).filter(is_issued).map(|it| it.range())
}

/// Whether it looks issued: `sk-learn-in-five-steps` and `sk-xxxx` are words. Any word may occur by
/// chance in what was issued, so only its form makes a token a placeholder.
fn is_random(token: &str, after: &str) -> bool {
    let lower = token.chars().any(|c| c.is_ascii_lowercase());
    let upper = token.chars().any(|c| c.is_ascii_uppercase());
    let digit = token.chars().any(|c| c.is_ascii_digit());
    (digit || (lower && upper)) && !is_placeholder(token, after)
}

/// A token that ends in a row of `x`, one that is cut (`ghp_1234…`), or a key of the documentation
/// of AWS (`AKIAIOSFODNN7EXAMPLE`).
fn is_placeholder(token: &str, after: &str) -> bool {
    const FEWEST: usize = 10;
    let is_crossed = token.len() - token.trim_end_matches(['x', 'X', '-', '_']).len() >= FEWEST;
    let is_cut = after.starts_with("...") || after.starts_with('…') || token.ends_with("...");
    let is_of_aws = token.starts_with("AKIA") || token.starts_with("ASIA");
    is_crossed || is_cut || (is_of_aws && token.ends_with("EXAMPLE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_placeholder_by_its_form_and_not_by_a_word_in_it() {
        for token in [
            "ghp_Zq7mK2pX9vL4Zq7myourK2pX9vL4Zq7mK2pX",
            "ghp_Zq7mK2pX9vL4Zq7mxxxK2pX9vL4Zq7mK2pXx",
            "sk-proj-Zq7mK2pX9vL4YourZq7mK2pX9vL4",
        ] {
            assert_eq!(spans(token).count(), 1, "{token}");
        }
        for text in [
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxXXXX",
            "sk-proj-xxxxxxxxxxxxxxxxXXXXXXXX",
            "ghp_Zq7mK2pX9vL4Zq7mK2pX…",
            "ghp_Zq7mK2pX9vL4Zq7mK2pX...",
            "AKIAIOSFODNN7EXAMPLE",
        ] {
            assert_eq!(spans(text).count(), 0, "{text}");
        }
    }
}
