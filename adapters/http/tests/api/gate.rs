//! Host and Origin.

use poem::http::Method;

use super::house::{Answer, House, settings};

#[tokio::test]
async fn only_names_of_this_machine_and_the_configured_one_are_answered() {
    let house = House::new();
    for host in
        ["localhost", "127.0.0.1:7373", "127.9.9.9", "[::1]:80", "LOCALHOST:1", "larder.example"]
    {
        assert_eq!(house.get_with("/healthz", ("host", host)).await.status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1", "::1.evil.example", ""] {
        house.get_with("/healthz", ("host", host)).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_on_every_route() {
    let house = House::new();
    for path in ["/healthz", "/docs", "/openapi.json", "/api/v1/artifacts", "/nowhere"] {
        house.get_with(path, ("origin", "https://evil.example")).await.problem(403, "forbidden");
    }
    house.get_with("/healthz", ("origin", "null")).await.problem(403, "forbidden");
    assert_eq!(house.get_with("/healthz", ("origin", "http://localhost:7373")).await.status, 200);
    let own = ("origin", "http://larder.example:7373");
    assert_eq!(house.get_with("/healthz", own).await.status, 200);
}

#[tokio::test]
async fn a_listed_origin_may_call_and_is_told_so() {
    let mut settings = settings();
    settings.cors_origins = vec!["https://app.example".into()];
    let house = House::with(&settings);
    for (path, status) in [("/healthz", 200), ("/nowhere", 404)] {
        let answer = house.get_with(path, ("origin", "https://app.example")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    }
    let own = house.get_with("/healthz", ("origin", "http://localhost:7373")).await;
    assert_eq!((own.status, own.header("access-control-allow-origin")), (200, None));
    let evil = house.get_with("/healthz", ("origin", "https://evil.example")).await;
    evil.problem(403, "forbidden");
    assert_eq!(evil.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_preflight_is_answered_for_listed_origins_alone() {
    let mut settings = settings();
    settings.cors_origins = vec!["https://app.example".into()];
    let house = House::with(&settings);
    let ask = async |origin: &str| {
        let request = house.client.request(Method::OPTIONS, "/api/v1/artifacts");
        let request = request.header("origin", origin);
        Answer::of(request.header("access-control-request-method", "GET").send().await).await
    };
    let answer = ask("https://app.example").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PUT"));
    ask("https://evil.example").await.problem(403, "forbidden");
    ask("http://localhost:7373").await.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_request_with_two_hosts_is_no_request() {
    let house = House::new();
    let request = house.client.get("/healthz").header("host", "a").header("host", "b");
    let answer = Answer::of(request.send().await).await;
    assert!(answer.status >= 400, "{}", answer.status);
}
