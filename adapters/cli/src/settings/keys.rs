//! Every setting there is, by the path of its key.

/// How a setting is written in one line of text: an environment variable's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// Texts separated by commas.
    List,
    /// Paths separated as in `PATH`.
    Paths,
    /// A table, or a list of tables: as TOML in one line.
    Structure,
}

/// A setting's key, and how the environment writes it.
pub(super) const KEYS: [(&str, Shape); 23] = [
    ("collections", Shape::Paths),
    ("directories", Shape::Structure),
    ("server.bind", Shape::Text),
    ("server.url", Shape::Text),
    ("server.trusted_proxies", Shape::List),
    ("server.cors_origins", Shape::List),
    ("database.url", Shape::Text),
    ("database.max_connections", Shape::Number),
    ("cache.ttl", Shape::Text),
    ("cache.ttl_by_collection", Shape::Structure),
    ("cache.sweep_every", Shape::Text),
    ("cache.watch", Shape::Switch),
    ("cache.pages_mib", Shape::Number),
    ("cache.manifest_mib", Shape::Number),
    ("cache.request_timeout", Shape::Text),
    ("cache.trash", Shape::Text),
    ("forge.url", Shape::Text),
    ("log.format", Shape::Text),
    ("rate_limit.refresh_per_minute", Shape::Number),
    ("rate_limit.refresh_burst", Shape::Number),
    ("deploy.roots", Shape::Paths),
    ("auth.metrics", Shape::Text),
    ("auth.tokens", Shape::Structure),
];

/// The key of that path.
pub(super) fn find(path: &str) -> Option<&'static str> {
    KEYS.iter().map(|(key, _)| *key).find(|key| *key == path)
}

/// The names that may stand in a table of the file, `""` being the file itself; none when there is
/// no such table.
pub(super) fn names_in(section: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = KEYS
        .iter()
        .filter_map(|(key, _)| match section {
            "" => key.split('.').next(),
            _ => key.strip_prefix(section)?.strip_prefix('.'),
        })
        .collect();
    names.dedup();
    names
}

/// The environment's name of a key: `LARDER_SERVER_BIND` for `server.bind`.
pub(super) fn variable(key: &str) -> String {
    format!("LARDER_{}", key.replace('.', "_").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_lists_what_may_stand_in_it() {
        assert_eq!(names_in("log"), ["format"]);
        assert_eq!(names_in("database"), ["url", "max_connections"]);
        assert!(names_in("").contains(&"server") && names_in("").contains(&"collections"));
        assert!(names_in("data").is_empty() && names_in("nowhere").is_empty());
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut variables = KEYS.map(|(key, _)| variable(key)).to_vec();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
    }
}
