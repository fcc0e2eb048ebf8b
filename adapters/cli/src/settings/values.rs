//! What the text of a setting stands for. An error is the reason, for a person.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, SubsecRound};
use larder::domain::Timestamp;
use url::Url;

/// The longest duration of any setting: ten years, far within what a calendar can add.
const LONGEST: Duration = Duration::from_hours(24 * 3_650);

/// Reads `90s`, `30m`, `12h` or `30d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
    let seconds_each = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        "d" => Some(24 * 60 * 60),
        _ => None,
    };
    seconds_each
        .and_then(|each| number.parse::<u64>().ok()?.checked_mul(each))
        .map(Duration::from_secs)
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or_else(|| {
            format!(
                "\"{text}\" is no duration: write a number from 1 and s, m, h or d, such as 30m"
            )
        })
}

/// Reads a duration, or `off`.
pub(super) fn duration_or_off(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    duration(text).map(Some).map_err(|reason| format!("{reason}, or off"))
}

/// Reads a time in RFC 3339, or a duration from `now` on. To the second, so that it can be written
/// down.
pub(crate) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc(),
        Err(_) => duration(text)
            .map(|it| now + it)
            .map_err(|reason| format!("{reason}, or a time such as 2027-01-01T00:00:00Z"))?,
    };
    Ok(at.trunc_subsecs(0))
}

/// Reads an IP address with a port; `localhost` is 127.0.0.1.
pub(super) fn bind_address(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric
        .parse()
        .map_err(|_| format!("\"{text}\" is not an IP address with a port, such as 127.0.0.1:7373"))
}

/// Reads an IP address.
pub(super) fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not an IP address"))
}

/// Reads one of a few words.
pub(super) fn word<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("\"{text}\" is not one of: {}", words.join(", "))
    })
}

/// Reads the URL of a web service, without a slash at its end.
pub(super) fn web_url(text: &str) -> Result<String, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .map(|_| text.trim_end_matches('/').to_owned())
        .ok_or_else(|| format!("\"{text}\" is not a URL that begins with http:// or https://"))
}

/// Reads the origin of a web page: scheme, host and port, nothing more.
pub(super) fn web_origin(text: &str) -> Result<String, String> {
    web_url(text)
        .ok()
        .filter(|url| Url::parse(url).is_ok_and(|url| url.origin().ascii_serialization() == text))
        .ok_or_else(|| format!("\"{text}\" is not an origin such as https://example.org"))
}

/// The absolute path: `~` is the home directory, what is relative starts at `base`.
pub(super) fn path(text: &str, base: &Path, home: Option<&Path>) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the path is empty".to_owned());
    }
    let expanded = match text.strip_prefix('~') {
        None => base.join(text),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => home
            .ok_or_else(|| format!("\"{text}\": HOME is not set"))?
            .join(rest.trim_start_matches('/')),
        Some(_) => return Err(format!("\"{text}\": another user's ~ is not known: write it out")),
    };
    std::path::absolute(&expanded).map_err(|error| format!("\"{text}\": {error}"))
}

/// A database URL that may be shown: without its password and its parameters.
pub(super) fn without_password(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return text.split_once(':').map_or("", |(scheme, _)| scheme).to_owned();
    };
    // Refused only where there is no host, and so no password either.
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("30m"), Ok(Duration::from_mins(30)));
        assert_eq!(duration("30d"), Ok(Duration::from_hours(720)));
        for wrong in ["", "30", "m", "0s", "-5m", "5 m", "1.5h", "30x", "99999999999999999999d"] {
            assert!(duration(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_a_duration_from_now() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(moment("30d", now), Ok(now + Duration::from_hours(720)));
        let time = moment("2027-01-01T01:00:00.5+01:00", now).unwrap();
        assert_eq!(time.to_rfc3339(), "2027-01-01T00:00:00+00:00");
        for wrong in ["2027-01-01", "tomorrow", ""] {
            assert!(moment(wrong, now).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn off_is_a_duration_only_where_it_may_be() {
        assert_eq!(duration_or_off("off"), Ok(None));
        assert!(duration("off").is_err());
        assert!(duration_or_off("of").unwrap_err().ends_with("or off"));
    }

    #[test]
    fn a_relative_path_starts_at_the_file_that_names_it() {
        let home = Path::new("/home/ada");
        let read = |text| path(text, Path::new("/etc/larder"), Some(home)).unwrap();
        assert_eq!(read("shelves"), Path::new("/etc/larder/shelves"));
        assert_eq!(read("~/shelves"), Path::new("/home/ada/shelves"));
        assert_eq!(read("~"), home);
        assert_eq!(read("/srv"), Path::new("/srv"));
        assert!(path("~/x", home, None).unwrap_err().contains("HOME"));
        assert!(path("~bob/x", home, Some(home)).is_err());
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(web_origin("https://example.org").is_ok());
        assert!(web_origin("http://127.0.0.1:5173").is_ok());
        for wrong in ["https://example.org/app", "example.org", "*", "ftp://example.org"] {
            assert!(web_origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shown_database_url_tells_no_password() {
        let shown = without_password("postgres://ada:s3cret@db.local/larder?password=s3cret");
        assert_eq!(shown, "postgres://ada@db.local/larder");
        assert_eq!(without_password("postgres://ada:s3cret@[db"), "postgres");
    }
}
