//! Tokens: who a caller is, and what follows from it.

use std::{sync::Arc, time::Duration};

use larder::{
    domain::caller::Scope,
    ports::{WriteError, artifact_deployer::MockArtifactDeployer},
    testing::{artifact, at},
};
use larder_http::{HttpSettings, TokenHash, TokenRule, Tokens};
use poem::http::Method;
use serde_json::json;

use super::house::{Answer, House, settings};

/// The token of that name is the name itself.
fn rule(name: &str, scope: Scope) -> TokenRule {
    TokenRule { name: name.to_owned(), scope, hash: TokenHash::of(name), expires: None }
}

/// A token for every kind of caller who has one.
pub(crate) fn tokens() -> Vec<TokenRule> {
    vec![
        rule("reader", Scope::Read),
        rule("writer", Scope::Write),
        rule("admin", Scope::Admin),
        TokenRule { expires: Some(at(100)), ..rule("expired", Scope::Admin) },
        rule("owner", Scope::Write),
        rule("stranger", Scope::Write),
    ]
}

/// What such a caller sends; nobody has no token.
pub(crate) fn bearer(caller: &str) -> Option<String> {
    (caller != "nobody").then(|| format!("Bearer {caller}"))
}

fn with_tokens() -> HttpSettings {
    HttpSettings { tokens: Tokens::new(tokens()), ..settings() }
}

impl House {
    async fn get_as(&self, caller: &str, path: &str) -> Answer {
        self.get_with(path, ("authorization", &format!("Bearer {caller}"))).await
    }
}

#[tokio::test]
async fn a_caller_is_told_who_they_are() {
    let house = House::with(&with_tokens());
    for (caller, scopes) in [
        ("reader", json!(["read"])),
        ("writer", json!(["read", "write"])),
        ("admin", json!(["read", "write", "admin"])),
        ("stranger", json!(["read", "write"])),
    ] {
        let me = house.get_as(caller, "/api/v1/me").await.json();
        assert_eq!(me, json!({"name": caller, "scopes": scopes, "expires_at": null}));
    }
}

#[tokio::test]
async fn without_tokens_everybody_may_do_everything_and_nothing_that_is_sent_changes_it() {
    let house = House::new();
    let everything =
        json!({"name": null, "scopes": ["read", "write", "admin"], "expires_at": null});
    assert_eq!(house.get("/api/v1/me").await.json(), everything);
    for sent in ["wrong", ""] {
        assert_eq!(house.get_as(sent, "/api/v1/me").await.json(), everything);
    }
}

#[tokio::test]
async fn a_token_is_good_until_the_second_in_which_it_ends() {
    let mut settings = settings();
    settings.tokens =
        Tokens::new(vec![TokenRule { expires: Some(at(110)), ..rule("ada", Scope::Read) }]);
    let house = House::with(&settings);
    house.clock.advance(Duration::from_millis(9_999));
    let me = house.get_as("ada", "/api/v1/me").await.json();
    assert_eq!(me["expires_at"], at(110).to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    house.clock.advance(Duration::from_millis(1));
    let late = house.get_as("ada", "/api/v1/me").await;
    let wrong = house.get_as("eve", "/api/v1/me").await;
    let (late, wrong) = (late.problem(401, "unauthorized"), wrong.problem(401, "unauthorized"));
    assert_eq!(late["detail"], wrong["detail"], "nobody learns which tokens there were");
    assert!(late["detail"].as_str().unwrap().contains("larder token new"), "{late}");
}

#[tokio::test]
async fn what_is_written_is_signed_with_the_tokens_name() {
    let mut deployer = MockArtifactDeployer::new();
    deployer
        .expect_transfer()
        .withf(|_, _, _, by| by == "writer")
        .times(1)
        .returning(|_, _, _, _| Err(WriteError::Busy));
    let house = House::deploying(&with_tokens(), Arc::new(deployer));
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    let send = async |method, path: &str, body| {
        house.clock.advance(Duration::from_secs(1));
        let request = house.client.request(method, path).body_json(&body);
        let request = request.header("authorization", "Bearer writer").header("if-match", "*");
        Answer::of(request.send().await).await
    };
    let path = "/api/v1/artifacts/skill:a/metadata";
    assert_eq!(send(Method::PUT, path, json!({"description": "d"})).await.status, 200);
    let deleted = send(Method::DELETE, "/api/v1/artifacts/skill:a", json!({})).await.json();
    assert_eq!(deleted["deleted_by"], "writer", "{deleted}");
    let path = format!("/api/v1/artifacts/trash/{}/restore", deleted["trash_id"].as_str().unwrap());
    assert_eq!(send(Method::POST, &path, json!({})).await.status, 200);
    let new = json!({"type": "agent", "name": "b", "description": "d"});
    assert_eq!(send(Method::POST, "/api/v1/artifacts", new).await.status, 201);
    let project = json!({"project_path": "/srv/p/shop"});
    let answer = send(Method::POST, "/api/v1/artifacts/skill:a/deploy", project).await;
    answer.problem(503, "busy");
    for (id, writes) in [("skill:a", 2), ("agent:b", 1)] {
        let history = house.get_as("reader", &format!("/api/v1/artifacts/{id}/history")).await;
        let items = history.json()["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), writes, "{}", history.text);
        assert!(items.iter().all(|item| item["by"] == "writer"), "{}", history.text);
    }
}

#[tokio::test]
async fn refreshes_are_counted_by_token_wherever_it_calls_from() {
    let settings = HttpSettings {
        refresh_burst: 1,
        trusted_proxies: vec!["127.0.0.1".parse().unwrap()],
        ..with_tokens()
    };
    let house = House::with(&settings);
    house.larder.start().await.unwrap();
    let post = async |caller: &str, from: &str| {
        let request = house.client.post("/api/v1/user-collections/refresh-cache");
        let request = request.header("authorization", format!("Bearer {caller}"));
        Answer::of(request.header("x-forwarded-for", from).send().await).await
    };
    assert_eq!(post("writer", "203.0.113.9").await.status, 200);
    post("writer", "203.0.113.10").await.problem(429, "too-many-requests");
    assert_eq!(post("owner", "203.0.113.9").await.status, 200, "another token, the same address");
    post("reader", "203.0.113.9").await.problem(403, "insufficient-scope");
}

#[tokio::test]
async fn an_address_that_no_trusted_proxy_tells_is_not_believed() {
    let house = House::with(&HttpSettings { refresh_burst: 1, ..settings() });
    house.larder.start().await.unwrap();
    let post = async |from: &str| {
        let request = house.client.post("/api/v1/user-collections/refresh-cache");
        Answer::of(request.header("x-forwarded-for", from).send().await).await
    };
    assert_eq!(post("203.0.113.9").await.status, 200);
    post("203.0.113.10").await.problem(429, "too-many-requests");
}

#[tokio::test]
async fn a_listed_origin_may_ask_before_it_has_a_token_and_read_why_it_is_refused() {
    let app = ("origin", "https://app.example");
    let settings = HttpSettings { cors_origins: vec![app.1.into()], ..with_tokens() };
    let house = House::with(&settings);
    let path = "/api/v1/user-collections/refresh-cache";
    let preflight = house.client.request(Method::OPTIONS, path).header(app.0, app.1);
    let preflight = preflight.header("access-control-request-method", "POST");
    let answer = preflight.header("access-control-request-headers", "authorization").send().await;
    let answer = Answer::of(answer).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));
    for (token, status) in [("wrong", 401), ("reader", 403)] {
        let request = house.client.post(path).header(app.0, app.1);
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer = Answer::of(request.send().await).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(app.1));
    }
}

#[tokio::test]
async fn a_good_token_opens_neither_a_foreign_origin_nor_a_foreign_host() {
    let house = House::with(&with_tokens());
    for foreign in [("origin", "https://evil.example"), ("host", "evil.example")] {
        let request = house.client.get("/api/v1/me").header("authorization", "Bearer admin");
        let answer = Answer::of(request.header(foreign.0, foreign.1).send().await).await;
        answer.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn head_needs_what_get_needs() {
    let house = House::with(&with_tokens());
    assert_eq!(house.send(Method::HEAD, "/api/v1/me").await.status, 401);
    assert_eq!(house.send(Method::HEAD, "/healthz").await.status, 200);
}
