//! Every place where people keep secrets, and texts that only look like one.

use serde_json::{Value, json};

use super::*;

const SECRET: &str = "Zq7mK2pX9vL4";

/// Tokens of the public shapes; their random part is the same.
const TOKENS: [&str; 8] = [
    "ghp_Zq7mK2pX9vL4Zq7mK2pX9vL4Zq7mK2pX9vL4",
    "github_pat_Zq7mK2pX9vL4Zq7mK2pX_9vL4Zq7mK2pX9vL4",
    "sk-proj-Zq7mK2pX9vL4Zq7mK2pX9vL4",
    "xoxb-1234567890-Zq7mK2pX9vL4",
    "AKIAQ7MK2PX9VL4Z7MK2",
    "glpat-Zq7mK2pX9vL4Zq7mK2pX",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJacTdtSzJwWCJ9.Zq7mK2pX9vL4",
    "sk_live_Zq7mK2pX9vL4Zq7m",
];

fn config(text: &str) -> String {
    mask_text(text, Setting::Config).into_owned()
}

fn prose(text: &str) -> String {
    mask_text(text, Setting::Prose).into_owned()
}

fn json_masked(mut value: Value) -> Value {
    mask_json(&mut value);
    value
}

#[test]
fn tokens_of_a_public_shape_are_masked_in_every_text() {
    for token in TOKENS {
        assert_eq!(prose(&format!("Use `{token}`, then go.")), "Use `***`, then go.");
        assert_eq!(json_masked(json!({"x": [token]})), json!({"x": ["***"]}));
    }
    let key =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "Zq7m".repeat(20));
    assert_eq!(prose(&key), "-----BEGIN PRIVATE KEY-----\n***\n-----END PRIVATE KEY-----");
}

#[test]
fn secrets_of_commands_and_urls_are_masked() {
    for (text, masked) in [
        ("https://bob:SECRET@h/p", "https://***@h/p"),
        ("postgresql://u:SECRET@db:5432/x", "postgresql://***@db:5432/x"),
        ("https://h/mcp?a=1&token=SECRET&b=2", "https://h/mcp?a=1&token=***&b=2"),
        ("https://h/?api_key=SECRET", "https://h/?api_key=***"),
        ("run --api-key=SECRET -v", "run --api-key=*** -v"),
        ("run --api-key SECRET -v", "run --api-key *** -v"),
        ("run --password 'SECRET and more'", "run --password '***'"),
        ("curl -H \"Authorization: Bearer SECRET\" h", "curl -H \"Authorization: Bearer ***\" h"),
        ("curl -H 'X-Api-Key: SECRET' h", "curl -H 'X-Api-Key: ***' h"),
        ("curl -H X-Api-Key:SECRET h", "curl -H X-Api-Key:*** h"),
        ("run --token ${TOKEN:-SECRET}", "run --token ***"),
        ("curl -u bob:SECRET h", "curl -u bob:*** h"),
        ("API_KEY=SECRET npx x", "API_KEY=*** npx x"),
        ("docker run -e NAME=SECRET x", "docker run -e NAME=*** x"),
        ("Basic SECRET", "Basic ***"),
    ] {
        assert_eq!(config(&text.replace("SECRET", SECRET)), masked);
    }
    for text in [
        "https://h/p?page=2",
        "ssh://git@h/r",
        "postgresql://larder@db/x",
        "https://${USER}:${PASSWORD}@h/",
        "run --api-key ${API_KEY} --max-tokens 4096 --author me",
        "curl -H \"Authorization: Bearer $TOKEN\" h",
        "curl -H 'X-Api-Key: <key>' h",
        "Authorization: Bearer ${TOKEN}",
        "Basic usage",
        "--token --verbose",
        "Skill(better-auth:review)",
        "better-auth::skill",
        "sk-xxxxxxxxxxxxxxxxxxxx",
        "sk-learn-in-a-few-easy-steps",
    ] {
        assert_eq!(config(text), text);
    }
}

#[test]
fn prose_may_explain_flags_urls_and_headers() {
    for text in [
        "Call it with `--token VALUE` or `--key path/to/key.pem`.",
        "Connect to postgres://user:password@localhost:5432/app.",
        "Send `Authorization: Bearer eyJ...` or basic authentication2.",
        "GET /search?token=abc123&key=value",
    ] {
        assert_eq!(prose(text), text);
    }
    let text =
        prose("run --token 4f9a1c7be2d84f9a1c7be2d8, then https://h?key=4f9a1c7be2d84f9a1c7b");
    assert_eq!(text, "run --token ***, then https://h?key=***");
}

#[test]
fn json_is_masked_by_its_keys_and_its_lists_of_arguments() {
    let value = json_masked(json!({
        "a": [{"env": {"TOKEN": SECRET, "N": 1, "NONE": null}}],
        "Headers": [format!("Authorization: {SECRET}")], "environment": SECRET,
        "http_headers": {"X": SECRET}, "env_vars": [SECRET], "headersHelper": SECRET,
        "Authorization": SECRET, "bearer_token": SECRET, "apiKey": SECRET, "api_key": 12_345_678,
        "oauth": {"clientId": "public", "clientSecret": SECRET}, "max_tokens": 4096,
        "args": ["-y", "mcp-remote", "--header", format!("Authorization: Bearer {SECRET}"),
            "--api-key", SECRET, format!("--token={SECRET}"), "-e", format!("NAME={SECRET}"),
            "--key", "${KEY}", "-H", "X: ${X}"],
        "url": format!("https://h/mcp?token={SECRET}"),
        "description": "Pass --token VALUE to it.",
    }));
    assert_eq!(
        value,
        json!({
            "a": [{"env": {"TOKEN": "***", "N": "***", "NONE": null}}],
            "Headers": ["***"], "environment": "***",
            "http_headers": {"X": "***"}, "env_vars": ["***"], "headersHelper": "***",
            "Authorization": "***", "bearer_token": "***", "apiKey": "***", "api_key": "***",
            "oauth": {"clientId": "public", "clientSecret": "***"}, "max_tokens": 4096,
            "args": ["-y", "mcp-remote", "--header", "Authorization: ***",
                "--api-key", "***", "--token=***", "-e", "NAME=***",
                "--key", "${KEY}", "-H", "X: ${X}"],
            "url": "https://h/mcp?token=***",
            "description": "Pass --token VALUE to it.",
        })
    );
}

#[test]
fn frontmatter_is_masked_by_its_keys_valid_or_not() {
    let blocks = [
        (
            "env:\n  TOKEN: SECRET # mine\n  B: |\n    SECRET\n    x\nmodel: opus\n",
            "env:\n  TOKEN: ***\n  B: |\n    ***\n    ***\nmodel: opus\n",
        ),
        (
            "mcpServers:\n  x: a: b\n    env:\n    - name: T\n      value: SECRET\n    url: u\n",
            "mcpServers:\n  x: a: b\n    env:\n    - name: ***\n      ***\n    url: u\n",
        ),
        (
            "mcpServers: {x: {env: {TOKEN: SECRET}, url: u}}\n",
            "mcpServers: {x: {env: {***}, url: u}}\n",
        ),
        (
            "mcpServers:\n  - x:\n      args: [\"--api-key\", \"SECRET\"]\n      headers: {A: SECRET,\n        B: SECRET}\n      command: c\n",
            "mcpServers:\n  - x:\n      args: [\"--api-key\", \"***\"]\n      headers: ***\n        ***\n      command: c\n",
        ),
        (
            "args: [\"-u\", \"bob:SECRET\", '-e', 'NAME=SECRET x', -H, X-Own: SECRET, -e, A=${B}]\n",
            "args: [\"-u\", \"bob:***\", '-e', 'NAME=***', -H, X-Own: ***, -e, A=${B}]\n",
        ),
        (
            "args:\n  - -u\n  - bob:SECRET\n  - -H\n  - \"X-Own: SECRET\"\n  - -v\n",
            "args:\n  - -u\n  - bob:***\n  - -H\n  - \"X-Own: ***\"\n  - -v\n",
        ),
        ("hook: curl -H 'Accept: text/html' h\n", "hook: curl -H 'Accept: text/html' h\n"),
        ("args:\n  - --token\n  - SECRET\n", "args:\n  - --token\n  - ***\n"),
        (
            "api_key: SECRET\nAuthorization: >-\n  SECRET\n  x\nauth:\n  kind: none\n",
            "api_key: ***\nAuthorization: >-\n  ***\n  ***\nauth:\n  kind: none\n",
        ),
        (
            "hooks:\n  Stop:\n    - hooks:\n        - command: curl -H \"X-Api-Key: SECRET\"\n",
            "hooks:\n  Stop:\n    - hooks:\n        - command: curl -H \"X-Api-Key: ***\"\n",
        ),
        (
            "description: Use --token VALUE\nargument-hint: --key KEY\n",
            "description: Use --token VALUE\nargument-hint: --key KEY\n",
        ),
    ];
    for (block, masked) in blocks {
        let file = format!("---\n{}---\nbody\n", block.replace("SECRET", SECRET));
        assert_eq!(mask_markdown(&file), format!("---\n{masked}---\nbody\n"));
    }
}

#[test]
fn masking_is_done_once_and_keeps_the_lines() {
    let file =
        format!("---\nenv:\n  A: {SECRET}\n---\n\n{}\nhttps://a:{SECRET}{SECRET}@h\n", TOKENS[0]);
    let masked = mask_markdown(&file).into_owned();
    assert_eq!(masked, "---\nenv:\n  A: ***\n---\n\n***\nhttps://***@h\n");
    assert_eq!(mask_markdown(&masked), masked);
    let found = Some(finding(Some(6)));
    assert_eq!(finding_in_markdown(&file), found, "LOG_LEVEL may be below env as well");
    assert_eq!(finding_in_markdown(&masked), None);
}
