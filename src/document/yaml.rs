//! The reader of YAML: values, and beside them where they stand.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use super::scalar::resolve;
use super::{DocumentError, Mark};
use crate::path::{FieldPath, Segment};

/// How many nodes a text may have after its aliases are followed.
pub(super) const MAX_NODES: usize = 2_000_000;

/// How many bytes of a text that an alias copies weigh as much as a node.
const BYTES_PER_NODE: usize = 16;

/// How the message ends about a text whose aliases stand for too much.
pub(super) const BLOWN_UP: &str = "values once aliases are followed";

/// How deep a document may nest.
const MAX_DEPTH: usize = 200;

/// Key of the maps that are merged into the one around it.
const MERGE: &str = "<<";

/// Where a value stands, and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Spanned {
    /// Of a member of a map: where its key stands.
    pub(super) mark: Mark,
    /// What is in it.
    pub(super) below: Below,
}

/// What is in a value.
#[derive(Clone, Debug)]
pub(super) enum Below {
    Nothing,
    List(Vec<Spanned>),
    Map(Vec<(Name, Spanned)>),
}

/// Stands for a key: a number made of its characters. The keys themselves are in the value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Name(u64);

impl Name {
    pub(super) fn of(key: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Self(hasher.finish())
    }
}

impl Spanned {
    /// Where a field stands; for a field that is not there, the nearest one around it.
    pub(super) fn locate(&self, path: &FieldPath) -> Mark {
        let mut here = self;
        for segment in path.segments() {
            let next = match (&here.below, segment) {
                (Below::List(elements), Segment::Index(index)) => elements.get(*index),
                (Below::Map(members), Segment::Key(key)) => {
                    let wanted = Name::of(key);
                    members.iter().find(|(name, _)| *name == wanted).map(|(_, next)| next)
                }
                _ => None,
            };
            let Some(next) = next else { break };
            here = next;
        }
        here.mark
    }

    /// The same as a member, which stands where its key does.
    pub(super) fn standing_at(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The value.
    pub(super) value: Value,
    /// Where it stands.
    pub(super) place: Spanned,
}

/// A collection that is still open.
enum Open {
    List { anchor: usize, mark: Mark, values: Vec<Value>, places: Vec<Spanned> },
    Map { anchor: usize, mark: Mark, map: OpenMap, key: Option<(String, Mark)> },
}

/// The members of a map so far.
struct OpenMap {
    values: Map<String, Value>,
    places: Vec<(Name, Spanned)>,
    /// The maps to be merged into it.
    merged: Vec<Node>,
    keeps: Keeps,
}

impl OpenMap {
    fn insert(&mut self, key: String, at: Mark, Node { value, place }: Node) {
        if key == MERGE {
            self.merged.push(Node { value, place });
            return;
        }
        if self.keeps == Keeps::Places {
            self.places.push((Name::of(&key), place.standing_at(at)));
        }
        self.values.insert(key, value);
    }

    /// Follows merge keys: members of the merged maps stand where the object itself has none of that name.
    fn close(mut self, mark: Mark) -> Node {
        for Node { value, place } in std::mem::take(&mut self.merged) {
            match (value, place.below) {
                (Value::Array(values), below) => {
                    let mut places = match below {
                        Below::List(places) => places,
                        _ => Vec::new(),
                    }
                    .into_iter();
                    for value in values {
                        self.take_from(value, places.next().map(|place| place.below));
                    }
                }
                (value, below) => self.take_from(value, Some(below)),
            }
        }
        let place = Spanned { mark, below: Below::Map(self.places) };
        Node { value: Value::Object(self.values), place }
    }

    fn take_from(&mut self, value: Value, below: Option<Below>) {
        let Value::Object(values) = value else { return };
        let places = match below {
            Some(Below::Map(places)) => places,
            _ => Vec::new(),
        };
        for (key, value) in values {
            if self.values.contains_key(&key) {
                continue;
            }
            if self.keeps == Keeps::Places {
                let name = Name::of(&key);
                self.places.extend(places.iter().find(|(one, _)| *one == name).cloned());
            }
            self.values.insert(key, value);
        }
    }
}

/// What is kept of a text beside its values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Keeps {
    /// Where each document begins.
    Beginnings,
    /// Where every value stands.
    Places,
}

/// Reads a stream. How many values it had before can be told to it.
pub(super) struct Loader {
    open: Vec<Open>,
    anchors: Vec<(usize, Node)>,
    nodes: usize,
    /// How many of them there may be.
    most: usize,
    /// How many lines stand before the text.
    lines: usize,
    keeps: Keeps,
}

impl Loader {
    /// One that has read nothing yet.
    pub(super) const fn new(keeps: Keeps) -> Self {
        Self::within(keeps, MAX_NODES)
    }

    /// One that reads no more than that many nodes.
    pub(super) const fn within(keeps: Keeps, most: usize) -> Self {
        Self { open: Vec::new(), anchors: Vec::new(), nodes: 0, most, lines: 0, keeps }
    }

    /// Hands over each document of a text before which that many lines stand, empty ones too.
    ///
    /// Fails at the first thing that is wrong; the documents before it have been handed over by then.
    pub(super) fn load(
        &mut self,
        text: &str,
        lines: usize,
        sink: &mut dyn FnMut(Node),
    ) -> Result<(), DocumentError> {
        self.lines = lines;
        let mut options = Options::default();
        // Another crate has the parser built with them.
        options.set_emit_comments(false);
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| DocumentError {
                mark: Some(Mark {
                    line: lines + error.marker().line(),
                    column: error.marker().col() + 1,
                }),
                message: error.info().clone(),
            })?;
            if let Some(document) = self.step(event, span)? {
                self.anchors.clear();
                sink(document);
            }
        }
        Ok(())
    }

    fn step(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, DocumentError> {
        let mark = Mark { line: self.lines + span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_string = style != ScalarStyle::Plain
                    || tag.as_ref().is_some_and(|tag| tag.core_suffix() == Some("str"));
                let value =
                    if is_string { Value::String(text.into_owned()) } else { resolve(text) };
                self.put(anchor, Node { value, place: Spanned { mark, below: Below::Nothing } }, 1)
            }
            Event::SequenceStart(_, anchor, _) => {
                let (values, places) = (Vec::new(), Vec::new());
                self.open(Open::List { anchor, mark, values, places }, mark)
            }
            Event::MappingStart(_, anchor, _) => {
                let map = OpenMap {
                    values: Map::new(),
                    places: Vec::new(),
                    merged: Vec::new(),
                    keeps: self.keeps,
                };
                self.open(Open::Map { anchor, mark, map, key: None }, mark)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { anchor, mark, values, places }) => {
                    let place = Spanned { mark, below: Below::List(places) };
                    self.put(anchor, Node { value: Value::Array(values), place }, 1)
                }
                Some(Open::Map { anchor, mark, map, .. }) => self.put(anchor, map.close(mark), 1),
                None => Ok(None),
            },
            Event::Alias(anchor) => {
                let target = self.anchors.iter().rev().find(|(id, _)| *id == anchor);
                let Some((_, target)) = target else {
                    return Err(DocumentError {
                        mark: Some(mark),
                        message: "an alias inside its own anchor".into(),
                    });
                };
                let target = target.clone();
                let weight = weight(&target.value);
                self.put(0, target, weight)
            }
            _ => Ok(None),
        }
    }

    fn open(&mut self, open: Open, mark: Mark) -> Result<Option<Node>, DocumentError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(DocumentError {
                mark: Some(mark),
                message: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        self.open.push(open);
        Ok(None)
    }

    /// Puts a node where it belongs. Gives it back where it is a whole document.
    fn put(
        &mut self,
        anchor: usize,
        node: Node,
        size: usize,
    ) -> Result<Option<Node>, DocumentError> {
        // What has an anchor is kept a second time.
        let copy = if anchor > 0 { weight(&node.value) } else { 0 };
        self.nodes = self.nodes.saturating_add(size).saturating_add(copy);
        let mark = node.place.mark;
        if self.nodes > self.most {
            return Err(DocumentError {
                mark: Some(mark),
                message: format!("more than {} {BLOWN_UP}", self.most),
            });
        }
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
        match self.open.last_mut() {
            None => return Ok(Some(node)),
            Some(Open::List { values, places, .. }) => {
                values.push(node.value);
                if self.keeps == Keeps::Places {
                    places.push(node.place);
                }
            }
            Some(Open::Map { map, key, .. }) => {
                if let Some((name, at)) = key.take() {
                    map.insert(name, at, node);
                    return Ok(None);
                }
                let name = match node.value {
                    Value::String(name) => name,
                    Value::Array(_) | Value::Object(_) => {
                        return Err(DocumentError {
                            mark: Some(mark),
                            message: "a key that is no scalar".into(),
                        });
                    }
                    other => other.to_string(),
                };
                if map.values.contains_key(&name) {
                    return Err(DocumentError {
                        mark: Some(mark),
                        message: format!("the key `{name}` stands twice in one object"),
                    });
                }
                *key = Some((name, mark));
            }
        }
        Ok(None)
    }
}

/// What a copy of a value costs, in nodes: long texts are more than one.
fn weight(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(weight).sum::<usize>(),
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| key.len() / BYTES_PER_NODE + weight(value);
            1 + members.iter().map(member).sum::<usize>()
        }
        Value::String(text) => 1 + text.len() / BYTES_PER_NODE,
        _ => 1,
    }
}
