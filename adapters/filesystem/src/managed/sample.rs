//! Manifests in every way that people and programs write them, as the texts they are made of.

use larder::domain::id::{ArtifactId, ArtifactKind};
use proptest::{prelude::*, sample};

/// `[collection] updated` as it is, and after an edit at [`NOW`].
const UPDATED: [[&str; 2]; 8] = [
    ["\"2026-01-05T10:00:00.123456\"", "\"2026-03-04T05:06:07.891234\""],
    ["'2026-01-05T10:00:00Z' # often", "'2026-03-04T05:06:07Z' # often"],
    ["\"2026-01-05T10:00:00.123+01:00\"", "\"2026-03-04T06:06:07.891+01:00\""],
    ["2026-01-05T10:00:00.1-02:00", "2026-03-04T03:06:07.891234-02:00"],
    ["2026-01-05 10:00:00", "2026-03-04 05:06:07"],
    ["2026-01-05", "2026-03-04"],
    ["\"\"", "\"2026-03-04T05:06:07.891234\""],
    ["1767607200", "1767607200"],
];

/// When the edits are.
pub(super) const NOW: &str = "2026-03-04T05:06:07.891234Z";

const ABOVE: [&str; 3] = ["", "# about the next\n", "# [[artifacts]]\n  # name = \"n1\"\n"];
const HEADERS: [&str; 4] =
    ["[[artifacts]]", "[[ artifacts ]] # one", "[[\"artifacts\"]]", "  [['artifacts']]"];
const BELOW: [&str; 4] = ["", "\n", "\n  \n", "\n# stands alone\n\n"];

/// Keys that an edit may change, and others, whose key is not told.
const ITEMS: [(&str, &str); 17] = [
    ("description", "description = \"old\" # said once\n"),
    ("description", "description = '''\n[[artifacts]]\nname = \"n0\"\n# no comment'''\n"),
    ("description", "description = \"\"\"\n[artifacts.metadata]\n\\\"\"\"\nx\"\"\"\"\n"),
    ("author", "  author = 'A \"B\" # C'\n"),
    ("license", "license=\"MIT\"\n"),
    ("version", "\"version\" = 2.0\n"),
    ("tags", "tags = [ # [[artifacts]]\n  \"a]\",\n  'b', # c\n]\n"),
    ("tags", "tags = \"a, b\"\n"),
    ("", "\n# between\n\n"),
    ("", "odd = { a = [1, { b = \"}\" }], description = \"]\" }\n"),
    ("", "when = 2026-01-05T10:00:00.5Z\n"),
    ("", "\"über\".\"dotted key\".c = 'é 漢 \u{1f980}'\n"),
    ("", "text = \"a\\\"b\\\\\" # \"\n"),
    ("", "long = '''\n'''\n"),
    ("", "nested = [\n  [1, 2],\n\n  ['[[artifacts]]'],\n]\n"),
    ("", "truth = true\n"),
    ("", "uuid = \"0123\"\n"),
];

const INLINE: [(&str, &str); 6] = [
    ("", "title = \"T, }\""),
    ("description", "description = \"old, }\""),
    ("author", "author = 'A'"),
    ("tags", "tags = [\"x\", \"y\"]"),
    ("version", "version = 1.0"),
    ("license", "license = \"MIT\""),
];

const BENEATH: [&str; 4] = [
    "",
    "[artifacts.metadata.extra]\nunknown_tools = [\"Bash(git log:*)\"]\ndescription = \"no copy\"\n",
    "# of the table\n[[artifacts.more]]\ndescription = 'no copy'\n[[ artifacts . \"more\" ]]\nauthor = 1\n",
    "[artifacts.extra.deep]\nlicense = \"none\"\n\n[artifacts.metadata.\"x.y\"]\ntags = []\n",
];

const OTHERS: [&str; 4] = [
    "[[mcp_servers]]\nname = \"n0\"\ntype = \"skill\"\npath = \"x\"\n\n",
    "# groups\n[[groups]]\nartifacts = [\"n0\"]\n[groups.artifacts_of]\nname = 'n0'\n",
    "[[tag_definitions]]\ntext = \"\"\"\n[[artifacts]]\nname = \"n0\"\ntype = \"skill\"\n\"\"\"\n\n",
    "[[x.artifacts]]\ndescription = \"of x\"\n",
];

/// Where an entry keeps its metadata.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    None,
    Header,
    Inline,
    Dotted,
}

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct SampleEntry {
    pub(super) id: ArtifactId,
    pub(super) has_path: bool,
    pub(super) form: Form,
    /// Its lines; a key where an edit of that key may change them, else an empty text.
    pub(super) items: Vec<(String, String)>,
}

/// A part of a manifest.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// Before and after an edit.
    Collection([String; 2]),
    Entry(SampleEntry),
    Other(&'static str),
}

/// A manifest.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) blocks: Vec<Block>,
    pub(super) crlf: bool,
    bom: bool,
    open_end: bool,
}

impl Sample {
    /// Its line breaks.
    pub(super) fn eol(&self, text: &str) -> String {
        if self.crlf { text.replace('\n', "\r\n") } else { text.to_owned() }
    }

    /// The texts of its blocks, with `[collection]` as it is before or after an edit.
    pub(super) fn texts(&self, after: bool) -> Vec<String> {
        let text = |block: &Block| match block {
            Block::Collection(texts) => texts[usize::from(after)].clone(),
            Block::Entry(entry) => entry.items.iter().map(|(_, text)| text.as_str()).collect(),
            Block::Other(text) => (*text).to_owned(),
        };
        let mut texts: Vec<String> = self.blocks.iter().map(|it| self.eol(&text(it))).collect();
        if let Some(last) = texts.last_mut().filter(|_| self.open_end) {
            last.truncate(last.trim_end().len());
        }
        if let Some(first) = texts.first_mut().filter(|_| self.bom) {
            first.insert(0, '\u{feff}');
        }
        texts
    }

    /// The whole text before any edit.
    pub(super) fn text(&self) -> String {
        self.texts(false).concat()
    }

    /// The entries, each with the number of its block.
    pub(super) fn entries<'a>(&'a self) -> Vec<(usize, &'a SampleEntry)> {
        let entry = |(at, block): (usize, &'a Block)| match block {
            Block::Entry(entry) => Some((at, entry)),
            _ => None,
        };
        self.blocks.iter().enumerate().filter_map(entry).collect()
    }

    /// The entry that readers take for that of an id.
    pub(super) fn first(&self, id: &ArtifactId) -> Option<usize> {
        let entries = self.entries();
        entries.iter().position(|(_, entry)| entry.has_path && entry.id == *id)
    }
}

fn pick<T: Clone + std::fmt::Debug + 'static>(from: &'static [T]) -> impl Strategy<Value = T> {
    sample::select(from)
}

/// Some of the items in any order, each key once.
fn some(from: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = Vec<[String; 2]>> {
    let some = sample::subsequence(from, 0..=from.len()).prop_shuffle();
    some.prop_map(|items| {
        let mut kept: Vec<[String; 2]> = Vec::new();
        for (key, text) in items {
            if key.is_empty() || kept.iter().all(|[other, _]| other != key) {
                kept.push([key.to_owned(), text.to_owned()]);
            }
        }
        kept
    })
}

fn metadata() -> impl Strategy<Value = (Form, Vec<[String; 2]>)> {
    let dotted = |[key, text]: [String; 2]| [key, format!("metadata . {text}\n")];
    let inline = |items: Vec<[String; 2]>| {
        let keys: Vec<String> = items.iter().map(|[key, _]| key.clone()).collect();
        let texts: Vec<String> = items.into_iter().map(|[_, text]| text).collect();
        vec![[keys.join(" "), format!("metadata = {{ {} }}\n", texts.join(", "))]]
    };
    prop_oneof![
        Just((Form::None, Vec::new())),
        (pick(&["[artifacts.metadata]\n", "# m\n[ artifacts . \"metadata\" ]\n"]), some(&ITEMS))
            .prop_map(|(header, mut items)| {
                items.insert(0, [String::new(), header.to_owned()]);
                (Form::Header, items)
            }),
        some(&INLINE).prop_map(move |items| (Form::Inline, inline(items))),
        some(&INLINE)
            .prop_map(move |items| (Form::Dotted, items.into_iter().map(dotted).collect())),
    ]
}

fn entry() -> impl Strategy<Value = SampleEntry> {
    let identity = (0..5_usize, any::<bool>(), 0..4_usize, prop::bool::weighted(0.9));
    let looks = (pick(&ABOVE), pick(&HEADERS), pick(&BENEATH), pick(&BELOW));
    (identity, looks, some(&ITEMS), metadata()).prop_map(|(identity, looks, own, metadata)| {
        let (number, is_skill, spelling, has_path) = identity;
        let (above, header, beneath, below) = looks;
        let (form, metadata) = metadata;
        let kind = if is_skill { "skill" } else { "agent" };
        let name = match spelling {
            0 => format!("name = \"n{number}\"\n"),
            1 => format!("'name'='n{number}'\n"),
            2 => format!("name = \"\\u006e{number}\" # n\n"),
            _ => format!("  name\t= \"\"\"\nn{number}\"\"\"\n"),
        };
        let path = if has_path { format!("path = \"p/{number}\"\n") } else { String::new() };
        let head = format!("{above}{header}\n{name}type = \"{kind}\"\n{path}");
        let beneath = match form {
            // They cannot have a table more.
            Form::Inline | Form::Dotted if beneath.contains("metadata") => "",
            _ => beneath,
        };
        let mut items = vec![[String::new(), head]];
        items.extend(own);
        items.extend(metadata);
        items.push([String::new(), format!("{beneath}{below}")]);
        SampleEntry {
            id: ArtifactId::new(&ArtifactKind::new(kind).unwrap(), &format!("n{number}")).unwrap(),
            has_path,
            form,
            items: items.into_iter().map(|[key, text]| (key, text)).collect(),
        }
    })
}

/// Manifests with up to ten entries.
pub(super) fn manifest() -> impl Strategy<Value = Sample> {
    let block = prop_oneof![
        4 => entry().prop_map(Block::Entry),
        1 => pick(&OTHERS).prop_map(Block::Other),
    ];
    let collection = (pick(&UPDATED), pick(&["", "root = 1\n", "# nothing\n\n"]), 0..3_u8);
    (prop::collection::vec(block, 1..10), collection, any::<[bool; 3]>()).prop_map(
        |(mut blocks, (updated, root, form), [crlf, bom, open_end])| {
            let of = |updated| format!("[collection]\nname = \"c\"\nupdated = {updated}\n\n");
            match form {
                0 => {
                    blocks
                        .insert(0, Block::Collection(updated.map(|it| root.to_owned() + &of(it))));
                }
                1 => blocks.push(Block::Collection(updated.map(of))),
                _ => {}
            }
            Sample { blocks, crlf, bom, open_end }
        },
    )
}
