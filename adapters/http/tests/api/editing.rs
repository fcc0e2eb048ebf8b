//! Edits under optimistic locking, creations, deletions, restorations, and their refusals.

use larder::testing::{BuildArtifact, artifact, artifact_id};
use poem::http::Method;
use serde_json::{Value, json};

use super::house::{Answer, House};

const PATH: &str = "/api/v1/artifacts/skill:a/metadata";

async fn house() -> House {
    let a = artifact("skill:a").described("first").tagged(&["x"]);
    House::filled([a, artifact("agent:b")]).await
}

impl House {
    async fn etag(&self) -> String {
        let answer = self.get("/api/v1/artifacts/skill:a").await;
        answer.header("etag").unwrap().to_owned()
    }

    async fn put(&self, if_match: Option<&str>, body: &Value) -> Answer {
        self.send_json(Method::PUT, PATH, if_match, body).await
    }
}

#[tokio::test]
async fn an_edit_with_the_etag_answers_the_artifact_as_read_back_and_its_new_etag() {
    let house = house().await;
    let etag = house.etag().await;
    let body = json!({"description": "second", "tags": ["y", "x", "y"], "author": null});
    let answer = house.put(Some(&etag), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let edited = answer.json();
    assert_eq!(edited["description"], "second");
    assert_eq!(edited["tags"], json!(["y", "x"]));
    assert_eq!((&edited["cache"], &edited["editable"]), (&json!("current"), &json!(true)));
    assert_eq!(edited["collections"], json!(["default", "work"]));
    let new = answer.header("etag").unwrap();
    assert_eq!(new, format!("\"{}\"", edited["revision"].as_str().unwrap()));
    assert_ne!(new, etag);
    assert_eq!(house.etag().await, new);

    let history = house.get("/api/v1/artifacts/skill:a/history").await.json();
    assert_eq!(history["items"][0]["fields"], json!(["description", "tags"]));
    assert_eq!(history["items"][0]["by"], "local");
    assert_eq!(history["items"][0]["revision_after"], edited["revision"]);
}

#[tokio::test]
async fn a_lost_race_is_412_by_header_and_409_by_body_and_tells_yours_and_theirs() {
    let house = house().await;
    let old = house.etag().await;
    house.put(Some("*"), &json!({"description": "theirs"})).await;
    let current = house.etag().await;

    let body = json!({"description": "mine", "tags": ["x"]});
    let problem = house.put(Some(&old), &body).await.problem(412, "precondition-failed");
    assert_eq!(format!("\"{}\"", problem["current_revision"].as_str().unwrap()), current);
    assert_eq!(problem["current"]["description"], "theirs");
    assert_eq!(
        problem["conflicts"],
        json!([{"field": "description", "yours": "mine", "current": "theirs"}]),
        "tags are the same on both sides"
    );

    let body = json!({"description": "mine", "expected_revision": old.trim_matches('"')});
    let problem = house.put(None, &body).await.problem(409, "conflict");
    assert_eq!(problem["conflicts"][0]["field"], "description");

    let body = json!({"description": "mine", "expected_revision": old.trim_matches('"')});
    house.put(Some(&old), &body).await.problem(412, "precondition-failed");
    house.put(Some(&current), &body).await.problem(409, "conflict");
    assert_eq!(house.get("/api/v1/artifacts/skill:a").await.json()["description"], "theirs");
}

#[tokio::test]
async fn without_a_precondition_nothing_is_written() {
    let house = house().await;
    let problem = house.put(None, &json!({"description": "x"})).await;
    let problem = problem.problem(428, "precondition-required");
    assert!(problem["detail"].as_str().unwrap().contains("If-Match"), "{problem}");
    let delete = house.send(Method::DELETE, "/api/v1/artifacts/skill:a").await;
    delete.problem(428, "precondition-required");
    let etag = house.etag().await;
    let weak = format!("W/{etag}");
    assert_eq!(house.put(Some(&weak), &json!({"version": "2"})).await.status, 200);
    house.put(Some("no tag"), &json!({"version": "2"})).await.problem(400, "bad-request");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_body_is_told_at_once() {
    let house = house().await;
    let fields = |problem: &Value| -> Vec<String> {
        let errors = problem["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    };
    let body = json!({"description": ["a"], "author": 5, "tag": ["x"]});
    let problem = house.put(Some("*"), &body).await.problem(422, "invalid");
    assert_eq!(fields(&problem), ["tag", "description", "author"]);
    let body = json!({"description": "a\u{0}b", "author": "a\nb", "version": "2"});
    let problem = house.put(Some("*"), &body).await.problem(422, "invalid");
    assert_eq!(fields(&problem), ["description", "author"]);
    for (body, field) in [
        (json!({}), "body"),
        (json!({"expected_revision": "0".repeat(64)}), "body"),
        (json!({"author": "Ada", "expected_revision": "x"}), "expected_revision"),
        (json!({"description": ""}), "description"),
        (json!({"description": "x".repeat(1_025)}), "description"),
        (json!({"description": "x".repeat(1_000_000)}), "description"),
        (json!({"author": "x".repeat(256)}), "author"),
        (json!({"license": "x".repeat(101)}), "license"),
        (json!({"version": 1.0}), "version"),
        (json!({"tags": "x"}), "tags"),
        (json!({"tags": [1]}), "tags"),
        (json!({"tags": (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>()}), "tags"),
        (json!({"tags": ["x".repeat(65)]}), "tags"),
        (json!({"tags": ["a\u{0}b"]}), "tags"),
        (json!({"name": "other"}), "name"),
        (json!([1]), "body"),
    ] {
        let problem = house.put(Some("*"), &body).await.problem(422, "invalid");
        assert_eq!(fields(&problem)[0], field, "{body:.80}");
    }
    assert_eq!(house.get("/api/v1/artifacts/skill:a").await.json()["description"], "first");
}

#[tokio::test]
async fn what_get_answers_is_accepted_whatever_its_size_and_written_nowhere() {
    let long = "line\tof a description\n".repeat(500);
    let tags: Vec<String> = (0..60).map(|n| format!("{n}{}", "x".repeat(80))).collect();
    let mut a = artifact("skill:a").described(long.trim_end());
    a.metadata.author = Some("a".repeat(300));
    a.metadata.license = Some("two\nlines".into());
    a.metadata.tags = tags;
    let house = House::filled([a]).await;
    let shown = house.get("/api/v1/artifacts/skill:a").await;
    let etag = shown.header("etag").unwrap().to_owned();
    let shown = shown.json();
    let mut body = json!({});
    for field in ["description", "author", "license", "tags", "version"] {
        body[field] = shown[field].clone();
    }
    let answer = house.put(Some(&etag), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("etag"), Some(&*etag));
    let history = house.get("/api/v1/artifacts/skill:a/history").await.json();
    assert_eq!(history["items"], json!([]));

    body["license"] = "MIT".into();
    let edited = house.put(Some(&etag), &body).await;
    assert_eq!(edited.status, 200, "{}", edited.text);
    assert_eq!(edited.json()["license"], "MIT");
    let history = house.get("/api/v1/artifacts/skill:a/history").await.json();
    assert_eq!(history["items"][0]["fields"], json!(["license"]));
}

#[tokio::test]
async fn a_body_is_json_of_a_fair_size() {
    let house = house().await;
    let send = |content_type: &'static str, body: String| {
        let request =
            house.client.put(PATH).header("if-match", "*").header("content-type", content_type);
        async move { Answer::of(request.body(body).send().await).await }
    };
    send("application/json", "{".into()).await.problem(400, "bad-request");
    send("text/plain", "{}".into()).await.problem(415, "unsupported-media-type");
    let large = format!("{{\"description\": \"{}\"}}", "x".repeat(1 << 20));
    send("application/json", large).await.problem(413, "too-large");
    let charset = send("application/json; charset=utf-8", "{\"version\": \"3\"}".into()).await;
    assert_eq!(charset.status, 200, "{}", charset.text);
}

#[tokio::test]
async fn a_new_artifact_is_created_at_a_location_and_once() {
    let house = house().await;
    let body =
        json!({"type": "skill", "name": "review-sql", "description": "d", "tools": ["Read"]});
    let answer = house.send_json(Method::POST, "/api/v1/artifacts", None, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let location = answer.header("location").unwrap();
    assert_eq!(location, "/api/v1/artifacts/skill:review-sql");
    let found = house.get(location).await;
    assert_eq!(found.header("etag"), answer.header("etag"));
    let again = house.send_json(Method::POST, "/api/v1/artifacts", None, &body).await;
    again.problem(409, "exists");
    for (body, field) in [
        (json!({"type": "hook", "name": "a", "description": "d"}), "type"),
        (json!({"type": "skill", "name": "../a", "description": "d"}), "name"),
        (json!({"type": "skill", "name": "%2e%2e", "description": "d"}), "name"),
        (json!({"type": "skill", "name": "a", "description": null}), "description"),
        (json!({"name": "a", "description": "d"}), "type"),
        (json!({"type": "skill", "name": "a", "description": "d", "body": "\u{0}"}), "body"),
        (json!({"type": "skill", "name": "a", "description": "d", "path": "/etc"}), "path"),
    ] {
        let answer = house.send_json(Method::POST, "/api/v1/artifacts", None, &body).await;
        let problem = answer.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn a_new_artifact_needs_one_place_to_go_to() {
    let house = house().await;
    house.cover("other");
    house.post("/api/v1/user-collections/refresh-cache").await;
    let body = |collection: Option<&str>| {
        let mut body = json!({"type": "agent", "name": "new", "description": "d"});
        body["collection"] = collection.into();
        body
    };
    let create = |body: Value| {
        let house = &house;
        async move { house.send_json(Method::POST, "/api/v1/artifacts", None, &body).await }
    };
    let problem = create(body(None)).await.problem(422, "invalid");
    assert!(problem["detail"].as_str().unwrap().contains("other, work"), "{problem}");
    create(body(Some("nowhere"))).await.problem(404, "not-found");
    let created = create(body(Some("work"))).await;
    assert_eq!(created.status, 201);
    let shadowed = create(body(Some("other"))).await;
    assert_eq!(shadowed.json()["source_collection"], "other", "{}", shadowed.text);
    let created = create(json!({"type": "agent", "name": "b", "description": "d",
        "collection": "other"}));
    let location = created.await.header("location").unwrap().to_owned();
    assert_eq!(house.get(&location).await.json()["source_collection"], "other");
}

#[tokio::test]
async fn a_deleted_artifact_is_in_the_trash_and_comes_back() {
    let house = house().await;
    let stale = format!("/api/v1/artifacts/skill:a?expected_revision={}", "0".repeat(64));
    house.send(Method::DELETE, &stale).await.problem(409, "conflict");
    let malformed = "/api/v1/artifacts/skill:a?expected_revision=0";
    house.send(Method::DELETE, malformed).await.problem(422, "invalid");
    let etag = house.etag().await;
    let path = format!("/api/v1/artifacts/skill:a?expected_revision={}", etag.trim_matches('"'));
    house.clock.advance(std::time::Duration::from_secs(1));
    let deleted = house.send(Method::DELETE, &path).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let deleted = deleted.json();
    assert_eq!(
        (&deleted["artifact_id"], &deleted["cache"]),
        (&"skill:a".into(), &"current".into())
    );
    house.get("/api/v1/artifacts/skill:a").await.problem(404, "not-found");
    let trash = house.get("/api/v1/artifacts/trash").await.json();
    assert_eq!(trash["items"][0]["trash_id"], deleted["trash_id"]);
    assert_eq!(trash["total_count"], 1);
    let id = deleted["trash_id"].as_str().unwrap();
    let behind = house.get(&format!("/api/v1/artifacts/trash?limit=1&after={id}")).await.json();
    assert_eq!((&behind["items"], &behind["total_count"]), (&json!([]), &json!(1)));
    house.get("/api/v1/artifacts/trash?limit=0").await.problem(422, "invalid");
    assert!(!house.files.has(&house.work, &artifact_id("skill:a")));

    let restore =
        format!("/api/v1/artifacts/trash/{}/restore", deleted["trash_id"].as_str().unwrap());
    let restored = house.send(Method::POST, &restore).await;
    assert_eq!(restored.status, 200, "{}", restored.text);
    assert_eq!(restored.header("etag"), Some(etag.as_str()));
    assert_eq!(house.etag().await, etag);
    house.send(Method::POST, &restore).await.problem(404, "not-found");
}

#[tokio::test]
async fn what_is_not_there_cannot_be_written() {
    let house = house().await;
    let path = "/api/v1/artifacts/skill:none/metadata";
    let answer = house.send_json(Method::PUT, path, Some("*"), &json!({"version": "1"})).await;
    answer.problem(404, "not-found");
    for id in ["skill:..%2F..%2Fetc", "skill:%252e%252e", "skill:a%00b", "nonsense"] {
        let path = format!("/api/v1/artifacts/{id}/metadata");
        let answer = house.send_json(Method::PUT, &path, Some("*"), &json!({"version": "1"})).await;
        assert!([404, 422].contains(&answer.status), "{id}: {}", answer.text);
    }
    let history = house.get("/api/v1/artifacts/skill:none/history").await;
    history.problem(404, "not-found");
}
