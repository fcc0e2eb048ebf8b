use std::collections::{BTreeMap, HashSet};

use larder::domain::{
    Timestamp,
    artifact::Health,
    freshness::Census,
    gauges::{Connections, Counted, KeeperTimes},
    id::ArtifactKind,
    report::{Counts, Issue, IssueKind, RefreshStatus},
    watching::WatchMode,
};

use super::*;

fn summary(status: RefreshStatus, kinds: &[IssueKind], issues_total: u64) -> Summary {
    let issue = |kind: &IssueKind| Issue {
        artifact_id: None,
        path: "skills/a".to_owned(),
        kind: *kind,
        message: "It is a test.".to_owned(),
        line: None,
    };
    Summary {
        status,
        counts: Counts { created: 3, unchanged: 2, skipped: 1, ..Counts::default() },
        issues: kinds.iter().map(issue).collect(),
        issues_total,
    }
}

fn used() -> Prometheus {
    let metrics = Prometheus::new("1.2.3");
    metrics.cache_read(true);
    metrics.cache_read(true);
    metrics.cache_read(false);
    let kinds = [IssueKind::Broken, IssueKind::Broken, IssueKind::Shadowed];
    let summary = summary(RefreshStatus::Completed, &kinds, 10);
    metrics.refreshed(RefreshScope::Source, &summary, Duration::from_millis(1_500));
    metrics.http_request("listArtifacts", 200, Duration::from_millis(3));
    metrics.http_request("listArtifacts", 204, Duration::from_millis(3));
    metrics.http_request("listArtifacts", 503, Duration::from_millis(3));
    metrics.http_connections(3, 768);
    metrics.http_connection_closed(CloseReason::IdleTimeout);
    metrics
}

/// Of a Larder that was never counted.
fn nothing() -> Gauges {
    Gauges {
        now: Timestamp::UNIX_EPOCH,
        counted: None,
        keeper: KeeperTimes::default(),
        watched: BTreeMap::new(),
        troubled: BTreeMap::new(),
        pending_writes: 0,
        listeners: 0,
        connections: Connections::default(),
    }
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|candidate| candidate == line)
}

#[test]
fn reads_are_counted_from_zero_as_hits_and_misses() {
    let fresh = Prometheus::new("1.2.3").exposition(Exposition::Classic, &nothing());
    assert!(has_line(&fresh, "larder_cache_hits_total 0"), "{fresh}");
    let text = used().exposition(Exposition::Classic, &nothing());
    assert!(has_line(&text, "larder_cache_hits_total 2"), "{text}");
    assert!(has_line(&text, "larder_cache_misses_total 1"), "{text}");
}

#[test]
fn a_refresh_is_timed_by_outcome_and_its_artifacts_are_counted() {
    let text = used().exposition(Exposition::Classic, &nothing());
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
    let text = used().exposition(Exposition::Classic, &nothing());
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
    let text = metrics.exposition(Exposition::Classic, &nothing());
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
    let text = used().exposition(Exposition::Classic, &nothing());
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
    assert!(metrics.exposition(Exposition::OpenMetrics, &nothing()).ends_with("# EOF\n"));
    let classic = metrics.exposition(Exposition::Classic, &nothing());
    assert!(!classic.contains("# EOF") && !classic.contains("# UNIT"), "{classic}");
    assert!(has_line(&classic, r#"larder_build_info{version="1.2.3"} 1"#), "{classic}");
}

#[test]
fn in_the_classic_format_every_sample_belongs_to_a_declared_family_with_help() {
    let text = used().exposition(Exposition::Classic, &nothing());
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

#[test]
fn what_was_never_measured_is_not_told() {
    let text = used().exposition(Exposition::Classic, &nothing());
    for name in ["stale_artifacts", "oldest_sync_age", "keeper", "artifacts"] {
        let told = format!("larder_{name}");
        assert!(!text.contains(&told), "{name} in\n{text}");
    }
}

#[test]
fn gauges_show_the_moment_and_kinds_that_nobody_knows_share_a_label() {
    let at = |seconds| Timestamp::from_timestamp(seconds, 0).unwrap();
    let group =
        |kind: &str, health, rows| Census { kind: ArtifactKind::new(kind).unwrap(), health, rows };
    let counted = Counted {
        stale: 4,
        oldest_sync: Some(at(100)),
        census: vec![
            group("skill", Health::Ok, 7),
            group("wizard", Health::Ok, 1),
            group("ogre", Health::Ok, 2),
        ],
    };
    let mut gauges = Gauges {
        now: at(130),
        counted: Some(counted),
        keeper: KeeperTimes {
            last_success: Some(at(90)),
            next_run: Some(at(390)),
            last_error: Some(at(91)),
        },
        watched: [(WatchMode::Events, 3), (WatchMode::Poll, 0)].into(),
        troubled: [(RefreshStatus::Guarded, 0), (RefreshStatus::Failed, 1)].into(),
        pending_writes: 6,
        listeners: 8,
        connections: Connections { in_use: 2, idle: 5, limit: 9 },
    };
    let metrics = used();
    let text = metrics.exposition(Exposition::Classic, &gauges);
    for line in [
        "larder_stale_artifacts 4",
        "larder_oldest_sync_age_seconds 30.0",
        "larder_keeper_last_success_timestamp_seconds 90.0",
        "larder_keeper_next_run_timestamp_seconds 390.0",
        "larder_keeper_last_error_timestamp_seconds 91.0",
        r#"larder_troubled_sources{status="guarded"} 0"#,
        r#"larder_troubled_sources{status="failed"} 1"#,
        "larder_pending_writes 6",
        "larder_events_clients 8",
        "larder_http_connections 3",
        "larder_http_connections_limit 768",
        r#"larder_http_connections_closed_total{reason="idle_timeout"} 1"#,
        r#"larder_http_connections_closed_total{reason="limit"} 0"#,
        "larder_database_connections_limit 9",
        r#"larder_artifacts{type="skill",health="ok"} 7"#,
        r#"larder_artifacts{type="other",health="ok"} 3"#,
        r#"larder_watcher_mode{mode="events"} 3"#,
        r#"larder_watcher_mode{mode="poll"} 0"#,
        r#"larder_database_connections{state="in_use"} 2"#,
    ] {
        assert!(has_line(&text, line), "{line} in\n{text}");
    }

    gauges.counted = Some(Counted::default());
    let text = metrics.exposition(Exposition::Classic, &gauges);
    assert!(!text.contains("\nlarder_artifacts{"), "what is gone is not told: {text}");
    assert!(!text.contains("larder_oldest_sync_age_seconds"), "{text}");
}
