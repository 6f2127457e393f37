//! What functions gave before, for a while: [`Answer`].

use crate::governance::plan::program::RuleId;
use crate::governance::plan::value::Value;

/// How many arguments a call may have that is remembered.
const ARGUMENTS: usize = 2;

/// What a function gave for some arguments. In one evaluation it gives the same again.
#[derive(Clone, Copy)]
pub(super) struct Answer<'r> {
    function: RuleId,
    arguments: [Value<'r>; ARGUMENTS],
    pub(super) value: Option<Value<'r>>,
}

impl<'r> Answer<'r> {
    /// How many are remembered. A new one takes the place of an old one.
    pub(super) const PLACES: usize = 64;

    /// None.
    pub(super) const NONE: Self =
        Self { function: usize::MAX, arguments: [Value::Null; ARGUMENTS], value: None };

    pub(super) fn new(function: RuleId, arguments: &[Value<'r>], value: Option<Value<'r>>) -> Self {
        let mut own = [Value::Null; ARGUMENTS];
        for (own, argument) in own.iter_mut().zip(arguments) {
            *own = *argument;
        }
        Self { function, arguments: own, value }
    }

    /// Where the answer to such a call is remembered; nothing where there are too many arguments.
    pub(super) fn place(function: RuleId, arguments: &[Value<'_>]) -> Option<usize> {
        if arguments.len() > ARGUMENTS {
            return None;
        }
        let all = arguments.iter().fold(function as u64, |all, argument| {
            (all.rotate_left(5) ^ trace(*argument)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        usize::try_from(all >> 58).ok()
    }

    /// Whether this is the answer to that call.
    pub(super) fn is_to(&self, function: RuleId, arguments: &[Value<'_>]) -> bool {
        self.function == function
            && self.arguments.iter().zip(arguments).all(|(one, other)| is_same(*one, *other))
    }
}

/// A few bits that the same values have in common.
fn trace(value: Value<'_>) -> u64 {
    match value {
        Value::Null => 1,
        Value::Bool(value) => 2 + u64::from(value),
        Value::Integer(integer) => integer.cast_unsigned(),
        Value::Float(float) => float.to_bits(),
        Value::Text(text) => {
            let bytes = text.as_bytes();
            let ends = bytes.iter().take(8).chain(bytes.iter().rev().take(8));
            ends.fold(bytes.len() as u64, |all, byte| all.rotate_left(7) ^ u64::from(*byte))
        }
        Value::Array(elements) | Value::Set(elements) => elements.as_ptr().addr() as u64,
        Value::Object(members) => members.as_ptr().addr() as u64,
    }
}

/// Whether two values are surely the same. To compare large ones could cost more than to ask again.
fn is_same(one: Value<'_>, other: Value<'_>) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) | (Value::Set(one), Value::Set(other)) => {
            std::ptr::eq(one, other)
        }
        (Value::Object(one), Value::Object(other)) => std::ptr::eq(one, other),
        (Value::Array(_) | Value::Set(_) | Value::Object(_), _)
        | (_, Value::Array(_) | Value::Set(_) | Value::Object(_)) => false,
        (one, other) => one == other,
    }
}
