//! Plain directories.

use std::fs;

use crate::support::{Fixture, artifact, ids, issues, known, problem};
use larder::domain::{artifact::Health, id::ArtifactId, report::IssueKind};
use larder_filesystem::FileKind;

const SKILL: &str = "---\nname: x\ndescription: d\n---\n";

#[tokio::test]
async fn artifacts_of_every_kind_are_found_where_they_lie() {
    let fixture = Fixture::plain();
    fixture.write("plugins/tdd/skills/red-green/SKILL.md", SKILL);
    fixture.write("plugins/tdd/skills/red-green/references/agents/no.md", SKILL);
    fixture.write("plugins/tdd/.claude-plugin/plugin.json", r#"{"name": "tdd", "version": "1"}"#);
    fixture.write("plugins/tdd/hooks/hooks.json", r#"{"hooks": {"Stop": []}}"#);
    fixture.write("agents/cook.md", SKILL);
    fixture.write("agents/README.md", SKILL);
    fixture.write(".claude/commands/git/changelog.md", "Writes the changelog.");
    fixture.write(".claude/settings.json", r#"{"hooks": {"Stop": []}, "env": {"T": "s"}}"#);
    fixture.write("settings.json", r#"{"hooks": {}}"#);
    fixture.write(".mcp.json", r#"{"mcpServers": {"a/b": {"command": "x"}, "c": {"url": "y"}}}"#);
    let scan = fixture.scan().await;
    assert_eq!(
        ids(&scan),
        [
            "agent:cook",
            "command:git:changelog",
            "composite:tdd",
            "hook:tdd",
            "hook:work",
            "mcp:a/b",
            "mcp:c",
            "skill:tdd:red-green",
        ]
    );
    assert!(scan.issues.is_empty());
    let paths: Vec<&str> = scan.read.iter().map(|artifact| artifact.path.as_str()).collect();
    assert!(paths.is_sorted());
    assert_eq!(artifact(&scan, "mcp:a/b").path, ".mcp.json#/mcpServers/a~1b");
    assert_eq!(artifact(&scan, "hook:work").path, ".claude/settings.json#/hooks");
    let command = artifact(&scan, "command:git:changelog");
    assert_eq!(command.metadata.description.as_deref(), Some("Writes the changelog."));
    assert_eq!((command.added_at, scan.manifest_hash), (None, None));
}

#[tokio::test]
async fn a_scan_reads_only_what_differs() {
    let fixture = Fixture::plain();
    fixture.write("a/SKILL.md", SKILL);
    fixture.write("b/SKILL.md", SKILL);
    fixture.write(".mcp.json", r#"{"mcpServers": {"m": {}}}"#);
    let rows = known(&fixture.scan().await);
    assert!(rows.values().all(|row| row.fingerprint.is_some()));
    let same = fixture.rescan(&rows, None).await;
    assert!(same.read.is_empty() && same.gone.is_empty());
    fixture.write("a/SKILL.md", "---\ndescription: other\n---\n");
    fs::remove_file(fixture.root.join("b/SKILL.md")).unwrap();
    fixture.write("c/SKILL.md", SKILL);
    let changed = fixture.rescan(&rows, None).await;
    assert_eq!(ids(&changed), ["skill:a", "skill:c"]);
    assert_eq!(changed.gone.iter().map(ArtifactId::as_str).collect::<Vec<_>>(), ["skill:b"]);
}

#[tokio::test]
async fn an_artifact_that_moved_is_read_again_though_its_file_is_the_same() {
    let fixture = Fixture::plain();
    fixture.write("skills/a/SKILL.md", SKILL);
    let first = fixture.scan().await;
    fs::rename(fixture.root.join("skills"), fixture.root.join("plugins")).unwrap();
    let moved = fixture.rescan(&known(&first), None).await;
    assert_eq!(artifact(&moved, "skill:a").path, "plugins/a/SKILL.md");
    assert!(moved.gone.is_empty());
}

#[tokio::test]
async fn one_artifact_is_read_where_it_was() {
    let fixture = Fixture::plain();
    fixture.write("a/SKILL.md", SKILL);
    fixture.write("plugin/.claude-plugin/plugin.json", r#"{"name": "p", "agents": "x.md"}"#);
    fixture.write("plugin/x.md", SKILL);
    fixture.write(".mcp.json", r#"{"mcpServers": {"m": {}}}"#);
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["agent:plugin:x", "composite:p", "mcp:m", "skill:a"]);
    for artifact in &scan.read {
        let read = fixture.read(artifact.id.as_str(), Some(&artifact.path)).await;
        assert_eq!(read.as_ref(), Some(artifact));
        assert!(fixture.content(artifact.id.as_str(), &artifact.path).await.is_some());
    }
    assert!(fixture.read("skill:a", None).await.is_none());
    assert!(fixture.read("skill:b", Some("a/SKILL.md")).await.is_none(), "another id");
    assert!(fixture.read("mcp:n", Some(".mcp.json#/mcpServers/n")).await.is_none());
    assert!(fixture.read("skill:work", Some("../work/SKILL.md")).await.is_none());
    assert!(fixture.content("skill:a", "../work/a/SKILL.md").await.is_none());
    assert!(fixture.content("skill:a", "none/SKILL.md").await.is_none());
}

#[tokio::test]
async fn two_paths_that_meet_in_one_id_are_one_row_and_an_issue() {
    let fixture = Fixture::plain();
    fixture.write(".claude/commands/a.md", "First.");
    fixture.write("commands/a.md", "Second.");
    fixture.write("commands/A.md", "Another.");
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["command:A", "command:a"]);
    assert_eq!(artifact(&scan, "command:a").path, ".claude/commands/a.md");
    assert_eq!(issues(&scan), [(IssueKind::Shadowed, "commands/a.md")]);
    assert!(scan.issues[0].message.contains(".claude/commands/a.md"));
}

#[tokio::test]
async fn in_a_directory_of_one_kind_all_markdown_counts() {
    let fixture = Fixture::plain_of(Some(FileKind::Agent));
    fixture.write("categories/01-x/cook.md", SKILL);
    fixture.write("categories/README.md", SKILL);
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["agent:categories:01-x:cook"]);
    let path = "categories/01-x/cook.md";
    assert!(fixture.read("agent:categories:01-x:cook", Some(path)).await.is_some());
}

#[tokio::test]
async fn secrets_of_servers_and_hooks_are_nowhere() {
    let fixture = Fixture::plain();
    let server = r#"{"mcpServers": {"m": {"headers": {"Authorization": "s3cret"}, "url": "u"}}}"#;
    fixture.write(".mcp.json", server);
    let hooks = r#"{"hooks": {"Stop": [{"env": {"T": "s3cret"}}]}, "env": {"T": "s3cret"}}"#;
    fixture.write("settings.json", hooks);
    let scan = fixture.scan().await;
    assert!(!format!("{scan:?}").contains("s3cret"));
    let server = fixture.content("mcp:m", ".mcp.json#/mcpServers/m").await.unwrap();
    assert_eq!(
        server,
        "{\n  \"headers\": {\n    \"Authorization\": \"***\"\n  },\n  \"url\": \"u\"\n}"
    );
    let hooks = fixture.content("hook:work", "settings.json#/hooks").await.unwrap();
    assert!(hooks.contains("Stop") && !hooks.contains("s3cret"));
    assert_eq!(fixture.content("mcp:m", ".mcp.json#/mcpServers/n").await, None);
}

#[tokio::test]
async fn a_json_file_that_turns_invalid_breaks_its_rows_and_loses_none() {
    let fixture = Fixture::plain();
    fixture.write(".mcp.json", r#"{"mcpServers": {"a": {}, "b": {}}}"#);
    fixture.write("p/.claude-plugin/plugin.json", r#"{"name": "kit"}"#);
    let rows = known(&fixture.scan().await);
    fixture.write(".mcp.json", "{\n\"mcpServers\": <<<<<<<");
    fixture.write("p/.claude-plugin/plugin.json", "[");
    let scan = fixture.rescan(&rows, None).await;
    assert_eq!(ids(&scan), ["composite:kit", "mcp:a", "mcp:b"]);
    assert!(scan.gone.is_empty());
    let broken = artifact(&scan, "mcp:a");
    assert_eq!(broken.health, Health::Broken);
    assert_eq!(broken.problem.as_ref().unwrap().line, Some(2));
    assert!(problem(&scan, "mcp:a").contains("not valid JSON"));
    assert_eq!(fixture.content("mcp:a", ".mcp.json#/mcpServers/a").await, None);

    let unknown = fixture.scan().await;
    assert_eq!(ids(&unknown), ["composite:p"]);
    assert_eq!(issues(&unknown), [(IssueKind::Unreadable, ".mcp.json")]);
}

#[tokio::test]
async fn a_linked_directory_is_walked_once_and_a_loop_never() {
    let fixture = Fixture::plain();
    fixture.write(".agents/skills/a/SKILL.md", SKILL);
    fixture.link(".claude/skills/a", "../../.agents/skills/a");
    fixture.link(".claude/skills/b", "../../.agents/skills/a");
    fixture.link("x/y/up", "../..");
    fixture.link("self", "self");
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["skill:a"]);
    assert_eq!(
        issues(&scan),
        [
            (IssueKind::Shadowed, ".claude/skills/b"),
            (IssueKind::Unreadable, "self"),
            (IssueKind::Refused, "x/y/up"),
        ]
    );
    assert!(fixture.read("skill:a", Some(".claude/skills/a/SKILL.md")).await.is_some());
}
