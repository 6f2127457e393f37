//! YAML and JSON texts as values that remember where they stand: [`Document`].
//!
//! Scalars are read as Kubernetes' own YAML reader does (YAML 1.1 words such as `yes` are booleans, `0644` is octal), so
//! that a file means here what it means to `kubectl`.

use std::borrow::Cow;
use std::fmt;

use granit_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use crate::path::{FieldPath, Segment};

/// How many nodes a document may have after its aliases are followed.
const MAX_NODES: usize = 2_000_000;

/// How deep a document may nest.
const MAX_DEPTH: usize = 200;

/// A position in a text, both counted from one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct DocumentError {
    /// Where, when the reader knows.
    pub mark: Option<Mark>,
    /// What is wrong, in a phrase.
    pub message: String,
}

/// Something wrong with what a document says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// The field, whether it is there or should be.
    pub place: FieldPath,
    /// What is wrong, in a phrase.
    pub message: String,
}

/// One document of a text.
#[derive(Clone, Debug)]
pub struct Document {
    /// The value, without positions.
    pub value: Value,
    tree: Option<Spanned>,
}

#[derive(Clone, Debug)]
struct Spanned {
    mark: Mark,
    node: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Scalar(Value),
    List(Vec<Spanned>),
    Map(Vec<(String, Mark, Spanned)>),
}

impl Document {
    /// Reads every document of a YAML stream, or of a text with one or more JSON values. Empty documents are left out.
    ///
    /// Fails with a position where the text is neither, where a key stands twice or is no scalar, where aliases blow up
    /// and where nesting passes a limit; the documents before the broken one are lost with it, as they are for `kubectl`.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, DocumentError> {
        // Without this a JSON value with surrogate escapes would be refused: YAML has no such escapes.
        if text.trim_start().starts_with(['{', '[']) {
            let values: Result<Vec<Value>, _> =
                serde_json::Deserializer::from_str(text).into_iter().collect();
            if let Ok(values) = values {
                let trees = Loader::load(text).unwrap_or_default();
                let mut trees = trees.into_iter().map(Some).chain(std::iter::repeat(None));
                return Ok(values
                    .into_iter()
                    .map(|value| Self { value, tree: trees.next().flatten() })
                    .collect());
            }
        }
        Ok(Loader::load(text)?
            .into_iter()
            .map(|tree| Self { value: tree.to_value(), tree: Some(tree) })
            .filter(|document| !document.value.is_null())
            .collect())
    }

    /// A value that stands in no text.
    pub const fn of_value(value: Value) -> Self {
        Self { value, tree: None }
    }

    /// Where a field stands; for a field that is not there, the nearest one around it.
    pub fn locate(&self, path: &FieldPath) -> Option<Mark> {
        let mut here = self.tree.as_ref()?;
        let mut mark = here.mark;
        for segment in path.segments() {
            let next = match (&here.node, segment) {
                (Node::List(elements), Segment::Index(index)) => {
                    elements.get(*index).map(|next| (next.mark, next))
                }
                (Node::Map(members), Segment::Key(key)) => members
                    .iter()
                    .find(|(name, ..)| **name == **key)
                    .map(|(_, mark, next)| (*mark, next)),
                _ => None,
            };
            let Some((at, next)) = next else { break };
            mark = at;
            here = next;
        }
        Some(mark)
    }
}

impl Spanned {
    fn to_value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::List(elements) => elements.iter().map(Self::to_value).collect(),
            Node::Map(members) => members
                .iter()
                .map(|(key, _, value)| (key.clone(), value.to_value()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

/// A collection that is still open.
enum Open {
    List {
        anchor: usize,
        mark: Mark,
        elements: Vec<Spanned>,
    },
    Map {
        anchor: usize,
        mark: Mark,
        members: Vec<(String, Mark, Spanned)>,
        key: Option<(String, Mark)>,
    },
}

#[derive(Default)]
struct Loader {
    open: Vec<Open>,
    anchors: Vec<(usize, Spanned)>,
    documents: Vec<Spanned>,
    nodes: usize,
}

impl Loader {
    fn load(text: &str) -> Result<Vec<Spanned>, DocumentError> {
        let mut loader = Self::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| DocumentError {
                mark: Some(Mark { line: error.marker().line(), column: error.marker().col() + 1 }),
                message: error.info().clone(),
            })?;
            loader.step(event, mark_of(span))?;
        }
        Ok(loader.documents)
    }

    fn step(&mut self, event: Event<'_>, mark: Mark) -> Result<(), DocumentError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_string = style != ScalarStyle::Plain
                    || tag.as_ref().is_some_and(|tag| tag.core_suffix() == Some("str"));
                let value =
                    if is_string { Value::String(text.into_owned()) } else { resolve(text) };
                self.put(anchor, Spanned { mark, node: Node::Scalar(value) }, 1)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(Open::List { anchor, mark, elements: Vec::new() }, mark)
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(Open::Map { anchor, mark, members: Vec::new(), key: None }, mark)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { anchor, mark, elements }) => {
                    self.put(anchor, Spanned { mark, node: Node::List(elements) }, 1)
                }
                Some(Open::Map { anchor, mark, members, .. }) => {
                    self.put(anchor, Spanned { mark, node: Node::Map(merge(members)) }, 1)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let target = self
                    .anchors
                    .iter()
                    .rev()
                    .find(|(id, _)| *id == anchor)
                    .map(|(_, node)| node.clone());
                let Some(target) = target else {
                    return Err(DocumentError {
                        mark: Some(mark),
                        message: "an alias inside its own anchor".into(),
                    });
                };
                let size = target.size();
                self.put(0, target, size)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open, mark: Mark) -> Result<(), DocumentError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(DocumentError {
                mark: Some(mark),
                message: format!("nested deeper than {MAX_DEPTH} levels"),
            });
        }
        self.open.push(open);
        Ok(())
    }

    fn put(&mut self, anchor: usize, node: Spanned, size: usize) -> Result<(), DocumentError> {
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err(DocumentError {
                mark: Some(node.mark),
                message: format!("more than {MAX_NODES} values once aliases are followed"),
            });
        }
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
        match self.open.last_mut() {
            None => {
                self.documents.push(node);
                self.anchors.clear();
                Ok(())
            }
            Some(Open::List { elements, .. }) => {
                elements.push(node);
                Ok(())
            }
            Some(Open::Map { members, key, .. }) => {
                if let Some((name, at)) = key.take() {
                    members.push((name, at, node));
                    Ok(())
                } else {
                    let Node::Scalar(value) = node.node else {
                        return Err(DocumentError {
                            mark: Some(node.mark),
                            message: "a key that is no scalar".into(),
                        });
                    };
                    let name = match value {
                        Value::String(name) => name,
                        other => other.to_string(),
                    };
                    if name != "<<" && members.iter().any(|(known, ..)| *known == name) {
                        return Err(DocumentError {
                            mark: Some(node.mark),
                            message: format!("the key `{name}` stands twice in one object"),
                        });
                    }
                    *key = Some((name, node.mark));
                    Ok(())
                }
            }
        }
    }
}

impl Spanned {
    fn size(&self) -> usize {
        match &self.node {
            Node::Scalar(_) => 1,
            Node::List(elements) => 1 + elements.iter().map(Self::size).sum::<usize>(),
            Node::Map(members) => 1 + members.iter().map(|(.., value)| value.size()).sum::<usize>(),
        }
    }
}

/// Follows merge keys: members of the merged maps stand where the object itself has none of that name.
fn merge(members: Vec<(String, Mark, Spanned)>) -> Vec<(String, Mark, Spanned)> {
    if members.iter().all(|(key, ..)| key != "<<") {
        return members;
    }
    let (merged, mut own): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(key, ..)| key == "<<");
    let sources = merged.into_iter().flat_map(|(.., value)| match value.node {
        Node::List(elements) => elements,
        _ => vec![value],
    });
    for source in sources {
        if let Node::Map(members) = source.node {
            for member in members {
                if own.iter().all(|(key, ..)| *key != member.0) {
                    own.push(member);
                }
            }
        }
    }
    own
}

fn mark_of(span: Span) -> Mark {
    Mark { line: span.start.line(), column: span.start.col() + 1 }
}

/// Gives a plain scalar its type.
fn resolve(text: Cow<'_, str>) -> Value {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Value::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Value::Bool(false)
        }
        plain => number(plain).unwrap_or_else(|| Value::String(text.into_owned())),
    }
}

fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    let plain = text.replace('_', "");
    let (is_negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let radix = |prefix: &str, radix| {
        digits.strip_prefix(prefix).map(|rest| i64::from_str_radix(rest, radix))
    };
    let whole = radix("0x", 16)
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0o", 8))
        .or_else(|| {
            digits
                .strip_prefix('0')
                .filter(|rest| !rest.is_empty())
                .map(|rest| i64::from_str_radix(rest, 8))
        })
        .unwrap_or_else(|| digits.parse());
    if let Ok(whole) = whole {
        return Some(Value::from(if is_negative { -whole } else { whole }));
    }
    if let Ok(large) = plain.parse::<u64>() {
        return Some(Value::from(large));
    }
    let looks_like_a_float = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    let float: f64 = looks_like_a_float.then(|| plain.parse().ok()).flatten()?;
    // 1e3 is a whole number in JSON, as it is after Go has written it.
    #[expect(clippy::cast_possible_truncation, reason = "guarded: whole and far below 2^63")]
    if float.fract() == 0.0 && float.abs() < 1e15 {
        return Some(Value::from(float as i64));
    }
    serde_json::Number::from_f64(float).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        let values: Vec<Value> =
            Document::parse_all(text).unwrap().into_iter().map(|document| document.value).collect();
        assert_eq!(Value::Array(values), expected);
    }

    #[test]
    fn scalars_mean_what_they_mean_to_kubectl() {
        check(
            "a: yes\nb: 0644\nc: '0644'\nd: 1e3\ne: ~\nf: 1.50\ng: 0x1F\nh: 1_000\ni: 10.0.0.1\nj: 100m\nk: -7\nl: 08\nm: !!str 1",
            json!([{"a": true, "b": 420, "c": "0644", "d": 1000, "e": null, "f": 1.5, "g": 31, "h": 1000,
                "i": "10.0.0.1", "j": "100m", "k": -7, "l": 8, "m": "1"}]),
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        check(
            "base: &b {x: 1, z: 2}\nuse:\n  <<: *b\n  z: 3\nlist: [*b]",
            json!([{"base": {"x": 1, "z": 2}, "use": {"z": 3, "x": 1}, "list": [{"x": 1, "z": 2}]}]),
        );
    }

    #[test]
    fn streams_of_yaml_and_of_json_give_every_document() {
        check("---\n# nothing\n---\na: 1\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}]));
        check("{\"a\": \"\\ud83d\\ude00\"}\n{\"b\": 2}", json!([{"a": "😀"}, {"b": 2}]));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let check = |text: &str, line, part: &str| {
            let error = Document::parse_all(text).unwrap_err();
            assert_eq!(error.mark.map(|mark| mark.line), Some(line), "{error:?}");
            assert!(error.message.contains(part), "{error:?}");
        };
        check("a: 1\nb: [1, 2\nc: 3", 3, "");
        check("a: 1\na: 2", 2, "stands twice");
        check("? {a: 1}\n: 2", 1, "no scalar");
    }

    #[test]
    fn aliases_that_blow_up_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
        }
        assert!(Document::parse_all(&text).unwrap_err().message.contains("aliases"));
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(Document::parse_all(&"[".repeat(100_000)).is_err());
        assert!(Document::parse_all(&"- ".repeat(100_000)).is_err());
    }

    #[test]
    fn fields_are_found_in_the_text() {
        let text = "spec:\n  containers:\n  - name: a\n    image: b\n";
        let document = &Document::parse_all(text).unwrap()[0];
        let at =
            |path: &str| document.locate(&FieldPath::parse(path).unwrap()).unwrap().to_string();
        assert_eq!(at("spec.containers[0].image"), "4:5");
        assert_eq!(at("spec.containers[0]"), "3:5");
        assert_eq!(at("spec.containers[0].missing"), "3:5");
        assert_eq!(at("spec.volumes"), "1:1");
    }
}
