//! What a finding says to programs: [`Details`].

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Whatever a policy says besides its message. People are not shown it, but findings that differ in it are two.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Details(Value);

impl Details {
    /// What a policy says; nothing where that is an object without members.
    pub fn new(value: Value) -> Option<Self> {
        (value.as_object().is_none_or(|members| !members.is_empty())).then_some(Self(value))
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// By their texts: any order does, as long as it is always the same.
impl Ord for Details {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.to_string().cmp(&other.0.to_string())
    }
}

impl PartialOrd for Details {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
