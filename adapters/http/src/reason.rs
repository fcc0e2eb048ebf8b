//! The framework's reasons for refusing a parameter, in words for a person.

use larder::domain::id::InvalidName;

/// What is wrong with a parameter, as the end of a sentence that begins with its name.
pub(crate) fn in_words(reason: &str) -> String {
    if let Some(rule) = reason.strip_prefix("verification failed. ") {
        return rule_in_words(rule);
    }
    // `failed to parse "TYPE": CAUSE (occurred while parsing "TYPE")`
    let cause = reason.split_once("\": ").map_or(reason, |(_, cause)| cause);
    let cause = cause.split_once(" (occurred").map_or(cause, |(cause, _)| cause);
    match cause {
        "Expect a valid enumeration value." => one_of(reason),
        "provided string was not `true` or `false`" => "it must be true or false".into(),
        "number too large to fit in target type" => "it is too large".into(),
        cause if cause.contains("digit") || cause.contains("empty string") => {
            "it must be a whole number, 0 or more".into()
        }
        cause => format!("it is not valid: {cause}"),
    }
}

/// The values of the type that the reason names.
fn one_of(reason: &str) -> String {
    let values =
        [("Health", "ok, recovered or broken"), ("Sort", "name, -updated_at or relevance")];
    let known = values.iter().find(|(name, _)| reason.contains(&format!("\"{name}\"")));
    let values = known.map_or("the values that GET /docs lists", |(_, values)| values);
    format!("it must be one of {values}")
}

fn rule_in_words(rule: &str) -> String {
    let (name, arguments) = rule.split_once('(').unwrap_or((rule, ""));
    let bound = arguments.split([',', ')']).next().unwrap_or_default();
    match name {
        "minimum" => format!("it must be {bound} or more"),
        "maximum" => format!("it must be {bound} or less"),
        "minLength" => format!("it must have {bound} characters or more"),
        "maxLength" => format!("it must have {bound} characters or less"),
        "maxItems" => format!("it may stand {bound} times at most"),
        // The one pattern that there is, an artifact's id.
        "pattern" => InvalidName::Form.to_string(),
        _ => format!("it does not fit {rule}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_sentences() {
        for (reason, words) in [
            ("verification failed. maximum(200, exclusive: false)", "it must be 200 or less"),
            ("verification failed. maxLength(255)", "it must have 255 characters or less"),
            (
                "failed to parse \"integer(uint32)\": invalid digit found in string \
                 (occurred while parsing \"optional_integer(uint32)\")",
                "it must be a whole number, 0 or more",
            ),
            (
                "failed to parse \"Health\": Expect a valid enumeration value. (occurred while \
                 parsing \"optional_Health\")",
                "it must be one of ok, recovered or broken",
            ),
        ] {
            assert_eq!(in_words(reason), words);
        }
    }
}
