//! Values, read from the text of JSON.

use std::cell::RefCell;
use std::fmt;

use bumpalo::Bump;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Value;

impl<'a> Value<'a> {
    /// Reads JSON; nothing where only the engine can hold it.
    pub(in crate::governance) fn read(arena: &'a Bump, json: &'a RawValue) -> Option<Self> {
        let reader = Reader { arena, elements: RefCell::default(), members: RefCell::default() };
        Seed(&reader).deserialize(&mut serde_json::Deserializer::from_str(json.get())).ok()
    }
}

/// Reads JSON into an arena. What is not yet complete lies on stacks.
struct Reader<'a> {
    arena: &'a Bump,
    elements: RefCell<Vec<Value<'a>>>,
    members: RefCell<Vec<(Value<'a>, Value<'a>)>>,
}

struct Seed<'r, 'a>(&'r Reader<'a>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Seed<'_, 'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Seed<'_, 'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'a>, E> {
        i64::try_from(value).map(Value::Integer).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'a>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'a>, E> {
        Value::number(value).ok_or_else(|| E::custom("too large"))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Value<'a>, E> {
        Ok(Value::Text(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value<'a>, E> {
        Ok(Value::Text(self.0.arena.alloc_str(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value<'a>, A::Error> {
        let start = self.0.elements.borrow().len();
        while let Some(value) = elements.next_element_seed(Seed(self.0))? {
            self.0.elements.borrow_mut().push(value);
        }
        let mut stack = self.0.elements.borrow_mut();
        let value = Value::array(self.0.arena, stack.get(start..).unwrap_or_default());
        stack.truncate(start);
        Ok(value)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'a>, A::Error> {
        let start = self.0.members.borrow().len();
        while let Some(key) = members.next_key_seed(Seed(self.0))? {
            let value = members.next_value_seed(Seed(self.0))?;
            self.0.members.borrow_mut().push((key, value));
        }
        let mut stack = self.0.members.borrow_mut();
        let own = stack.get_mut(start..).unwrap_or_default();
        own.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        // Which of two values counts is not for this place to say.
        if !own.is_sorted_by(|left, right| left.0 < right.0) {
            return Err(A::Error::custom("a key stands twice"));
        }
        let value = Value::Object(self.0.arena.alloc_slice_copy(own));
        stack.truncate(start);
        Ok(value)
    }
}
