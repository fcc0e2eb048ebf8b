//! The history of a source: one JSON object a line for each write through Larder.
//!
//! Lines are only added, to `history.jsonl`. At [`ROTATE_AT`] bytes it becomes `history.old.jsonl`, in
//! place of the one before, so both together keep the last 50,000 writes or more.

use std::{fs::File, io, mem, os::unix::fs::FileExt as _};

use larder::domain::{
    id::ArtifactId,
    writing::{HistoryEntry, MAX_HISTORY},
};

use super::{failure::Failure, recovery::SOURCE_STATE, tree::Tree};
use crate::files::Root;

/// The file, among Larder's own.
pub(super) const HISTORY: &str = "history.jsonl";
/// The lines before those.
const OLDER: &str = "history.old.jsonl";

/// Size in bytes from which on the next line begins a new file. A line has about 300 bytes.
const ROTATE_AT: u64 = 16 * 1024 * 1024;

/// Bytes of the end that one request reads, at most: some 25,000 writes.
const MAX_READ: u64 = 8 * 1024 * 1024;

/// Bytes that are read at once. It is also the longest line: what precedes a longer one is not read.
const BLOCK: u64 = 64 * 1024;

/// Adds a line, unless it is there already: who finishes another's write may come second. Where no
/// history can be, the write is finished all the same.
pub(super) fn append(tree: &Tree, entry: &HistoryEntry) -> io::Result<()> {
    let path = tree.own(HISTORY);
    if tree.is_no_file(&path)? {
        tracing::error!(path, id = entry.id, "the history is no file: a write is not told there");
        return Ok(());
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    if let Some(file) = tree.root.open_file(&path)? {
        let mut lines = LinesFromEnd::new(file, BLOCK)?;
        let (size, is_cut) = (lines.start, lines.is_cut()?);
        if lines.any(|line| parsed(&line).is_some_and(|told| told.id == entry.id)) {
            return Ok(());
        }
        if size >= ROTATE_AT {
            tree.replace(&path, &tree.own(OLDER))?;
        } else if is_cut {
            // Somebody was killed in the middle of a line.
            line.insert(0, b'\n');
        }
    }
    tree.append(&path, &line)
}

/// The last writes of an artifact, the latest first.
pub(crate) fn of(root: &Root, id: &ArtifactId) -> Result<Vec<HistoryEntry>, Failure> {
    let mut found = Vec::new();
    let mut left = MAX_READ;
    for name in [HISTORY, OLDER] {
        let Some(file) = root.open_file(&format!("{SOURCE_STATE}/{name}"))? else { continue };
        let lines = LinesFromEnd::new(file, left)?;
        left = left.saturating_sub(lines.start);
        let its = lines.filter_map(|line| parsed(&line)).filter(|entry| entry.artifact == *id);
        found.extend(its.take(MAX_HISTORY - found.len()));
    }
    Ok(found)
}

/// What a line says; `None` where it was cut, or is another program's.
fn parsed(line: &[u8]) -> Option<HistoryEntry> {
    serde_json::from_slice(line).ok()
}

/// The lines of a file, the last first. It holds a block and a line in memory, whatever the size.
struct LinesFromEnd {
    file: File,
    /// Where the bytes begin that were read and not returned; first the file's size.
    start: u64,
    /// Those bytes.
    bytes: Vec<u8>,
    /// How many bytes may still be read.
    left: u64,
}

impl LinesFromEnd {
    fn new(file: File, left: u64) -> io::Result<Self> {
        let start = file.metadata()?.len();
        Ok(Self { file, start, bytes: Vec::new(), left })
    }

    /// Whether the last line has no end.
    fn is_cut(&self) -> io::Result<bool> {
        let mut last = [b'\n'];
        if let Some(at) = self.start.checked_sub(1) {
            self.file.read_exact_at(&mut last, at)?;
        }
        Ok(last != [b'\n'])
    }

    /// Reads the block before what is there; `None` at the beginning, at the limit, or on an error.
    fn read_block(&mut self) -> Option<()> {
        let size = BLOCK.min(self.start).min(self.left);
        if size == 0 || self.bytes.len() as u64 > BLOCK {
            return None;
        }
        let mut block = vec![0; usize::try_from(size).ok()?];
        self.file.read_exact_at(&mut block, self.start - size).ok()?;
        block.append(&mut self.bytes);
        (self.start, self.left, self.bytes) = (self.start - size, self.left - size, block);
        Some(())
    }
}

impl Iterator for LinesFromEnd {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.bytes.iter().rposition(|byte| *byte == b'\n') {
                let line = self.bytes.split_off(end + 1);
                self.bytes.pop();
                return Some(line);
            }
            if self.read_block().is_none() {
                let is_whole = self.start == 0 && !self.bytes.is_empty();
                return is_whole.then(|| mem::take(&mut self.bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use larder::domain::{
        Timestamp,
        writing::{Operation, Stamp},
    };

    use super::{super::tree::Patience, *};

    fn entry(number: usize, id: &str) -> HistoryEntry {
        let stamp = Stamp { at: Timestamp::default(), by: "local".to_owned() };
        let id = ArtifactId::parse(id).unwrap();
        HistoryEntry::new(&format!("{number:08}"), &id, Operation::Edit, &stamp)
    }

    fn lines(text: &str) -> LinesFromEnd {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x"), text).unwrap();
        LinesFromEnd::new(File::open(dir.path().join("x")).unwrap(), u64::MAX).unwrap()
    }

    #[test]
    fn lines_come_from_the_end_and_little_of_a_large_file_is_in_memory() {
        let text = "line\n".repeat(400_000);
        let mut lines = lines(&text);
        let (mut number, mut most) = (0, 0);
        while lines.next().is_some_and(|line| number == 0 || line == b"line") {
            number += 1;
            most = most.max(lines.bytes.capacity());
        }
        assert_eq!(number, 400_001, "every line came, and what follows the last one");
        assert!(most <= 3 * usize::try_from(BLOCK).unwrap(), "{most} bytes in memory");
    }

    #[test]
    fn a_line_without_an_end_is_a_line_and_one_that_is_too_long_ends_the_reading() {
        let told: Vec<_> =
            lines("one\n\ntwo").map(|line| String::from_utf8(line).unwrap()).collect();
        assert_eq!(told, ["two", "", "one"]);
        let long = format!("one\n{}\ntwo\n", "x".repeat(1_000_000));
        assert_eq!(lines(&long).filter(|line| !line.is_empty()).collect::<Vec<_>>(), [b"two"]);
    }

    #[test]
    fn the_history_is_rotated_and_read_across_both_files() {
        let dir = tempfile::tempdir().unwrap();
        let tree = Tree::lock(
            Root::open(dir.path().to_str().unwrap()).unwrap(),
            SOURCE_STATE,
            Patience::new(),
        )
        .unwrap();
        let own = dir.path().join(SOURCE_STATE);
        let mut text = Vec::new();
        for number in 0.. {
            let id = if number % 2_000 == 0 { "skill:rare" } else { "skill:other" };
            text.extend(serde_json::to_vec(&entry(number, id)).unwrap());
            text.push(b'\n');
            if text.len() as u64 >= ROTATE_AT {
                break;
            }
        }
        fs::write(own.join(HISTORY), &text).unwrap();
        let last = entry(99_999_999, "skill:rare");
        for _ in 0..2 {
            append(&tree, &last).unwrap();
            assert!(fs::metadata(own.join(HISTORY)).unwrap().len() < 1_000, "a line, once");
        }
        assert_eq!(fs::read(own.join(OLDER)).unwrap(), text);
        let told = of(&tree.root, &last.artifact).unwrap();
        assert_eq!(told[0].id, "99999999");
        assert!((10..MAX_HISTORY).contains(&told.len()), "not the whole file: {}", told.len());
        assert!(told.windows(2).all(|pair| pair[0].id > pair[1].id), "the latest first");
        let told = of(&tree.root, &ArtifactId::parse("skill:other").unwrap()).unwrap();
        assert_eq!(told.len(), MAX_HISTORY);
    }
}
