//! Every operation that changes something leaves the rows of every collection as the files are. The
//! operations come from the spec: one that has no case here fails.

use std::{collections::BTreeMap, sync::Arc};

use poem::http::Method;
use serde_json::{Value, json};

use crate::{
    changes::on_both,
    house::{Backend, House, entry, managed, skill, write},
};

/// What these change lives in the database alone, and no file tells what it should be: see `curated`.
const OF_THE_DATABASE: [&str; 5] = [
    "createUserCollection",
    "updateUserCollection",
    "deleteUserCollection",
    "addArtifactsToCollection",
    "removeArtifactFromCollection",
];

/// What is done before an operation, and its request.
struct Case {
    method: Method,
    path: String,
    if_match: Option<&'static str>,
    body: Option<Value>,
}

impl Case {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), if_match: None, body: None }
    }

    fn guarded(self) -> Self {
        Self { if_match: Some("*"), ..self }
    }

    fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// The request of an operation, with what it needs done before; `None` for one that is unknown.
async fn case(house: &House, operation: &str) -> Option<Case> {
    let project = house.files.path().join("projects/shop").to_string_lossy().into_owned();
    let project = json!({"project_path": project});
    let deployed = |operation: &str| {
        Case::new(Method::POST, format!("artifacts/skill:s1/{operation}?collection=work"))
            .with(project.clone())
    };
    Some(match operation {
        // Somebody has edited a file: what a refresh is for.
        "refreshAll" | "refreshUserCollection" | "refreshArtifact" => {
            house.write("collections/work/skills/s0/SKILL.md", skill("Edited elsewhere."));
            Case::new(
                Method::POST,
                match operation {
                    "refreshAll" => "user-collections/refresh-cache",
                    "refreshUserCollection" => "user-collections/work/refresh-cache",
                    _ => "artifacts/skill:s0/refresh-cache?collection=work",
                },
            )
        }
        "createArtifact" => Case::new(Method::POST, "artifacts").with(json!({
            "type": "agent", "name": "new-one", "description": "New.", "tags": ["n"],
            "tools": ["Read"], "body": "# New\n", "collection": "work",
        })),
        "editArtifact" => Case::new(Method::PUT, "artifacts/skill:s0/metadata?collection=work")
            .guarded()
            .with(json!({"description": "Edited: here.", "author": "Ada", "tags": ["é", "x, y"]})),
        "deleteArtifact" => Case::new(Method::DELETE, "artifacts/skill:s0").guarded(),
        "restoreArtifact" => {
            let deleted = house.delete("artifacts/skill:s1").await.is(200);
            let id = deleted["trash_id"].as_str().unwrap().to_owned();
            Case::new(Method::POST, format!("artifacts/trash/{id}/restore"))
        }
        "deployArtifact" => deployed("deploy"),
        "undeployArtifact" => {
            let deploy = deployed("deploy");
            house.send(deploy.method, &deploy.path, None, deploy.body.as_ref()).await;
            deployed("undeploy")
        }
        "syncArtifact" => {
            let deploy = deployed("deploy");
            house.send(deploy.method, &deploy.path, None, deploy.body.as_ref()).await;
            house.write("projects/shop/.claude/skills/s1/SKILL.md", skill("From the project."));
            deployed("sync")
        }
        _ => return None,
    })
}

/// The operations of the spec that change something of which files tell.
fn mutating() -> Vec<String> {
    let spec: Value = serde_json::from_str(&larder_http::spec()).unwrap();
    let paths = spec["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().iter());
    operations
        .filter(|(method, _)| *method != "get")
        .map(|(_, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .filter(|operation| !OF_THE_DATABASE.contains(&operation.as_str()))
        .collect()
}

/// All rows by collection and id, without what only tells when they were made or checked.
async fn rows(house: &House) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    for collection in house.get("user-collections").await["items"].as_array().unwrap() {
        let id = collection["id"].as_str().unwrap();
        let page = house.get(&format!("user-collections/{id}/artifacts?limit=200")).await;
        for item in page["items"].as_array().unwrap() {
            let artifact = item["id"].as_str().unwrap();
            let path = format!("artifacts/{artifact}?collection={id}");
            let mut row = house.get(&path).await;
            for told in ["synced_at", "expires_at", "stale"] {
                row.as_object_mut().unwrap().remove(told);
            }
            if !row["path"].as_str().unwrap().contains("collections") {
                // Where no manifest tells it, this is when the row was made.
                row.as_object_mut().unwrap().remove("added_at");
            }
            rows.insert(format!("{id} {artifact}"), row);
        }
    }
    rows
}

async fn every_mutation_leaves_the_rows_as_the_files_are(backend: Backend) {
    for operation in mutating() {
        let files = Arc::new(tempfile::tempdir().unwrap());
        managed(files.path(), "work", 3);
        managed(files.path(), "other", 1);
        let lock = "[lock]\n[lock.entries.\"s1::skill\"]\nresolved_sha = \"0f3c\"\n";
        write(files.path(), "collections/work/collection.lock", lock);
        write(files.path(), "projects/shop/README.md", "A project.\n");
        // The project is a source as well: what is copied into it are rows.
        std::os::unix::fs::symlink(files.path().join("projects/shop"), files.path().join("plain"))
            .unwrap();
        let house = House::open(&files, backend).await;
        let asked = case(&house, &operation).await;
        let asked = asked.unwrap_or_else(|| panic!("{operation} has no case here: add one"));
        let before = rows(&house).await;
        let answer =
            house.send(asked.method, &asked.path, asked.if_match, asked.body.as_ref()).await;
        assert!([200, 201].contains(&answer.status), "{operation}: {}", answer.text);
        let answer = answer.json();
        let artifact = answer.get("artifact").unwrap_or(&answer);
        if let Some(source) = artifact.get("source_collection") {
            assert_eq!((&artifact["cache"], source), (&json!("current"), &json!("work")));
        }
        let after = rows(&house).await;
        assert_ne!(before, after, "{operation} changes a row");

        let fresh = House::open(&files, backend).await;
        let expected = rows(&fresh).await;
        assert_eq!(after, expected, "{operation}: the rows differ from the files");
        house.close().await;
        fresh.close().await;
    }
}

/// The collection that shows it least: one whose artifact another source shadows.
async fn a_shadowed_artifact_is_edited_where_it_is(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "a", 1);
    managed(files.path(), "b", 1);
    let house = House::open(&files, backend).await;
    let body = json!({"description": "Of b."});
    let path = "artifacts/skill:s0/metadata?collection=b";
    let edited = house.put(path, Some("*"), &body).await.is(200);
    assert_eq!(edited["source_collection"], "b");
    assert_eq!(house.get("artifacts/skill:s0").await["description"], "The skill 0.");
    let deleted = house.delete("artifacts/skill:s0").await.is(200);
    assert_eq!(deleted["collection"], "a");
    let shown = house.get("artifacts/skill:s0").await;
    assert_eq!(shown["description"], "Of b.", "the runner-up takes its place");
    house.close().await;
}

/// A title that the manifest alone gives is edited there, and a copy of what the file gives too.
async fn an_edit_goes_to_the_place_that_supplies_the_value(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 1);
    let manifest = format!(
        "[collection]\nname = \"work\"\nupdated = 2026-01-05T10:00:00Z\n{}license = \"MIT\" # mine\n\
         \n[artifacts.metadata]\ndescription = \"Stale.\"\n",
        entry(0)
    );
    write(files.path(), "collections/work/collection.toml", &manifest);
    let house = House::open(&files, backend).await;
    let body = json!({"license": "Apache-2.0", "description": "Fresh."});
    let edited = house.put("artifacts/skill:s0/metadata", Some("*"), &body).await.is(200);
    assert_eq!(
        (&edited["license"], &edited["description"]),
        (&"Apache-2.0".into(), &"Fresh.".into())
    );
    let read = |path: &str| {
        std::fs::read_to_string(house.files.path().join("collections/work").join(path)).unwrap()
    };
    let written = read("collection.toml");
    assert!(written.contains("license = \"Apache-2.0\" # mine\n"), "{written}");
    assert!(written.contains("description = \"Fresh.\"\n"), "the copy follows: {written}");
    assert!(!written.contains("2026-01-05T10:00:00Z\n[["), "{written}");
    assert!(!read("skills/s0/SKILL.md").contains("license"), "the file never gave it");

    let body = json!({"license": null, "description": null});
    let cleared = house.put("artifacts/skill:s0/metadata", Some("*"), &body).await.is(200);
    assert_eq!((&cleared["license"], &cleared["description"]), (&Value::Null, &Value::Null));
    house.close().await;
}

on_both! {
    every_mutation_leaves_the_rows_as_the_files_are
    a_shadowed_artifact_is_edited_where_it_is
    an_edit_goes_to_the_place_that_supplies_the_value
}
