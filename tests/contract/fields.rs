//! What a row says of its artifact, field by field.

use larder::{
    domain::{
        artifact::{Artifact, Health, Metadata, Problem, Provenance, SECRET_IN_CLEAR},
        delta::Delta,
        query::ArtifactQuery,
        report::IssueKind,
        revision::Revision,
    },
    testing::{BuildArtifact, artifact, artifact_id, at, collection_id, order, source_name},
};
use serde_json::json;

use crate::cache::{Cache, delta, now};

/// Text that a careless statement or column would trip over.
const ODD: &str =
    "O'Brien \"50 %\" _under_ \\back `tick` $1 ?1 :x; -- \n\t {\"a\":[]} 日本語 👩‍🚀 \u{202e}rtl";

fn full(id: &str) -> Artifact {
    let odd = |field: &str| Some(format!("{field} {ODD}"));
    let extra = json!({"when_to_use": ODD, "nested": {"list": [1, 2.5, null, true, "x"]}, "": ""});
    Artifact {
        id: artifact_id(id),
        metadata: Metadata {
            display_name: odd("display"),
            description: odd("description"),
            author: odd("author"),
            license: odd("license"),
            version: Some("1.0".to_owned()),
            tags: vec!["zebra".to_owned(), ODD.to_owned(), "Äpfel".to_owned()],
            tools: vec!["Bash(git log:*)".to_owned(), "Read".to_owned()],
            extra: extra.as_object().unwrap().clone(),
        },
        provenance: Provenance {
            version_spec: odd("spec"),
            source: odd("source"),
            origin: odd("origin"),
            origin_source: odd("origin source"),
            resolved_sha: odd("sha"),
            resolved_version: odd("version"),
        },
        path: format!("skills/{ODD}#/mcpServers/a~1b"),
        revision: Revision::of(&[b"all"]),
        fingerprint: odd("fingerprint"),
        health: Health::Recovered,
        problem: Some(Problem { message: ODD.to_owned(), line: Some(u32::MAX) }),
        added_at: Some(at(-77) + chrono::Duration::microseconds(1)),
        updated_at: Some(at(-99) + chrono::Duration::microseconds(999_999)),
        read_at: at(3) + chrono::Duration::microseconds(123_456),
    }
}

fn empty(id: &str) -> Artifact {
    Artifact {
        metadata: Metadata::default(),
        provenance: Provenance::default(),
        fingerprint: None,
        updated_at: None,
        ..artifact(id)
    }
}

pub(crate) async fn every_field_comes_back_as_it_was_stored(cache: &Cache) {
    cache.register(&["work"]).await;
    let id = format!("skill:{}", &ODD.replace(char::is_control, " "));
    let (full, empty) = (full(&id), empty("mcp:none"));
    cache.put("work", [full.clone(), empty.clone()]).await;
    let empty = Artifact { added_at: Some(now()), ..empty };
    for collection in ["work", "default"] {
        for artifact in [&full, &empty] {
            let row = cache.row(collection, artifact.id.as_str()).await.unwrap();
            assert_eq!(row.collection, collection_id(collection));
            assert_eq!(row.source, source_name("work"));
            assert_eq!(row.synced_at, Some(artifact.read_at));
            assert_eq!(row.artifact, *artifact);
        }
        let page = cache.page_of(collection, &ArtifactQuery::default()).await;
        assert_eq!(page.rows.len(), 2);
        for listed in page.rows {
            let alone = cache.row(collection, listed.artifact.id.as_str()).await;
            assert_eq!(alone, Some(listed), "a page and a single row say the same");
        }
    }
}

pub(crate) async fn every_field_is_replaced_by_a_later_read(cache: &Cache) {
    cache.register(&["work"]).await;
    cache.put("work", [full("skill:pdf")]).await;
    let emptied = empty("skill:pdf").read_at(at(9));
    cache.put("work", [emptied.clone()]).await;
    for collection in ["work", "default"] {
        let row = cache.row(collection, "skill:pdf").await.unwrap();
        let added_at = row.artifact.added_at;
        assert_eq!(row.artifact, Artifact { added_at, ..emptied.clone() });
    }
}

pub(crate) async fn a_row_made_without_a_date_keeps_the_one_it_was_made_at(cache: &Cache) {
    cache.register(&["work"]).await;
    let dated = Artifact { added_at: Some(at(-9)), ..artifact("skill:dated") };
    cache.put("work", [artifact("skill:pdf"), dated]).await;
    let again = Delta {
        upserts: vec![artifact("skill:pdf").described("new").read_at(at(5))],
        now: at(2_000),
        order: order(5),
        ..delta("work")
    };
    cache.apply(again).await.unwrap();
    for collection in ["work", "default"] {
        let added_at = async |id| cache.row(collection, id).await.unwrap().artifact.added_at;
        assert_eq!(added_at("skill:pdf").await, Some(now()));
        assert_eq!(added_at("skill:dated").await, Some(at(-9)));
    }
}

pub(crate) async fn what_is_known_is_what_was_stored_last(cache: &Cache) {
    cache.register(&["home", "work"]).await;
    let broken = artifact("skill:bad").in_health(Health::Broken);
    let recovered = artifact("skill:odd").in_health(Health::Recovered).changed_at(None);
    cache.put("home", [artifact("skill:tea")]).await;
    cache.put("work", [broken.clone(), recovered.clone()]).await;
    let known = cache.known(&source_name("work")).await.unwrap();
    assert_eq!(known.len(), 2, "only its own");

    let bad = &known[&broken.id];
    assert_eq!((&bad.path, &bad.revision), (&broken.path, &broken.revision));
    assert_eq!(bad.fingerprint, broken.fingerprint);
    assert_eq!((bad.invalidated, bad.health), (false, Health::Broken));
    let problem = broken.problem.unwrap();
    assert_eq!((bad.problem.as_ref(), bad.problem_line), (Some(&problem.message), problem.line));
    assert_eq!(bad.updated_at, broken.updated_at);
    let odd = &known[&recovered.id];
    let problem = recovered.problem.unwrap();
    assert_eq!((odd.problem.as_ref(), odd.problem_line), (Some(&problem.message), problem.line));
    assert_eq!(odd.issue(&recovered.id), None, "broken ones and those with a secret are reported");
    let secret = Problem { message: SECRET_IN_CLEAR.to_owned(), line: Some(7) };
    cache.put("work", [Artifact { problem: Some(secret), ..artifact("skill:leak") }]).await;
    let known = cache.known(&source_name("work")).await.unwrap();
    let (id, leak) = known.iter().find(|(id, _)| id.as_str() == "skill:leak").unwrap();
    let issue = leak.issue(id).unwrap();
    assert_eq!((issue.kind, issue.line), (IssueKind::SecretInClear, Some(7)));
    assert_eq!((odd.health, odd.updated_at), (Health::Recovered, None));
}

pub(crate) async fn ids_that_differ_by_case_are_two_artifacts(cache: &Cache) {
    cache.register(&["work"]).await;
    let (lower, upper) = (artifact("skill:pdf"), artifact("skill:PDF").described("the loud one"));
    cache.put("work", [lower, upper]).await;
    assert_eq!(cache.ids("default").await, ["skill:PDF", "skill:pdf"], "same sort key, then by id");
    assert_eq!(cache.description("default", "skill:PDF").await.unwrap(), "the loud one");
    cache.remove("work", &["skill:PDF"], at(1)).await;
    assert_eq!(cache.ids("default").await, ["skill:pdf"]);
}
