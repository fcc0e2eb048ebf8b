//! Managed collections.

use std::{fs, sync::Arc, time::Duration};

use crate::support::{Fixture, artifact, ids, issues, known, problem};
use larder::{
    domain::{artifact::Health, guard::RootState, id::ArtifactId, report::IssueKind},
    ports::{ArtifactSource, ScanOptions, SourceError},
};

fn entry(kind: &str, name: &str, path: &str) -> String {
    format!("[[artifacts]]\nname = \"{name}\"\ntype = \"{kind}\"\npath = \"{path}\"\n")
}

fn three() -> Fixture {
    let fixture = Fixture::managed(&format!(
        "[collection]\nname = \"work\"\n{}origin = \"github\"\nadded = \"2026-01-05T10:00:00\"\n\
         upstream = \"u\"\ntags = [\"t\"]\n[artifacts.metadata]\ndescription = \"stale\"\n{}{}",
        entry("skill", "pdf", "skills/pdf/"),
        entry("agent", "cook", "agents/cook.md"),
        entry("skill", "gone", "skills/gone"),
    ));
    fixture.write("skills/pdf/skill.md", "---\nname: PDF\ndescription: fresh\n---\n");
    fixture.write("agents/cook.md", "---\ndescription: cooks\n---\n");
    let lock = "[lock]\n[lock.entries.\"pdf::skill\"]\nresolved_sha = \"abc\"\n";
    fixture.write("collection.lock", lock);
    fixture
}

#[tokio::test]
async fn every_entry_is_a_row_with_what_file_manifest_and_lock_say() {
    let fixture = three();
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["agent:cook", "skill:gone", "skill:pdf"]);
    let pdf = artifact(&scan, "skill:pdf");
    assert_eq!(pdf.path, "skills/pdf/skill.md");
    assert_eq!(pdf.metadata.description.as_deref(), Some("fresh"));
    assert_eq!(pdf.metadata.display_name.as_deref(), Some("PDF"));
    assert_eq!(pdf.metadata.tags, ["t"]);
    assert_eq!(pdf.provenance.origin.as_deref(), Some("github"));
    assert_eq!(pdf.provenance.source.as_deref(), Some("u"));
    assert_eq!(pdf.provenance.resolved_sha.as_deref(), Some("abc"));
    assert_eq!(pdf.added_at, Some("2026-01-05T10:00:00Z".parse().unwrap()));
    assert!(pdf.updated_at.is_some() && pdf.health == Health::Ok);
    let gone = artifact(&scan, "skill:gone");
    assert_eq!((gone.health, gone.updated_at), (Health::Broken, None));
    assert_eq!(problem(&scan, "skill:gone"), "files missing");
}

#[tokio::test]
async fn a_scan_reads_only_what_differs() {
    let fixture = three();
    let first = fixture.scan().await;
    let known_rows = known(&first);
    let same = fixture.rescan(&known_rows, first.manifest_hash.clone()).await;
    assert!(same.read.is_empty() && same.gone.is_empty());
    assert_eq!(same.manifest_hash, first.manifest_hash);
    let without_hash = fixture.rescan(&known_rows, None).await;
    assert!(without_hash.read.is_empty() && without_hash.gone.is_empty());

    fixture.write("agents/cook.md", "---\ndescription: bakes\n---\n");
    fixture.write("skills/gone/SKILL.md", "---\ndescription: back\n---\n");
    let changed = fixture.rescan(&known_rows, first.manifest_hash.clone()).await;
    assert_eq!(ids(&changed), ["agent:cook", "skill:gone"]);

    let lock = "[lock]\n[lock.entries.\"pdf::skill\"]\nresolved_sha = \"def\"\n";
    fixture.write("collection.lock", lock);
    let locked = fixture.rescan(&known_rows, first.manifest_hash.clone()).await;
    assert_ne!(artifact(&locked, "skill:pdf").revision, artifact(&first, "skill:pdf").revision);
}

#[tokio::test]
async fn an_entry_that_was_taken_out_is_gone_and_a_row_that_was_lost_comes_back() {
    let fixture = three();
    let first = fixture.scan().await;
    let mut known_rows = known(&first);
    fixture.write("collection.toml", entry("agent", "cook", "agents/cook.md"));
    let scan = fixture.rescan(&known_rows, first.manifest_hash).await;
    let gone: Vec<&str> = scan.gone.iter().map(ArtifactId::as_str).collect();
    assert_eq!(gone, ["skill:gone", "skill:pdf"]);

    let hash = fixture.scan().await.manifest_hash;
    known_rows.clear();
    assert_eq!(ids(&fixture.rescan(&known_rows, hash).await), ["agent:cook"]);
}

#[tokio::test]
async fn a_row_of_an_earlier_manifest_is_read_again_whoever_stored_it() {
    let fixture = three();
    let first = fixture.scan().await;
    let manifest = fs::read_to_string(fixture.root.join("collection.toml")).unwrap();
    let version = format!("{manifest}version_spec = \"v2\"\n");
    fixture.write("collection.toml", &version);
    let second = fixture.rescan(&known(&first), first.manifest_hash.clone()).await;
    let [changed] = ids(&second)[..] else { panic!("{:?}", ids(&second)) };
    let mut rows = known(&first);
    rows.extend(known(&second));
    let hash = second.manifest_hash.clone();
    assert!(hash.is_some());
    assert!(fixture.rescan(&rows, hash.clone()).await.read.is_empty());

    // A single read saw the first manifest after this scan began, and its row is the newer one.
    let late = known(&first).remove_entry(&ArtifactId::parse(changed).unwrap()).unwrap();
    rows.extend([late]);
    let third = fixture.rescan(&rows, hash).await;
    assert_eq!(ids(&third), [changed]);
    assert_eq!(third.manifest_hash, second.manifest_hash);
}

#[tokio::test]
async fn rows_of_an_earlier_reader_are_read_again_and_said_to_be_such() {
    let fixture = three();
    let first = fixture.scan().await;
    assert!(!first.outdated);
    let mut rows = known(&first);
    let same = fixture.rescan(&rows, first.manifest_hash.clone()).await;
    assert!(!same.outdated);
    for row in rows.values_mut() {
        let (_, rest) = row.fingerprint.as_deref().unwrap().split_once(':').unwrap();
        row.fingerprint = Some(format!("1:{rest}"));
    }
    let again = fixture.rescan(&rows, first.manifest_hash).await;
    assert!(again.outdated);
    assert_eq!(ids(&again).len(), 3);
}

#[tokio::test]
async fn a_forced_scan_reads_all() {
    let fixture = three();
    let first = fixture.scan().await;
    let rows = Arc::new(known(&first));
    let source = fixture.source().await;
    let forced = fixture
        .files
        .scan(
            &source,
            rows,
            ScanOptions {
                manifest_hash: first.manifest_hash,
                force: true,
                ..ScanOptions::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(forced.read.len(), 3);
}

#[tokio::test]
async fn entries_that_give_no_row_are_told_with_their_line() {
    let fixture = Fixture::managed(&format!(
        "{}{}{}[[artifacts]]\nname = \"x\"\n",
        entry("agent", "cook", "agents/cook.md"),
        entry("agent", "cook", "agents/other.md"),
        entry("Bad Kind", "x", "x"),
    ));
    fixture.write("agents/cook.md", "---\nname: c\n---\n");
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["agent:cook"]);
    assert_eq!(
        issues(&scan),
        [
            (IssueKind::Shadowed, "agents/other.md"),
            (IssueKind::Unreadable, "collection.toml"),
            (IssueKind::Refused, "x"),
        ]
    );
    assert_eq!(scan.issues[0].line, Some(5));
    assert_eq!(scan.manifest_hash, None, "the next scan must tell them again");
    let again = fixture.rescan(&known(&scan), None).await;
    assert_eq!(again.issues, scan.issues);
    assert!(again.read.is_empty());
}

#[tokio::test]
async fn a_path_that_leads_out_of_the_collection_is_a_broken_row() {
    let fixture = Fixture::managed(&format!(
        "{}description = \"kept\"\n{}{}{}",
        entry("skill", "up", "../secret"),
        entry("agent", "root", "/etc/hostname"),
        entry("agent", "link", "agents/link.md"),
        entry("skill", "dir", "skills/dir"),
    ));
    let outside = fixture.root.parent().unwrap().join("secret");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("SKILL.md"), "---\nname: secret\n---\n").unwrap();
    fixture.link("agents/link.md", outside.join("SKILL.md"));
    fixture.link("skills/dir", &outside);
    let scan = fixture.scan().await;
    for id in ["skill:up", "agent:root", "agent:link", "skill:dir"] {
        assert_eq!(artifact(&scan, id).health, Health::Broken, "{id}");
        assert!(problem(&scan, id).contains("leads out"), "{id}");
        assert_eq!(artifact(&scan, id).metadata.display_name, None);
    }
    assert_eq!(artifact(&scan, "skill:up").metadata.description.as_deref(), Some("kept"));
    let again = fixture.rescan(&known(&scan), scan.manifest_hash).await;
    assert!(again.read.is_empty());
}

#[tokio::test]
async fn the_main_file_of_a_directory_is_the_one_that_tells_most() {
    let fixture = Fixture::managed(&format!(
        "{}{}{}{}{}",
        entry("mcp", "files", "mcp/files"),
        entry("mcp", "docs", "mcp/docs"),
        entry("composite", "kit", "plugins/kit"),
        entry("hook", "guard", "hooks/guard"),
        entry("mcp", "none", "mcp/none"),
    ));
    let server = r#"{"mcpServers": {"files": {"command": "npx", "env": {"TOKEN": "s3cret"}}}}"#;
    fixture.write("mcp/files/.mcp.json", server);
    fixture.write("mcp/docs/docs.md", "---\ndescription: documents\n---\n");
    fixture.write("mcp/docs/a.md", "");
    fixture.write("plugins/kit/.claude-plugin/plugin.json", r#"{"name": "kit", "version": "2"}"#);
    fixture.write("hooks/guard/hooks.json", r#"{"hooks": {"Stop": []}}"#);
    fs::create_dir_all(fixture.root.join("mcp/none")).unwrap();
    let scan = fixture.scan().await;
    let files = artifact(&scan, "mcp:files");
    assert_eq!(files.path, "mcp/files/.mcp.json#/mcpServers/files");
    assert_eq!(files.metadata.extra["env"]["TOKEN"], "***");
    assert_eq!(artifact(&scan, "mcp:docs").path, "mcp/docs/docs.md");
    assert_eq!(artifact(&scan, "composite:kit").metadata.version.as_deref(), Some("2"));
    assert_eq!(artifact(&scan, "hook:guard").path, "hooks/guard/hooks.json");
    assert_eq!(problem(&scan, "mcp:none"), "files missing");
    let content = fixture.content("mcp:files", &files.path).await.unwrap();
    assert!(content.starts_with('{') && !content.contains("s3cret"));
}

#[tokio::test]
async fn a_better_main_file_that_comes_later_is_read() {
    let fixture = Fixture::managed(&format!(
        "{}{}",
        entry("skill", "pdf", "skills/pdf"),
        entry("composite", "kit", "plugins/kit"),
    ));
    fixture.write("skills/pdf/notes.md", "---\ndescription: notes\n---\n");
    fixture.write("plugins/kit/.claude-plugin/plugin.json", r#"{"name": "kit"}"#);
    let first = fixture.scan().await;
    let hash = first.manifest_hash.clone();
    assert_eq!(artifact(&first, "skill:pdf").path, "skills/pdf/notes.md");
    assert!(fixture.rescan(&known(&first), hash.clone()).await.read.is_empty());
    assert!(fixture.rescan(&known(&first), None).await.read.is_empty());

    fixture.write("skills/pdf/SKILL.md", "---\ndescription: reads\n---\n");
    let second = fixture.rescan(&known(&first), hash.clone()).await;
    assert_eq!(ids(&second), ["skill:pdf"]);
    assert_eq!(artifact(&second, "skill:pdf").path, "skills/pdf/SKILL.md");

    let mut rows = known(&first);
    rows.extend(known(&second));
    fixture.write("plugins/kit/plugin.json", r#"{"name": "kit"}"#);
    let third = fixture.rescan(&rows, hash).await;
    assert_eq!(ids(&third), ["composite:kit"]);
    assert_eq!(artifact(&third, "composite:kit").path, "plugins/kit/plugin.json");
}

#[tokio::test]
async fn a_description_is_the_files_own_then_the_entrys_then_the_bodys() {
    let described = |name: &str| {
        let entry = entry("agent", name, &format!("agents/{name}.md"));
        format!("{entry}description = \"of the entry\"\n")
    };
    let fixture = Fixture::managed(&format!(
        "{}{}{}{}",
        described("own"),
        described("nested"),
        described("listed"),
        entry("agent", "bare", "agents/bare.md"),
    ));
    let own = "---\ndescription: own\nmetadata:\n  description: nested\n---\nBody.\n";
    fixture.write("agents/own.md", own);
    fixture.write("agents/nested.md", "---\nmetadata:\n  description: nested\n---\nBody.\n");
    fixture.write("agents/listed.md", "---\nname: x\n---\nBody.\n");
    fixture.write("agents/bare.md", "---\nname: x\n---\nBody.\n");
    let scan = fixture.scan().await;
    let told = ["own", "nested", "listed", "bare"].map(|name| {
        let artifact = artifact(&scan, &format!("agent:{name}"));
        artifact.metadata.description.clone().unwrap()
    });
    assert_eq!(told, ["own", "nested", "of the entry", "Body."]);
}

#[tokio::test]
async fn hooks_and_servers_give_masked_json_or_nothing() {
    let fixture = Fixture::managed(&format!(
        "{}{}{}{}",
        entry("hook", "script", "hooks/script.sh"),
        entry("hook", "told", "hooks/told.md"),
        entry("mcp", "told", "mcp/told.md"),
        entry("hook", "guard", "hooks/guard"),
    ));
    let markdown = "---\nenv:\n  TOKEN: s3cret\n---\n";
    fixture.write("hooks/script.sh", "TOKEN=s3cret");
    fixture.write("hooks/told.md", markdown);
    fixture.write("mcp/told.md", markdown);
    fixture.write("hooks/guard/hooks.json", r#"{"hooks": {}, "env": {"TOKEN": "s3cret"}}"#);
    let scan = fixture.scan().await;
    for id in ["hook:script", "hook:told", "mcp:told"] {
        let path = &artifact(&scan, id).path;
        assert_eq!(fixture.content(id, path).await, None, "{path}");
    }
    let guard = fixture.content("hook:guard", "hooks/guard/hooks.json").await.unwrap();
    assert!(guard.contains("TOKEN") && !guard.contains("s3cret"), "{guard}");
}

#[tokio::test]
async fn one_artifact_is_read_by_its_entry() {
    let fixture = three();
    let scan = fixture.scan().await;
    let read = fixture.read("skill:pdf", None).await.unwrap();
    assert_eq!(&read, artifact(&scan, "skill:pdf"));
    assert!(fixture.read("skill:other", None).await.is_none());
    assert!(fixture.read("agent:pdf", None).await.is_none());
    fixture.write("collection.toml", entry("skill", "other", "skills/pdf"));
    assert!(fixture.read("skill:other", None).await.is_some());
    assert!(fixture.read("skill:pdf", None).await.is_none());
}

#[tokio::test]
async fn a_manifest_or_lock_that_does_not_parse_is_an_error() {
    let fixture = three();
    fixture.write("collection.lock", "[lock\n");
    let source = fixture.source().await;
    let error =
        fixture.files.scan(&source, Arc::default(), ScanOptions::default()).await.unwrap_err();
    assert!(matches!(error, SourceError::Manifest { file: "collection.lock", line: Some(1), .. }));
    fixture.write("collection.toml", "a = \n<<<<<<< HEAD\n");
    let error =
        fixture.files.scan(&source, Arc::default(), ScanOptions::default()).await.unwrap_err();
    assert!(matches!(error, SourceError::Manifest { file: "collection.toml", .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_over_the_limit_is_refused_with_the_setting_that_raises_it() {
    let fixture = three();
    let text = fs::read_to_string(fixture.root.join("collection.toml")).unwrap();
    let source = fixture.source().await;
    let limited = fixture.files.clone().with_manifest_limit(1);
    let scan = async || limited.scan(&source, Arc::default(), ScanOptions::default()).await;
    assert_eq!(scan().await.unwrap().read.len(), 3);
    for file in ["collection.toml", "collection.lock"] {
        let before = fs::read_to_string(fixture.root.join(file)).unwrap_or_default();
        fixture.write(file, before.clone() + &"# more\n".repeat(150_000));
        let error = scan().await.unwrap_err();
        assert!(matches!(error, SourceError::Manifest { file: named, .. } if named == file));
        let message = error.to_string();
        assert!(message.contains("1 MiB") && message.contains("cache.manifest_mib"), "{message}");
        assert_eq!(fixture.scan().await.read.len(), 3, "16 MiB are allowed as a rule");
        fixture.write(file, before);
    }
    fixture.write("collection.toml", text + &"# more\n".repeat(2_500_000));
    let all = fixture.files.scan(&source, Arc::default(), ScanOptions::default()).await;
    assert!(all.unwrap_err().to_string().contains("16 MiB"));
}

#[tokio::test]
async fn entries_that_lose_their_listing_and_keep_their_files_are_counted() {
    let fixture = three();
    let rows = known(&fixture.scan().await);
    let source = fixture.source().await;
    let counts = async || {
        let rows = Arc::new(rows.clone());
        let scan = fixture.files.scan(&source, rows, ScanOptions::default()).await.unwrap();
        (scan.gone.len(), scan.still_there)
    };
    fixture.write("collection.toml", "");
    assert_eq!(counts().await, (3, 2), "the file of one was missing before");
    fs::remove_file(fixture.root.join("agents/cook.md")).unwrap();
    assert_eq!(counts().await, (3, 1));
    fs::remove_file(fixture.root.join("collection.toml")).unwrap();
    assert_eq!(counts().await, (3, 1), "no manifest lists nothing");
}

#[tokio::test]
async fn entries_that_are_lost_in_the_middle_of_a_save_are_waited_for() {
    let fixture = three();
    let rows = known(&fixture.scan().await);
    let manifest = fixture.root.join("collection.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, "").unwrap();
    // To the scan the manifest was written just now.
    let changed = fs::metadata(&manifest).unwrap().modified().unwrap();
    fixture.clock.set(changed.into());
    let source = fixture.source().await;
    let (files, known) = (fixture.files.clone(), Arc::new(rows));
    let mut scan =
        tokio::spawn(
            async move { files.scan(&source, known, ScanOptions::default()).await.unwrap() },
        );
    let scan = loop {
        match tokio::time::timeout(Duration::from_millis(20), &mut scan).await {
            Ok(scan) => break scan.unwrap(),
            Err(_) => fs::write(&manifest, &text).unwrap(),
        }
    };
    assert_eq!(scan.gone, []);
}

#[tokio::test]
async fn a_root_that_is_not_itself_is_told_and_nothing_is_read() {
    let fixture = three();
    let rows = known(&fixture.scan().await);
    let source = fixture.source().await;
    let state = async || {
        let known = Arc::new(rows.clone());
        let scan = fixture.files.scan(&source, known, ScanOptions::default()).await.unwrap();
        assert_eq!((scan.read.len(), scan.gone.len()), (0, 3));
        scan.root
    };
    fs::remove_file(fixture.root.join("collection.toml")).unwrap();
    assert_eq!(state().await, RootState::ManifestMissing);
    fs::remove_dir_all(&fixture.root).unwrap();
    assert_eq!(state().await, RootState::Missing);
    let read = fixture.files.read(&source, rows.keys().next().unwrap(), None).await;
    assert!(matches!(read, Err(SourceError::Unreadable { .. })), "absent is not the same as gone");
    fs::create_dir(&fixture.root).unwrap();
    assert_eq!(state().await, RootState::Empty);
    fs::remove_dir(&fixture.root).unwrap();
    fs::write(&fixture.root, "a file").unwrap();
    let error =
        fixture.files.scan(&source, Arc::default(), ScanOptions::default()).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreadable { .. }));
}
