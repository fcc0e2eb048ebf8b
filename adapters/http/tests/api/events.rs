//! Live updates, as they go over the wire.

use std::time::Duration;

use larder::{
    app::RefreshOptions,
    domain::{
        caller::{Caller, Scope},
        curated::NewCollection,
    },
    testing::{BuildArtifact, artifact, artifact_id, at},
};
use larder_http::{HttpSettings, TokenHash, TokenRule, Tokens};
use poem::{Response, http::StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::Instant,
};

use super::house::{Answer, House, settings};

const EVENTS: &str = "/api/v1/events";

/// The events of a stream that has ended: each one's name and data.
fn parse(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {block:?}")).trim().to_owned()
    };
    blocks
        .map(|block| {
            (field(block, "event:"), serde_json::from_str(&field(block, "data:")).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn what_happens_is_told_as_server_sent_events_until_the_server_ends() {
    let house = House::filled([artifact("skill:a")]).await;
    let response = house.client.get(EVENTS).send().await.0;
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.content_type(), Some("text/event-stream"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));

    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.post("/api/v1/user-collections/work/refresh-cache").await;
    let reading = tokio::spawn(response.into_body().into_string());
    // The reader has all there is before the end is told.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    house.larder.end();
    let events = parse(&reading.await.unwrap().unwrap());

    for (name, data) in &events {
        assert_eq!(data["type"], **name);
    }
    assert_eq!(events[0].0, "generations");
    let first = &events[0].1["collections"][0];
    assert_eq!((&first["collection_id"], &first["generation"]), (&"default".into(), &1.into()));
    let named = |wanted: &str| -> Vec<&Value> {
        events.iter().filter(|(name, _)| name == wanted).map(|(_, data)| data).collect()
    };
    assert_eq!(named("refresh-started").len(), 1);
    assert_eq!(named("refresh-finished")[0]["status"], "completed");
    let changed = named("collection-changed");
    assert_eq!(changed.len(), 2);
    assert_eq!(
        changed[1],
        &serde_json::json!({"type": "collection-changed", "collection_id": "work",
            "generation": 2, "created": 0, "updated": 1, "removed": 0})
    );
}

#[tokio::test(start_paused = true)]
async fn where_nothing_happens_a_comment_keeps_the_connection_open() {
    let house = House::filled([]).await;
    let response = house.client.get(EVENTS).send().await.0;
    let mut lines = BufReader::new(response.into_body().into_async_read()).lines();
    let begun = Instant::now();
    for _ in 0..2 {
        while !lines.next_line().await.unwrap().unwrap().starts_with(':') {}
    }
    let waited = begun.elapsed();
    assert!((20..=40).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn more_clients_than_there_are_places_are_told_to_come_back() {
    let house = House::filled([]).await;
    let mut followers = Vec::new();
    let refused = loop {
        let response = house.client.get(EVENTS).send().await;
        if response.0.status() != 200 {
            break response;
        }
        followers.push(response);
        assert!(followers.len() < 1_000, "there is a limit");
    };
    let refused = Answer::of(refused).await;
    refused.problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), Some("60"));

    followers.pop();
    for _ in 0..10_000 {
        if house.client.get(EVENTS).send().await.0.status() == 200 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("nobody makes room");
}

/// Follows until there is no more place.
async fn take_all_places(house: &House) -> Vec<Response> {
    let mut taken = Vec::new();
    while let response = house.client.get(EVENTS).send().await.0
        && response.status() == 200
    {
        taken.push(response);
    }
    taken
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_makes_room() {
    let house = House::filled([artifact("skill:a")]).await;
    let mut stalled = take_all_places(&house).await;
    for _ in 0..100 {
        let options = RefreshOptions::default();
        house.larder.refresh_collection(&Caller::local(), "work", options).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(house.get(EVENTS).await.status, 503, "one that is slow has some time");
    let mut followers = Vec::new();
    for _ in 0..10_000 {
        // Each of them waits for its client from when it comes to it.
        house.clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
        followers.extend(take_all_places(&house).await);
        if followers.len() == stalled.len() {
            break;
        }
    }
    assert_eq!(followers.len(), stalled.len(), "all of them were let go");
    // What was kept for it is all that it gets.
    let kept = stalled.remove(0).into_body().into_string();
    let kept = tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap().unwrap();
    assert!(parse(&kept).len() < 100, "{kept}");
}

#[tokio::test]
async fn a_client_that_reads_is_told_of_more_collections_than_are_kept_for_it() {
    let house = House::filled([artifact("skill:a")]).await;
    for number in 0..100 {
        let new = NewCollection::new(&format!("shelf-{number}"), None).unwrap();
        let shelf = house.larder.create_collection(&new, &Caller::local()).await.unwrap();
        let members = vec![artifact_id("skill:a")];
        house.larder.add_artifacts(shelf.id.as_str(), members, &Caller::local()).await.unwrap();
    }
    let response = house.client.get(EVENTS).send().await.0;
    house.clock.advance(Duration::from_secs(1));
    house.files.put(&house.work, artifact("skill:a").described("new"));
    house.post("/api/v1/user-collections/work/refresh-cache").await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let reading = tokio::spawn(response.into_body().into_string());
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    house.larder.end();
    let events = parse(&reading.await.unwrap().unwrap());
    let changed = events.iter().filter(|(name, _)| name == "collection-changed").count();
    assert_eq!(changed, 102);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let tokens = vec![TokenRule {
        name: "guest".to_owned(),
        scope: Scope::Read,
        hash: TokenHash::of("guest"),
        expires: Some(at(200)),
    }];
    let house = House::with(&HttpSettings { tokens: Tokens::new(tokens), ..settings() });
    house.larder.start().await.unwrap();
    let request = house.client.get(EVENTS).header("authorization", "Bearer guest");
    let response = request.send().await.0;
    assert_eq!(response.status(), 200);
    let reading = tokio::spawn(response.into_body().into_string());
    while house.clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    house.clock.set(at(200));
    assert!(reading.await.unwrap().unwrap().contains("event: generations"));
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked_and_another_goes_on() {
    let rule = |name: &str| TokenRule {
        name: name.to_owned(),
        scope: Scope::Read,
        hash: TokenHash::of(name),
        expires: None,
    };
    let tokens = Tokens::new(vec![rule("guest"), rule("friend")]);
    let house = House::with(&HttpSettings { tokens: tokens.clone(), ..settings() });
    house.larder.start().await.unwrap();
    let follow = async |bearer: &str| {
        let request = house.client.get(EVENTS).header("authorization", bearer);
        request.send().await.0
    };
    let [guest, friend] = [follow("Bearer guest").await, follow("Bearer friend").await];
    assert_eq!((guest.status(), friend.status()), (StatusCode::OK, StatusCode::OK));
    let [guest, friend] = [guest, friend].map(|it| tokio::spawn(it.into_body().into_string()));
    tokens.replace(vec![rule("friend")]);
    guest.await.unwrap().unwrap();
    assert!(!friend.is_finished());
    let me = async |bearer| house.get_with("/api/v1/me", ("authorization", bearer)).await.status;
    assert_eq!((me("Bearer guest").await, me("Bearer friend").await), (401, 200));
    tokens.replace(Vec::new());
    assert_eq!(
        me("Bearer friend").await,
        401,
        "without tokens a server that had some stays closed"
    );
    friend.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_ends_when_the_first_token_is_added_or_its_token_changes() {
    let rule = |scope, expires| TokenRule {
        name: "guest".to_owned(),
        scope,
        hash: TokenHash::of("guest"),
        expires,
    };
    let tokens = Tokens::new(Vec::new());
    let house = House::with(&HttpSettings { tokens: tokens.clone(), ..settings() });
    house.larder.start().await.unwrap();
    let changes = [(Scope::Write, None), (Scope::Read, None), (Scope::Read, Some(at(100_000)))];
    for (scope, expires) in changes {
        let request = house.client.get(EVENTS).header("authorization", "Bearer guest");
        let response = request.send().await.0;
        assert_eq!(response.status(), StatusCode::OK);
        tokens.replace(vec![rule(scope, expires)]);
        response.into_body().into_string().await.unwrap();
    }
}

#[tokio::test]
async fn without_a_database_nobody_can_begin_to_follow() {
    let house = House::filled([artifact("skill:a")]).await;
    house.cache.set_unavailable(true);
    house.get(EVENTS).await.problem(503, "unavailable");
}
