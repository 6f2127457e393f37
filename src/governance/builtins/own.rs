//! Built-in functions of OPA that the engine has not.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use regorus::Value;

use super::call::Unable;
use super::cidr;
use crate::governance::value::{compare, kind_of, sorted};

/// A function of ours.
pub(super) type Own = fn(&[Value]) -> Result<Value, Unable>;

pub(super) fn failed<T>(reason: impl Into<String>) -> Result<T, Unable> {
    Err(Unable::Failed(reason.into()))
}

pub(super) fn wrong<T>(expected: &str, value: Option<&Value>) -> Result<T, Unable> {
    failed(format!("{expected} expected, not {}", value.map_or("nothing", kind_of)))
}

pub(super) fn text(arguments: &[Value], position: usize) -> Result<&str, Unable> {
    match arguments.get(position) {
        Some(Value::String(text)) => Ok(text),
        other => wrong("a string", other),
    }
}

/// The elements of an array or a set.
pub(super) fn elements(value: Option<&Value>) -> Result<Vec<&Value>, Unable> {
    match value {
        Some(Value::Array(elements)) => Ok(elements.iter().collect()),
        Some(Value::Set(elements)) => Ok(sorted(elements)),
        other => wrong("an array or a set", other),
    }
}

pub(super) fn any(arguments: &[Value]) -> Result<Value, Unable> {
    elements(arguments.first())
        .map(|all| Value::from(all.into_iter().any(|one| *one == Value::Bool(true))))
}

pub(super) fn all(arguments: &[Value]) -> Result<Value, Unable> {
    elements(arguments.first())
        .map(|all| Value::from(all.into_iter().all(|one| *one == Value::Bool(true))))
}

pub(super) fn set_diff(arguments: &[Value]) -> Result<Value, Unable> {
    match arguments {
        [Value::Set(left), Value::Set(right)] => Ok(Value::from(left.difference(right))),
        _ => failed("two sets expected"),
    }
}

pub(super) fn cast_array(arguments: &[Value]) -> Result<Value, Unable> {
    elements(arguments.first()).map(|all| Value::from(all.into_iter().cloned().collect::<Vec<_>>()))
}

pub(super) fn cast_set(arguments: &[Value]) -> Result<Value, Unable> {
    elements(arguments.first())
        .map(|all| Value::from(all.into_iter().cloned().collect::<BTreeSet<_>>()))
}

macro_rules! cast {
    ($name:ident, $kind:pat, $expected:literal) => {
        pub(super) fn $name(arguments: &[Value]) -> Result<Value, Unable> {
            match arguments.first() {
                Some(value @ $kind) => Ok(value.clone()),
                other => wrong($expected, other),
            }
        }
    };
}

cast!(cast_boolean, Value::Bool(_), "a boolean");
cast!(cast_null, Value::Null, "null");
cast!(cast_object, Value::Object(_), "an object");
cast!(cast_string, Value::String(_), "a string");

macro_rules! comparison {
    ($name:ident, $operator:tt) => {
        pub(super) fn $name(arguments: &[Value]) -> Result<Value, Unable> {
            match arguments {
                [left, right] => Ok(Value::from(compare(left, right) $operator Ordering::Equal)),
                _ => failed("two arguments expected"),
            }
        }
    };
}

comparison!(equal, ==);
comparison!(neq, !=);
comparison!(lt, <);
comparison!(lte, <=);
comparison!(gt, >);
comparison!(gte, >=);

pub(super) fn array_flatten(arguments: &[Value]) -> Result<Value, Unable> {
    let Some(Value::Array(all)) = arguments.first() else {
        return wrong("an array", arguments.first());
    };
    let flat = all.iter().flat_map(|one| match one {
        Value::Array(inner) => inner.iter().cloned().collect(),
        other => vec![other.clone()],
    });
    Ok(Value::from(flat.collect::<Vec<_>>()))
}

/// Notes go nowhere.
pub(super) fn trace(arguments: &[Value]) -> Result<Value, Unable> {
    text(arguments, 0).map(|_| Value::from(true))
}

pub(super) fn cidr_is_valid(arguments: &[Value]) -> Result<Value, Unable> {
    Ok(Value::from(text(arguments, 0).is_ok_and(|text| cidr::Range::read(text).is_some())))
}

pub(super) fn cidr_contains(arguments: &[Value]) -> Result<Value, Unable> {
    let outer = cidr::Range::of_network(text(arguments, 0)?)?;
    Ok(Value::from(outer.contains(&cidr::Range::of_any(text(arguments, 1)?)?)))
}

/// How many addresses a network may have that is written out.
const MAX_ADDRESSES: u128 = 1 << 16;

pub(super) fn cidr_expand(arguments: &[Value]) -> Result<Value, Unable> {
    let network = cidr::Range::of_network(text(arguments, 0)?)?;
    match network.addresses(MAX_ADDRESSES) {
        Some(all) => Ok(Value::from(all.map(Value::from).collect::<BTreeSet<_>>())),
        None => Err(Unable::TooMuch(format!("a network of more than {MAX_ADDRESSES} addresses"))),
    }
}

pub(super) fn cidr_intersects(arguments: &[Value]) -> Result<Value, Unable> {
    let [left, right] = [0, 1].map(|at| text(arguments, at).and_then(cidr::Range::of_network));
    Ok(Value::from(left?.intersects(&right?)))
}

pub(super) fn cidr_merge(arguments: &[Value]) -> Result<Value, Unable> {
    let ranges: Result<Vec<cidr::Range>, Unable> = elements(arguments.first())?
        .into_iter()
        .map(|one| match one {
            Value::String(text) => cidr::Range::around(text),
            other => wrong("a string", Some(other)),
        })
        .collect();
    let networks = cidr::merge(ranges?).into_iter().map(Value::from);
    Ok(Value::from(networks.collect::<BTreeSet<_>>()))
}

/// What a pair of the result names: the key, index or element, and the network it stands for.
fn networks(
    value: Option<&Value>,
    read: fn(&str) -> Result<cidr::Range, Unable>,
) -> Result<Vec<(Value, cidr::Range)>, Unable> {
    // A network may be the first of several things that belong together.
    let range = |one: &Value| match one {
        Value::String(text) => read(text),
        Value::Array(parts) => match parts.iter().next() {
            Some(Value::String(text)) => read(text),
            other => wrong("a string", other),
        },
        other => wrong("a string", Some(other)),
    };
    match value {
        Some(Value::String(text)) => Ok(vec![(Value::String(text.clone()), read(text)?)]),
        Some(Value::Array(all)) => {
            all.iter().enumerate().map(|(at, one)| Ok((Value::from(at), range(one)?))).collect()
        }
        Some(Value::Set(all)) => all.iter().map(|one| Ok((one.clone(), range(one)?))).collect(),
        Some(Value::Object(all)) => {
            all.iter().map(|(key, one)| Ok((key.clone(), range(one)?))).collect()
        }
        other => wrong("a string or a collection", other),
    }
}

pub(super) fn cidr_contains_matches(arguments: &[Value]) -> Result<Value, Unable> {
    let outer = networks(arguments.first(), cidr::Range::of_network)?;
    let inner = networks(arguments.get(1), cidr::Range::of_any)?;
    if outer.len().saturating_mul(inner.len()) > 1 << 20 {
        return Err(Unable::TooMuch("more than a million pairs".to_owned()));
    }
    let mut pairs = BTreeSet::new();
    for (outer, range) in &outer {
        let own = inner.iter().filter(|(_, one)| range.contains(one));
        pairs.extend(own.map(|(inner, _)| Value::from(vec![outer.clone(), inner.clone()])));
    }
    Ok(Value::from(pairs))
}
