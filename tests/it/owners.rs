//! A curated collection belongs to who made it.

use std::sync::Arc;

use larder::domain::caller::Scope;
use larder_http::{TokenHash, TokenRule};
use poem::http::Method;

use crate::{
    changes::on_both,
    house::{Backend, House, managed},
};

async fn a_curated_collection_is_refreshed_by_its_owner_and_by_admin(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 1);
    let callers = [("ada", Scope::Write), ("bob", Scope::Write), ("root", Scope::Admin)];
    let token = |(name, scope): (&str, Scope)| TokenRule {
        name: name.to_owned(),
        scope,
        hash: TokenHash::of(name),
        expires: None,
    };
    let house = House::open_for(&files, backend, callers.map(token).into()).await;
    house
        .execute(
            "INSERT INTO collections \
             (id, name, sort_name, kind, created_by, created_at, updated_at) VALUES \
             ('01JGF000000000000000000000', 'hers', 'hers', 'curated', 'ada', 1, 1), \
             ('01JGF000000000000000000001', 'before tokens', 'before', 'curated', NULL, 1, 1)",
        )
        .await;
    for (collection, caller, status) in [
        ("hers", "ada", 200),
        ("hers", "bob", 403),
        ("hers", "root", 200),
        ("before%20tokens", "ada", 403),
        ("before%20tokens", "root", 200),
        ("work", "bob", 200),
    ] {
        let path = format!("user-collections/{collection}/refresh-cache");
        let answer = house.send_as(caller, Method::POST, &path).await;
        assert_eq!(answer.status, status, "{collection} by {caller}: {}", answer.text);
        if status == 403 {
            let problem = answer.problem(403, "forbidden");
            assert!(problem["detail"].as_str().unwrap().contains("somebody else"), "{problem}");
        }
    }
    for (caller, status) in [("bob", 200), ("eve", 401)] {
        let answer = house.send_as(caller, Method::GET, "user-collections/hers/artifacts").await;
        assert_eq!(answer.status, status, "reading by {caller}: {}", answer.text);
    }
    house.close().await;
}

on_both! {
    a_curated_collection_is_refreshed_by_its_owner_and_by_admin
}
