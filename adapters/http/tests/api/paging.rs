//! Pages, in both directions.

use larder::testing::artifact;
use serde_json::Value;

use super::house::House;

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_go_forward_and_back_over_the_same_artifacts() {
    let house = House::filled((0..7).map(|n| artifact(&format!("skill:s{n}")))).await;
    for sort in ["name", "-updated_at"] {
        let base = format!("/api/v1/artifacts?limit=3&sort={sort}");
        let mut page = house.get(&base).await.json();
        assert_eq!(page["page_info"]["has_previous_page"], false);
        let mut forward = vec![names(&page)];
        while page["page_info"]["has_next_page"] == true {
            let after = page["page_info"]["end_cursor"].as_str().unwrap();
            page = house.get(&format!("{base}&after={after}")).await.json();
            forward.push(names(&page));
        }
        assert_eq!(forward.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        let mut back = vec![names(&page)];
        while page["page_info"]["has_previous_page"] == true {
            let before = page["page_info"]["start_cursor"].as_str().unwrap();
            page = house.get(&format!("{base}&before={before}")).await.json();
            back.push(names(&page));
        }
        back.reverse();
        assert_eq!(forward, back, "{sort}");
        assert_eq!(page["page_info"]["total_count"], 7);
    }
}

#[tokio::test]
async fn an_empty_page_has_no_cursors() {
    let house = House::filled([]).await;
    let page = house.get("/api/v1/artifacts").await.json();
    assert_eq!(
        page["page_info"],
        serde_json::json!({
            "has_next_page": false, "has_previous_page": false, "start_cursor": null,
            "end_cursor": null, "total_count": 0,
        })
    );
}

#[tokio::test]
async fn a_search_needs_a_word_and_an_empty_one_is_none() {
    let house = House::filled([artifact("skill:a"), artifact("skill:b")]).await;
    assert_eq!(names(&house.get("/api/v1/artifacts?q=").await.json()), ["a", "b"]);
    assert_eq!(names(&house.get("/api/v1/artifacts?q=b&sort=relevance").await.json()), ["b"]);
    let problem = house.get("/api/v1/artifacts?q=%22").await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "q");
}
