use std::collections::HashSet;

use larder::domain::{
    Timestamp,
    id::SourceName,
    report::{Counts, Issue, IssueKind, RefreshStatus},
};

use super::*;

fn report(status: RefreshStatus, kinds: &[IssueKind], issues_total: u64) -> SourceReport {
    let issue = |kind: &IssueKind| Issue {
        artifact_id: None,
        path: "skills/a".to_owned(),
        kind: *kind,
        message: "It is a test.".to_owned(),
        line: None,
    };
    SourceReport {
        source: SourceName::new("work").unwrap(),
        status,
        counts: Counts { created: 3, unchanged: 2, skipped: 1, ..Counts::default() },
        issues: kinds.iter().map(issue).collect(),
        issues_total,
        started_at: Timestamp::UNIX_EPOCH,
        duration_ms: 1_500,
    }
}

fn used() -> Prometheus {
    let metrics = Prometheus::new("1.2.3");
    metrics.cache_read(true);
    metrics.cache_read(true);
    metrics.cache_read(false);
    metrics.source_refreshed(&report(
        RefreshStatus::Completed,
        &[IssueKind::Broken, IssueKind::Broken, IssueKind::Shadowed],
        10,
    ));
    metrics.http_request("listArtifacts", 200, Duration::from_millis(3));
    metrics.http_request("listArtifacts", 204, Duration::from_millis(3));
    metrics.http_request("listArtifacts", 503, Duration::from_millis(3));
    metrics
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|candidate| candidate == line)
}

#[test]
fn reads_are_counted_from_zero_as_hits_and_misses() {
    let fresh = Prometheus::new("1.2.3").exposition(Exposition::Classic);
    assert!(has_line(&fresh, "larder_cache_hits_total 0"), "{fresh}");
    let text = used().exposition(Exposition::Classic);
    assert!(has_line(&text, "larder_cache_hits_total 2"), "{text}");
    assert!(has_line(&text, "larder_cache_misses_total 1"), "{text}");
}

#[test]
fn a_refresh_is_timed_by_outcome_and_its_artifacts_are_counted() {
    let text = used().exposition(Exposition::Classic);
    let labels = r#"outcome="completed",scope="source""#;
    for line in [
        &format!("larder_refresh_duration_seconds_sum{{{labels}}} 1.5"),
        &format!("larder_refresh_duration_seconds_bucket{{le=\"2.5\",{labels}}} 1"),
        &format!("larder_refresh_duration_seconds_bucket{{le=\"1.0\",{labels}}} 0"),
        r#"larder_refresh_artifacts_total{outcome="created"} 3"#,
        r#"larder_refresh_artifacts_total{outcome="removed"} 0"#,
    ] {
        assert!(has_line(&text, line), "{line} in\n{text}");
    }
}

#[test]
fn issues_that_a_report_does_not_list_are_counted_all_the_same() {
    let text = used().exposition(Exposition::Classic);
    for line in [
        r#"larder_refresh_errors_total{kind="broken"} 2"#,
        r#"larder_refresh_errors_total{kind="shadowed"} 1"#,
        r#"larder_refresh_errors_total{kind="unlisted"} 7"#,
    ] {
        assert!(has_line(&text, line), "{line} in\n{text}");
    }
}

#[test]
fn writes_are_counted_by_operation_and_by_whether_the_cache_followed() {
    let metrics = used();
    metrics.written(Operation::Edit, false);
    metrics.written(Operation::Edit, true);
    metrics.written(Operation::Delete, false);
    let text = metrics.exposition(Exposition::Classic);
    for line in [
        r#"larder_writes_total{operation="edit",cache="current"} 1"#,
        r#"larder_writes_total{operation="edit",cache="pending"} 1"#,
        r#"larder_writes_total{operation="delete",cache="current"} 1"#,
    ] {
        assert!(has_line(&text, line), "{line} in\n{text}");
    }
}

#[test]
fn requests_are_timed_by_operation_and_class_of_status() {
    let text = used().exposition(Exposition::Classic);
    let count = |class: &str| {
        format!(
            "larder_http_request_duration_seconds_count\
             {{status=\"{class}\",operation=\"listArtifacts\"}}"
        )
    };
    assert!(has_line(&text, &format!("{} 2", count("2xx"))), "{text}");
    assert!(has_line(&text, &format!("{} 1", count("5xx"))), "{text}");
}

#[test]
fn open_metrics_says_where_it_ends_and_the_classic_format_does_not() {
    let metrics = used();
    assert!(metrics.exposition(Exposition::OpenMetrics).ends_with("# EOF\n"));
    let classic = metrics.exposition(Exposition::Classic);
    assert!(!classic.contains("# EOF") && !classic.contains("# UNIT"), "{classic}");
    assert!(has_line(&classic, r#"larder_build_info{version="1.2.3"} 1"#), "{classic}");
}

#[test]
fn in_the_classic_format_every_sample_belongs_to_a_declared_family_with_help() {
    let text = used().exposition(Exposition::Classic);
    let declared = |keyword: &str| -> HashSet<&str> {
        text.lines().filter_map(|line| line.strip_prefix(keyword)?.split(' ').next()).collect()
    };
    let typed = declared("# TYPE ");
    assert_eq!(typed, declared("# HELP "));
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        assert!(typed.contains(family), "{sample} in\n{text}");
    }
}
