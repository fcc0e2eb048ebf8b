//! `If-None-Match` (RFC 9110, section 13.1.2).

/// The validators that a client holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct IfNoneMatch {
    any: bool,
    validators: Vec<String>,
}

impl IfNoneMatch {
    /// Reads the header. What is no entity tag in it is passed over: at worst an answer is sent
    /// that the client had.
    pub(crate) fn parse(header: Option<&str>) -> Self {
        let header = header.unwrap_or_default();
        let validators = header
            .split(',')
            .filter_map(|tag| {
                let tag = tag.trim();
                // The comparison is weak here: proxies weaken entity tags.
                tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')
            })
            .map(str::to_owned)
            .collect();
        Self { any: header.trim() == "*", validators }
    }

    /// Whether the client holds this one.
    pub(crate) fn holds(&self, validator: &str) -> bool {
        self.any || self.validators.iter().any(|held| held == validator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_weak_tags_and_the_star_are_understood() {
        let held = IfNoneMatch::parse(Some(r#""a", W/"b" ,c"#));
        assert!(held.holds("a") && held.holds("b"));
        assert!(!held.holds("c"), "a tag without quotes is none");
        assert!(IfNoneMatch::parse(Some(" * ")).holds("x"));
        assert!(!IfNoneMatch::parse(None).holds("x"));
    }
}
