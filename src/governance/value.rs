//! Between JSON and Rego's values, and what values weigh.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use regorus::Value;
use regorus::value::{Object, Set};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Turns JSON into a Rego value.
///
/// Not by way of serde: the engine reads an object with the single key `$serde_json::private::Number` as a number of any
/// size, so that an annotation of that name could make it compute `10^2000000000`. It is also twice as fast.
pub(super) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => from_number(number),
        serde_json::Value::String(text) => Value::String(text.as_str().into()),
        serde_json::Value::Array(elements) => {
            Value::from(elements.iter().map(from_json).collect::<Vec<_>>())
        }
        serde_json::Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (Value::String(key.as_str().into()), from_json(value)));
            Value::from(members.collect::<BTreeMap<_, _>>())
        }
    }
}

fn from_number(number: &serde_json::Number) -> Value {
    if let Some(value) = number.as_u64() {
        return Value::from(value);
    }
    if let Some(value) = number.as_i64() {
        return Value::from(value);
    }
    // JSON has no number that is not finite, and without the feature `arbitrary_precision` no other kind is left.
    number.as_f64().map_or(Value::Null, Value::from)
}

/// A Rego value as it is read from JSON, without a tree in between; see [`from_json`].
pub(super) struct Read(pub(super) Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Read, E> {
        Ok(Read(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Read, E> {
        Ok(Read(Value::Bool(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Read, E> {
        Ok(Read(Value::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Read, E> {
        Ok(Read(Value::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Read, E> {
        Ok(Read(Value::from(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Read, E> {
        Ok(Read(Value::String(value.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Read, A::Error> {
        let mut values = Vec::new();
        while let Some(Read(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(Read(Value::from(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Read, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((Read(key), Read(value))) = members.next_entry()? {
            values.insert(key, value);
        }
        Ok(Read(Value::from(values)))
    }
}

/// Turns a Rego value into JSON. What JSON does not have becomes what is nearest: a set an array, a key that is no string
/// its text. Only for values that [`fits`] has measured.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Undefined => serde_json::Value::Null,
        Value::Bool(value) => serde_json::Value::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => serde_json::Value::from(value),
            (None, Some(value)) => serde_json::Value::from(value),
            (None, None) => {
                number.as_f64().map_or(serde_json::Value::Null, serde_json::Value::from)
            }
        },
        Value::String(text) => serde_json::Value::String(text.to_string()),
        Value::Array(elements) => elements.iter().map(to_json).collect(),
        Value::Set(elements) => elements.iter().map(to_json).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| {
                let key = match key {
                    Value::String(key) => key.to_string(),
                    other => to_json(other).to_string(),
                };
                (key, to_json(value))
            })
            .collect(),
    }
}

/// The elements of a set in the order of OPA: the engine puts sets before objects, and OPA after them.
pub(super) fn sorted(set: &Set) -> Vec<&Value> {
    let mut all: Vec<&Value> = set.iter_sorted().collect();
    if all.iter().any(|one| matches!(one, Value::Array(_) | Value::Object(_) | Value::Set(_))) {
        all.sort_by(|left, right| compare(left, right));
    }
    all
}

/// Which of two values comes first in the order of OPA.
pub(super) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => compare_all(left.iter(), right.iter()),
        (Value::Set(left), Value::Set(right)) => {
            compare_all(sorted(left).into_iter(), sorted(right).into_iter())
        }
        (Value::Object(left), Value::Object(right)) => {
            let parts = |object: &Object| {
                let mut all: Vec<(Value, Value)> =
                    object.iter_sorted().map(|(key, value)| (key.clone(), value.clone())).collect();
                all.sort_by(|left, right| compare(&left.0, &right.0));
                all
            };
            let (left, right) = (parts(left), parts(right));
            let order = left.iter().zip(&right).map(|(left, right)| {
                compare(&left.0, &right.0).then_with(|| compare(&left.1, &right.1))
            });
            order.fold(Ordering::Equal, Ordering::then).then(left.len().cmp(&right.len()))
        }
        (Value::Set(_), Value::Object(_)) => Ordering::Greater,
        (Value::Object(_), Value::Set(_)) => Ordering::Less,
        (left, right) => left.cmp(right),
    }
}

fn compare_all<'v>(
    left: impl ExactSizeIterator<Item = &'v Value>,
    right: impl ExactSizeIterator<Item = &'v Value>,
) -> Ordering {
    let length = left.len().cmp(&right.len());
    let mut pairs = left.zip(right).map(|(left, right)| compare(left, right));
    pairs.find(|order| order.is_ne()).unwrap_or(length)
}

/// What a value is, with its article, for messages.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Set(_) => "a set",
        Value::Object(_) => "an object",
        Value::Undefined => "undefined",
    }
}

/// Takes the bytes that a value has when written out from `room`; gives nothing when there is not enough.
///
/// Values share their parts, so that a small one may be huge when written out: the walk ends as soon as the room is used up.
pub(super) fn fits(value: &Value, room: usize) -> Option<usize> {
    match value {
        Value::Null | Value::Bool(_) | Value::Undefined => room.checked_sub(8),
        // The engine bounds what a number can grow to, see `analysis`; most are small.
        Value::Number(number) if number.as_i64().is_some() || number.as_f64().is_some() => {
            room.checked_sub(24)
        }
        Value::Number(_) => room.checked_sub(MAX_DIGITS),
        Value::String(text) => room.checked_sub(text.len() + 8),
        Value::Array(elements) => {
            elements.iter().try_fold(room.checked_sub(8)?, |room, one| fits(one, room))
        }
        Value::Set(elements) => {
            elements.iter().try_fold(room.checked_sub(8)?, |room, one| fits(one, room))
        }
        Value::Object(members) => members
            .iter()
            .try_fold(room.checked_sub(8)?, |room, (key, one)| fits(one, fits(key, room)?)),
    }
}

/// What a number that fits no machine word is taken to weigh.
const MAX_DIGITS: usize = 4096;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_arrives_as_it_is() {
        let json = json!({"a": [1, -2, 3.5, null, true, "x"], "b": {"c": {}}, "d": 18_446_744_073_709_551_615_u64});
        let Read(read) = serde_json::from_str(&json.to_string()).unwrap();
        assert_eq!(read, from_json(&json));
        assert_eq!(to_json(&read), json);
        assert_eq!(read, Value::from(json));
    }

    #[test]
    fn sets_come_after_objects() {
        let set = Value::from(std::collections::BTreeSet::from([Value::from(1)]));
        let object = |key: &str| from_json(&json!({ key: [] }));
        let list = |one: &Value| Value::from(vec![one.clone()]);
        let expected =
            vec![Value::from("x"), list(&object("a")), list(&set), object("a"), object("b"), set];
        let Value::Set(all) =
            Value::from(expected.iter().cloned().collect::<std::collections::BTreeSet<_>>())
        else {
            panic!("no set");
        };
        assert_eq!(sorted(&all), expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_key_of_serde_is_a_key_like_any_other() {
        let json = json!({"$serde_json::private::Number": "1e1999999999"});
        let value = from_json(&json);
        assert_eq!(serde_json::from_str::<Read>(&json.to_string()).unwrap().0, value);
        assert_eq!(value["$serde_json::private::Number"], Value::from("1e1999999999"));
    }

    #[test]
    fn a_small_value_that_is_huge_when_written_out_does_not_fit() {
        let mut value = Value::from("x");
        for _ in 0..60 {
            value = Value::from(vec![value.clone(), value]);
        }
        assert_eq!(fits(&value, 1 << 20), None);
        assert!(fits(&from_json(&json!({"a": [1, 2]})), 1 << 20).is_some());
    }
}
