//! Values as programs see them: [`Value`], whose parts lie in an arena and are never copied.

mod read;

use std::cell::Cell;
use std::cmp::Ordering;

use bumpalo::Bump;

/// From here on not every integer is a float, and the engine knows better what to do.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How long an object is searched from its beginning.
const SHORT: usize = 12;

/// How many parts of values one evaluation may compare: shared parts make a small value huge to whoever walks it.
const MAX_COMPARED: u64 = 1 << 24;

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
}

/// A value. Its parts are shared: a copy is as large as two pointers and a tag.
#[derive(Clone, Copy, Debug)]
pub(in crate::governance) enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction that a machine word holds.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A string.
    Text(&'a str),
    /// An array.
    Array(&'a [Self]),
    /// An object, sorted by key.
    Object(&'a [(Self, Self)]),
    /// A set, sorted.
    Set(&'a [Self]),
}

impl<'a> Value<'a> {
    /// A number; nothing where only the engine can hold it.
    pub(super) fn number(float: f64) -> Option<Self> {
        if !float.is_finite() || float.abs() >= EXACT {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is small")]
        let value =
            if float.fract() == 0.0 { Self::Integer(float as i64) } else { Self::Float(float) };
        Some(value)
    }

    /// The number as a float.
    pub(super) fn as_float(self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "used where that is accepted")]
            Self::Integer(integer) => Some(integer as f64),
            Self::Float(float) => Some(float),
            _ => None,
        }
    }

    /// What an array, an object or a set has at that key.
    pub(super) fn get(self, key: Self) -> Option<Self> {
        match self {
            Self::Array(elements) => match key {
                Self::Integer(index) => elements.get(usize::try_from(index).ok()?).copied(),
                _ => None,
            },
            Self::Object(members) => {
                if let Self::Text(name) = key {
                    return member(members, name);
                }
                let at = members.binary_search_by(|(have, _)| have.cmp(&key)).ok()?;
                members.get(at).map(|(_, value)| *value)
            }
            Self::Set(elements) => elements.get(elements.binary_search(&key).ok()?).copied(),
            _ => None,
        }
    }

    /// What an object has at that name, or a set.
    pub(in crate::governance) fn named(self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => member(members, name),
            Self::Set(elements) => {
                let at = elements.binary_search(&Value::Text(name)).ok()?;
                elements.get(at).copied()
            }
            _ => None,
        }
    }

    /// An array.
    pub(super) fn array(arena: &'a Bump, elements: &[Self]) -> Self {
        Self::Array(arena.alloc_slice_copy(elements))
    }

    /// A set.
    pub(super) fn set(arena: &'a Bump, elements: &mut Vec<Self>) -> Self {
        if !elements.is_sorted_by(|left, right| left < right) {
            elements.sort_unstable();
            elements.dedup();
        }
        Self::Set(arena.alloc_slice_copy(elements))
    }

    /// An object; nothing where a key has two values.
    pub(super) fn object(arena: &'a Bump, members: &mut Vec<(Self, Self)>) -> Option<Self> {
        if !members.is_sorted_by(|left, right| left.0 < right.0) {
            members.sort_unstable();
            members.dedup();
            if !members.is_sorted_by(|left, right| left.0 < right.0) {
                return None;
            }
        }
        Some(Self::Object(arena.alloc_slice_copy(members)))
    }

    /// An object with these members in the place of those of the same names; nothing of what is none.
    pub(in crate::governance) fn with(
        self,
        arena: &'a Bump,
        members: &[(&'static str, Self)],
    ) -> Option<Self> {
        let Self::Object(have) = self else {
            return None;
        };
        let is_new = |key: &Self| members.iter().all(|(name, _)| *key != Self::Text(name));
        let mut all: Vec<(Self, Self)> =
            have.iter().filter(|(key, _)| is_new(key)).copied().collect();
        all.extend(members.iter().map(|(name, value)| (Self::Text(name), *value)));
        Self::object(arena, &mut all)
    }

    /// The value with its parts where the arena is; nothing where only the engine can hold it.
    pub(in crate::governance) fn of_json(
        arena: &'a Bump,
        json: &'a serde_json::Value,
    ) -> Option<Self> {
        Some(match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => number.as_f64().and_then(Self::number)?,
            },
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(elements) => {
                let elements = elements.iter().map(|one| Self::of_json(arena, one));
                Self::array(arena, &elements.collect::<Option<Vec<_>>>()?)
            }
            serde_json::Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| Some((Self::Text(key), Self::of_json(arena, value)?)));
                Self::object(arena, &mut members.collect::<Option<Vec<_>>>()?)?
            }
        })
    }

    /// An engine's value; nothing where only the engine can hold it.
    pub(in crate::governance) fn of_engine(
        arena: &'a Bump,
        value: &regorus::Value,
    ) -> Option<Self> {
        Some(match value {
            regorus::Value::Null => Self::Null,
            regorus::Value::Bool(value) => Self::Bool(*value),
            regorus::Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => number.as_f64().filter(|_| !number.is_integer()).and_then(Self::number)?,
            },
            regorus::Value::String(text) => Self::Text(arena.alloc_str(text)),
            regorus::Value::Array(elements) => {
                let elements = elements.iter().map(|one| Self::of_engine(arena, one));
                Self::array(arena, &elements.collect::<Option<Vec<_>>>()?)
            }
            regorus::Value::Set(elements) => {
                let elements = elements.iter().map(|one| Self::of_engine(arena, one));
                Self::set(arena, &mut elements.collect::<Option<Vec<_>>>()?)
            }
            regorus::Value::Object(members) => {
                let members = members.iter().map(|(key, value)| {
                    Some((Self::of_engine(arena, key)?, Self::of_engine(arena, value)?))
                });
                Self::object(arena, &mut members.collect::<Option<Vec<_>>>()?)?
            }
            regorus::Value::Undefined => return None,
        })
    }

    /// The value as the engine has it, taking each of its parts from `room`; nothing when that is used up.
    pub(super) fn to_engine(self, room: &mut usize) -> Option<regorus::Value> {
        *room = room.checked_sub(1)?;
        Some(match self {
            Self::Null => regorus::Value::Null,
            Self::Bool(value) => regorus::Value::Bool(value),
            Self::Integer(integer) => match u64::try_from(integer) {
                Ok(integer) => integer.into(),
                Err(_) => integer.into(),
            },
            Self::Float(float) => float.into(),
            Self::Text(text) => {
                *room = room.checked_sub(text.len() / 16)?;
                text.into()
            }
            Self::Array(elements) => {
                let elements = elements.iter().map(|one| one.to_engine(room));
                elements.collect::<Option<Vec<_>>>()?.into()
            }
            Self::Set(elements) => {
                let elements = elements.iter().map(|one| one.to_engine(room));
                elements.collect::<Option<std::collections::BTreeSet<_>>>()?.into()
            }
            Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| Some((key.to_engine(room)?, value.to_engine(room)?)));
                members.collect::<Option<std::collections::BTreeMap<_, _>>>()?.into()
            }
        })
    }

    /// Where the kind of the value stands in the order of kinds.
    const fn rank(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) | Self::Float(_) => 2,
            Self::Text(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
            Self::Set(_) => 6,
        }
    }
}

fn member<'a>(members: &'a [(Value<'a>, Value<'a>)], name: &str) -> Option<Value<'a>> {
    let is_it =
        |(key, _): &&(Value<'_>, Value<'_>)| matches!(key, Value::Text(key) if *key == name);
    if members.len() <= SHORT {
        return members.iter().find(is_it).map(|(_, value)| *value);
    }
    let at = members.binary_search_by(|(key, _)| match key {
        Value::Text(key) => (*key).cmp(name),
        other => other.rank().cmp(&Value::Text("").rank()),
    });
    members.get(at.ok()?).map(|(_, value)| *value)
}

/// Forgets what was compared.
pub(super) fn begin_comparing() {
    COMPARED.set(0);
}

/// Whether so much was compared that what came out means nothing.
pub(super) fn compared_too_much() -> bool {
    COMPARED.get() > MAX_COMPARED
}

/// Whether parts may be compared.
fn may_compare(parts: usize) -> bool {
    let compared = COMPARED.get().saturating_add(parts as u64);
    COMPARED.set(compared);
    compared <= MAX_COMPARED
}

impl Ord for Value<'_> {
    /// The order of Rego: by kind, then by what they hold.
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(&right),
            (Self::Integer(left), Self::Integer(right)) => left.cmp(&right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Array(left), Self::Array(right)) | (Self::Set(left), Self::Set(right)) => {
                if std::ptr::eq(left, right) || !may_compare(left.len().min(right.len())) {
                    return Ordering::Equal;
                }
                left.cmp(right)
            }
            (Self::Object(left), Self::Object(right)) => {
                if std::ptr::eq(left, right) || !may_compare(left.len().min(right.len())) {
                    return Ordering::Equal;
                }
                left.cmp(right)
            }
            (left, right) => match (left.as_float(), right.as_float()) {
                (Some(left), Some(right)) => left.total_cmp(&right),
                _ => left.rank().cmp(&right.rank()),
            },
        }
    }
}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::Text(left), Self::Text(right)) => left == right,
            (left, right) => left.cmp(&right) == Ordering::Equal,
        }
    }
}

impl Eq for Value<'_> {}
