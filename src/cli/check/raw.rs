//! JSON texts as they stand: the bytes of each value, and what is wrong with them.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::document::{DocumentError, Mark};

/// The bytes of each value in a JSON text; none when it is no JSON.
pub fn values(text: &str) -> Vec<&RawValue> {
    if !text.trim_start().starts_with('{') {
        return Vec::new();
    }
    let values: Result<Vec<&RawValue>, _> =
        serde_json::Deserializer::from_str(text).into_iter().collect();
    values.unwrap_or_default()
}

/// Why a text is no JSON, if it is none.
pub fn error(text: &str) -> Option<DocumentError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    Some(located(&values.find_map(Result::err)?, Mark { line: 1, column: 1 }))
}

/// The first key that stands twice in one object of a value of `text`. A reader would keep one of the two and drop the other
/// without a word.
pub fn duplicate(text: &str, value: &RawValue) -> Option<DocumentError> {
    let error = serde_json::from_str::<Unique>(value.get()).err()?;
    let start = value.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let before = text.get(..start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let start = Mark { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 };
    Some(located(&error, start))
}

/// An error of the reader, in a text that begins at `start`.
fn located(error: &serde_json::Error, start: Mark) -> DocumentError {
    let message = error.to_string();
    let column = error.column().max(1);
    DocumentError {
        mark: Some(Mark {
            line: start.line + error.line().saturating_sub(1),
            column: if error.line() > 1 { column } else { start.column + column - 1 },
        }),
        message: message.split(" at line ").next().unwrap_or(&message).to_owned(),
    }
}

/// A value in which no key stands twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{key}` stands twice in one object"
                )));
            }
            keys.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_found_with_its_place() {
        let text = "{\"a\": [1, null, -2.5, \"x\", true]}\n  {\"b\": {\"c\": 1,\n \"c\": 2}}";
        let values = values(text);
        assert_eq!(values.len(), 2);
        assert_eq!(duplicate(text, values[0]), None);
        let error = duplicate(text, values[1]).unwrap();
        assert_eq!(error.message, "the key `c` stands twice in one object");
        assert_eq!(error.mark.map(|mark| mark.line), Some(3));
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = error("{}\n{\"a\": }").unwrap();
        assert_eq!(error.mark.map(|mark| mark.to_string()).as_deref(), Some("2:7"));
        assert_eq!(super::error("{} []"), None);
    }
}
