//! Secrets in JSON values.

use std::{borrow::Cow, mem};

use larder::domain::artifact::Problem;
use serde_json::{Map, Value};

use super::{
    MASK, Setting, finding, line_of, mask_text,
    names::{
        is_placeholder, is_secret_argument, is_secret_key, is_secret_map, mentions_secret_map,
    },
    setting_of,
};

/// Masks the secrets of a value; keys stay. Whole values below `env`, `headers` and the like are
/// masked, whatever they are.
pub(crate) fn mask_json(value: &mut Value) {
    Masker::default().value("", value);
}

/// Masks the secrets of a map. Returns whether there was one that should not be there.
pub(super) fn mask_map(map: &mut Map<String, Value>) -> bool {
    let mut masker = Masker::default();
    masker.map(map);
    masker.first.is_some()
}

/// The first secret of a value that should not be there. It has no line where the file spells it in
/// another way.
pub(crate) fn finding_in_json(value: &Value, file: &[u8]) -> Option<Problem> {
    let mut masker = Masker::default();
    masker.value("", &mut value.clone());
    let secret = Value::String(masker.first?).to_string();
    let file = String::from_utf8_lossy(file);
    let at = file.find(&secret[1..secret.len() - 1]);
    Some(finding(at.map(|at| line_of(&file, at))))
}

/// Masks values, and keeps the first secret that should not be there.
#[derive(Default)]
struct Masker {
    first: Option<String>,
}

impl Masker {
    fn value(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::String(_) | Value::Number(_) if Self::is_named(key, value) => {
                self.replace(value);
            }
            Value::String(text) => self.text(text, setting_of(key)),
            Value::Array(items) => self.list(key, items),
            Value::Object(map) => self.map(map),
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map<String, Value>) {
        for (key, value) in map {
            if is_secret_map(key) {
                self.all(key, value);
            } else {
                self.value(key, value);
            }
        }
    }

    /// A list may be a command's arguments, of which one tells what the next one is.
    fn list(&mut self, key: &str, items: &mut [Value]) {
        let mut before = String::new();
        for item in items {
            let text = item.as_str().unwrap_or_default().to_owned();
            let is_flag = before.starts_with('-') && !before.contains(['=', ' ', ':']);
            let after = match before.as_str() {
                "-e" | "--env" => text.split_once('=').map(|(_, value)| value),
                "-u" | "--user" | "--proxy-user" => text.split_once(':').map(|(_, value)| value),
                "-H" | "--header" => text.split_once(':').map(|(_, value)| value.trim_start()),
                flag if is_flag && is_secret_argument(flag) => {
                    (!text.starts_with('-')).then_some(text.as_str())
                }
                _ => None,
            };
            match after.filter(|value| !is_placeholder(value)) {
                Some(secret) => {
                    let kept = text.len() - secret.len();
                    self.found(secret);
                    *item = Value::String(format!("{}{MASK}", &text[..kept]));
                }
                None => self.value(key, item),
            }
            before = text;
        }
    }

    /// Masks every scalar below a key.
    fn all(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| self.all(key, value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.all(key, item)),
            Value::Null => {}
            scalar => {
                // What is surely a secret is a finding as well.
                self.value(key, scalar);
                *scalar = Value::String(MASK.to_owned());
            }
        }
    }

    fn text(&mut self, text: &mut String, setting: Setting) {
        if let Cow::Owned(masked) = mask_text(text, setting) {
            self.found(text);
            *text = masked;
        }
    }

    /// Whether a key names its value as a secret. Short numbers are sizes and limits.
    fn is_named(key: &str, value: &Value) -> bool {
        const SHORTEST_NUMBER: usize = 4;
        is_secret_key(key)
            && match value {
                Value::String(text) => !is_placeholder(text),
                number => number.to_string().len() >= SHORTEST_NUMBER,
            }
    }

    fn replace(&mut self, value: &mut Value) {
        let secret = mem::replace(value, Value::String(MASK.to_owned()));
        self.found(&secret.as_str().map_or_else(|| secret.to_string(), str::to_owned));
    }

    fn found(&mut self, secret: &str) {
        self.first.get_or_insert_with(|| secret.to_owned());
    }
}

/// Masks texts that were not understood and may hold a map of secrets: what was read leniently can
/// have kept a whole structure as one text.
pub(crate) fn mask_unread(map: &mut Map<String, Value>) {
    map.values_mut().for_each(unread);
}

fn unread(value: &mut Value) {
    match value {
        Value::String(text) if mentions_secret_map(text) => MASK.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(unread),
        Value::Object(map) => map.values_mut().for_each(unread),
        _ => {}
    }
}
