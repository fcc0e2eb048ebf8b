//! Edits of a file's frontmatter that change the bytes of the edited values and no other. Each
//! change is made in the text, at the place that a parser names, and then proved: the text is read
//! strictly, and whatever else differs refuses the edit.

#[cfg(test)]
mod pieces;
mod places;
#[cfg(test)]
mod properties;
mod repair;
mod splice;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use larder::domain::{
    artifact::Health,
    edit::{Change, Field},
};
use serde_json::{Map, Value};

use super::{read, split, strict, with_line_feeds};

/// The byte-order mark, which stays in front of everything.
const MARK: char = '\u{feff}';

/// Why an edit was refused; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsafe {
    /// One sentence for a person.
    pub(crate) message: String,
    /// The line of the file, from 1.
    pub(crate) line: Option<u32>,
}

impl Unsafe {
    fn new(why: &str, line: Option<u32>) -> Self {
        Self { message: format!("the frontmatter cannot be edited safely: {why}"), line }
    }
}

/// Whether the frontmatter of this file supplies a value of the field.
pub(crate) fn supplies(file: &[u8], field: Field) -> bool {
    let text = String::from_utf8_lossy(file);
    read(&text).values.is_some_and(|keys| !places::supplying(&keys, field).is_empty())
}

/// The whole file with these fields changed, or why it cannot be edited safely. A file that says
/// all of it already stays as it is; one whose frontmatter had to be recovered is repaired, and one
/// without frontmatter gets some.
pub(crate) fn edit(file: &[u8], changes: &[(Field, Change)]) -> Result<Vec<u8>, Unsafe> {
    let file = str::from_utf8(file).map_err(|error| {
        let line = line_at(1, &file[..error.valid_up_to()]);
        Unsafe::new("the file is not valid UTF-8", line)
    })?;
    let read = read(file);
    if let (Health::Broken, Some(problem)) = (read.health, &read.problem) {
        return Err(Unsafe::new(&problem.message, problem.line));
    }
    let keys = read.values.unwrap_or_default();
    if changes.iter().all(|(field, change)| places::supplied(&keys, *field) == *change) {
        return Ok(file.into());
    }
    let mut draft = Draft::new(file, keys)?;
    for (field, change) in changes {
        draft.apply(*field, change)?;
    }
    draft.proved(read.body, changes)
}

/// A file in the making; its frontmatter is strict YAML all the time.
struct Draft {
    /// What precedes the frontmatter, its delimiter included.
    head: String,
    text: String,
    /// What follows it, from the closing delimiter.
    tail: String,
    /// What the text says.
    keys: Map<String, Value>,
}

impl Draft {
    /// Takes a file apart, and makes valid YAML of what was read leniently, so that it says `keys`.
    fn new(file: &str, keys: Map<String, Value>) -> Result<Self, Unsafe> {
        let block = split(file).block;
        let Some(block) = block.filter(|block| block.closed || !keys.is_empty()) else {
            let (mark, body) =
                file.split_at(if file.starts_with(MARK) { MARK.len_utf8() } else { 0 });
            let crlf = body.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
            let fence = if crlf { "---\r\n" } else { "---\n" };
            let (head, tail) = (format!("{mark}{fence}"), format!("{fence}{body}"));
            return Ok(Self { head, text: String::new(), tail, keys });
        };
        let first_line = block.first_line;
        if !block.closed {
            let why = "it has no closing line of ---";
            return Err(Unsafe::new(why, first_line.checked_sub(1)));
        }
        let lines = file.split_inclusive('\n').take(first_line as usize - 1);
        let start = lines.map(str::len).sum();
        let text = repair::repaired(block.text, &keys)
            .map_err(|(why, before)| Unsafe::new(why, line_at(first_line, before.as_bytes())))?;
        let (head, tail) = (&file[..start], &file[start + block.text.len()..]);
        Ok(Self { head: head.into(), text: text.into(), tail: tail.into(), keys })
    }

    /// Makes one change: everywhere, if it clears; else where the value is supplied.
    fn apply(&mut self, field: Field, change: &Change) -> Result<(), Unsafe> {
        while places::supplied(&self.keys, field) != *change {
            let supplying = places::supplying(&self.keys, field);
            match (change, supplying.first()) {
                (Change::Clear, Some(path)) => self.remove(path)?,
                (Change::Clear, None) => break,
                _ => self.set(&places::target(&self.keys, field), field, change)?,
            }
        }
        Ok(())
    }

    /// Writes a value at a path whose last key may be new.
    fn set(&mut self, path: &[&str], field: Field, change: &Change) -> Result<(), Unsafe> {
        let is_read_back = |keys: &Map<_, _>| places::supplied(keys, field) == *change;
        let eol = if self.head.ends_with("\r\n") { "\r\n" } else { "\n" };
        let root = self.tree()?;
        let (mut map, mut flow) = (root.as_ref(), false);
        for (depth, key) in path.iter().enumerate() {
            flow |= map.is_some_and(|map| !map.is_block());
            let entries = map.map_or(&[][..], tree::Node::entries);
            let Some(at) = map.and_then(|map| map.position(key)) else {
                if depth + 1 < path.len() || (entries.is_empty() && depth > 0) {
                    let why = format!("{} is no map of its own there", path[..depth].join("."));
                    return Err(self.refused(&why, map.map_or(0, tree::Node::start)));
                }
                let map = map.map(|map| (map, depth == 0));
                let texts = splice::insert(&self.text, map, key, change, eol);
                return self.change(path, texts, 0, is_read_back);
            };
            let entry = &entries[at];
            if depth + 1 == path.len() {
                let texts = splice::replace(&self.text, entry, change, flow, eol);
                return self.change(path, texts, entry.key.start(), is_read_back);
            }
            map = Some(&entry.value);
        }
        Ok(())
    }

    /// Takes a key away, and `metadata` if it held nothing else.
    fn remove(&mut self, path: &[&str]) -> Result<(), Unsafe> {
        let root = self.tree()?;
        let (mut at, mut holder) = (None, root.as_ref());
        for key in path {
            let Some(map) = holder else { break };
            let Some(index) = map.position(key) else {
                let why = format!("{} is not written where it is read", path.join("."));
                return Err(self.refused(&why, map.start()));
            };
            if at.is_none() || map.entries().len() > 1 {
                at = Some((map, index));
            }
            holder = Some(&map.entries()[index].value);
        }
        let Some((map, index)) = at else { return Ok(()) };
        let texts = splice::remove(&self.text, map, index);
        self.change(path, texts, map.entries()[index].key.start(), |_| true)
    }

    /// Takes the first of these texts in which nothing but what is at the path has changed, and
    /// whose keys are what was meant.
    fn change(
        &mut self,
        path: &[&str],
        texts: impl IntoIterator<Item = String>,
        at: usize,
        is_meant: impl Fn(&Map<String, Value>) -> bool,
    ) -> Result<(), Unsafe> {
        let mut why = String::new();
        for text in texts {
            match strict::parse(&with_line_feeds(&text)) {
                Ok(keys) if places::without(&keys, path) != places::without(&self.keys, path) => {
                    why = "other values would change with it".into();
                }
                Ok(keys) if !is_meant(&keys) => {
                    why = "it would not be read back as it was meant".into();
                }
                Ok(keys) => {
                    (self.text, self.keys) = (text, keys);
                    return Ok(());
                }
                Err(no) => why = format!("it would no longer be valid YAML ({})", no.message),
            }
        }
        Err(self.refused(&why, at))
    }

    /// Where everything stands; nothing, if the text holds nothing.
    fn tree(&self) -> Result<Option<tree::Node>, Unsafe> {
        let root = tree::parse(&self.text);
        if root.is_none() && !self.keys.is_empty() {
            return Err(self.refused("it is YAML of a kind that can only be read", 0));
        }
        Ok(root)
    }

    fn refused(&self, why: &str, at: usize) -> Unsafe {
        Unsafe::new(why, line_at(1, format!("{}{}", self.head, &self.text[..at]).as_bytes()))
    }

    /// The file, if it is read as it should be: strictly, and with the body that it had.
    fn proved(&self, body: &str, changes: &[(Field, Change)]) -> Result<Vec<u8>, Unsafe> {
        let file = format!("{}{}{}", self.head, self.text, self.tail);
        let new = read(&file);
        let holds =
            |(field, change): &(Field, Change)| places::supplied(&self.keys, *field) == *change;
        if new.health == Health::Ok
            && new.body == body
            && new.values.as_ref() == Some(&self.keys)
            && changes.iter().all(holds)
        {
            return Ok(file.into_bytes());
        }
        let problem = new.problem.map(|problem| problem.message);
        Err(self.refused(problem.as_deref().unwrap_or("it would be read differently"), 0))
    }
}

/// The line that follows these bytes, whose first is `first`.
fn line_at(first: u32, before: &[u8]) -> Option<u32> {
    u32::try_from(before.split(|byte| *byte == b'\n').count() - 1).ok()?.checked_add(first)
}

/// A text as a scalar of one line, for new frontmatter.
pub(crate) fn scalar(text: &str, in_list: bool) -> String {
    write::scalar(text, None, in_list)
}
