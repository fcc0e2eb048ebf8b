//! What the reading operations answer.

use larder::{
    domain::{
        artifact::Health,
        collection::{Layout, Source},
    },
    testing::{BuildArtifact, artifact, artifact_id, source},
};

use super::house::House;

#[tokio::test]
async fn an_item_has_exactly_the_fields_of_the_contract() {
    let house = House::filled([artifact("skill:pdf")]).await;
    let item = house.get("/api/v1/artifacts").await.json()["items"][0].clone();
    let mut fields: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
    fields.sort();
    let mut contract: Vec<_> = "id name display_name type description author license tags tools \
        version version_spec source origin origin_source resolved_sha resolved_version path \
        source_collection health problem revision added_at updated_at synced_at expires_at"
        .split_whitespace()
        .collect();
    contract.sort_unstable();
    assert_eq!(fields, contract);
    assert_eq!(item["id"], "skill:pdf");
    assert_eq!(item["type"], "skill");
    assert_eq!(item["synced_at"], "2026-01-01T00:01:40Z");
    assert_eq!(item["expires_at"], "2026-01-01T00:31:40Z");
}

#[tokio::test]
async fn an_artifact_is_found_by_its_encoded_id() {
    let odd = "skill:a b/c:ü%2F";
    let house = House::filled([artifact(odd), artifact("skill:a")]).await;
    let answer = house.get("/api/v1/artifacts/skill%3Aa%20b%2Fc%3A%C3%BC%252F").await;
    let detail = answer.json();
    assert_eq!(detail["id"], odd);
    assert_eq!(detail["collections"], serde_json::json!(["default", "work"]));
    assert_eq!((&detail["editable"], &detail["stale"]), (&true.into(), &false.into()));
    assert_eq!(
        answer.header("etag").unwrap(),
        format!("\"{}\"", detail["revision"].as_str().unwrap())
    );
    assert_eq!(house.get("/api/v1/artifacts/skill:a").await.status, 200, "a colon may stand bare");
}

#[tokio::test]
async fn an_artifact_never_answers_304() {
    let house = House::filled([artifact("skill:a")]).await;
    let etag = house.get("/api/v1/artifacts/skill:a").await.header("etag").unwrap().to_owned();
    let again = house.get_with("/api/v1/artifacts/skill:a", ("if-none-match", &etag)).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn an_unknown_artifact_or_collection_is_not_found() {
    let house = House::filled([artifact("skill:a")]).await;
    let problem = house.get("/api/v1/artifacts/skill:x").await.problem(404, "not-found");
    assert!(problem["detail"].as_str().unwrap().contains("skill:x"));
    house.get("/api/v1/artifacts/skill:a?collection=nowhere").await.problem(404, "not-found");
    house.get("/api/v1/user-collections/nowhere").await.problem(404, "not-found");
    house.get("/api/v1/user-collections/nowhere/artifacts").await.problem(404, "not-found");
    house.get("/api/v1/user-collections/nowhere/artifacts/facets").await.problem(404, "not-found");
    house.post("/api/v1/user-collections/nowhere/refresh-cache").await.problem(404, "not-found");
    house.post("/api/v1/artifacts/skill:x/refresh-cache").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_shadowed_artifact_is_reached_through_its_own_collection() {
    let house = House::new();
    let home = house.cover("home");
    house.files.put(&home, artifact("skill:a").described("of home"));
    house.files.put(&house.work, artifact("skill:a").described("of work"));
    house.larder.start().await.unwrap();
    let get = async |query: &str| {
        house.get(&format!("/api/v1/artifacts/skill:a{query}")).await.json()["description"].clone()
    };
    assert_eq!(get("").await, "of home");
    assert_eq!(get("?collection=work").await, "of work");
}

#[tokio::test]
async fn what_has_no_frontmatter_in_a_plain_directory_is_not_editable() {
    let house = House::new();
    house.files.cover(Source { layout: Layout::Plain, ..source("work") });
    house.files.put(&house.work, artifact("mcp:github"));
    house.files.put(&house.work, artifact("agent:a"));
    house.larder.start().await.unwrap();
    assert_eq!(house.get("/api/v1/artifacts/mcp:github").await.json()["editable"], false);
    assert_eq!(house.get("/api/v1/artifacts/agent:a").await.json()["editable"], true);
}

#[tokio::test]
async fn content_is_text() {
    let house = House::filled([artifact("skill:a").described("# Title")]).await;
    let answer = house.get("/api/v1/artifacts/skill:a/content").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "# Title"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    house.files.delete(&house.work, &artifact_id("skill:a"));
    house.get("/api/v1/artifacts/skill:a/content").await.problem(404, "not-found");
}

#[tokio::test]
async fn facets_count_what_the_filters_let_pass() {
    let house = House::filled([
        artifact("skill:a").tagged(&["x", "y"]),
        artifact("skill:b").tagged(&["x"]).in_health(Health::Broken),
        artifact("agent:c").of_origin(None),
    ])
    .await;
    let facets = house.get("/api/v1/artifacts/facets").await.json();
    assert_eq!(facets["type"][0], serde_json::json!({"value": "skill", "count": 2}));
    assert_eq!(facets["tag"][0], serde_json::json!({"value": "x", "count": 2}));
    assert_eq!(facets["origin"], serde_json::json!([{"value": "local", "count": 2}]));
    let filtered = house.get("/api/v1/user-collections/work/artifacts/facets?health=broken").await;
    assert_eq!(filtered.json()["type"], serde_json::json!([{"value": "skill", "count": 1}]));
}

#[tokio::test]
async fn collections_are_listed_by_name_and_found_by_id() {
    let house = House::filled([artifact("skill:a")]).await;
    let list = house.get("/api/v1/user-collections").await.json();
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["default", "work"]);
    let work = house.get("/api/v1/user-collections/work").await.json();
    assert_eq!((&work["kind"], &work["artifact_count"]), (&"mirror".into(), &1.into()));
    assert_eq!(work["last_refresh"]["status"], "completed");
    let page = house.get("/api/v1/user-collections?limit=1").await.json();
    let after = page["page_info"]["end_cursor"].as_str().unwrap();
    let next = house.get(&format!("/api/v1/user-collections?limit=1&after={after}")).await.json();
    assert_eq!(next["items"][0]["id"], "work");
    let found = house.get("/api/v1/user-collections?search=WOR").await.json();
    assert_eq!(found["page_info"]["total_count"], 1);
}

#[tokio::test]
async fn cache_stats_count_by_the_ttl_that_is_asked_for() {
    let house = House::filled([artifact("skill:a"), artifact("skill:b")]).await;
    house.clock.advance(std::time::Duration::from_mins(1));
    let stats = house.get("/api/v1/user-collections/cache-stats").await.json();
    assert_eq!((&stats["total_artifacts"], &stats["stale_count"]), (&2.into(), &0.into()));
    assert_eq!(stats["oldest_sync_age_seconds"], 60);
    let path = "/api/v1/user-collections/cache-stats?ttl_seconds=60&collection_id=work";
    let stats = house.get(path).await.json();
    assert_eq!((&stats["stale_count"], &stats["percentage_stale"]), (&2.into(), &100.0.into()));
    assert_eq!(
        house.get("/api/v1/artifacts?stale=false").await.json()["page_info"]["total_count"],
        2
    );
}

#[tokio::test]
async fn metrics_come_in_the_form_that_is_asked_for() {
    let house = House::new();
    assert_eq!(house.get("/metrics").await.text, "Classic");
    let open = ("accept", "application/openmetrics-text; version=1.0.0");
    let answer = house.get_with("/metrics", open).await;
    assert_eq!(answer.text, "OpenMetrics");
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
}

#[tokio::test]
async fn the_documentation_needs_no_other_host() {
    let house = House::new();
    assert_eq!(house.get("/").await.header("location"), Some("/docs"));
    let docs = house.get("/docs").await;
    let policy = docs.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("'sha256-"), "{policy}");
    assert!(docs.text.contains("SwaggerUIBundle"));
    assert_eq!(house.get("/openapi.json").await.text, larder_http::spec());
}
