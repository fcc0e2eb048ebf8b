//! Odd and hostile input, none of which may end a scan.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
};

use crate::support::{Fixture, artifact, ids, issues, known, problem};
use larder::domain::{artifact::Health, report::IssueKind};
use proptest::prelude::*;

const SKILL: &str = "---\nname: x\ndescription: d\n---\n";

/// A scan of one skill with these bytes, beside a good one.
async fn health_of(bytes: impl AsRef<[u8]>) -> Health {
    let fixture = Fixture::plain();
    fixture.write("good/SKILL.md", SKILL);
    fixture.write("odd/SKILL.md", bytes);
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["skill:good", "skill:odd"]);
    assert_eq!(artifact(&scan, "skill:good").health, Health::Ok);
    let odd = artifact(&scan, "skill:odd");
    assert_eq!(odd.health == Health::Ok, odd.problem.is_none());
    odd.health
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    assert_eq!(health_of(b"---\nname: caf\xe9\n---\n").await, Health::Recovered);
    assert_eq!(health_of(b"---\nname: a\0b\n---\n").await, Health::Recovered);
    assert_eq!(health_of(b"\0\0\0").await, Health::Recovered);
    assert_eq!(health_of(b"").await, Health::Recovered);
}

#[tokio::test]
async fn files_and_frontmatter_over_the_limit() {
    assert_eq!(health_of(vec![b'x'; 4 * 1024 * 1024 + 1]).await, Health::Broken);
    let long = format!("---\nname: x\nnote: {}\n---\n", "y".repeat(64 * 1024));
    assert_eq!(health_of(long).await, Health::Broken);
    let line = format!("---\nname: x\n---\n{}", "z".repeat(130_000));
    assert_eq!(health_of(line).await, Health::Ok);
}

#[tokio::test]
async fn bombs() {
    let open = "[".repeat(10_000);
    assert_eq!(health_of(format!("---\nname: x\na: {open}\n---\n")).await, Health::Recovered);
    let laugh = |(name, of): (&str, &str)| {
        format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(", "))
    };
    let laughs = ["ba", "cb", "dc", "ed", "fe", "gf"].map(|pair| laugh(pair.split_at(1)));
    let laughs = format!("a: &a [x, x]\n{}", laughs.concat());
    assert_eq!(health_of(format!("---\nname: x\n{laughs}---\n")).await, Health::Recovered);
}

#[tokio::test]
async fn duplicate_keys_and_conflict_markers() {
    assert_eq!(health_of("---\nname: a\nname: b\n---\n").await, Health::Recovered);
    let conflict = "---\n<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> x\n---\n";
    assert_eq!(health_of(conflict).await, Health::Recovered);
    assert_eq!(health_of("---\n<<<<<<< HEAD\n---\n").await, Health::Broken);
}

#[tokio::test]
async fn what_is_no_file() {
    let fixture = Fixture::plain();
    fixture.write("good/SKILL.md", SKILL);
    fs::create_dir_all(fixture.root.join("dir/SKILL.md")).unwrap();
    let outside = fixture.root.parent().unwrap().join("outside.md");
    fs::write(&outside, "---\nname: s3cret\n---\n").unwrap();
    fixture.link("dangling/SKILL.md", "nowhere");
    fixture.link("dangling-dir", "nowhere");
    fixture.link("leaving/SKILL.md", &outside);
    fixture.link("leaving-dir", fixture.root.parent().unwrap());
    fixture.link("loop/SKILL.md", "SKILL.md");
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["skill:good"]);
    assert_eq!(
        issues(&scan),
        [
            (IssueKind::Unreadable, "dangling-dir"),
            (IssueKind::Unreadable, "dangling/SKILL.md"),
            (IssueKind::Unreadable, "dir/SKILL.md"),
            (IssueKind::Refused, "leaving-dir"),
            (IssueKind::Refused, "leaving/SKILL.md"),
            (IssueKind::Unreadable, "loop/SKILL.md"),
        ]
    );
    assert!(!format!("{scan:?}").contains("s3cret"));
    assert_eq!(fixture.content("skill:leaving", "leaving/SKILL.md").await, None);
    assert_eq!(fixture.read("skill:leaving", Some("leaving/SKILL.md")).await, None);
}

#[tokio::test]
async fn an_entry_whose_path_goes_through_gits_files_or_larders_own_is_broken_and_not_shown() {
    let entry = |(name, path): (&str, &str)| {
        format!("[[artifacts]]\nname = \"{name}\"\ntype = \"skill\"\npath = \"{path}\"\n")
    };
    let paths = [
        ("config", ".git/config"),
        ("case", ".GIT/config"),
        ("nested", "skills/a/.git/config"),
        ("record", ".larder/trash/1/record.json"),
        ("directory", ".git"),
        ("link", "link/config"),
        ("file-link", "skills/b"),
    ];
    let fixture = Fixture::managed(&paths.map(entry).concat());
    for file in
        [".git/config", ".GIT/config", "skills/a/.git/config", ".larder/trash/1/record.json"]
    {
        fixture.write(file, "[user]\n\ttoken = s3cret\n");
    }
    fixture.write(".git/SKILL.md", "---\ndescription: s3cret\n---\n");
    fixture.link("link", ".git");
    fixture.link("skills/b/SKILL.md", "../../.git/config");
    let scan = fixture.scan().await;
    for (name, _) in paths {
        let id = format!("skill:{name}");
        let found = artifact(&scan, &id);
        assert_eq!(found.health, Health::Broken, "{found:?}");
        assert!(problem(&scan, &id).contains(".git or .larder"), "{found:?}");
        assert_eq!(fixture.content(&id, &found.path).await, None, "{id}");
    }
    assert!(!format!("{scan:?}").contains("s3cret"));
    assert_eq!(fixture.content("skill:config", ".git/config").await, None);
}

#[tokio::test]
async fn odd_names() {
    let fixture = Fixture::plain();
    for name in ["a b", "c:d", "é", "\u{202e}rtl", "Case", "case"] {
        fixture.write(&format!("{name}/SKILL.md"), SKILL);
    }
    fixture.write("bad\nname/SKILL.md", SKILL);
    fs::create_dir(fixture.root.join(OsStr::from_bytes(b"caf\xe9"))).unwrap();
    let deep = vec!["x".repeat(100); 3].join("/");
    fixture.write(&format!("{deep}/SKILL.md"), SKILL);
    let scan = fixture.scan().await;
    let names =
        ["skill:Case", "skill:a b", "skill:c:d", "skill:case", "skill:é", "skill:\u{202e}rtl"];
    assert_eq!(ids(&scan), names);
    let kinds: Vec<IssueKind> = scan.issues.iter().map(|issue| issue.kind).collect();
    assert_eq!(kinds, [IssueKind::Refused; 3]);
    assert!(scan.issues.iter().all(|issue| !issue.path.contains(char::is_control)));
}

#[tokio::test]
async fn names_of_a_manifest() {
    let entry =
        |name: &str| format!("[[artifacts]]\nname = {name}\ntype = \"agent\"\npath = \"a.md\"\n");
    let names = ["\"a b\"", "\"c:d/e\"", "\"Case\"", "\"case\"", "\"a\\u0000b\"", "3", "\"\""];
    let fixture = Fixture::managed(&names.map(entry).concat());
    fixture.write("a.md", SKILL);
    let scan = fixture.scan().await;
    assert_eq!(ids(&scan), ["agent:Case", "agent:a b", "agent:c:d/e", "agent:case"]);
    assert_eq!(scan.issues.len(), 3);
}

#[tokio::test]
async fn files_that_may_not_be_read() {
    let fixture = Fixture::plain();
    fixture.write("closed/SKILL.md", SKILL);
    fixture.write("dir/a/SKILL.md", SKILL);
    if fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
    {
        eprintln!("skipped: the superuser may read everything");
        return;
    }
    let rows = known(&fixture.scan().await);
    let set_mode = |path: &str, mode| {
        fs::set_permissions(fixture.root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode("closed/SKILL.md", 0o000);
    set_mode("dir", 0o000);
    let scan = fixture.rescan(&rows, None).await;
    set_mode("dir", 0o755);
    assert_eq!(ids(&scan), ["skill:closed"]);
    assert!(problem(&scan, "skill:closed").contains("cannot be read"));
    assert_eq!(issues(&scan), [(IssueKind::Unreadable, "dir")]);
    assert!(scan.gone.is_empty(), "nobody knows what is in the directory");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_a_row(
        head in prop::sample::select(vec!["", "---\n", "---\nname: x\n"]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        tail in prop::sample::select(vec!["", "\n---\n", "\n---\nbody"]),
    ) {
        let bytes = [head.as_bytes(), &bytes, tail.as_bytes()].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime.block_on(health_of(bytes));
    }
}
