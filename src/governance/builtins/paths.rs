//! Parts of objects by their paths, and objects within objects.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;

use super::call::Unable;
use super::guards;
use super::own::{failed, wrong};

/// How many steps a path may have: no value is as deep.
const MAX_STEPS: usize = 1000;

/// Paths that begin alike, joined.
#[derive(Debug)]
enum Paths {
    /// A path ends here: all below is meant.
    All,
    Below(BTreeMap<Value, Self>),
}

impl Paths {
    /// Reads `["a/b", ["c", 0]]`, or a set of such paths.
    fn read(value: Option<&Value>) -> Result<Self, Unable> {
        let all: Vec<&Value> = match value {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(Value::Set(all)) => all.iter().collect(),
            other => return wrong("an array or a set of paths", other),
        };
        let mut root = Self::Below(BTreeMap::new());
        for path in all {
            let steps: Vec<Value> = match path {
                Value::String(text) if text.is_empty() => Vec::new(),
                Value::String(text) => text
                    .trim_start_matches('/')
                    .split('/')
                    .map(|step| Value::from(step.replace("~1", "/").replace("~0", "~")))
                    .collect(),
                Value::Array(steps) => steps.iter().cloned().collect(),
                other => return wrong("a path, a text or an array,", Some(other)),
            };
            if steps.len() > MAX_STEPS {
                return Err(Unable::TooMuch(format!("a path of more than {MAX_STEPS} steps")));
            }
            root.add(steps);
        }
        Ok(root)
    }

    fn add(&mut self, mut steps: Vec<Value>) {
        let Some(last) = steps.pop() else {
            return;
        };
        let mut node = self;
        for step in steps {
            let Self::Below(below) = node else {
                return;
            };
            node = below.entry(step).or_insert_with(|| Self::Below(BTreeMap::new()));
        }
        if let Self::Below(below) = node {
            below.insert(last, Self::All);
        }
    }

    fn at(&self, key: &Value) -> Option<&Self> {
        match self {
            Self::All => None,
            Self::Below(below) => below.get(key),
        }
    }

    /// The elements of an array are named by texts.
    fn at_position(&self, position: usize) -> Option<&Self> {
        self.at(&Value::from(position.to_string()))
    }

    /// What of a value is meant.
    fn kept(&self, value: &Value) -> Value {
        if matches!(self, Self::All) {
            return value.clone();
        }
        match value {
            Value::Array(all) => {
                let kept = all
                    .iter()
                    .enumerate()
                    .filter_map(|(at, one)| Some(self.at_position(at)?.kept(one)));
                Value::from(kept.collect::<Vec<_>>())
            }
            Value::Set(all) => {
                let kept = all.iter().filter_map(|one| Some(self.at(one)?.kept(one)));
                Value::from(kept.collect::<BTreeSet<_>>())
            }
            Value::Object(all) => {
                let kept = all
                    .iter()
                    .filter_map(|(key, one)| Some((key.clone(), self.at(key)?.kept(one))));
                Value::from(kept.collect::<BTreeMap<_, _>>())
            }
            other => other.clone(),
        }
    }
}

/// A value without what paths mean; nothing where it is meant itself.
fn without(value: &Value, paths: Option<&Paths>) -> Option<Value> {
    let Some(paths) = paths else {
        return Some(value.clone());
    };
    if matches!(paths, Paths::All) {
        return None;
    }
    Some(match value {
        Value::Array(all) => {
            let left =
                all.iter().enumerate().filter_map(|(at, one)| without(one, paths.at_position(at)));
            Value::from(left.collect::<Vec<_>>())
        }
        Value::Set(all) => {
            let left = all.iter().filter_map(|one| without(one, paths.at(one)));
            Value::from(left.collect::<BTreeSet<_>>())
        }
        Value::Object(all) => {
            let left = all
                .iter()
                .filter_map(|(key, one)| Some((key.clone(), without(one, paths.at(key))?)));
            Value::from(left.collect::<BTreeMap<_, _>>())
        }
        other => other.clone(),
    })
}

fn object(arguments: &[Value]) -> Result<&Value, Unable> {
    match arguments.first() {
        Some(object @ Value::Object(_)) => Ok(object),
        other => wrong("an object", other),
    }
}

/// The parts of an object at some paths.
pub(super) fn filter(arguments: &[Value]) -> Result<Value, Unable> {
    let object = object(arguments)?;
    Ok(Paths::read(arguments.get(1))?.kept(object))
}

/// An object without the parts at some paths.
pub(super) fn remove(arguments: &[Value]) -> Result<Value, Unable> {
    let object = object(arguments)?;
    let paths = Paths::read(arguments.get(1))?;
    Ok(without(object, Some(&paths)).unwrap_or(Value::Undefined))
}

/// Whether all that the second value holds is in the first, too.
pub(super) fn subset(arguments: &[Value]) -> Result<Value, Unable> {
    let is_subset = match arguments {
        [Value::Array(all), Value::Set(part)] => {
            if all.len().saturating_mul(part.len()) > guards::MAX_STEPS {
                return Err(Unable::TooMuch("the values are too large".to_owned()));
            }
            part.iter().all(|one| all.iter().any(|other| one == other))
        }
        [all, part] => match includes(all, part)? {
            Some(is_subset) => is_subset,
            None => return failed("two values of the same kind expected, or an array and a set"),
        },
        _ => return failed("two arguments expected"),
    };
    Ok(Value::from(is_subset))
}

/// Nothing where the values are no collections of the same kind.
fn includes(all: &Value, part: &Value) -> Result<Option<bool>, Unable> {
    Ok(Some(match (all, part) {
        (Value::Object(all), Value::Object(part)) => {
            for (key, part) in part.iter() {
                let is_there = match all.get(key) {
                    None => false,
                    Some(one) => one == part || includes(one, part)?.unwrap_or(false),
                };
                if !is_there {
                    return Ok(Some(false));
                }
            }
            true
        }
        (Value::Set(all), Value::Set(part)) => part.iter().all(|one| all.contains(one)),
        (Value::Array(all), Value::Array(part)) => {
            if all.len().saturating_mul(part.len()) > guards::MAX_STEPS {
                return Err(Unable::TooMuch("the arrays are too long".to_owned()));
            }
            let (all, part) = (all.as_slice(), part.as_slice());
            part.is_empty() || all.windows(part.len()).any(|window| window == part)
        }
        _ => return Ok(None),
    }))
}
