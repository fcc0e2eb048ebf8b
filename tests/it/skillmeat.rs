//! A collection that SkillMeat keeps as well, through the API.

use std::{fs, sync::Arc};

use poem::http::Method;
use serde_json::json;

use crate::{
    changes::on_both,
    house::{Backend, House, entry, skill, write},
};

const SERVER: &str = "\n[[mcp_servers]]\nname = \"files\"\nrepo = \"o/r\"\nversion = \"latest\"\n\
                      description = \"Reads files.\"\n\n[mcp_servers.env_vars]\nTOKEN = \"s3cret\"\n";
const GROUP: &str =
    "\n[[groups]]\nname = \"daily\"\nmembers = [\n    \"skill:s0\",\n    \"skill:s1\",\n]\n";

fn manifest() -> String {
    format!("[collection]\nname = \"work\"\n{}{}{SERVER}{GROUP}", entry(0), entry(1))
}

async fn what_skillmeat_writes_is_shown_and_what_it_reads_is_written(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    write(files.path(), "collections/work/collection.toml", manifest());
    for n in 0..2 {
        write(files.path(), &format!("collections/work/skills/s{n}/SKILL.md"), skill("d"));
    }
    let record = "[[deployed]]\nartifact_name = \"s1\"\nartifact_type = \"skill\"\n\
                  from_collection = \"work\"\ndeployed_at = \"2026-02-03T04:05:06\"\n\
                  artifact_path = \"skills/s1\"\ncontent_hash = \"0\"\n";
    write(files.path(), "projects/shop/.claude/.skillmeat-deployed.toml", record);
    let house = House::open(&files, backend).await;
    let text =
        || fs::read_to_string(files.path().join("collections/work/collection.toml")).unwrap();

    let server = house.get("artifacts/mcp:files").await;
    assert_eq!(
        (&server["description"], &server["editable"]),
        (&"Reads files.".into(), &false.into())
    );
    let content = house.send(Method::GET, "artifacts/mcp:files/content", None, None).await;
    assert!(content.text.contains("o/r") && !content.text.contains("s3cret"), "{}", content.text);
    let whole = house.get("artifacts?type=mcp").await.to_string();
    assert!(whole.contains("mcp:files") && !whole.contains("s3cret"), "{whole}");
    let refused =
        house.put("artifacts/mcp:files/metadata", Some("*"), &json!({"author": "A"})).await;
    assert_eq!(refused.status, 422, "{}", refused.text);

    let deployments = house.get("artifacts/skill:s1/deployments").await;
    let deployment = &deployments["items"][0];
    assert_eq!(
        (&deployment["deployed_by"], &deployment["revision"]),
        (&"skillmeat".into(), &json!(null))
    );
    assert_eq!(deployment["files"][0]["state"], "missing");

    let deleted = house.delete("artifacts/skill:s0").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert!(!text().contains("skill:s0") && text().contains("skill:s1"), "{}", text());
    let trash = deleted.json()["trash_id"].as_str().unwrap().to_owned();
    house.send(Method::POST, &format!("artifacts/trash/{trash}/restore"), None, None).await.is(200);
    assert!(text().contains("skill:s0"), "{}", text());

    let new = json!({"type": "skill", "name": "new", "description": "d"});
    assert_eq!(house.post("artifacts", &new).await.status, 201);
    // A program that had read the manifest before writes it back.
    house.write("collections/work/collection.toml", manifest());
    let report =
        house.send(Method::POST, "user-collections/refresh-cache", None, None).await.is(200);
    assert_eq!(report["total_updated"], report["artifacts_refreshed"]);
    let issues = report["errors"].as_array().unwrap();
    let dropped = issues.iter().find(|issue| issue["kind"] == "unlisted").unwrap();
    assert_eq!(dropped["path"], "skills/new");
    assert_eq!(dropped["artifact_id"], "skill:new");
    let again = house.post("artifacts", &new).await;
    assert_eq!(again.status, 409, "{}", again.text);
    assert!(
        again.text.contains("skills/new") && again.text.contains("does not list"),
        "{}",
        again.text
    );
    house.close().await;
}

on_both! { what_skillmeat_writes_is_shown_and_what_it_reads_is_written }
