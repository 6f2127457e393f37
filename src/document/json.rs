//! The readers of JSON: values of which no key stands twice, and where in a text a field of one stands.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use super::yaml::{Below, Name, Spanned};
use super::{Document, Mark, Places};

/// Hands over each value of a text as a document, and says whether nothing was wrong with it.
pub(super) fn stream<V: DeserializeOwned + Into<Value>>(
    text: &str,
    sink: &mut dyn FnMut(Document),
) -> bool {
    let whole: Arc<str> = Arc::from(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<V>();
    let mut start = Start { line: 1, begin: 0, at: 0 };
    loop {
        let Some(value) = values.next() else { return true };
        let Ok(value) = value else { return false };
        let rest = text.get(start.at..).unwrap_or_default();
        start = start.forth(text, start.at + rest.len() - rest.trim_start().len());
        let (text, known) = (Arc::clone(&whole), OnceLock::new());
        let end = values.byte_offset();
        sink(Document { value: value.into(), places: Places::Json { text, start, end, known } });
        start = start.forth(&whole, end);
    }
}

/// Where a value begins in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The number of a line above it, or of its own.
    pub(super) line: usize,
    /// Where that line begins, in bytes.
    pub(super) begin: usize,
    /// Where the value begins, in bytes.
    pub(super) at: usize,
}

impl Start {
    /// Goes on to a later byte.
    fn forth(self, text: &str, at: usize) -> Self {
        let passed = text.get(self.at..at).unwrap_or_default();
        let begin = passed.rfind('\n').map_or(self.begin, |last| self.at + last + 1);
        Self { line: self.line + passed.matches('\n').count(), begin, at }
    }
}

/// A value in which no key stands twice. As YAML, it is refused where a reader of YAML may read a number otherwise.
#[derive(Debug)]
pub(super) struct Unique<const AS_YAML: bool>(pub(super) Value);

impl<const AS_YAML: bool> From<Unique<AS_YAML>> for Value {
    fn from(Unique(value): Unique<AS_YAML>) -> Self {
        value
    }
}

impl<'de, const AS_YAML: bool> Deserialize<'de> for Unique<AS_YAML> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor::<AS_YAML>).map(Self)
    }
}

struct UniqueVisitor<const AS_YAML: bool>;

impl<'de, const AS_YAML: bool> Visitor<'de> for UniqueVisitor<AS_YAML> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if AS_YAML {
            return Err(E::custom("a number with a fraction or an exponent"));
        }
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<Unique<AS_YAML>>()? {
            values.push(value.0);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let Unique::<AS_YAML>(value) = map.next_value()?;
            if members.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice in one object"));
            }
        }
        Ok(Value::Object(members))
    }
}

/// Where the fields of a value stand. The text is known to be JSON there.
pub(super) fn places(text: &str, start: Start) -> Spanned {
    Scanner::new(text, start).value()
}

/// Where a value stands.
pub(super) fn place(text: &str, start: Start) -> Mark {
    Scanner::new(text, start).mark()
}

/// Goes through JSON that was read before, so that nothing can be wrong with it, and it is not too deep.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Up to where lines and columns are counted.
    counted: usize,
    line: usize,
    column: usize,
}

impl<'t> Scanner<'t> {
    const fn new(text: &'t str, Start { line, begin, at }: Start) -> Self {
        Self { text, at, counted: begin, line, column: 1 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn mark(&mut self) -> Mark {
        let mut passed = self.text.get(self.counted..self.at).unwrap_or_default();
        if let Some(last) = passed.rfind('\n') {
            self.line += passed.matches('\n').count();
            self.column = 1;
            passed = passed.get(last + 1..).unwrap_or_default();
        }
        self.column += passed.chars().count();
        self.counted = self.at;
        Mark { line: self.line, column: self.column }
    }

    /// Goes to what is neither space nor what stands between members.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r' | b',' | b':') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn value(&mut self) -> Spanned {
        let mark = self.mark();
        let below = match self.peek() {
            Some(b'{') => {
                self.at += 1;
                let mut members = Vec::new();
                while self.next() == Some(b'"') {
                    let mark = self.mark();
                    let name = self.key();
                    self.next();
                    members.push((name, self.value().standing_at(mark)));
                }
                self.at += 1;
                Below::Map(members)
            }
            Some(b'[') => {
                self.at += 1;
                let mut elements = Vec::new();
                while self.next().is_some_and(|byte| byte != b']') {
                    elements.push(self.value());
                }
                self.at += 1;
                Below::List(elements)
            }
            Some(b'"') => {
                self.string();
                Below::Nothing
            }
            _ => {
                let is_over =
                    |byte| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
                while self.peek().is_some_and(|byte| !is_over(byte)) {
                    self.at += 1;
                }
                Below::Nothing
            }
        };
        Spanned { mark, below }
    }

    /// Passes a string; gives what stands between its quotation marks.
    fn string(&mut self) -> &str {
        let begin = self.at + 1;
        self.at = begin;
        while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
            self.at += if byte == b'\\' { 2 } else { 1 };
        }
        let end = self.at;
        self.at += 1;
        self.text.get(begin..end).unwrap_or_default()
    }

    fn key(&mut self) -> Name {
        let key = self.string();
        if !key.contains('\\') {
            return Name::of(key);
        }
        Name::of(&serde_json::from_str::<String>(&format!("\"{key}\"")).unwrap_or_default())
    }
}
