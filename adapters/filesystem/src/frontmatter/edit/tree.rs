//! Where in the text of a block every key and value stands.

use std::{iter::Peekable, ops::Range, vec::IntoIter};

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// Deepest nesting, as the reader has it: this recurses, too.
const MAX_DEPTH: usize = 32;

/// What YAML takes for nothing.
pub(super) const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// A value in the text.
pub(super) struct Node {
    /// Its anchor and tag, if it has one or both.
    pub(super) properties: Option<Range<usize>>,
    /// What is left of it. Of a block scalar the content, without the line that announces it; of a
    /// value that is left out nothing, right behind its key.
    pub(super) span: Range<usize>,
    pub(super) shape: Shape,
}

/// What kind of value it is.
pub(super) enum Shape {
    Alias,
    /// Its text, unescaped, and how it is written.
    Scalar(String, ScalarStyle),
    List {
        flow: bool,
        items: Vec<Node>,
    },
    Map {
        flow: bool,
        entries: Vec<Entry>,
    },
}

/// A key and its value.
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
}

impl Node {
    /// Where it begins, its properties included.
    pub(super) fn start(&self) -> usize {
        self.properties.as_ref().map_or(self.span.start, |properties| properties.start)
    }

    /// Whether it is announced on one line and stands on those below it.
    pub(super) fn is_block(&self) -> bool {
        match &self.shape {
            Shape::Alias => false,
            Shape::Scalar(_, style) => is_block_style(*style),
            Shape::List { flow, .. } | Shape::Map { flow, .. } => !flow,
        }
    }

    /// How it is written, if it is a scalar.
    pub(super) fn style(&self) -> Option<ScalarStyle> {
        if let Shape::Scalar(_, style) = &self.shape { Some(*style) } else { None }
    }

    /// The place of a key, if this is a map that has it.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let is_it =
            |entry: &Entry| matches!(&entry.key.shape, Shape::Scalar(text, _) if text == name);
        self.entries().iter().position(is_it)
    }

    /// The entries of a map; of any other value none.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Shape::Map { entries, .. } = &self.shape { entries } else { &[] }
    }
}

impl Entry {
    /// Right behind the colon; behind the key if it has none.
    pub(super) fn colon(&self, text: &str) -> (usize, bool) {
        let key = self.key.span.end;
        let blank = text[key..].len() - text[key..].trim_start_matches(BLANK).len();
        let has = text[key + blank..].starts_with(':');
        (if has { key + blank + 1 } else { key }, has)
    }

    /// Where its last character stands, and one more.
    pub(super) fn end(&self, text: &str) -> usize {
        self.value.span.end.max(self.colon(text).0)
    }
}

fn is_block_style(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// The one value that the text holds; `None` if it holds none, or is no YAML.
pub(super) fn parse(text: &str) -> Option<Node> {
    let mut options = granit_parser::options! {
        emit_anchor_events: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    options.set_emit_comments(false);
    let events: Result<Vec<_>, _> = Parser::new_from_str_with_options(text, options).collect();
    let mut events = events.ok()?;
    events.retain(|(event, _)| event.is_node() || is_inner(event));
    Builder { text, events: events.into_iter().peekable() }.node()
}

fn is_inner(event: &Event<'_>) -> bool {
    matches!(event, Event::Anchor(..) | Event::SequenceEnd | Event::MappingEnd)
}

struct Builder<'a> {
    text: &'a str,
    events: Peekable<IntoIter<(Event<'a>, Span)>>,
}

impl Builder<'_> {
    fn node(&mut self) -> Option<Node> {
        let (event, at) = self.events.next()?;
        let mut span = at.byte_range()?;
        let properties = self.properties(at);
        let shape = match event {
            Event::Scalar(text, style, ..) => {
                if is_block_style(style) {
                    // The blank lines behind it stay where they are, whatever becomes of it.
                    span.end = self.text[..span.end].trim_end_matches(BLANK).len();
                    span.start = span.start.min(span.end);
                }
                Shape::Scalar(text.into_owned(), style)
            }
            Event::SequenceStart(style, ..) => {
                let mut items = Vec::new();
                let flow = style == StructureStyle::Flow;
                while !self.ends(flow, &mut span)? {
                    items.push(self.node()?);
                    span.end = items.last()?.span.end;
                }
                Shape::List { flow, items }
            }
            Event::MappingStart(style, ..) => {
                let mut entries = Vec::new();
                let flow = style == StructureStyle::Flow;
                while !self.ends(flow, &mut span)? {
                    let entry = Entry { key: self.node()?, value: self.node()? };
                    span.end = entry.end(self.text);
                    entries.push(entry);
                }
                Shape::Map { flow, entries }
            }
            _ => Shape::Alias,
        };
        Some(Node { properties, span, shape })
    }

    /// The anchor and the tag of the value whose event was the last.
    fn properties(&mut self, at: Span) -> Option<Range<usize>> {
        let tag = at.tag_span().and_then(|tag| tag.byte_range());
        let anchor = self.events.next_if(|(event, _)| matches!(event, Event::Anchor(..)));
        let anchor = anchor.and_then(|(_, at)| at.byte_range());
        match (tag, anchor) {
            (Some(tag), Some(anchor)) => Some(tag.start.min(anchor.start)..tag.end.max(anchor.end)),
            (tag, anchor) => tag.or(anchor),
        }
    }

    /// Whether the list or map ends here; the bracket of a flow one belongs to it.
    fn ends(&mut self, flow: bool, span: &mut Range<usize>) -> Option<bool> {
        let (event, at) = self.events.peek()?;
        let ends = matches!(event, Event::SequenceEnd | Event::MappingEnd);
        if ends {
            if flow {
                span.end = at.byte_range()?.end;
            }
            self.events.next();
        }
        Some(ends)
    }
}
