//! The time of the last change that a manifest tells in `[collection] updated`.

use std::ops::Range;

use chrono::{DateTime, FixedOffset};
use larder::domain::Timestamp;
use toml::{Value, de::DeTable};

use super::{entry::moment, spans};

/// A value's place and what stands there from now on; `None` where no time stands.
pub(super) fn stamp(
    text: &str,
    at: Range<usize>,
    now: Timestamp,
) -> Option<(Range<usize>, String)> {
    let written = &text[at.clone()];
    match written.parse().ok()? {
        Value::String(old) => {
            let quote = if written.starts_with('\'') { '\'' } else { '"' };
            Some((at, format!("{quote}{}{quote}", in_form_of(&old, now))))
        }
        Value::Datetime(_) => Some((at, in_form_of(written, now))),
        _ => None,
    }
}

/// [`stamp`] for a manifest whose places only the parser can tell.
pub(super) fn stamped_as_a_whole(text: &str, now: Timestamp) -> String {
    let at = DeTable::parse(text).ok().and_then(|document| {
        Some(document.get_ref().get("collection")?.get_ref().get("updated")?.span())
    });
    let stamp = at.and_then(|at| stamp(text, at, now));
    spans::spliced(text, stamp.into_iter().collect())
}

/// A moment, written with the zone, the separator and the fraction that another one has.
fn in_form_of(old: &str, now: Timestamp) -> String {
    const USUAL: &str = "2026-01-05T10:00:00.123456";
    let is_usual = |old: &&str| {
        let marks = [4, 7, 10].map(|at| old.as_bytes().get(at).map(u8::to_ascii_uppercase));
        let ends = matches!(marks[2], None | Some(b'T' | b' '));
        moment(old).is_some() && marks[..2] == [Some(b'-'); 2] && ends
    };
    let old = Some(old.trim()).filter(is_usual).unwrap_or(USUAL);
    let Some(time) = old.get(10..).filter(|time| !time.is_empty()) else {
        return now.format("%Y-%m-%d").to_string();
    };
    let zone = time.find(['Z', 'z', '+', '-']).map_or("", |at| &time[at..]);
    let offset = zone.parse::<FixedOffset>().ok();
    let now: DateTime<FixedOffset> =
        offset.map_or_else(|| now.fixed_offset(), |offset| now.with_timezone(&offset));
    let digits = time.split_once('.').map_or(0, |(_, rest)| rest.len() - zone.len());
    let fraction = match digits {
        0 => "",
        3 => "%.3f",
        _ => "%.6f",
    };
    let separator = &time[..1];
    now.format(&format!("%Y-%m-%d{separator}%H:%M:%S{fraction}{zone}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_keeps_its_form() {
        let now = "2026-03-04T23:06:07.891234Z".parse().unwrap();
        for (old, new) in [
            ("'''2026-01-05T10:00:00.1'''", "'2026-03-04T23:06:07.891234'"),
            ("\"2026-01-05 10:00:00Z\"", "\"2026-03-04 23:06:07Z\""),
            ("2026-01-05t10:00:00z", "2026-03-04t23:06:07z"),
            ("2026-01-05T10:00:00.123+05:30", "2026-03-05T04:36:07.891+05:30"),
            ("2026-01-05", "2026-03-04"),
            ("10:00:00", "2026-03-04T23:06:07.891234"),
            ("\"2026-1-5T10:00:00\"", "\"2026-03-04T23:06:07.891234\""),
            ("\"é, some day\"", "\"2026-03-04T23:06:07.891234\""),
        ] {
            let (at, stamp) = stamp(old, 0..old.len(), now).unwrap();
            assert_eq!((at, stamp.as_str()), (0..old.len(), new));
            assert!(stamp.parse::<Value>().is_ok(), "{stamp}");
        }
        assert_eq!(stamp("17", 0..2, now), None);
    }
}
