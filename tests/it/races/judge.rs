//! What must be true of a race, by what each side remembers of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
};

use larder::domain::revision::Revision;
use serde_json::{Value, json};

use super::{
    FILE,
    clients::{Done, Edit, FIELDS},
    foreign::{Saves, marker},
};
use crate::house::House;

/// The values that the clients edit.
type Values = BTreeMap<&'static str, Value>;

/// Everything that a race left.
pub(super) struct Judge<'a> {
    house: &'a House,
    start: &'a (Value, Vec<u8>),
    done: &'a [Done],
    saves: &'a Saves,
    lines: Vec<Value>,
}

/// The revision of the artifact with this main file. Its manifest entry stays the same.
fn revision(file: &[u8]) -> String {
    let entry = json!({
        "name": "s0", "type": "skill", "path": "skills/s0", "origin": "local",
        "added": "2026-01-05T10:00:00",
    });
    Revision::of(&[file, entry.to_string().as_bytes(), b""]).to_string()
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or_else(|| panic!("no {key} in {line}"))
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        house: &'a House,
        start: &'a (Value, Vec<u8>),
        done: &'a [Done],
        saves: &'a Saves,
    ) -> Self {
        assert_eq!(text(&start.0, "revision"), revision(&start.1), "as revisions are made");
        let path = house.files.path().join("collections/work/.larder/history.jsonl");
        let history = fs::read_to_string(path).unwrap();
        assert!(history.ends_with('\n'));
        let lines = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self { house, start, done, saves, lines }
    }

    fn edits(&self) -> impl Iterator<Item = &Edit> {
        self.done.iter().flat_map(|client| &client.accepted)
    }

    /// The history tells every accepted edit once, and of each that it was made to what the client
    /// had named; and each was made to what the one before had left, or to a foreign save after it.
    ///
    /// Gives the values of every state that the file was in, by revision, and how many saves went
    /// over an edit that their program had not read.
    pub(super) fn history(&self) -> (HashMap<String, Values>, usize) {
        let mut accepted: HashMap<&str, &Edit> =
            self.edits().map(|edit| (&*edit.named, edit)).collect();
        assert_eq!(accepted.len(), self.edits().count(), "one edit of each revision");
        assert_eq!(self.lines.len(), accepted.len());

        let values = FIELDS.map(|field| (field, self.start.0[field].clone()));
        let mut current = revision(&self.start.1);
        let mut states = HashMap::from([(current.clone(), Values::from(values))]);
        let foreign: HashSet<String> =
            self.saves.saves.iter().map(|save| revision(&save.wrote)).collect();
        let mut left = self.saves.saves.iter();
        let mut reverted = 0;
        let mut save = |current: &mut String, states: &mut HashMap<String, Values>| {
            let Some(save) = left.next() else { return false };
            let read = revision(&save.read);
            reverted += usize::from(read != *current);
            let values = states.get(&read).expect("a foreign program reads what was saved").clone();
            *current = revision(&save.wrote);
            states.insert(current.clone(), values);
            true
        };
        for line in &self.lines {
            let (before, after) = (text(line, "revision_before"), text(line, "revision_after"));
            let edit = accepted.remove(before).expect("a line is of an accepted edit");
            assert_eq!(line["fields"], json!([edit.field]));
            // Somebody may have saved before the artifact was read back.
            assert!(edit.returned == after || foreign.contains(&edit.returned), "{edit:?}: {line}");
            while current != before {
                let was_saved = save(&mut current, &mut states);
                assert!(
                    was_saved,
                    "made neither to the edit before nor to a save after it: {line}"
                );
            }
            let mut values = states[before].clone();
            values.insert(edit.field, edit.value.clone().into());
            after.clone_into(&mut current);
            states.insert(current.clone(), values);
        }
        while save(&mut current, &mut states) {}
        let file = fs::read(self.house.files.path().join(FILE)).unwrap();
        assert_eq!(revision(&file), current, "the last of them is what is there");
        (states, reverted)
    }

    /// The file has every foreign save in order, the values of the last state and no other body.
    pub(super) fn file(&self, states: &HashMap<String, Values>, row: &Value) {
        let file = fs::read_to_string(self.house.files.path().join(FILE)).unwrap();
        let markers: String = (0..self.saves.saves.len()).map(marker).collect();
        assert!(file.ends_with(&format!("\n---\n# Title\n{markers}")), "{file}");
        let current = revision(file.as_bytes());
        assert_eq!(text(row, "revision"), current);
        for (field, value) in &states[&current] {
            assert_eq!(row[*field], *value);
        }
    }

    /// It was a race, with winners and losers. On a slow machine most clients may have lost each time.
    pub(super) fn was_a_race(&self) {
        assert!(!self.saves.saves.is_empty(), "the foreign program saved");
        assert!(self.edits().count() > 0, "{:?}", self.done);
        for client in self.done {
            assert!(client.conflicts > 0, "{client:?}");
        }
    }

    /// Nothing is under way, or waits for a person.
    pub(super) fn leftovers(&self) {
        let root = self.house.files.path().join("collections/work");
        let names = |path: &str| {
            let entries = fs::read_dir(root.join(path)).into_iter().flatten();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort_unstable();
            names
        };
        let left = names(".larder");
        assert!(!left.iter().any(|name| name.starts_with("journal")), "{left:?}");
        assert!(!left.contains(&"conflicts".to_owned()), "{left:?}");
        assert_eq!(names(".larder/staged"), [""; 0]);
        assert_eq!(names("skills/s0"), ["SKILL.md"]);
    }

    /// The API tells the last 50 lines, the latest first.
    pub(super) fn told(&self, answer: &Value) {
        let pair = |line: &Value| {
            ["id", "revision_before", "revision_after"].map(|key| text(line, key).to_owned())
        };
        let told: Vec<_> = answer["items"].as_array().unwrap().iter().map(pair).collect();
        let last: Vec<_> = self.lines.iter().rev().take(50).map(pair).collect();
        assert_eq!(told, last);
    }
}
