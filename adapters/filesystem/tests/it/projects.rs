//! Artifacts are copied into projects, and back.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use larder::{
    domain::{
        deployment::{Action, DeployStrategy, DeployedState, FileOutcome, SyncStrategy, Transfer},
        id::ArtifactId,
        writing::{Place, Written},
    },
    ports::{ArtifactDeployer, Project, WriteError},
};
use tempfile::TempDir;

use crate::support::Fixture;

const MANIFEST: &str = r#"
[collection]
name = "work"
updated = "2026-01-05T10:00:00"

[[artifacts]]
name = "pdf"
type = "skill"
path = "skills/pdf"

[[artifacts]]
name = "weather"
type = "mcp"
path = "mcp/weather.json"

[[artifacts]]
name = "fmt"
type = "hook"
path = "hooks/fmt.json"

[[artifacts]]
name = "kit"
type = "composite"
path = "plugins/kit"

[[artifacts]]
name = "../up"
type = "agent"
path = "agents/up.md"
"#;

const SKILL: &str = ".claude/skills/pdf/SKILL.md";
const SCRIPT: &str = ".claude/skills/pdf/scripts/fill.sh";
const MERGE: Action = Action::Deploy(DeployStrategy::Merge);
const OVERWRITE: Action = Action::Deploy(DeployStrategy::Overwrite);

/// A collection, and a root with a project in it.
struct World {
    files: Fixture,
    roots: TempDir,
}

impl World {
    fn new() -> Self {
        let files = Fixture::managed(MANIFEST);
        files.write("skills/pdf/SKILL.md", "---\ndescription: d\n---\nv1\n");
        files.write("skills/pdf/scripts/fill.sh", "#!/bin/sh\n");
        let script = files.root.join("skills/pdf/scripts/fill.sh");
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        files.write("skills/pdf/.git/config", "not the skill's");
        files.write("mcp/weather.json", r#"{"command": "npx", "env": {"TOKEN": "s3cret"}}"#);
        files.write(
            "hooks/fmt.json",
            r#"{"hooks": {"PostToolUse": [{"matcher": "Edit", "hooks": []}], "Stop": [{"hooks": []}]}}"#,
        );
        files.write("plugins/kit/.claude-plugin/plugin.json", "{}");
        files.write("agents/up.md", "---\ndescription: d\n---\n");
        let roots = tempfile::tempdir().unwrap();
        fs::create_dir_all(roots.path().join("projects/shop")).unwrap();
        Self { files, roots }
    }

    fn project(&self) -> PathBuf {
        self.roots.path().join("projects/shop")
    }

    fn within(&self) -> Vec<String> {
        vec![self.roots.path().join("projects").to_string_lossy().into_owned()]
    }

    async fn transfer_at(
        &self,
        id: &str,
        project: &str,
        action: Action,
    ) -> Result<(Transfer, Written), WriteError> {
        let place = self.place(id).await;
        let project = Project { path: project.to_owned(), within: Some(self.within()) };
        self.files.files.transfer(&place, &project, action, "local").await
    }

    async fn place(&self, id: &str) -> Place {
        let id = ArtifactId::parse(id).unwrap();
        Place { source: self.files.source().await, id, path: String::new() }
    }

    async fn transfer(&self, id: &str, action: Action) -> Result<Transfer, WriteError> {
        let project = self.project().to_string_lossy().into_owned();
        self.transfer_at(id, &project, action).await.map(|(transfer, _)| transfer)
    }

    /// What became of each file.
    async fn outcomes(&self, action: Action) -> Vec<(String, FileOutcome)> {
        let transfer = self.transfer("skill:pdf", action).await.unwrap();
        transfer.files.into_iter().map(|file| (file.path, file.outcome)).collect()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.project().join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.project().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn collection(&self, path: &str) -> String {
        fs::read_to_string(self.files.root.join(path)).unwrap()
    }
}

fn told(files: &[(&str, FileOutcome)]) -> Vec<(String, FileOutcome)> {
    files.iter().map(|(path, outcome)| ((*path).to_owned(), *outcome)).collect()
}

fn conflicts(error: &WriteError) -> &[String] {
    match error {
        WriteError::Diverged(paths) => paths,
        other => panic!("{other:?}"),
    }
}

use FileOutcome::{Created, Kept, Removed, Unchanged, Updated};

#[tokio::test]
async fn a_skill_is_copied_with_its_files_and_their_modes() {
    let world = World::new();
    assert_eq!(world.outcomes(MERGE).await, told(&[(SKILL, Created), (SCRIPT, Created)]));
    assert_eq!(world.read(SKILL), world.collection("skills/pdf/SKILL.md"));
    let mode = fs::metadata(world.project().join(SCRIPT)).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "a script stays one");
    assert_eq!(world.outcomes(MERGE).await, told(&[(SKILL, Unchanged), (SCRIPT, Unchanged)]));

    let place = world.place("skill:pdf").await;
    let listed = world.files.files.deployments(&place, &world.within()).await.unwrap();
    let project = &listed[0].project;
    assert_eq!((project.root.as_str(), project.path.as_str()), ("projects", "shop"));
    world.write(SKILL, "changed");
    let listed = world.files.files.deployments(&place, &world.within()).await.unwrap();
    let states: Vec<_> = listed[0].files.iter().map(|file| file.state).collect();
    assert_eq!(states, [DeployedState::Changed, DeployedState::Unchanged]);
    assert!(world.files.files.deployments(&place, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_merge_stops_at_what_both_sides_have_changed_and_writes_nothing() {
    let world = World::new();
    world.outcomes(MERGE).await;
    world.files.write("skills/pdf/SKILL.md", "---\ndescription: d\n---\nv2\n");
    world.files.write("skills/pdf/new.md", "new");
    world.write(SKILL, "mine");
    let error = world.transfer("skill:pdf", MERGE).await.unwrap_err();
    assert_eq!(conflicts(&error), [SKILL]);
    assert_eq!(world.read(SKILL), "mine");
    assert!(!world.project().join(".claude/skills/pdf/new.md").exists());

    let new = ".claude/skills/pdf/new.md";
    let expected = told(&[(SKILL, Updated), (new, Created), (SCRIPT, Unchanged)]);
    assert_eq!(world.outcomes(OVERWRITE).await, expected);
    assert_eq!(world.read(SKILL), world.collection("skills/pdf/SKILL.md"));
}

#[tokio::test]
async fn what_the_project_alone_has_stays_and_what_left_the_collection_leaves_it_too() {
    let world = World::new();
    world.write(".claude/skills/pdf/mine.md", "mine");
    world.outcomes(MERGE).await;
    fs::remove_dir_all(world.files.root.join("skills/pdf/scripts")).unwrap();
    let mine = ".claude/skills/pdf/mine.md";
    let expected = told(&[(SKILL, Unchanged), (mine, Kept), (SCRIPT, Removed)]);
    assert_eq!(world.outcomes(MERGE).await, expected);
    assert_eq!(world.read(mine), "mine");
    assert!(!world.project().join(".claude/skills/pdf/scripts").exists(), "no empty directory");
}

#[tokio::test]
async fn only_what_was_deployed_and_is_unchanged_is_removed() {
    let world = World::new();
    let error = world.transfer("skill:pdf", Action::Undeploy).await.unwrap_err();
    assert!(error.to_string().contains("not deployed"), "{error}");
    world.outcomes(MERGE).await;
    world.write(SKILL, "mine");
    let expected = told(&[(SKILL, Kept), (SCRIPT, Removed)]);
    assert_eq!(world.outcomes(Action::Undeploy).await, expected);
    assert_eq!(world.read(SKILL), "mine");
    let place = world.place("skill:pdf").await;
    assert!(world.files.files.deployments(&place, &world.within()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_synchronisation_takes_the_projects_changes_by_its_strategy() {
    let world = World::new();
    world.outcomes(MERGE).await;
    world.write(SKILL, "---\ndescription: theirs\n---\n");
    world.write(".claude/skills/pdf/notes/new.md", "new");
    fs::remove_file(world.project().join(SCRIPT)).unwrap();
    let manual = Action::Sync(SyncStrategy::Manual);
    let new = ".claude/skills/pdf/notes/new.md";
    let expected = told(&[(SKILL, Updated), (new, Created), (SCRIPT, Removed)]);
    assert_eq!(world.outcomes(manual).await, expected);
    assert!(world.collection("skills/pdf/SKILL.md").contains("theirs"));
    assert_eq!(world.collection("skills/pdf/notes/new.md"), "new");
    assert!(!world.files.root.join("skills/pdf/scripts").exists());
    assert!(world.collection("collection.toml").contains("2100-01-01T00:00:00"), "the date");

    world.write(SKILL, "---\ndescription: a\n---\n");
    world.files.write("skills/pdf/SKILL.md", "---\ndescription: b\n---\n");
    let error = world.transfer("skill:pdf", manual).await.unwrap_err();
    assert_eq!(conflicts(&error), [SKILL]);
    let ours = Action::Sync(SyncStrategy::Ours);
    assert_eq!(world.outcomes(ours).await[0], (SKILL.to_owned(), Kept));
    assert!(world.collection("skills/pdf/SKILL.md").contains(": b"));
    assert_eq!(world.outcomes(MERGE).await[0].1, Updated, "the conflict was decided");

    world.write(SKILL, "---\ndescription: c\n---\n");
    world.files.write("skills/pdf/SKILL.md", "---\ndescription: d\n---\n");
    let theirs = Action::Sync(SyncStrategy::Theirs);
    assert_eq!(world.outcomes(theirs).await[0], (SKILL.to_owned(), Updated));
    assert!(world.collection("skills/pdf/SKILL.md").contains(": c"));
    let mut kept: Vec<String> = Vec::new();
    for id in fs::read_dir(world.files.root.join(".larder/trash")).unwrap() {
        let replaced = id.unwrap().path().join("replaced/skills/pdf/SKILL.md");
        kept.extend(fs::read_to_string(replaced));
    }
    assert!(kept.iter().any(|text| text.contains(": d")), "what was replaced is kept: {kept:?}");

    fs::remove_file(world.project().join(SKILL)).unwrap();
    let error = world.transfer("skill:pdf", theirs).await.unwrap_err();
    assert!(error.to_string().contains("main file is gone"), "{error}");
}

#[tokio::test]
async fn a_server_and_hooks_are_merged_into_files_that_others_share() {
    let world = World::new();
    let shared = "{\n  // mine\n  \"mcpServers\": {\"own\": {\"command\": \"x\"}}\n}\n";
    world.write(".mcp.json", shared);
    let path = ".mcp.json#/mcpServers/weather";
    let transfer = world.transfer("mcp:weather", MERGE).await.unwrap();
    assert_eq!((transfer.files[0].path.as_str(), transfer.files[0].outcome), (path, Created));
    let merged = world.read(".mcp.json");
    assert!(merged.contains("// mine") && merged.contains("s3cret"), "as it is meant: {merged}");
    let record = world.read(".claude/.larder-deployed.toml");
    assert!(!record.contains("s3cret"), "a record holds hashes: {record}");

    world.write(".claude/settings.json", "{\"hooks\": {\"Stop\": [{\"hooks\": [1]}]}}");
    let transfer = world.transfer("hook:fmt", MERGE).await.unwrap();
    assert_eq!(transfer.files.len(), 2);
    let place = world.place("hook:fmt").await;
    let listed = world.files.files.deployments(&place, &world.within()).await.unwrap();
    assert!(listed[0].files.iter().all(|file| file.state == DeployedState::Unchanged));
    let settings: serde_json::Value =
        serde_json::from_str(&world.read(".claude/settings.json")).unwrap();
    assert_eq!(settings["hooks"]["Stop"].as_array().unwrap().len(), 2);

    world.transfer("mcp:weather", Action::Undeploy).await.unwrap();
    world.transfer("hook:fmt", Action::Undeploy).await.unwrap();
    assert!(!world.read(".mcp.json").contains("weather"), "{}", world.read(".mcp.json"));
    assert!(!world.project().join(".claude/.larder-deployed.toml").exists(), "nothing is deployed");
    let settings: serde_json::Value =
        serde_json::from_str(&world.read(".claude/settings.json")).unwrap();
    assert_eq!(settings["hooks"], serde_json::json!({"Stop": [{"hooks": [1]}]}));

    let sync = Action::Sync(SyncStrategy::Theirs);
    world.transfer("mcp:weather", MERGE).await.unwrap();
    let error = world.transfer("mcp:weather", sync).await.unwrap_err();
    assert!(matches!(error, WriteError::Unfit { .. }), "{error:?}");
}

#[tokio::test]
async fn a_project_lies_within_a_root_wherever_links_lead() {
    let world = World::new();
    let outside = world.roots.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, world.roots.path().join("projects/link")).unwrap();
    let root = world.within().remove(0);
    for path in [
        outside.to_string_lossy().into_owned(),
        format!("{root}/link"),
        format!("{root}/shop/../../outside"),
        "/".to_owned(),
        "/nowhere".to_owned(),
    ] {
        let error = world.transfer_at("skill:pdf", &path, MERGE).await.unwrap_err();
        let WriteError::Forbidden(message) = &error else { panic!("{path}: {error:?}") };
        assert!(message.contains("deploy.roots"), "{message}");
    }
    let error = world.transfer_at("skill:pdf", &format!("{root}/none"), MERGE).await.unwrap_err();
    assert!(error.to_string().contains("make the project's directory"), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);

    let escaping = world.roots.path().join("projects/escaping");
    fs::create_dir(&escaping).unwrap();
    std::os::unix::fs::symlink(&outside, escaping.join(".claude")).unwrap();
    let path = escaping.to_string_lossy().into_owned();
    let error = world.transfer_at("skill:pdf", &path, MERGE).await.unwrap_err();
    assert!(matches!(error, WriteError::Unfit { .. }), "{error:?}");
    assert!(error.to_string().contains(".claude is a link, and Larder writes only"), "{error}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_record_names_is_shown_only_where_it_lies_within_a_root_now() {
    let world = World::new();
    world.outcomes(MERGE).await;
    let place = world.place("skill:pdf").await;
    let record = world.collection(".larder/deployments.toml");
    let shown = world.project().to_string_lossy().into_owned();
    let outside = world.roots.path().join("outside");
    fs::rename(world.project(), &outside).unwrap();
    for path in [format!("{shown}/../../outside"), outside.to_string_lossy().into_owned()] {
        world.files.write(".larder/deployments.toml", record.replace(&shown, &path));
        let listed = world.files.files.deployments(&place, &world.within()).await.unwrap();
        assert!(listed.is_empty(), "{path}: {listed:?}");
    }
    world.files.write(".larder/deployments.toml", &record);
    std::os::unix::fs::symlink(&outside, world.project()).unwrap();
    let listed = world.files.files.deployments(&place, &world.within()).await.unwrap();
    assert!(listed.is_empty(), "a link since: {listed:?}");
}

#[tokio::test]
async fn what_another_collection_has_deployed_is_not_taken_away() {
    let world = World::new();
    world.outcomes(MERGE).await;
    let record = ".claude/.larder-deployed.toml";
    world.write(
        record,
        &world.read(record).replace("collection = \"work\"", "collection = \"home\""),
    );
    let error = world.transfer("skill:pdf", Action::Undeploy).await.unwrap_err();
    assert!(error.to_string().contains("from the collection home"), "{error}");
    assert!(world.project().join(SKILL).exists());
    let place = world.place("skill:pdf").await;
    assert!(world.files.files.deployments(&place, &world.within()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_kept_from_others_in_the_collection_is_so_in_the_project() {
    let world = World::new();
    let server = world.files.root.join("mcp/weather.json");
    fs::set_permissions(server, fs::Permissions::from_mode(0o600)).unwrap();
    world.transfer("mcp:weather", MERGE).await.unwrap();
    let mode = fs::metadata(world.project().join(".mcp.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn links_within_an_artifact_are_written_through_and_not_removed() {
    let world = World::new();
    world.outcomes(MERGE).await;
    let mine = world.project().join(".claude/skills/pdf/mine.md");
    fs::rename(world.project().join(SKILL), &mine).unwrap();
    std::os::unix::fs::symlink("mine.md", world.project().join(SKILL)).unwrap();
    world.files.write("skills/pdf/SKILL.md", "---\ndescription: d\n---\nv2\n");
    world.outcomes(MERGE).await;
    assert!(world.project().join(SKILL).is_symlink());
    assert!(world.read(".claude/skills/pdf/mine.md").ends_with("v2\n"));
    let error = world.transfer("skill:pdf", Action::Undeploy).await.unwrap_err();
    assert!(error.to_string().contains("is a link"), "{error}");
    std::os::unix::fs::symlink("nowhere", world.project().join(".claude/skills/pdf/x")).unwrap();
    let error = world.transfer("skill:pdf", MERGE).await.unwrap_err();
    assert!(error.to_string().contains("a link to nothing"), "{error}");
    assert!(world.project().join(SKILL).is_symlink() && mine.exists());
}

#[tokio::test]
async fn what_has_no_place_in_a_project_is_refused_with_the_reason() {
    let world = World::new();
    for (id, why) in [("composite:kit", "no place in a project"), ("agent:../up", "that of a file")]
    {
        let error = world.transfer(id, MERGE).await.unwrap_err();
        assert!(error.to_string().contains(why), "{id}: {error}");
    }
    let own = world.files.root.to_string_lossy().into_owned();
    let place = world.place("skill:pdf").await;
    let project = Project { path: own, within: None };
    let error = world.files.files.transfer(&place, &project, MERGE, "local").await.unwrap_err();
    assert!(error.to_string().contains("own collection"), "{error}");
}

#[tokio::test]
async fn a_project_may_be_a_source_and_is_told_so() {
    let world = World::new();
    let source = world.files.source().await;
    let at_project = larder::domain::collection::Source {
        root: world.project().to_string_lossy().into_owned(),
        ..source.clone()
    };
    let path = world.project().to_string_lossy().into_owned();
    let project = Project { path, within: None };
    let touched = world.files.files.touched(&project, &[source, at_project.clone()]).await;
    assert_eq!(touched, [at_project]);
}

#[tokio::test]
async fn a_deployment_changes_nothing_that_a_link_of_the_project_leads_to() {
    let world = World::new();
    world.write(".env", "TOKEN=s3cret");
    fs::create_dir_all(world.project().join(".claude/skills/pdf")).unwrap();
    std::os::unix::fs::symlink("../../../.env", world.project().join(SKILL)).unwrap();
    let error = world.transfer("skill:pdf", OVERWRITE).await.unwrap_err();
    assert!(error.to_string().contains("SKILL.md is a link"), "{error}");
    assert_eq!(world.read(".env"), "TOKEN=s3cret");
    assert!(!world.files.root.join(".larder/trash").exists(), "nothing was copied");
}

#[tokio::test]
async fn a_synchronisation_takes_nothing_from_behind_a_link() {
    let world = World::new();
    world.outcomes(MERGE).await;
    world.write(".env", "TOKEN=s3cret");
    let link = world.project().join(".claude/skills/pdf/notes.md");
    std::os::unix::fs::symlink("../../../.env", &link).unwrap();
    for strategy in [SyncStrategy::Theirs, SyncStrategy::Manual, SyncStrategy::Ours] {
        let error = world.transfer("skill:pdf", Action::Sync(strategy)).await.unwrap_err();
        assert!(error.to_string().contains("notes.md is a link"), "{error}");
    }
    fs::remove_file(&link).unwrap();

    fs::rename(world.project().join(SKILL), world.project().join("mine.md")).unwrap();
    std::os::unix::fs::symlink("../../../mine.md", world.project().join(SKILL)).unwrap();
    let theirs = Action::Sync(SyncStrategy::Theirs);
    let error = world.transfer("skill:pdf", theirs).await.unwrap_err();
    assert!(error.to_string().contains("SKILL.md is a link"), "{error}");
    assert!(!world.files.root.join("skills/pdf/notes.md").exists());
}

#[tokio::test]
async fn a_deployment_follows_links_within_the_artifact_and_none_out_of_it() {
    let world = World::new();
    world.files.link("skills/pdf/again.sh", "scripts/fill.sh");
    world.outcomes(MERGE).await;
    assert_eq!(world.read(".claude/skills/pdf/again.sh"), "#!/bin/sh\n");
    world.files.write(".env", "TOKEN=s3cret");
    for (name, target) in [("env.md", "../../.env"), ("server.md", "../../mcp/weather.json")] {
        world.files.link(&format!("skills/pdf/{name}"), target);
        let error = world.transfer("skill:pdf", OVERWRITE).await.unwrap_err();
        assert!(error.to_string().contains(&format!("{name} is a link")), "{error}");
        assert!(!world.project().join(".claude/skills/pdf").join(name).exists());
        fs::remove_file(world.files.root.join("skills/pdf").join(name)).unwrap();
    }
}
