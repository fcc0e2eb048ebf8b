//! What a person at a terminal sees when the server has started.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use larder::{
    app::{Larder, Readiness},
    domain::{
        collection::{Collection, CollectionKind},
        query::{CollectionQuery, Limit},
        report::RefreshStatus,
    },
};

/// How long is waited between two looks at whether the cache is filled.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Prints the banner to a terminal once the cache is filled; to anything else nothing.
pub(crate) async fn show(larder: Arc<Larder>, address: SocketAddr) {
    if !io::stderr().is_terminal() {
        return;
    }
    while !matches!(larder.readiness().await, Readiness::Ready) {
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let limit = Limit::new(Limit::MAX).unwrap_or_default();
    let query = CollectionQuery { search: None, limit, after: None };
    let Ok(page) = larder.collections(&query).await else { return };
    let _ = io::stderr().write_all(text(address, &page.collections).as_bytes());
}

/// The address, and for each source what it has and what was passed over.
fn text(address: SocketAddr, collections: &[Collection]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let all = collections.iter().find(|it| it.kind == CollectionKind::Default);
    let count = all.map_or(0, |all| all.artifact_count);
    let mut text = format!(
        "\n  Larder {version} at http://{address}: {count} artifacts\n  \
         The API: http://{address}/docs. Ctrl-C ends it.\n\n"
    );
    let mirrors =
        || collections.iter().filter(|it| it.kind == CollectionKind::Mirror && !it.detached);
    let width = mirrors().map(|mirror| mirror.name.chars().count()).max().unwrap_or_default();
    for mirror in mirrors() {
        let _ = write!(text, "  {:width$}  {:>6} artifacts", mirror.name, mirror.artifact_count);
        if let Some(report) = &mirror.last_report {
            if report.status != RefreshStatus::Completed {
                let _ = write!(text, ", refresh {}", report.status.as_str());
            }
            if report.issues_total > 0 {
                let _ = write!(text, ", {} issues", report.issues_total);
            }
        }
        text.push('\n');
    }
    if mirrors().next().is_none() {
        text.push_str(
            "  There is nothing to serve: name a directory with --collections or --directory.\n",
        );
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use larder::{
        domain::id::{CollectionId, SourceName},
        testing::at,
    };

    use super::*;

    fn collection(kind: CollectionKind, name: &str, artifact_count: u64) -> Collection {
        Collection {
            id: CollectionId::new(name).unwrap(),
            name: name.to_owned(),
            description: None,
            kind,
            source: SourceName::new(name).ok(),
            created_by: None,
            detached: false,
            generation: 0,
            artifact_count,
            verification: 0,
            last_report: None,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn a_start_names_the_address_and_what_each_source_has() {
        let address = "127.0.0.1:7373".parse().unwrap();
        let shown = text(
            address,
            &[
                collection(CollectionKind::Default, "default", 15),
                collection(CollectionKind::Mirror, "pantry", 12),
                collection(CollectionKind::Mirror, "lab", 3),
            ],
        );
        assert!(shown.contains("at http://127.0.0.1:7373: 15 artifacts"), "{shown}");
        assert!(
            shown.contains("\n  pantry      12 artifacts\n  lab          3 artifacts\n"),
            "{shown}"
        );
        let empty = text(address, &[collection(CollectionKind::Default, "default", 0)]);
        assert!(empty.contains("--directory"), "{empty}");
    }
}
