//! Curated collections through the API.

use larder::testing::{BuildArtifact, artifact, artifact_id};
use poem::http::Method;
use serde_json::{Value, json};

use super::house::{Answer, House};

const COLLECTIONS: &str = "/api/v1/user-collections";

/// With the curated collection `mine`.
async fn house() -> House {
    let house = House::filled([artifact("skill:a").tagged(&["x"]), artifact("agent:b")]).await;
    let made = house.make(&json!({"name": "mine", "description": "What I need."})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    house
}

impl House {
    async fn make(&self, body: &Value) -> Answer {
        self.send_json(Method::POST, COLLECTIONS, None, body).await
    }

    async fn change(&self, collection: &str, body: &Value) -> Answer {
        self.send_json(Method::PUT, &format!("{COLLECTIONS}/{collection}"), None, body).await
    }

    async fn add(&self, collection: &str, ids: Value) -> Answer {
        let path = format!("{COLLECTIONS}/{collection}/artifacts");
        self.send_json(Method::POST, &path, None, &json!({"artifact_ids": ids})).await
    }

    async fn remove(&self, collection: &str, id: &str) -> Answer {
        let path = format!("{COLLECTIONS}/{collection}/artifacts/{id}");
        self.send(Method::DELETE, &path).await
    }

    async fn members(&self, collection: &str) -> Vec<String> {
        let page = self.get(&format!("{COLLECTIONS}/{collection}/artifacts")).await.json();
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["field"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_collection_is_made_at_a_location() {
    let house = house().await;
    let made = house.make(&json!({"name": " Ada's & Bob's "})).await;
    let collection = made.json();
    assert_eq!((made.status, &collection["name"]), (201, &json!("Ada's & Bob's")));
    assert_eq!(
        (&collection["kind"], &collection["description"]),
        (&json!("curated"), &json!(null))
    );
    assert_eq!(collection["created_by"], Value::Null, "the machine's own user has no name");
    let location = made.header("location").unwrap();
    assert_eq!(location, format!("{COLLECTIONS}/{}", collection["id"].as_str().unwrap()));
    assert_eq!(house.get(location).await.json(), collection);
    let by_name = house.get(&format!("{COLLECTIONS}/Ada's%20&%20Bob's")).await.json();
    assert_eq!(by_name, collection);
    let listed = house.get(&format!("{COLLECTIONS}?search=bob")).await.json();
    assert_eq!(listed["items"], json!([collection]));
}

#[tokio::test]
async fn a_name_is_had_once_and_has_limits() {
    let house = house().await;
    for taken in ["mine", "work", "default"] {
        let problem = house.make(&json!({"name": taken})).await.problem(409, "exists");
        assert!(problem["detail"].as_str().unwrap().contains("choose another"), "{problem}");
    }
    house.make(&json!({"name": "other"})).await;
    house.change("other", &json!({"name": "mine"})).await.problem(409, "exists");
    let long = "x".repeat(1_025);
    for (body, expected) in [
        (json!({}), vec!["name"]),
        (json!({"name": null}), vec!["name"]),
        (json!({"name": 5, "description": 5}), vec!["name", "description"]),
        (json!({"name": "cache-stats"}), vec!["name"]),
        (
            json!({"name": "a\nb", "description": long, "kind": "mirror"}),
            vec!["kind", "name", "description"],
        ),
    ] {
        let problem = house.make(&body).await.problem(422, "invalid");
        assert_eq!(fields(&problem), expected, "{body:.80}");
    }
}

#[tokio::test]
async fn a_collection_is_renamed_described_and_deleted() {
    let house = house().await;
    let renamed = house.change("mine", &json!({"name": "ours"})).await;
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    assert_eq!(renamed.json()["description"], "What I need.");
    let cleared = house.change("ours", &json!({"description": null})).await.json();
    assert_eq!((&cleared["name"], &cleared["description"]), (&json!("ours"), &json!(null)));
    house.change("mine", &json!({"name": "x"})).await.problem(404, "not-found");
    for (body, expected) in [
        (json!({}), vec!["body"]),
        (json!({"name": ""}), vec!["name"]),
        (json!({"name": "\t", "description": ""}), vec!["name", "description"]),
        (json!({"owner": "me"}), vec!["owner", "body"]),
        (json!({"description": ["x"]}), vec!["description"]),
    ] {
        let problem = house.change("ours", &body).await.problem(422, "invalid");
        assert_eq!(fields(&problem), expected, "{body}");
    }
    let path = format!("{COLLECTIONS}/ours");
    let deleted = house.send(Method::DELETE, &path).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    house.send(Method::DELETE, &path).await.problem(404, "not-found");
}

#[tokio::test]
async fn mirrors_and_default_are_what_the_files_make_them() {
    let house = house().await;
    for collection in ["work", "default"] {
        let path = format!("{COLLECTIONS}/{collection}");
        house.send(Method::DELETE, &path).await.problem(409, "follows-files");
        house.change(collection, &json!({"name": "x"})).await.problem(409, "follows-files");
        house.add(collection, json!(["skill:a"])).await.problem(409, "follows-files");
        house.remove(collection, "skill:a").await.problem(409, "follows-files");
    }
    house.files.uncover(&house.work);
    house.post(&format!("{COLLECTIONS}/refresh-cache")).await;
    let deleted = house.send(Method::DELETE, &format!("{COLLECTIONS}/work")).await;
    assert_eq!(deleted.status, 204, "a detached one can go: {}", deleted.text);
}

#[tokio::test]
async fn an_addition_tells_what_became_of_each_artifact() {
    let house = house().await;
    let added = house.add("mine", json!(["skill:a", "skill:none", "skill:a"])).await;
    assert_eq!(added.status, 200, "{}", added.text);
    let expected =
        json!({"added": ["skill:a"], "already_present": [], "not_found": ["skill:none"]});
    assert_eq!(added.json(), expected);
    let again = house.add("mine", json!(["agent:b", "skill:a"])).await.json();
    let expected = json!({"added": ["agent:b"], "already_present": ["skill:a"], "not_found": []});
    assert_eq!(again, expected);
    assert_eq!(house.members("mine").await, ["skill:a", "agent:b"]);
    let tagged = house.get(&format!("{COLLECTIONS}/mine/artifacts?tag=x")).await.json();
    assert_eq!(tagged["page_info"]["total_count"], 1);
    let detail = house.get("/api/v1/artifacts/skill:a?collection=mine").await.json();
    assert_eq!(detail["collections"].as_array().unwrap().len(), 3);
    house.add("nowhere", json!(["skill:a"])).await.problem(404, "not-found");
}

#[tokio::test]
async fn an_addition_names_1_to_1000_ids() {
    let house = house().await;
    let many: Vec<String> = (0..1_001).map(|n| format!("skill:s{n}")).collect();
    for (ids, expected) in [
        (json!([]), vec!["artifact_ids"]),
        (json!(null), vec!["artifact_ids"]),
        (json!("skill:a"), vec!["artifact_ids"]),
        (json!([5]), vec!["artifact_ids"]),
        (json!(many), vec!["artifact_ids"]),
        (json!(["skill:a", "a", "skill:\u{0}"]), vec!["artifact_ids[1]", "artifact_ids[2]"]),
    ] {
        let problem = house.add("mine", ids).await.problem(422, "invalid");
        assert_eq!(fields(&problem), expected);
    }
    assert!(house.members("mine").await.is_empty());
    let most = house.add("mine", json!(many[..1_000])).await.json();
    assert_eq!(most["not_found"].as_array().unwrap().len(), 1_000);
}

#[tokio::test]
async fn an_artifact_is_taken_out_once() {
    let house = house().await;
    house.add("mine", json!(["skill:a"])).await;
    let removed = house.remove("mine", "skill:a").await;
    assert_eq!((removed.status, removed.text.as_str()), (204, ""));
    house.remove("mine", "skill:a").await.problem(404, "not-found");
    house.remove("mine", "nothing").await.problem(422, "invalid");
    assert!(house.members("mine").await.is_empty());
    assert_eq!(house.members("default").await.len(), 2);
}

#[tokio::test]
async fn a_report_counts_what_went_from_curated_collections_and_came_back() {
    let house = house().await;
    house.add("mine", json!(["skill:a"])).await;
    house.files.delete(&house.work, &artifact_id("skill:a"));
    let refresh = format!("{COLLECTIONS}/work/refresh-cache");
    let report = house.post(&refresh).await.json();
    assert_eq!((&report["removed"], &report["hidden"]), (&json!(1), &json!(1)), "{report}");
    assert!(house.members("mine").await.is_empty());
    house.files.put(&house.work, artifact("skill:a"));
    let report = house.post(&refresh).await.json();
    assert_eq!((&report["created"], &report["returned"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(house.members("mine").await, ["skill:a"]);
}
