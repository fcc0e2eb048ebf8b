//! Frontmatter made of pieces, each with the fields that it is about.

use larder::domain::edit::{Change, Field};
use proptest::{prelude::*, sample::select};

/// Pieces that are about no field; `@` stands for a number of their own.
const FREE: [&str; 27] = [
    "# note: x\n",
    "#\t- y\n",
    "\n",
    "   \n",
    "  # indented\n",
    "u@: >\n  folded\n  text\n\n  more\n",
    "u@: |\n  author: b\n",
    "u@: |+\n  keep\n\n",
    "u@: >-\n    a\n     b\n",
    "u@: |2\n   a\n",
    "u@: plain\n  goes on\n\n  still # c\n",
    "u@: 'it''s\n  two'\n",
    "u@: \"q\\n\\\n  r\" \t# c\n",
    "u@: [a, {b: c}]\n",
    "u@:\n- a\n- - b\n",
    "u@:\n  - a\n  # c\n  - b: 1\n    c: 2\n",
    "u@: {a: 1,\n  author: 2}\n",
    "\"u@ q\": é ü 🦀\n",
    "u@: 1.0\n",
    "u@:\n",
    "u@: ~ # c\n",
    "u@:\n  d:\n    author: not ours\n    tags: |\n      x\n",
    "? u@\n: x\n",
    "u@: !!str 1\n",
    "u@: x\t\n",
    "u@: &a@ v\nz@: *a@\n",
    "u@: &a@\n  b: [c]\nz@:\n  - *a@\n",
];

/// Pieces about a field whose value is a text; `^` stands for its key.
const TEXTS: [&str; 22] = [
    "^: Bob\n",
    "^:   Bob  # who\n",
    "\"^\": \"Bob\\u00e9\"\n",
    "'^' : 'Bo''b'\t# who\n",
    "^: >\n  folded\n  text\n\n",
    "^: |+ # who\n   kept\n\n",
    "^: >-\n  a\n\n  b\n",
    "^: |\n  # no comment\n",
    "^: plain\n  goes:on\n",
    "^: plain\n  goes on # who\n",
    "^:\n  on the next\n",
    "^: &f@ Bob # who\n",
    "^: !!str 12\n",
    "^: 1.0\n",
    "^: {name: n, x: y} # who\n",
    "^:\n  x: y\n  name: n\n",
    "^:\n    x: y\n",
    "^: # who\n",
    "^: ~\n",
    "^: [a, b]\n",
    "^:\n- a\n- b # who\n",
    "^: &f@ Bob\nz@: *f@\n",
];

/// Pieces about tags.
const LISTS: [&str; 14] = [
    "^: [a, 'b', \"c, d\"] # who\n",
    "^: [ a,\n  b # x\n  ]\n",
    "^: []\n",
    "^:\n  - a # who\n  # about b\n  - 'b'\n",
    "^:\n- a\n\n- b\n",
    "^: # who\n    -   \"a\"\n    -   >\n      b\n",
    "^: a, b # who\n",
    "^: a b c\n",
    "^: 'a, b'\n",
    "^: a\n",
    "^: &f@ [a]\n",
    "^:\n",
    "^: {a: true, b: false}\n",
    "^: &f@ [a]\nz@: *f@\n",
];

/// A few lines, and the fields they are about.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) fields: Vec<Field>,
    /// Whether it gives its field no value, so that there is nothing to clear.
    pub(super) empty: bool,
    pub(super) text: String,
    pub(super) nested: bool,
}

impl Piece {
    /// About no field.
    pub(super) fn free(text: &str) -> Self {
        Self { fields: Vec::new(), empty: false, text: text.to_owned(), nested: false }
    }

    /// Whether it is more than blank lines or a comment.
    pub(super) fn is_entry(&self) -> bool {
        !self.text.trim_start().starts_with('#') && !self.text.trim().is_empty()
    }

    /// Whether a block scalar is in it.
    pub(super) fn is_block(&self) -> bool {
        self.text.contains(['|', '>'])
    }

    /// Whether a block scalar before it may have it for its own.
    pub(super) fn is_soft(&self) -> bool {
        self.text.trim().is_empty() || self.text.starts_with("  ") && !self.is_entry()
    }

    /// Whether these changes may touch it; with `clears`, whether one takes it away.
    pub(super) fn is_about(&self, changes: &[(Field, Change)], clears: bool) -> bool {
        changes.iter().any(|(field, change)| {
            let clear = *change == Change::Clear;
            self.fields.contains(field) && if clear { !self.empty } else { !clears }
        })
    }
}

fn about(field: Field, key: &'static str) -> impl Strategy<Value = Piece> {
    let forms = if field == Field::Tags { &LISTS[..] } else { &TEXTS[..] };
    select(forms).prop_map(move |form| Piece {
        fields: vec![field],
        empty: ["^:\n", "^: ~\n", "^: # who\n", "^: []\n", "^:\n    x: y\n"].contains(&form),
        text: form.replace('^', key),
        nested: false,
    })
}

/// Pieces about no field.
fn free(most: usize) -> impl Strategy<Value = Vec<Piece>> {
    prop::collection::vec(select(&FREE[..]).prop_map(Piece::free), 0..most)
}

/// Pieces of one map: any free ones, each key of a field at most once.
fn pieces(most: usize) -> impl Strategy<Value = Vec<Piece>> {
    let keys = Field::ALL.into_iter().map(|field| (field, field.as_str()));
    let fields: Vec<_> = keys
        .chain([(Field::Tags, "keywords")])
        .map(|(field, key)| prop::option::weighted(0.35, about(field, key)))
        .collect();
    (free(most), fields)
        .prop_map(|(free, fields)| free.into_iter().chain(fields.into_iter().flatten()).collect())
        .prop_flat_map(|pieces: Vec<Piece>| Just(pieces).prop_shuffle())
}

/// `metadata`, as the pieces of a block or as one in brackets; or none.
fn nested() -> impl Strategy<Value = Vec<Piece>> {
    let flow = Piece {
        fields: vec![Field::Author, Field::Version, Field::Tags],
        empty: false,
        text: "metadata: {author: a, \"version\": '1', k: [v], tags: [x, y]} # who\n".into(),
        nested: false,
    };
    let block = pieces(3).prop_map(|inner| {
        let inner = inner.into_iter().map(|piece| {
            let lines = piece.text.split_inclusive('\n');
            let text =
                lines.map(|line| if line == "\n" { line.into() } else { format!("  {line}") });
            Piece { text: text.collect(), nested: true, ..piece }
        });
        std::iter::once(Piece::free("metadata:\n")).chain(inner).collect()
    });
    prop_oneof![2 => Just(Vec::new()), 1 => Just(vec![flow]), 2 => block]
}

/// The pieces of a block, numbered, with the line ends of one system or of two.
pub(super) fn block() -> impl Strategy<Value = Vec<Piece>> {
    let parts = (pieces(6), nested(), free(3), 0..4_u8);
    parts.prop_map(|(before, nested, after, ends)| {
        let pieces = before.into_iter().chain(nested).chain(after).enumerate();
        let crlf = |at: usize| ends == 1 || (ends == 2 && at.is_multiple_of(2));
        pieces
            .map(|(at, piece)| {
                let text = piece.text.replace('@', &at.to_string());
                Piece { text: if crlf(at) { text.replace('\n', "\r\n") } else { text }, ..piece }
            })
            .collect()
    })
}
