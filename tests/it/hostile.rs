//! Odd and hostile files: every call answers 200, and every good artifact is there.

use std::{fmt::Write, os::unix::fs::symlink, path::Path, sync::Arc};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    changes::on_both,
    house::{Backend, House, entry, managed, skill, write},
};

/// How many of the files are good.
pub(crate) const GOOD: u64 = 8;

/// Good artifacts among everything that could hurt.
pub(crate) fn hostile(root: &Path) {
    let good = |path: &str| write(root, path, skill("Good."));
    good("plain/skills/good/SKILL.md");
    good("plain/skills/Good/SKILL.md");
    good("plain/skills/with space: and:colon/SKILL.md");
    good("plain/skills/größe-日本語-\u{202e}rtl/SKILL.md");
    good("plain/agents/quote'\"%_\\.md");
    write(root, "plain/commands/crlf.md", "\u{feff}---\r\ndescription: Good.\r\n---\r\nbody\r\n");

    let plain = root.join("plain");
    let bad =
        |name: &str, bytes: &[u8]| write(root, &format!("plain/skills/{name}/SKILL.md"), bytes);
    bad("latin1", b"---\ndescription: caf\xe9\n---\n");
    bad("nul", b"---\ndescription: a\0b\n---\n");
    bad("empty", b"");
    bad("huge", &vec![b'x'; 5 * 1024 * 1024]);
    bad("frontmatter", format!("---\nx: {}\n---\n", "y".repeat(100_000)).as_bytes());
    bad("line", format!("---\ndescription: {}\n---\n", "y".repeat(130_000)).as_bytes());
    bad("deep", format!("---\nx: {}\n---\n", "[".repeat(10_000)).as_bytes());
    bad("bomb", bomb().as_bytes());
    bad("duplicate", b"---\ndescription: one\ndescription: two\n---\n");
    bad(
        "conflict",
        b"---\n<<<<<<< ours\ndescription: a\n=======\ndescription: b\n>>>>>>> x\n---\n",
    );
    write(root, "plain/skills/directory/SKILL.md/file", "a directory where a file is expected");
    write(root, &format!("plain/skills/{}/SKILL.md", "n".repeat(250)), skill("Too long an id."));
    write(root, "plain/skills/control\u{7}/SKILL.md", skill("A bell in its name."));
    write(root, "plain/.mcp.json", "{\"mcpServers\": {\"x\": ");
    write(root, "plain/.claude-plugin/plugin.json", "[".repeat(10_000));
    symlink("nowhere", plain.join("agents/dangling.md")).unwrap();
    symlink("/etc/hostname", plain.join("agents/escape.md")).unwrap();
    symlink("loop.md", plain.join("agents/loop.md")).unwrap();
    symlink("..", plain.join("skills/up")).unwrap();

    managed(root, "work", 2);
    let mut manifest =
        std::fs::read_to_string(root.join("collections/work/collection.toml")).unwrap();
    for path in ["../../plain/skills/good", "/etc", "skills/none"] {
        let name = path.replace(['/', '.'], "-");
        manifest += &entry(0).replace("\"s0\"", &format!("\"{name}\"")).replace("skills/s0", path);
    }
    manifest += &entry(0);
    manifest += "\n[[artifacts]]\nname = \"no type\"\n";
    write(root, "collections/work/collection.toml", manifest);
    write(root, "collections/torn/collection.toml", "[collection]\nname = ");
}

fn bomb() -> String {
    let mut text = "---\na0: &a0 [x, x]\n".to_owned();
    for n in 1..40 {
        let below = n - 1;
        writeln!(text, "a{n}: &a{n} [*a{below}, *a{below}]").unwrap();
    }
    text + "---\n"
}

async fn every_call_answers_and_every_good_artifact_is_there(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    hostile(files.path());
    let house = House::open(&files, backend).await;

    let report = house.refresh("default").await;
    assert_eq!(report["status"], "failed", "the torn manifest, and nothing else: {report}");
    for collection in ["plain", "work"] {
        assert_eq!(house.refresh(collection).await["status"], "completed");
    }
    let good = house.get("artifacts?limit=200&q=good").await;
    let good = good["items"].as_array().unwrap().iter().filter(|it| it["description"] == "Good.");
    assert_eq!(good.count() as u64, GOOD - 2, "beside the two of the managed collection");

    for item in house.get("artifacts?limit=200").await["items"].as_array().unwrap() {
        let id = item["id"].as_str().unwrap();
        let encoded = utf8_percent_encode(id, NON_ALPHANUMERIC);
        assert_eq!(house.get(&format!("artifacts/{encoded}")).await["id"], id);
        if item["health"] != "ok" {
            assert!(item["problem"].is_string(), "{item}");
        }
    }
    house.get("artifacts/facets").await;
    house.get("user-collections/cache-stats").await;
    house.close().await;
}

on_both! { every_call_answers_and_every_good_artifact_is_there }
