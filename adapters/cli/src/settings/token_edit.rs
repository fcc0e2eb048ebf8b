//! Adds a token to the text of `larder.toml`, or removes one. Everything else in it stays as it is.

use larder::domain::{Timestamp, caller::Scope};
use larder_http::TokenHash;
use toml_edit::{
    Array, ArrayOfTables, Datetime, DocumentMut, Item, Table, TableLike, Value, value,
};

/// What is written down of a token.
pub(crate) struct NewToken {
    /// Whose it is.
    pub(crate) name: String,
    /// What it allows.
    pub(crate) scopes: Vec<Scope>,
    /// Its hash.
    pub(crate) hash: TokenHash,
    /// From when on it is refused, in whole seconds.
    pub(crate) expires: Option<Timestamp>,
}

/// The text with that token in it, in the form in which the others are there: a table each, or an
/// array in one line. An error is a reason.
pub(super) fn added(text: &str, token: &NewToken) -> Result<String, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let mut entry = token.table()?;
    if !document.contains_key("auth") {
        // Behind everything else, comments too: what they comment out belongs to other tables.
        let before = document.trailing().as_str().unwrap_or_default();
        let gap = if text.trim().is_empty() { "" } else { "\n" };
        entry.decor_mut().set_prefix(format!("{before}{gap}"));
        entry.set_position(Some(isize::MAX));
        document.set_trailing("");
        let mut auth = Table::new();
        auth.set_implicit(true);
        document.insert("auth", Item::Table(auth));
    }
    let auth = document.get_mut("auth").ok_or("auth must be a table")?;
    let none = match auth {
        Item::Table(_) => Item::ArrayOfTables(ArrayOfTables::new()),
        _ => value(Array::new()),
    };
    let auth: &mut dyn TableLike = auth.as_table_like_mut().ok_or("auth must be a table")?;
    match auth.entry("tokens").or_insert(none) {
        Item::ArrayOfTables(tokens) => tokens.push(entry),
        Item::Value(Value::Array(tokens)) => tokens.push(entry.into_inline_table()),
        _ => return Err("auth.tokens must be a list of tables".to_owned()),
    }
    Ok(printed(&document, text))
}

/// The text without the tokens of that name; `None` when there is none. An error is a reason.
pub(super) fn removed(text: &str, name: &str) -> Result<Option<String>, String> {
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let tokens = document
        .get_mut("auth")
        .and_then(Item::as_table_like_mut)
        .and_then(|auth| auth.get_mut("tokens"));
    let is_other = |given: Option<&str>| given.is_none_or(|given| given.trim() != name);
    let count = match tokens {
        Some(Item::ArrayOfTables(tables)) => {
            let before = tables.len();
            tables.retain(|table| is_other(table.get("name").and_then(Item::as_str)));
            before - tables.len()
        }
        Some(Item::Value(Value::Array(tables))) => {
            let before = tables.len();
            let given = |table: &Value| -> Option<String> {
                Some(table.as_inline_table()?.get("name")?.as_str()?.to_owned())
            };
            tables.retain(|table| is_other(given(table).as_deref()));
            before - tables.len()
        }
        _ => 0,
    };
    Ok((count > 0).then(|| printed(&document, text)))
}

/// A document with the line ends of the text that it was: the library writes those of Unix.
fn printed(document: &DocumentMut, text: &str) -> String {
    let written = document.to_string();
    if text.contains("\r\n") { written.replace('\n', "\r\n") } else { written }
}

impl NewToken {
    fn table(&self) -> Result<Table, String> {
        let mut table = Table::new();
        table.insert("name", value(&self.name));
        table.insert("scopes", value(self.scopes.iter().map(|it| it.as_str()).collect::<Array>()));
        table.insert("sha256", value(self.hash.to_string()));
        if let Some(expires) = self.expires {
            let text = expires.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let at: Datetime = text.parse().map_err(|_| format!("{text} is no time of TOML's"))?;
            table.insert("expires", value(at));
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str) -> String {
        let token = NewToken {
            name: "ada".to_owned(),
            scopes: vec![Scope::Read, Scope::Write],
            hash: TokenHash::of("abc"),
            expires: Some(Timestamp::UNIX_EPOCH),
        };
        added(text, &token).unwrap()
    }

    fn entry() -> String {
        format!(
            "[[auth.tokens]]\nname = \"ada\"\nscopes = [\"read\", \"write\"]\nsha256 = \"{}\"\n\
             expires = {}\n",
            TokenHash::of("abc"),
            "1970-01-01T00:00:00Z",
        )
    }

    #[test]
    fn it_stands_behind_everything_else_where_nothing_is_said_of_access() {
        assert_eq!(add(""), entry());
        for text in [
            "# Mine.\n\n[log]\nformat = \"text\" # in colour\n",
            "collections = [ '~/a',\n  '~/b' ]\n",
            "# [server]\n# bind = \"127.0.0.1:1\"\n",
            "[log]\nformat = \"text\"\n\n# [server]\n# bind = \"127.0.0.1:1\"\n",
            "[cache]\nttl = \"1m\"\n[log]\nformat = \"text\"\n[cache.ttl_by_collection]\na = \"2m\"\n",
        ] {
            assert_eq!(add(text), format!("{text}\n{}", entry()));
        }
    }

    #[test]
    fn it_stands_behind_the_other_tokens_where_there_are_some() {
        let one = "[[auth.tokens]]\nname = \"bob\" # away\nscopes = [\"read\"]\nsha256 = \"\"\n";
        let rest = "\n# the end\n[log]\nformat = \"text\"\n";
        let expected = format!("[auth]\nmetrics = \"read\"\n\n{one}\n{}{rest}", entry());
        assert_eq!(add(&format!("[auth]\nmetrics = \"read\"\n\n{one}{rest}")), expected);
        assert_eq!(
            add(&format!("[auth]\nmetrics = \"read\"\n{rest}")),
            format!("[auth]\nmetrics = \"read\"\n\n{}{rest}", entry())
        );
    }

    #[test]
    fn it_takes_the_form_that_is_there() {
        let inline = "{ name = \"ada\", scopes = [\"read\", \"write\"], sha256 = ";
        for text in
            ["auth = { metrics = \"read\" }\n", "auth.tokens = []\n", "[auth]\ntokens = []\n"]
        {
            let written = add(text);
            assert!(written.contains(inline), "{written}");
        }
        let dotted = add("auth.metrics = \"read\"\n[log]\n");
        assert_eq!(dotted, format!("auth.metrics = \"read\"\n\n{}[log]\n", entry()));
    }

    #[test]
    fn a_removed_token_leaves_everything_else() {
        let bob = "[[auth.tokens]]\nname = \"bob\" # away\nscopes = [\"read\"]\nsha256 = \"\"\n";
        let rest = "\n# the end\n[log]\nformat = \"text\"\n";
        let text = format!("{bob}\n{}{rest}", entry());
        assert_eq!(removed(&text, "ada").unwrap().unwrap(), format!("{bob}{rest}"));
        assert_eq!(removed(&text, "eve").unwrap(), None);
        assert_eq!(removed(rest, "ada").unwrap(), None);
        let inline = "auth.tokens = [{ name = \"ada\" }, { name = \"bob\" }]\n";
        let left = removed(inline, "ada").unwrap().unwrap();
        assert!(!left.contains("ada") && left.contains("{ name = \"bob\" }"), "{left}");
    }

    #[test]
    fn lines_end_as_they_did() {
        let text = "[log]\r\nformat = \"text\"\r\n";
        assert_eq!(add(text), format!("{text}\r\n{}", entry().replace('\n', "\r\n")));
    }
}
