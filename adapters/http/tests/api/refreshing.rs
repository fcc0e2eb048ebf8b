//! Refreshes through the API.

use larder::{
    domain::guard::RootState,
    testing::{BuildArtifact, artifact, source_name},
};

use super::house::{Answer, House, settings};

#[tokio::test]
async fn a_scoped_report_tells_of_its_collection() {
    let house = House::filled([artifact("skill:a"), artifact("skill:b")]).await;
    house.files.put(&house.work, artifact("skill:a").described("edited"));
    let report = house.post("/api/v1/user-collections/work/refresh-cache").await.json();
    assert_eq!(report["collection_id"], "work");
    assert_eq!(report["status"], "completed");
    assert_eq!((&report["updated"], &report["unchanged"]), (&1.into(), &1.into()));
    assert_eq!(report["artifacts_refreshed"], 1);
    let page = house.get("/api/v1/user-collections/work/artifacts").await.json();
    assert_eq!(page["items"][0]["description"], "edited");
    assert_eq!(page["generation"], report["generation"]);
}

#[tokio::test]
async fn a_batch_counts_each_artifact_once() {
    let house = House::filled([artifact("skill:a")]).await;
    let home = house.cover("home");
    house.files.put(&home, artifact("skill:a"));
    house.files.put(&home, artifact("skill:b"));
    let report = house.post("/api/v1/user-collections/refresh-cache?force=true").await.json();
    assert_eq!(report["collections_refreshed"], 2);
    assert_eq!(report["artifacts_refreshed"], 2, "the two that are new");
    assert_eq!(report["collections"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_guarded_source_is_a_200_that_says_so_and_how_to_go_on() {
    let house = House::filled([artifact("skill:a")]).await;
    house.files.set_root(&house.work, RootState::Missing);
    let report = house.post("/api/v1/user-collections/default/refresh-cache").await.json();
    assert_eq!(report["status"], "guarded");
    assert!(report["errors"][0]["message"].as_str().unwrap().contains("confirm_removals=1"));
    let work = house.get("/api/v1/user-collections/work").await.json();
    assert_eq!(
        (&work["last_refresh"]["status"], &work["artifact_count"]),
        (&"guarded".into(), &1.into())
    );
    assert!(work["last_refresh"]["problem"].is_string());
    let path = "/api/v1/user-collections/default/refresh-cache?confirm_removals=1";
    assert_eq!(house.post(path).await.json()["removed"], 1);
}

#[tokio::test]
async fn one_artifact_is_refreshed_alone() {
    let house = House::filled([artifact("skill:a"), artifact("skill:b")]).await;
    house.files.put(&house.work, artifact("skill:a").described("edited"));
    let scans = house.files.scans(&source_name("work"));
    let report = house.post("/api/v1/artifacts/skill:a/refresh-cache").await.json();
    assert_eq!((&report["updated"], &report["unchanged"]), (&1.into(), &0.into()));
    assert_eq!(house.files.scans(&source_name("work")), scans);
    assert_eq!(house.get("/api/v1/artifacts/skill:a").await.json()["description"], "edited");
}

#[tokio::test]
async fn a_caller_who_refreshes_too_often_is_told_when_to_come_back() {
    let mut settings = settings();
    settings.refresh_burst = 2;
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let house = House::with(&settings);
    house.larder.start().await.unwrap();
    let post = async |forwarded: &str| {
        let request = house.client.post("/api/v1/user-collections/refresh-cache");
        Answer::of(request.header("x-forwarded-for", forwarded).send().await).await
    };
    assert_eq!(post("203.0.113.9").await.status, 200);
    assert_eq!(post("198.51.100.1, 203.0.113.9").await.status, 200);
    let answer = post("192.0.2.7, 203.0.113.9").await;
    let problem = answer.problem(429, "too-many-requests");
    assert_eq!(problem["retry_after_seconds"], 1);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(post("203.0.113.10").await.status, 200, "another caller is not concerned");
}
