//! `If-None-Match` and `If-Match` (RFC 9110, sections 13.1.2 and 13.1.1).

use larder::domain::{
    revision::Revision,
    writing::{IfMatch, Precondition},
};

use crate::problem::{Kind, Problem};

/// The precondition of a write, of both forms in which it may come.
pub(crate) fn precondition(
    if_match: Option<&str>,
    expected: Option<Revision>,
) -> Result<Precondition, Problem> {
    let if_match = if_match.map(parse_if_match).transpose()?;
    Precondition::new(if_match, expected).ok_or_else(|| {
        Problem::new(
            Kind::PreconditionRequired,
            "Say which revision you have seen, so that nobody's change is lost: send the ETag of \
             GET as If-Match, or its revision as expected_revision; If-Match: * writes whatever is \
             there.",
        )
    })
}

/// Weak tags are accepted, although the comparison is to be strong: proxies weaken entity tags, and
/// a revision names bytes either way.
fn parse_if_match(header: &str) -> Result<IfMatch, Problem> {
    if header.trim() == "*" {
        return Ok(IfMatch::Any);
    }
    let tags: Option<Vec<Revision>> =
        header.split(',').map(|tag| tag_of(tag).map(Revision::stored)).collect();
    tags.map(IfMatch::OneOf).ok_or_else(|| {
        let detail = "If-Match must be an ETag in double quotes, several with commas between \
                      them, or *.";
        Problem::new(Kind::BadRequest, detail)
    })
}

/// The validator in an entity tag.
fn tag_of(tag: &str) -> Option<&str> {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"').map(unmarked)
}

/// A validator without the mark of a proxy that compresses responses: Apache appends `-gzip`
/// (`DeflateAlterETag`), Jetty `--gzip`, others `;gzip`, and the same for other codings. None of
/// Larder's validators ends like that.
fn unmarked(validator: &str) -> &str {
    let coding = ["gzip", "br", "zstd", "deflate"].iter().find_map(|it| validator.strip_suffix(it));
    let bare = coding.and_then(|it| {
        it.strip_suffix("--").or_else(|| it.strip_suffix('-')).or_else(|| it.strip_suffix(';'))
    });
    bare.unwrap_or(validator)
}

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
        // The comparison is weak here.
        let validators = header.split(',').filter_map(tag_of).map(str::to_owned).collect();
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

    #[test]
    fn the_mark_of_a_compressing_proxy_is_no_part_of_a_validator() {
        for mark in ["-gzip", "--gzip", ";gzip", "-br", ";br", "-zstd", "-deflate"] {
            for weak in ["", "W/"] {
                let header = format!("{weak}\"abc{mark}\"");
                let condition = precondition(Some(&header), None).unwrap();
                assert!(condition.judge(&Revision::stored("abc")).is_ok(), "{header}");
                assert!(IfNoneMatch::parse(Some(&header)).holds("abc"), "{header}");
            }
        }
        assert_eq!(tag_of("\"abcgzip\""), Some("abcgzip"));
    }

    #[test]
    fn a_precondition_comes_in_either_form_and_must_be_well_formed() {
        let of = |header: Option<&str>, expected: Option<&str>| {
            precondition(header, expected.map(Revision::stored))
        };
        let judge = |header, expected, current| {
            of(Some(header), expected).unwrap().judge(&Revision::stored(current)).is_ok()
        };
        assert!(judge(r#""a", W/"b""#, None, "b"));
        assert!(!judge(r#""a""#, None, "b"));
        assert!(judge(" * ", None, "b"));
        assert_eq!(of(None, None).unwrap_err().status, 428);
        assert_eq!(of(Some("a"), Some("a")).unwrap_err().status, 400);
        assert!(of(None, Some("a")).is_ok());
    }
}
