//! Transfers between collections and projects, on a stand-in that copies nothing.

use std::sync::Arc;

use larder::{
    domain::{
        deployment::{
            Action, DeployStrategy, FileOutcome, ProjectName, SyncStrategy, Transfer,
            TransferredFile,
        },
        writing::Written,
    },
    ports::{WriteError, artifact_deployer::MockArtifactDeployer},
    testing::artifact,
};
use poem::http::Method;
use serde_json::{Value, json};

use super::house::{Answer, House, settings};

async fn house(deployer: MockArtifactDeployer) -> House {
    let house = House::deploying(&settings(), Arc::new(deployer));
    house.files.put(&house.work, artifact("skill:a"));
    house.larder.start().await.unwrap();
    house
}

fn refusing(error: impl Fn() -> WriteError + Send + 'static) -> MockArtifactDeployer {
    let mut deployer = MockArtifactDeployer::new();
    deployer.expect_transfer().returning(move |_, _, _, _| Err(error()));
    deployer
}

async fn post(house: &House, operation: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/artifacts/skill:a/{operation}");
    house.send_json(Method::POST, &path, None, body).await
}

#[tokio::test]
async fn each_operation_hands_on_what_was_asked_and_tells_what_became_of_the_files() {
    for (operation, strategy, expected) in [
        ("deploy", Some("overwrite"), Action::Deploy(DeployStrategy::Overwrite)),
        ("deploy", None, Action::Deploy(DeployStrategy::Merge)),
        ("undeploy", None, Action::Undeploy),
        ("sync", Some("theirs"), Action::Sync(SyncStrategy::Theirs)),
        ("sync", None, Action::Sync(SyncStrategy::Manual)),
    ] {
        let mut deployer = MockArtifactDeployer::new();
        deployer.expect_touched().returning(|_, _| Vec::new());
        deployer
            .expect_transfer()
            .withf(move |place, project, action, _| {
                place.id.as_str() == "skill:a"
                    && project.path == "/srv/p/shop"
                    && project.within == Some(Vec::new())
                    && *action == expected
            })
            .returning(|_, _, _, _| {
                let mut artifact = artifact("skill:a");
                artifact.read_at = larder::testing::at(1_000);
                let path = ".claude/skills/a/SKILL.md".to_owned();
                let files = vec![TransferredFile { path, outcome: FileOutcome::Created }];
                let project = ProjectName { root: "p".into(), path: "shop".into() };
                Ok((Transfer { project, files }, Written { artifact, changed: true }))
            });
        let house = house(deployer).await;
        let mut body = json!({"project_path": "/srv/p/shop"});
        if let Some(strategy) = strategy {
            body["strategy"] = strategy.into();
        }
        let answer = post(&house, operation, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let report = answer.json();
        assert_eq!(report["project"], json!({"root": "p", "path": "shop"}));
        assert_eq!(report["files"][0]["outcome"], "created");
        assert_eq!(report["artifact"]["cache"], "current");
        assert!(!answer.text.contains("/srv"), "no place of the disk: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_refused_is_told_by_its_kind() {
    let body = json!({"project_path": "/srv/p/shop"});
    let diverged = house(refusing(|| WriteError::Diverged(vec!["x.md".into()]))).await;
    let problem = post(&diverged, "sync", &body).await.problem(409, "diverged");
    assert_eq!(problem["paths"], json!(["x.md"]));
    let forbidden = house(refusing(|| WriteError::Forbidden("set deploy.roots".into()))).await;
    post(&forbidden, "deploy", &body).await.problem(403, "forbidden");
    let busy = house(refusing(|| WriteError::Busy)).await;
    let answer = post(&busy, "undeploy", &body).await;
    answer.problem(503, "busy");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let full = house(refusing(|| WriteError::Unwritable {
        reason: "the disk is full".into(),
        cause: "/secret/path".into(),
    }));
    let answer = post(&full.await, "deploy", &body).await;
    answer.problem(507, "unwritable");
    assert!(!answer.text.contains("secret"));
}

#[tokio::test]
async fn a_project_path_is_absolute_and_a_strategy_is_one_of_its_words() {
    let house = house(MockArtifactDeployer::new()).await;
    for (body, field) in [
        (json!({}), "project_path"),
        (json!({"project_path": "shop"}), "project_path"),
        (json!({"project_path": ""}), "project_path"),
        (json!({"project_path": "/a\u{0}b"}), "project_path"),
        (json!({"project_path": format!("/{}", "x".repeat(5_000))}), "project_path"),
        (json!({"project_path": "/a", "strategy": "ours"}), "strategy"),
    ] {
        let problem = post(&house, "deploy", &body).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{body:.60}");
    }
}
