//! Prometheus's classic text format, made of the OpenMetrics text that prometheus-client writes.

use std::collections::HashSet;

/// The same metrics in text format 0.0.4. It differs in three points: a counter's family has the
/// name of its samples, `_total` included; there are no units; nothing marks the end.
pub(crate) fn from_open_metrics(text: &str) -> String {
    let counters: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();

    let mut classic = String::with_capacity(text.len());
    for line in text.lines() {
        match Comment::of(line) {
            Some(Comment { keyword: "UNIT" | "EOF", .. }) => continue,
            Some(Comment { keyword, family, rest }) if counters.contains(family) => {
                classic.extend(["# ", keyword, " ", family, "_total ", rest]);
            }
            _ => classic.push_str(line),
        }
        classic.push('\n');
    }
    classic
}

/// A line such as `# HELP family rest`.
struct Comment<'a> {
    keyword: &'a str,
    family: &'a str,
    rest: &'a str,
}

impl<'a> Comment<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let mut words = line.strip_prefix("# ")?.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        Some(Self { keyword: word(), family: word(), rest: word() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_named_as_its_samples() {
        let text = "# HELP reads How often.\n# TYPE reads counter\nreads_total 3\n# EOF\n";
        assert_eq!(
            from_open_metrics(text),
            "# HELP reads_total How often.\n# TYPE reads_total counter\nreads_total 3\n"
        );
    }

    #[test]
    fn other_families_keep_their_names_and_lose_their_unit() {
        let text = "# HELP took_seconds How long.\n# TYPE took_seconds histogram\n\
                    # UNIT took_seconds seconds\ntook_seconds_sum 1.5\n# EOF\n";
        assert_eq!(
            from_open_metrics(text),
            "# HELP took_seconds How long.\n# TYPE took_seconds histogram\ntook_seconds_sum 1.5\n"
        );
    }

    #[test]
    fn a_family_whose_name_begins_like_a_counters_is_left_alone() {
        let text = "# TYPE reads counter\n# TYPE reads_open gauge\nreads_open 1\n# EOF\n";
        assert!(from_open_metrics(text).contains("# TYPE reads_open gauge\n"));
    }
}
