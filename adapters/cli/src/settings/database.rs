//! Which database, and how to reach it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use url::Url;

use super::values::without_password;

/// The URL of a database that Larder has an adapter for. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum DatabaseUrl {
    /// `sqlite://` and the absolute path of the file, percent-encoded where it has to be.
    Sqlite(String),
    /// `postgres://user@host/name`, as written.
    Postgres(String),
}

impl DatabaseUrl {
    /// The SQLite database in the file of that absolute path.
    pub(crate) fn sqlite(file: &Path) -> Self {
        let path = file.display().to_string().replace('%', "%25").replace('?', "%3F");
        Self::Sqlite(format!("sqlite://{path}"))
    }

    /// Reads a URL; `path` makes the path of a file absolute. No error repeats the text, which may
    /// hold a password.
    pub(super) fn parse(
        text: &str,
        path: impl Fn(&str) -> Result<PathBuf, String>,
    ) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", rest)) => {
                let file = rest.strip_prefix("//").unwrap_or(rest);
                if file.contains('?') || file == ":memory:" {
                    return Err("sqlite:// takes the path of a file and nothing more".to_owned());
                }
                let file = percent_decode_str(file).decode_utf8();
                Ok(Self::sqlite(&path(&file.map_err(|error| error.to_string())?)?))
            }
            Some(("postgres" | "postgresql", _)) => match Url::parse(text) {
                Ok(_) => Ok(Self::Postgres(text.to_owned())),
                Err(error) => Err(format!("it is not a valid URL: {error}")),
            },
            _ => Err("it must begin with sqlite:// or postgres://".to_owned()),
        }
    }

    /// The file of an SQLite database.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let Self::Sqlite(url) = self else { return None };
        let file = percent_decode_str(url.strip_prefix("sqlite://")?).decode_utf8().ok()?;
        Some(PathBuf::from(file.into_owned()))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(url) => f.write_str(url),
            Self::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseUrl, String> {
        DatabaseUrl::parse(text, |path| Ok(PathBuf::from(format!("/base/{path}"))))
    }

    #[test]
    fn the_file_of_sqlite_is_resolved_as_a_path() {
        assert_eq!(
            parse("sqlite://my larder.db"),
            Ok(DatabaseUrl::Sqlite("sqlite:///base/my larder.db".to_owned()))
        );
        assert_eq!(
            parse("sqlite://50%25%20off.db"),
            Ok(DatabaseUrl::Sqlite("sqlite:///base/50%25 off.db".to_owned()))
        );
        assert!(parse("sqlite::memory:").is_err());
        assert!(parse("sqlite:///x.db?mode=ro").is_err());
    }

    #[test]
    fn other_databases_are_refused_without_repeating_the_url() {
        for wrong in ["mysql://ada:s3cret@db/x", "larder.db", "postgres://ada:s3cret@[db"] {
            let error = parse(wrong).unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = parse("postgresql://ada:s3cret@db/larder").unwrap();
        assert_eq!(format!("{url} {url:?}").matches("s3cret").count(), 0);
    }
}
