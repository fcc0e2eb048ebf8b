//! ETags of pages, lists and facets.

use std::time::Duration;

use larder::testing::{BuildArtifact, artifact};

use super::house::House;

const PATHS: [&str; 4] = [
    "/api/v1/artifacts",
    "/api/v1/artifacts/facets",
    "/api/v1/user-collections/work/artifacts",
    "/api/v1/user-collections",
];

async fn etag(house: &House, path: &str) -> String {
    house.get(path).await.header("etag").unwrap_or_else(|| panic!("{path}: no ETag")).to_owned()
}

#[tokio::test]
async fn an_answer_that_still_holds_is_not_sent_again() {
    let house = House::filled([artifact("skill:a")]).await;
    for path in PATHS {
        let etag = etag(&house, path).await;
        for held in [etag.clone(), format!("\"x\", W/{etag}"), "*".into()] {
            let answer = house.get_with(path, ("if-none-match", &held)).await;
            assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{path}");
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
            assert_eq!(answer.header("cache-control"), Some("no-cache"));
        }
        assert_eq!(house.get_with(path, ("if-none-match", "\"x\"")).await.status, 200);
    }
}

#[tokio::test]
async fn an_edit_or_a_verification_gives_another_etag() {
    let house = House::filled([artifact("skill:a")]).await;
    for path in PATHS {
        let first = etag(&house, path).await;
        house.clock.advance(Duration::from_secs(1));
        house.post("/api/v1/user-collections/refresh-cache").await;
        let verified = etag(&house, path).await;
        assert_ne!(first, verified, "{path}: expires_at has moved");
        house.files.put(&house.work, artifact("skill:a").described(path));
        house.clock.advance(Duration::from_secs(1));
        house.post("/api/v1/user-collections/work/refresh-cache").await;
        assert_ne!(verified, etag(&house, path).await, "{path}");
    }
}

#[tokio::test]
async fn each_query_has_its_own_etag() {
    let house = House::filled([artifact("skill:a"), artifact("skill:b")]).await;
    let all = etag(&house, "/api/v1/artifacts").await;
    for query in ["limit=1", "sort=-updated_at", "type=skill", "q=a"] {
        assert_ne!(all, etag(&house, &format!("/api/v1/artifacts?{query}")).await, "{query}");
    }
}

#[tokio::test]
async fn an_answer_that_the_clock_changes_has_none() {
    let house = House::filled([artifact("skill:a")]).await;
    for path in ["/api/v1/artifacts?stale=true", "/api/v1/user-collections/cache-stats"] {
        assert_eq!(house.get(path).await.header("etag"), None, "{path}");
    }
}
