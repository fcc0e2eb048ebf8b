//! Whatever is refused is a problem document.

use std::time::Duration;

use larder::testing::artifact;
use poem::http::Method;

use super::house::{Answer, House, settings};

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let house = House::new();
    for path in ["/nowhere", "/api/v1", "/api/v1/artifacts/", "/api/v2/artifacts", "/healthz/x"] {
        house.get(path).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let house = House::new();
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/artifacts", "GET, POST, HEAD"),
        (Method::GET, "/api/v1/user-collections/refresh-cache", "POST"),
        (Method::POST, "/healthz", "GET, HEAD"),
        (Method::PATCH, "/docs", "GET, HEAD"),
        (Method::TRACE, "/openapi.json", "GET, HEAD"),
    ] {
        let answer = house.send(method, path).await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_or_repeated_query_parameter_is_named() {
    let house = House::filled([artifact("skill:a")]).await;
    let problem = house.get("/api/v1/artifacts?limt=5").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "limt");
    let problem = house.get("/api/v1/artifacts?limit=5&limit=6").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "limit");
    house.get("/healthz?x").await.problem(422, "invalid");
    assert_eq!(house.get("/api/v1/artifacts?tag=a&tag=b&type=skill&type=agent").await.status, 200);
}

#[tokio::test]
async fn a_parameter_that_does_not_validate_is_named() {
    let house = House::filled([artifact("skill:a")]).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=-1", "limit"),
        ("health=fine", "health"),
        ("sort=size", "sort"),
        ("stale=perhaps", "stale"),
        ("sort=relevance", "sort"),
        ("type=No%20Kind", "type"),
        ("after=eyJ9&before=eyJ9", "before"),
    ] {
        let problem = house.get(&format!("/api/v1/artifacts?{query}")).await;
        let problem = problem.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
        assert_ne!(problem["errors"][0]["message"], "", "{query}");
    }
    let long = format!("/api/v1/artifacts?q={}", "x".repeat(201));
    assert_eq!(house.get(&long).await.problem(422, "invalid")["errors"][0]["field"], "q");
    house.get("/api/v1/artifacts/nonsense").await.problem(422, "invalid");
    house.get("/api/v1/user-collections/cache-stats?ttl_seconds=59").await.problem(422, "invalid");
}

#[tokio::test]
async fn what_is_no_cursor_and_a_cursor_of_another_query_are_bad_cursors() {
    let house = House::filled([artifact("skill:a"), artifact("skill:b")]).await;
    house.get("/api/v1/artifacts?after=nonsense").await.problem(400, "bad-cursor");
    house.get("/api/v1/user-collections?after=e30").await.problem(400, "bad-cursor");
    let page = house.get("/api/v1/artifacts?limit=1").await.json();
    let cursor = page["page_info"]["end_cursor"].as_str().unwrap();
    for query in ["sort=-updated_at", "type=skill", "q=a"] {
        let path = format!("/api/v1/artifacts?after={cursor}&{query}");
        house.get(&path).await.problem(400, "bad-cursor");
    }
    let path = format!("/api/v1/user-collections/work/artifacts?after={cursor}");
    house.get(&path).await.problem(400, "bad-cursor");
}

#[tokio::test]
async fn a_body_where_none_belongs_is_refused_by_what_it_is() {
    let house = House::filled([]).await;
    let post = |body: &'static str, content_type: &'static str| {
        let request = house.client.post("/api/v1/user-collections/default/refresh-cache");
        let request = request.header("content-type", content_type).body(body);
        async { Answer::of(request.send().await).await }
    };
    post("a=1", "application/x-www-form-urlencoded").await.problem(415, "unsupported-media-type");
    post("{", "application/json").await.problem(400, "bad-request");
    let problem = post(r#"{"force": true}"#, "application/json").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "force");
    post("[]", "application/json").await.problem(422, "invalid");
    assert_eq!(post("{}", "application/json; charset=utf-8").await.status, 200);
    assert_eq!(post("", "application/json").await.status, 200);
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_too_large() {
    let house = House::filled([]).await;
    let request = house.client.post("/api/v1/user-collections/refresh-cache");
    let request = request.content_type("application/json").body(vec![b' '; 1024 * 1024 + 1]);
    Answer::of(request.send().await).await.problem(413, "too-large");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_and_its_refresh_goes_on() {
    let house =
        House::with(&larder_http::HttpSettings { request_timeout: Duration::ZERO, ..settings() });
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    let gate = house.files.hold(&house.work);
    let answer = house.post("/api/v1/user-collections/work/refresh-cache").await;
    let problem = answer.problem(503, "timeout");
    assert!(problem["detail"].as_str().unwrap().contains("goes on"));
    assert!(answer.header("retry-after").is_some());
    drop(gate);
}

#[tokio::test]
async fn a_database_out_of_reach_is_unavailable_and_says_nothing_of_its_inside() {
    let house = House::filled([artifact("skill:a")]).await;
    house.cache.set_unavailable(true);
    for path in ["/readyz", "/api/v1/artifacts", "/api/v1/artifacts/skill%3Aa"] {
        let answer = house.get(path).await;
        answer.problem(503, "unavailable");
        assert!(answer.header("retry-after").is_some());
        assert!(!answer.text.contains("the test took it away"), "the cause is for the log");
    }
    assert_eq!(house.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn before_the_first_fill_it_is_unavailable() {
    let house = House::new();
    house.get("/api/v1/artifacts").await.problem(503, "unavailable");
    house.get("/readyz").await.problem(503, "unavailable");
}
