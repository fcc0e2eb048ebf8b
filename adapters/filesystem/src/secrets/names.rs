//! Names whose values are secrets, and values that only stand for one.

/// Keys of maps and lists whose values are all secrets.
const MAPS: [&str; 8] = [
    "env",
    "environment",
    "envvars",
    "headers",
    "httpheaders",
    "headershelper",
    "secrets",
    "credentials",
];

/// Words that name a secret, alone or at the end of a longer one (`authtoken`).
const WORDS: [&str; 12] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "authkey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credential",
    "credentials",
];

/// Words that name a secret when they stand alone: `author` and `monkey` do not.
const WHOLE_WORDS: [&str; 6] = ["key", "auth", "authorization", "pwd", "bearer", "cookie"];

/// Whether all values below a key are secrets, however the key is written.
pub(super) fn is_secret_map(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    MAPS.iter().any(|name| plain.eq_ignore_ascii_case(name))
}

/// Whether a text has such a key somewhere, in YAML or JSON.
pub(super) fn mentions_secret_map(text: &str) -> bool {
    let plain = text.to_lowercase().replace(['_', '-', ' ', '"', '\''], "");
    MAPS.iter().any(|name| plain.contains(&format!("{name}:")))
}

/// Whether the value of a key is a secret: its last word says so. `token_file` names a file.
pub(super) fn is_secret_key(key: &str) -> bool {
    words(key).last().is_some_and(|word| is_secret_word(word))
}

/// Whether the value of an argument or a query parameter is a secret: any of its words says so.
pub(super) fn is_secret_argument(name: &str) -> bool {
    words(name).iter().any(|word| is_secret_word(word))
}

fn is_secret_word(word: &str) -> bool {
    WHOLE_WORDS.contains(&word) || WORDS.iter().any(|end| word.ends_with(end))
}

/// The words of `api_key`, `api-key` and `apiKey`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && (before.is_lowercase() || before.is_numeric());
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("one at least").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value only stands for a secret: `${TOKEN}`, `<token>`, `YOUR_TOKEN`, `sk-…`, `***`.
pub(super) fn is_placeholder(value: &str) -> bool {
    const PARTS: [&str; 17] = [
        "...",
        "…",
        "***",
        "xxx",
        "{{",
        "$(",
        "your",
        "example",
        "placeholder",
        "changeme",
        "change-me",
        "change_me",
        "redacted",
        "dummy",
        "insert",
        "replace",
        "sample",
    ];
    const CONSTANTS: [&str; 9] =
        ["true", "false", "null", "none", "undefined", "yes", "no", "on", "off"];
    let value = value.trim().trim_matches(['"', '\'']);
    let lower = value.to_ascii_lowercase();
    value.is_empty()
        || PARTS.iter().any(|part| lower.contains(part))
        || CONSTANTS.contains(&lower.as_str())
        || is_enclosed(value)
        // Behind `:-` a reference has a default, which is as good as the value.
        || (value.contains("${") && !value.contains(":-") && !value.contains(":="))
        || is_variable(value)
        || is_name(value)
        || value.chars().all(|c| "xX*.-_0•".contains(c))
}

/// `<token>`, `{token}`, `[token]`, `%TOKEN%`.
fn is_enclosed(value: &str) -> bool {
    [('<', '>'), ('{', '}'), ('[', ']'), ('%', '%')]
        .iter()
        .any(|(open, close)| value.len() > 1 && value.starts_with(*open) && value.ends_with(*close))
}

/// `$TOKEN`, `$env:TOKEN`, `$1`.
fn is_variable(value: &str) -> bool {
    let Some(name) = value.strip_prefix('$') else { return false };
    let name = name.strip_prefix("env:").unwrap_or(name);
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_lower = |c: char| c.is_ascii_lowercase() || c == '_';
    name.chars().all(is_upper) || name.chars().all(is_lower)
}

/// The name of a secret in place of its value: `API_KEY`, `token`, `my-secret`.
fn is_name(value: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '-';
    let is_constant = |c: char| c.is_ascii_uppercase() || c == '_';
    value.chars().all(is_word)
        && (is_secret_argument(value) || (value.contains('_') && value.chars().all(is_constant)))
}

/// Whether a value looks like something that was generated: text of people has none such.
pub(super) fn is_generated(value: &str) -> bool {
    const SHORTEST: usize = 12;
    let changes = value.as_bytes().windows(2).filter(|pair| {
        pair[0].is_ascii_digit() != pair[1].is_ascii_digit()
            && pair.iter().all(u8::is_ascii_alphanumeric)
    });
    value.len() >= SHORTEST && changes.count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_by_its_words() {
        for name in [
            "apiKey",
            "api_key",
            "X-Api-Key",
            "bearer_token",
            "clientSecret",
            "Authorization",
            "DB_PASSWORD",
            "authToken",
            "GITHUB_TOKEN",
            "authkey",
            "accesskey",
            "SECRETKEY",
            "privatekey",
            "accesstoken",
        ] {
            assert!(is_secret_key(name), "{name}");
        }
        for name in
            ["author", "keywords", "max_tokens", "tokenizer", "monkey", "token_file", "keys"]
        {
            assert!(!is_secret_key(name), "{name}");
        }
        assert!(is_secret_argument("token-file") && !is_secret_argument("max-tokens"));
        for name in ["ENV", "env_vars", "http_headers", "HTTP-Headers", "headersHelper"] {
            assert!(is_secret_map(name), "{name}");
        }
        assert!(!is_secret_map("environments"));
    }

    #[test]
    fn a_reference_with_a_default_is_a_secret() {
        assert!(!is_placeholder("${TOKEN:-hunter2}") && is_placeholder("Bearer ${TOKEN}"));
    }

    #[test]
    fn a_placeholder_is_no_secret() {
        for value in [
            "",
            "sk-…",
            "sk-...",
            "sk-xxxxXXXX",
            "<token>",
            "YOUR_TOKEN",
            "your-api-key",
            "${TOKEN}",
            "$TOKEN",
            "$token",
            "$env:TOKEN",
            "%TOKEN%",
            "***",
            "{{ secrets.TOKEN }}",
            "API_KEY",
            "AKIAIOSFODNN7EXAMPLE",
            "true",
            "$(cat token)",
            "{token}",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in ["hunter2", "correct horse", "s3cret", "Pa55word", "ABCDEFGH", "$eCr3t"] {
            assert!(!is_placeholder(value), "{value}");
        }
    }
}
