//! The members of `[[groups]]`, which SkillMeat keeps in the manifest: ids of artifacts.

use std::ops::Range;

use larder::domain::id::ArtifactId;
use toml::{Value, de::DeTable};

use super::{fields::with_comma, places::Manifest};

/// Parts of a manifest, and the text that replaces each.
type Splices = Vec<(Range<usize>, String)>;

/// Takes an artifact out of every group. Also returns the names of the groups that it was in.
pub(super) fn leave(
    text: &str,
    manifest: &Manifest<'_>,
    id: &ArtifactId,
) -> (Splices, Vec<String>) {
    let (mut splices, mut names) = (Vec::new(), Vec::new());
    for (name, members) in manifest.groups() {
        let own = items(text, members).into_iter().filter(|(item, _)| item == id.as_str());
        let own: Splices = own.map(|(_, at)| (with_comma(text, at), String::new())).collect();
        if !own.is_empty() {
            names.push(name);
        }
        splices.extend(own);
    }
    (splices, names)
}

/// Puts an artifact back into those of these groups that are still there, as their last member.
pub(super) fn rejoin(
    text: &str,
    manifest: &Manifest<'_>,
    id: &ArtifactId,
    names: &[String],
) -> Splices {
    let groups = manifest.groups().filter(|(name, _)| names.contains(name));
    let member = Value::from(id.as_str()).to_string();
    let joined = groups.filter_map(|(_, members)| {
        let start = members.start + 1;
        let items = items(text, members);
        if items.iter().any(|(item, _)| item == id.as_str()) {
            return None;
        }
        Some(match items.last() {
            Some((_, last)) => (last.end..last.end, format!(", {member}")),
            None => (start..start, member.clone()),
        })
    });
    joined.collect()
}

/// The texts of a list, and where each stands. Empty if the value is not a list of texts.
fn items(text: &str, value: Range<usize>) -> Vec<(String, Range<usize>)> {
    const KEY: &str = "list = ";
    let list = format!("{KEY}{}", &text[value.clone()]);
    let parsed = DeTable::parse(&list).ok();
    let items = parsed.as_ref().and_then(|table| table.get_ref().get("list")?.get_ref().as_array());
    let moved = |at: usize| at - KEY.len() + value.start;
    let item = |item: &toml::Spanned<toml::de::DeValue<'_>>| {
        let at = item.span();
        Some((item.get_ref().as_str()?.to_owned(), moved(at.start)..moved(at.end)))
    };
    items.and_then(|items| items.iter().map(item).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{super::spans::spliced, *};

    const GROUPS: &str = "[[groups]]\nname = \"one\"\nmembers = [\"skill:a\", \"skill:b\"]\n\n\
                          [[groups]]\nname = 'two'\nmembers = [\n    \"skill:b\", # b\n    \"skill:a\",\n]\n\n\
                          [[groups]]\nname = \"three\"\nmembers = [\"skill:b\"]\n\n\
                          [[groups]]\nname = \"odd\"\nmembers = \"skill:a\"\n";

    #[test]
    fn a_member_leaves_its_groups_and_comes_back_as_the_last() {
        let id = ArtifactId::parse("skill:a").unwrap();
        let (splices, names) = leave(GROUPS, &Manifest::of(GROUPS).unwrap(), &id);
        assert_eq!(names, ["one", "two"]);
        let left = spliced(GROUPS, splices);
        let expected = GROUPS.replace("[\"skill:a\", \"skill:b\"]", "[\"skill:b\"]");
        assert_eq!(left, expected.replace("    \"skill:a\",\n]", "    ]"));
        let back = spliced(&left, rejoin(&left, &Manifest::of(&left).unwrap(), &id, &names));
        let expected = left.replacen("\"skill:b\"", "\"skill:b\", \"skill:a\"", 2);
        assert_eq!(back, expected);
        let again = rejoin(&back, &Manifest::of(&back).unwrap(), &id, &names);
        assert!(again.is_empty() && back.parse::<toml::Table>().is_ok());
        let empty = "[[groups]]\nname = \"one\"\nmembers = []\n";
        let joined = rejoin(empty, &Manifest::of(empty).unwrap(), &id, &names);
        assert_eq!(spliced(empty, joined), empty.replace("[]", "[\"skill:a\"]"));
    }
}
