//! Secrets in a text, by what is around them.

use std::{ops::Range, sync::LazyLock};

use regex::{Captures, Regex};

use super::{
    names::{is_generated, is_placeholder, is_secret_argument},
    tokens,
};

/// How readily a value counts as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Text for people: `--token VALUE` may be an explanation, so the value must look generated.
    Prose,
    /// Commands, arguments, URLs: the place alone makes the value a secret.
    Config,
}

/// The names of flags, query parameters, headers and variables that may hold a secret. The names
/// that match are judged word by word afterwards.
const NAME: &str =
    r"(?-u:[\w.-]*(?:key|token|secret|passw|passphrase|pwd|auth|credential|bearer|cookie)[\w.-]*)";

/// A value: a reference to another place, a quoted text, or everything up to a separator.
const VALUE: &str = r#"(\$\{[^}\n]*\}|\{\{[^}\n]*\}\}|\$\([^)\n]*\)|<[^>\n]*>|"[^"\n]*"|'[^'\n]*'|[^\s"'`,;)|&<>\]}]+)"#;

/// A flag and the next item of a list (`["-u", "…"]`, or `- …` on the next line), of which the part
/// after PREFIX is secret: up to the closing quote, or to the end of an item without quotes.
const ITEM: &str = r#"(?:^|[\s"'\[,])(?:FLAG)["']?\s*(?:,\s*|\n\s*-\s+)(?:["']PREFIX([^"'\n]+)|PREFIX([^,\]"'\n]+))"#;

/// A rule of what precedes a secret.
struct Rule {
    /// A text without any of these cannot match: searching for them is far cheaper.
    needs: &'static [&'static str],
    pattern: Regex,
    /// Whether it applies to prose as well.
    in_prose: bool,
    /// The secret of a match, if it is one.
    secret: fn(&str, &Captures<'_>, Setting) -> Option<Range<usize>>,
}

/// Where secrets are in a text; ranges may overlap.
pub(super) fn spans(text: &str, setting: Setting) -> Vec<Range<usize>> {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(rules);
    let mut spans: Vec<Range<usize>> = tokens::spans(text).collect();
    let applies = |rule: &&Rule| {
        (rule.in_prose || setting == Setting::Config)
            && rule.needs.iter().any(|part| text.contains(part))
    };
    for rule in RULES.iter().filter(applies) {
        let found = rule.pattern.captures_iter(text);
        spans.extend(found.filter_map(|captures| (rule.secret)(text, &captures, setting)));
    }
    spans
}

fn rules() -> Vec<Rule> {
    let rule = |needs, in_prose, secret, pattern: &str| {
        let pattern = pattern.replace("NAME", NAME).replace("VALUE", VALUE);
        Rule { needs, pattern: Regex::new(&pattern).expect("a valid pattern"), in_prose, secret }
    };
    let item = |needs, flag: &str, prefix: &str| {
        rule(needs, false, first, &ITEM.replace("FLAG", flag).replace("PREFIX", prefix))
    };
    vec![
        // User and password of a URL (RFC 3986, section 3.2.1).
        rule(&["://"], true, user_info, r#"://([^\s/?#"'<>`]+)@"#),
        rule(&["?", "&"], true, named, r#"(?i)[?&](NAME)=([^\s&#"'<>`]+)"#),
        // Also the next item of a list: `"--token", "…"`, or `- …` on the next line.
        rule(&["--"], true, flag, r#"(?i)--(NAME)["']?\s*[=,\s]\s*(?:-\s+)?VALUE"#),
        rule(&["earer", "EARER", "asic", "ASIC"], true, scheme, r"(?i)\b(?:bearer|basic)\s+VALUE"),
        rule(&["PRIVATE KEY"], true, key_block, r"-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]+)"),
        rule(&["-"], false, flag, r#"(?i)-(NAME)["']?\s*[=,\s]\s*(?:-\s+)?VALUE"#),
        // `Authorization: Bearer …`, `API_KEY=…`, and the same in JSON or YAML. `auth:login` may be
        // the name of a command.
        rule(
            &[": ", ":\"", ":'", "="],
            false,
            named,
            r#"(?i)(NAME)["']?[ \t]*(?:=[ \t]*|:[ \t]+|:["'])(?:["']?(?:bearer|basic|token)\s+)?VALUE"#,
        ),
        rule(&[":"], false, named, r"(?i)((?-u:[\w-]*)(?:authorization|api-?key)):VALUE"),
        // `curl -u name:…`, `docker run -e NAME=…`.
        rule(&["-u"], false, first, r#"(?:^|\s)(?:-u|--user)[=\s]\s*["']?[^\s:"']+:([^\s"']+)"#),
        rule(&["-e"], false, first, r#"(?:^|\s)(?:-e|--env)[=\s]\s*["']?[A-Za-z_]\w*=VALUE"#),
        // The same as arguments in a list, as in `values`.
        item(&["-u"], "-u|--user|--proxy-user", r#"[^\s:"']+:"#),
        item(&["-e"], "-e|--env", r"[A-Za-z_]\w*="),
        item(&["-H", "--header"], "-H|--header", r"[\w-]+:[ \t]*"),
    ]
}

/// Whether the value of such a place is a secret.
fn is_secret(value: &str, setting: Setting) -> bool {
    !is_placeholder(value) && (setting == Setting::Config || is_generated(value))
}

/// The group, without quotes, if it is a secret.
fn secret(captures: &Captures<'_>, group: usize, setting: Setting) -> Option<Range<usize>> {
    let found = captures.get(group)?;
    let inner = found.as_str().trim_matches(['"', '\'']);
    let start =
        found.start() + (found.len() - found.as_str().trim_start_matches(['"', '\'']).len());
    is_secret(inner, setting).then(|| start..start + inner.len())
}

fn first(_: &str, captures: &Captures<'_>, setting: Setting) -> Option<Range<usize>> {
    secret(captures, 1, setting).or_else(|| secret(captures, 2, setting))
}

fn named(_: &str, captures: &Captures<'_>, setting: Setting) -> Option<Range<usize>> {
    is_secret_argument(&captures[1]).then(|| secret(captures, 2, setting)).flatten()
}

fn flag(text: &str, captures: &Captures<'_>, setting: Setting) -> Option<Range<usize>> {
    let before = text[..captures.get(0)?.start()].chars().next_back();
    // Inside a word, as in `well-authored text`, or before another flag, it has no value.
    let is_flag = before.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_');
    // On the next line there may be a key of YAML.
    let is_value = !captures[2].starts_with('-') && !captures[2].ends_with(':');
    (is_flag && is_value).then(|| named(text, captures, setting)).flatten()
}

fn scheme(_: &str, captures: &Captures<'_>, setting: Setting) -> Option<Range<usize>> {
    /// "Basic usage" is no credential; the shortest real one is base64 of `a:b`, which is no word.
    const SHORTEST: usize = 8;
    let value = &captures[1];
    let is_word = value.len() < SHORTEST && value.chars().all(char::is_alphabetic);
    (!is_word).then(|| secret(captures, 1, setting)).flatten()
}

/// The whole user information: a token may be in place of the user.
fn user_info(text: &str, captures: &Captures<'_>, setting: Setting) -> Option<Range<usize>> {
    let found = captures.get(1)?;
    let is_secret = if let Some((user, password)) = found.as_str().split_once(':') {
        is_secret(password, setting) || is_secret(user, Setting::Prose)
    } else {
        let scheme = &text[..found.start() - "://".len()];
        // `git@` and the user of a database are names.
        (scheme.ends_with("http") || scheme.ends_with("https"))
            && is_secret(found.as_str(), Setting::Prose)
    };
    is_secret.then(|| found.range())
}

fn key_block(_: &str, captures: &Captures<'_>, _: Setting) -> Option<Range<usize>> {
    /// The shortest real key, an Ed25519 one, has 64 characters.
    const SHORTEST: usize = 60;
    let found = captures.get(1)?;
    let key = found.as_str();
    (key.len() >= SHORTEST && !is_placeholder(key)).then(|| found.range())
}
