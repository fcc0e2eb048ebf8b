//! Every operation by every kind of caller.

use std::{collections::BTreeSet, sync::Arc};

use larder::{
    app::Larder,
    domain::{
        caller::{Caller, Scope},
        curated::NewCollection,
        deployment::{ProjectName, Transfer},
        writing::{Precondition, Written},
    },
    ports::artifact_deployer::MockArtifactDeployer,
    testing::{artifact, artifact_id, at},
};
use larder_http::{HttpSettings, Tokens};
use poem::http::Method;
use serde_json::{Value, json};

use super::{
    access::{bearer, tokens},
    house::{Answer, House, settings},
};

/// Who calls: nobody, somebody with that scope, the owner of what the operation is about, a writer who
/// is not, somebody whose token does not exist, and somebody whose token has expired.
const CALLERS: [&str; 8] =
    ["nobody", "reader", "writer", "admin", "owner", "stranger", "wrong", "expired"];

/// The status that each of [`CALLERS`] is answered.
type Statuses = [u16; 8];

fn open(ok: u16) -> Statuses {
    [ok; 8]
}

fn read(ok: u16) -> Statuses {
    [401, ok, ok, ok, ok, ok, 401, 401]
}

fn write(ok: u16) -> Statuses {
    [401, 403, ok, ok, ok, ok, 401, 401]
}

/// Of a collection that belongs to the owner.
fn owned(ok: u16) -> Statuses {
    [401, 403, 403, ok, ok, 403, 401, 401]
}

/// An operation: its id, whom it answers what, its method and its path, and its body.
type Row = (&'static str, Statuses, Method, &'static str, Option<Value>);

/// In a path and in a body, `{caller}` is who calls, and `{trash}` what was deleted for them.
fn matrix() -> Vec<Row> {
    let get = |id, statuses, path| (id, statuses, Method::GET, path, None);
    let post = |id, statuses, path, body| (id, statuses, Method::POST, path, body);
    let new = json!({"type": "command", "name": "of-{caller}", "description": "d"});
    let edit = json!({"description": "by {caller}"});
    let collection = json!({"name": "made-by-{caller}"});
    let project = || Some(json!({"project_path": "/srv/p/shop"}));
    vec![
        get("getRoot", open(303), "/"),
        get("getDocs", open(200), "/docs"),
        get("getSpec", open(200), "/openapi.json"),
        get("getHealth", open(200), "/healthz"),
        get("getReadiness", open(200), "/readyz"),
        get("getMetrics", open(200), "/metrics"),
        get("getMe", read(200), "/api/v1/me"),
        get("streamEvents", read(200), "/api/v1/events"),
        get("listUserCollections", read(200), "/api/v1/user-collections"),
        get("getCacheStats", read(200), "/api/v1/user-collections/cache-stats"),
        get("getUserCollection", read(200), "/api/v1/user-collections/work"),
        get("listCollectionArtifacts", read(200), "/api/v1/user-collections/work/artifacts"),
        get("getCollectionFacets", read(200), "/api/v1/user-collections/work/artifacts/facets"),
        post("refreshAll", write(200), "/api/v1/user-collections/refresh-cache", None),
        post(
            "refreshUserCollection",
            owned(200),
            "/api/v1/user-collections/shelf/refresh-cache",
            None,
        ),
        post("createUserCollection", write(201), "/api/v1/user-collections", Some(collection)),
        (
            "updateUserCollection",
            owned(200),
            Method::PUT,
            "/api/v1/user-collections/shelf",
            Some(edit.clone()),
        ),
        post(
            "addArtifactsToCollection",
            owned(200),
            "/api/v1/user-collections/shelf/artifacts",
            Some(json!({"artifact_ids": ["skill:kept"]})),
        ),
        (
            "removeArtifactFromCollection",
            owned(204),
            Method::DELETE,
            "/api/v1/user-collections/shelf/artifacts/skill:{caller}",
            None,
        ),
        (
            "deleteUserCollection",
            owned(204),
            Method::DELETE,
            "/api/v1/user-collections/shelf-of-{caller}",
            None,
        ),
        get("listArtifacts", read(200), "/api/v1/artifacts"),
        get("getFacets", read(200), "/api/v1/artifacts/facets"),
        get("getArtifact", read(200), "/api/v1/artifacts/skill:kept"),
        get("getArtifactContent", read(200), "/api/v1/artifacts/skill:kept/content"),
        get("getArtifactHistory", read(200), "/api/v1/artifacts/skill:kept/history"),
        get("listTrash", read(200), "/api/v1/artifacts/trash"),
        get("listDeployments", read(200), "/api/v1/artifacts/skill:kept/deployments"),
        post("refreshArtifact", write(200), "/api/v1/artifacts/skill:kept/refresh-cache", None),
        post(
            "refreshArtifact",
            owned(200),
            "/api/v1/artifacts/skill:kept/refresh-cache?collection=shelf",
            None,
        ),
        post("createArtifact", write(201), "/api/v1/artifacts", Some(new)),
        (
            "editArtifact",
            write(200),
            Method::PUT,
            "/api/v1/artifacts/skill:kept/metadata",
            Some(edit),
        ),
        ("deleteArtifact", write(200), Method::DELETE, "/api/v1/artifacts/skill:{caller}", None),
        post("restoreArtifact", write(200), "/api/v1/artifacts/trash/{trash}/restore", None),
        post("deployArtifact", write(200), "/api/v1/artifacts/skill:kept/deploy", project()),
        post("undeployArtifact", write(200), "/api/v1/artifacts/skill:kept/undeploy", project()),
        post("syncArtifact", write(200), "/api/v1/artifacts/skill:kept/sync", project()),
    ]
}

/// Pages beside the API, of which the spec does not tell.
const PAGES: [&str; 3] = ["getRoot", "getDocs", "getSpec"];

/// A house in which every operation of the matrix can succeed for each caller.
async fn house(settings: HttpSettings) -> House {
    let mut deployer = MockArtifactDeployer::new();
    deployer.expect_touched().returning(|_, _| Vec::new());
    deployer.expect_deployments().returning(|_, _| Ok(Vec::new()));
    deployer.expect_transfer().returning(|_, _, _, _| {
        let mut artifact = artifact("skill:kept");
        artifact.read_at = at(1_000);
        let project = ProjectName { root: "p".into(), path: "shop".into() };
        Ok((Transfer { project, files: Vec::new() }, Written { artifact, changed: false }))
    });
    let settings = HttpSettings { tokens: Tokens::new(tokens()), refresh_burst: 1_000, ..settings };
    let house = House::deploying(&settings, Arc::new(deployer));
    house.files.put(&house.work, artifact("skill:kept"));
    for caller in CALLERS {
        house.files.put(&house.work, artifact(&format!("skill:{caller}")));
        house.files.put(&house.work, artifact(&format!("agent:{caller}")));
    }
    house.larder.start().await.unwrap();
    fill_shelves(&house.larder).await;
    house
}

/// What the owner has put together: a shelf with an artifact for each caller to take away, and a shelf
/// for each caller to delete.
async fn fill_shelves(larder: &Arc<Larder>) {
    let owner = Caller { name: Some("owner".to_owned()), scope: Scope::Write };
    let of_callers = CALLERS.map(|caller| format!("shelf-of-{caller}"));
    for name in of_callers.iter().map(String::as_str).chain(["shelf"]) {
        let new = NewCollection::new(name, None).unwrap();
        larder.create_collection(&new, &owner).await.unwrap();
    }
    let members = CALLERS.map(|caller| artifact_id(&format!("skill:{caller}")));
    larder.add_artifacts("shelf", members.to_vec(), &owner).await.unwrap();
}

async fn ask(house: &House, row: &Row, caller: &str) -> Answer {
    let (_, _, method, path, body) = row;
    let mut path = path.replace("{caller}", caller);
    if path.contains("{trash}") {
        let id = artifact_id(&format!("agent:{caller}"));
        let any = Precondition::any();
        let deleted = house.larder.delete_artifact("default", &id, any, "ada").await.unwrap();
        path = path.replace("{trash}", &deleted.0.item.id);
    }
    house.clock.advance(std::time::Duration::from_secs(1));
    let mut request = house.client.request(method.clone(), path).header("if-match", "*");
    if let Some(authorization) = bearer(caller) {
        request = request.header("authorization", authorization);
    }
    if let Some(body) = body {
        let body = body.to_string().replace("{caller}", caller);
        request = request.content_type("application/json").body(body);
    }
    Answer::of(request.send().await).await
}

/// That an answer is what the matrix says, and a refusal what its reason asks for.
#[track_caller]
fn check(answer: &Answer, operation: &str, caller: &str, expected: u16) {
    assert_eq!(answer.status, expected, "{operation} by {caller}: {}", answer.text);
    assert!(answer.header("x-request-id").is_some());
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    match (expected, caller) {
        (401, "nobody") => {
            answer.problem(401, "unauthorized");
            assert_eq!(challenge, "Bearer realm=\"larder\"");
        }
        (401, _) => {
            answer.problem(401, "unauthorized");
            assert_eq!(challenge, "Bearer realm=\"larder\", error=\"invalid_token\"");
        }
        (403, "reader") => {
            answer.problem(403, "insufficient-scope");
            assert!(challenge.contains("error=\"insufficient_scope\", scope=\"write\""));
        }
        (403, _) => {
            answer.problem(403, "forbidden");
        }
        _ => assert_eq!(challenge, ""),
    }
}

#[tokio::test]
async fn every_operation_answers_every_kind_of_caller_as_the_matrix_says() {
    let house = house(settings()).await;
    for row in matrix() {
        for (caller, expected) in CALLERS.into_iter().zip(row.1) {
            let answer = ask(&house, &row, caller).await;
            check(&answer, row.0, caller, expected);
        }
    }
}

#[tokio::test]
async fn metrics_are_for_readers_where_the_configuration_says_so() {
    let house = house(HttpSettings { metrics_need_read: true, ..settings() }).await;
    let row = ("getMetrics", read(200), Method::GET, "/metrics", None);
    for (caller, expected) in CALLERS.into_iter().zip(row.1) {
        check(&ask(&house, &row, caller).await, row.0, caller, expected);
    }
}

#[test]
fn every_operation_of_the_spec_has_a_row_and_asks_for_a_token_where_the_matrix_does() {
    let committed = include_str!("../../../../openapi/larder.json");
    let spec: Value = serde_json::from_str(committed).unwrap();
    let scheme = &spec["components"]["securitySchemes"]["token"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&"http".into(), &"bearer".into()));
    let matrix = matrix();
    let paths = spec["paths"].as_object().unwrap().values();
    let mut documented = BTreeSet::from(PAGES);
    for operation in paths.flat_map(|path| path.as_object().unwrap().values()) {
        let id = operation["operationId"].as_str().unwrap();
        documented.insert(id);
        let row = matrix.iter().find(|(row, ..)| *row == id);
        let row = row.unwrap_or_else(|| panic!("{id} has no row in the matrix: add one"));
        let security = match (row.1[0], id) {
            (401, _) => json!([{"token": []}]),
            (_, "getMetrics") => json!([{}, {"token": []}]),
            _ => json!([]),
        };
        assert_eq!(operation["security"], security, "{id}");
        assert_eq!(operation["responses"]["401"].is_object(), security != json!([]), "{id}");
    }
    let rows: BTreeSet<&str> = matrix.iter().map(|(id, ..)| *id).collect();
    assert_eq!(rows, documented, "a row of no operation");
}
