//! Texts that mean something in YAML, TOML or JSON, and too much of everything.

use std::fs;

use poem::http::Method;
use serde_json::{Value, json};

use super::{files, open};
use crate::house::{House, entry};

const FIELDS: [&str; 4] = ["description", "author", "license", "version"];

/// Those, and what no edit changes.
const SHOWN: [&str; 9] = [
    "description",
    "author",
    "license",
    "version",
    "tags",
    "name",
    "display_name",
    "health",
    "extra",
];

/// Texts of one line that stand for something else, or end something, where they are not quoted.
const NASTY: [&str; 50] = [
    "x # y",
    "# x",
    "a: b",
    "a:",
    ": ",
    ":",
    "- a",
    "-",
    "--- # x",
    "---",
    "...",
    "? a",
    "? ",
    "\"",
    "\"\"\"",
    "'",
    "''",
    "'''",
    "\"x\"",
    "'x'",
    "it's",
    "{{",
    "{a: b}",
    "[a, b]",
    "]]",
    "}",
    "*a",
    "&a",
    "!t",
    "!!binary x",
    "%",
    "%YAML 1.1",
    "@",
    "`x`",
    "|",
    ">",
    "|-",
    ",",
    "yes",
    "null",
    "~",
    "1.0",
    "0x1f",
    "1e3",
    "2026-01-05",
    "<<",
    "\\u0022",
    "\\",
    "\"\"\"[[artifacts]]",
    "=",
];

fn shown(house: &House) -> impl Future<Output = Value> {
    house.get("artifacts/skill:s0")
}

/// Puts each text into each field of `s0`, and looks at what a scan reads then.
async fn every_text_comes_back(house: &House) {
    let mut expected = shown(house).await;
    for (number, text) in NASTY.iter().enumerate() {
        let (text, alone) = (text.trim(), FIELDS[number % FIELDS.len()]);
        let mut others = json!({"tags": [text, "x", format!("{text} y")]});
        for field in FIELDS.into_iter().filter(|field| *field != alone) {
            others[field] = text.into();
        }
        for body in [json!({ alone: text }), others] {
            let edited = house.put("artifacts/skill:s0/metadata", Some("*"), &body).await;
            assert_eq!(edited.status, 200, "{text:?}: {}", edited.text);
            let edited = edited.json();
            expected.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            for field in SHOWN {
                assert_eq!(edited[field], expected[field], "{field} of {text:?} after {body}");
            }
        }
        let path = "user-collections/work/refresh-cache?force=true";
        house.send(Method::POST, path, None, None).await.is(200);
        let read = shown(house).await;
        for field in SHOWN {
            assert_eq!(read[field], expected[field], "{field} of {text:?} is read anew");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_mean_something_in_yaml_come_back_as_they_were() {
    let files = files();
    let house = open(&files).await;
    let other = house.get("artifacts/skill:s1").await["revision"].clone();
    every_text_comes_back(&house).await;
    assert_eq!(house.get("artifacts/skill:s1").await["revision"], other);
    let file = files.path().join("collections/work/skills/s0/SKILL.md");
    assert!(fs::read_to_string(file).unwrap().ends_with("\n---\n# Title\n"), "the body stays");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_that_mean_something_in_toml_come_back_as_they_were() {
    let files = files();
    let metadata = "tags = [\"x\"]\n\n[artifacts.metadata]\ndescription = \"d\"\nauthor = \"a\"\n\
                    license = 'l'\nversion = \"\"\"v\"\"\" # a comment\n";
    let manifest = format!("[collection]\nname = \"work\"\n{}{metadata}{}", entry(0), entry(1));
    let house = {
        crate::house::write(files.path(), "collections/work/collection.toml", &manifest);
        crate::house::write(files.path(), "collections/work/skills/s0/SKILL.md", "# Title\n");
        open(&files).await
    };
    let other = house.get("artifacts/skill:s1").await["revision"].clone();
    every_text_comes_back(&house).await;
    assert_eq!(house.get("artifacts/skill:s1").await["revision"], other);
    let main = fs::read_to_string(files.path().join("collections/work/skills/s0/SKILL.md"));
    assert_eq!(main.unwrap(), "# Title\n", "the manifest has it all");
    let after = fs::read_to_string(files.path().join("collections/work/collection.toml")).unwrap();
    assert!(after.contains(" # a comment\n") && after.ends_with(&entry(1)), "{after}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_artifact_has_the_texts_as_they_were_sent() {
    let files = files();
    let house = open(&files).await;
    for (number, text) in NASTY.iter().enumerate() {
        let (text, kind) = (text.trim(), ["skill", "agent", "command"][number % 3]);
        let body = json!({
            "type": kind, "name": format!("n{number}"), "description": text, "author": text,
            "license": text, "version": text, "tags": [text], "tools": [text],
            "body": format!("{text}\n---\nname: evil\ndescription: evil\n---\n"),
        });
        let created = house.post("artifacts", &body).await;
        assert_eq!(created.status, 201, "{text:?}: {}", created.text);
        house.refresh("work").await;
        let read = house.get(&format!("artifacts/{kind}:n{number}")).await;
        for field in FIELDS {
            assert_eq!(read[field], text, "{field}");
        }
        assert_eq!((&read["tags"], &read["tools"]), (&json!([text]), &json!([text])), "{text:?}");
        assert_eq!((&read["health"], &read["name"]), (&"ok".into(), &format!("n{number}").into()));
    }
    let total = 2 + NASTY.len();
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], total);
    house.close().await;
}

/// Descriptions of several lines that mean something in YAML or TOML.
const LINES: [&str; 7] = [
    "a\n---\nname: evil",
    "a\n\n  indented\n\n\nb",
    "\"\"\"\n[[artifacts]]\nname = \"evil\"\n'''",
    "- a\n- b: c # d",
    "Use when:\n<example>\nuser: \"hi\"\nassistant: 'ho'\n</example>",
    "# a\n|\n>",
    "ends: with\ntwo  \n  spaces",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptions_of_several_lines_come_back_from_every_kind_of_file() {
    let files = files();
    let plugin = "[[artifacts]]\nname = \"kit\"\ntype = \"composite\"\npath = \"kit\"\n";
    let manifest = format!("[collection]\nname = \"work\"\n{}{}{plugin}", entry(0), entry(1));
    let path = |path: &str| format!("collections/work/{path}");
    crate::house::write(files.path(), &path("collection.toml"), &manifest);
    let json = "{\"name\": \"kit\", \"description\": \"d\"}\n";
    crate::house::write(files.path(), &path("kit/.claude-plugin/plugin.json"), json);
    let main = "---\nlicense: x # l\ndescription: >-\n   a\n   b\n# c\n---\n# Title\n";
    crate::house::write(files.path(), &path("skills/s0/SKILL.md"), main);
    let house = open(&files).await;
    for text in LINES {
        for id in ["skill:s0", "skill:s1", "composite:kit"] {
            let sent = json!({"description": text.replace('\n', "\r\n"), "version": text.len().to_string()});
            let edited = house.put(&format!("artifacts/{id}/metadata"), Some("*"), &sent).await;
            assert_eq!(edited.status, 200, "{text:?}: {}", edited.text);
            assert_eq!(edited.json()["description"], text, "{id}");
            house.refresh("work").await;
            let read = house.get(&format!("artifacts/{id}")).await;
            assert_eq!((&read["description"], &read["health"]), (&text.into(), &"ok".into()));
        }
    }
    for (number, text) in LINES.iter().enumerate() {
        let kind = ["skill", "agent", "command"][number % 3];
        let body = json!({"type": kind, "name": format!("l{number}"), "description": text});
        let created = house.post("artifacts", &body).await;
        assert_eq!(created.status, 201, "{text:?}: {}", created.text);
        assert_eq!(created.json()["description"], *text);
    }
    let total = 3 + LINES.len();
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], total);
    let file = fs::read_to_string(files.path().join(path("skills/s0/SKILL.md"))).unwrap();
    assert!(file.starts_with("---\nlicense: x # l\ndescription: >-\n   ends: with\n"), "{file}");
    assert!(file.contains("\n# c\n") && file.ends_with("\n---\n# Title\n"), "{file}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_characters_are_refused_in_every_field_and_line_breaks_but_in_descriptions() {
    let files = files();
    let house = open(&files).await;
    let before = house.snapshot();
    for text in [
        "a\n---\nname: evil",
        "a\r\nname: evil",
        "a\rb",
        "\"\"\"\n[[artifacts]]\nname = \"evil\"",
        "\"\n\n[artifacts.metadata]\nx = \"",
        "a\tb",
        "a\0b",
        "\u{1b}[31m",
        "a\u{85}b",
        "\u{7f}",
    ] {
        for field in FIELDS.into_iter().chain(["tags", "tools"]) {
            let is_allowed = |c: char| !c.is_control() || c == '\n';
            if field == "description" && text.replace("\r\n", "\n").chars().all(is_allowed) {
                continue;
            }
            let is_list = ["tags", "tools"].contains(&field);
            let value = if is_list { json!(["x", text]) } else { json!(text) };
            if field != "tools" {
                let body = json!({ field: value });
                let answer = house.put("artifacts/skill:s0/metadata", Some("*"), &body).await;
                let problem = house.refused(&answer, &[(422, "invalid")], &before, text);
                assert_eq!(problem["errors"][0]["field"], field, "{text:?}");
            }
            let mut body = json!({"type": "skill", "name": "a", "description": "d"});
            body[field] = value;
            let answer = house.post("artifacts", &body).await;
            let problem = house.refused(&answer, &[(422, "invalid")], &before, text);
            assert_eq!(problem["errors"][0]["field"], field, "{text:?}");
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_of_anything_and_anything_unknown_is_refused() {
    let files = files();
    let house = open(&files).await;
    let before = house.snapshot();
    let many: Vec<String> = (0..10_000).map(|n| format!("tag {n}")).collect();
    let put = |body: Value| {
        let house = &house;
        async move { house.put("artifacts/skill:s0/metadata", Some("*"), &body).await }
    };
    let post = |field: &str, value: Value| {
        let mut body = json!({"type": "skill", "name": "a", "description": "d"});
        body[field] = value;
        let house = &house;
        async move { house.post("artifacts", &body).await }
    };
    let (mib, less) = ("x".repeat(1 << 20), "x".repeat((1 << 20) - 200));
    let invalid = [(422, "invalid")];
    let too_large = [(413, "too-large")];
    for (answer, expected) in [
        (put(json!({"description": mib})).await, &too_large),
        (put(json!({"description": less})).await, &invalid),
        (put(json!({"author": less})).await, &invalid),
        (put(json!({"tags": [less]})).await, &invalid),
        (put(json!({"tags": many})).await, &invalid),
        (put(json!({"tags": [["x"]]})).await, &invalid),
        (put(json!({"tags": "x"})).await, &invalid),
        (put(json!({"description": {"a": "b"}})).await, &invalid),
        (put(json!({"description": "d", "name": "evil"})).await, &invalid),
        (put(json!({"description": "d", "__proto__": {}})).await, &invalid),
        (put(json!({"description": "d", "path": "/etc"})).await, &invalid),
        (put(json!({"description": "d", "expected_revision": ["x"]})).await, &invalid),
        (put(json!({})).await, &invalid),
        (post("description", json!(mib)).await, &too_large),
        (post("body", json!(mib)).await, &too_large),
        (post("description", json!(less)).await, &invalid),
        (post("name", json!(less)).await, &invalid),
        (post("tags", json!(many)).await, &invalid),
        (post("tools", json!([less])).await, &invalid),
        (post("path", json!("/etc")).await, &invalid),
        (post("source", json!("x")).await, &invalid),
        (post("body", json!("a\0")).await, &invalid),
    ] {
        house.refused(&answer, expected, &before, "too much");
        assert!(answer.text.len() < 10_000, "what was sent is not sent back");
    }
    house.close().await;
}
