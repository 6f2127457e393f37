//! Whose a field is: the features that a field belongs to, whatever its value.
//!
//! Not for the walk, which asks what a pod uses; for questions about one field.

use serde_json::Value;

use super::Catalogue;
use super::automaton::{Automaton, Node, ValueTestKind};
use super::value::Met;
use crate::path::{FieldPath, Segment};
use crate::pod::FeatureId;

/// The features at the deepest place on the way to a field that the catalogue names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Keeper {
    /// How many steps of the path lead to that place.
    pub depth: usize,
    /// All of them; none where a neutral entry names the place.
    pub features: Vec<FeatureId>,
    /// Those whose test holds for the value that stands there, quiet ones too.
    pub holding: Vec<FeatureId>,
}

impl Catalogue {
    /// Who keeps the field at `path` in `pod`; nothing where the catalogue names no place on the way.
    pub fn keeper(&self, pod: &Value, path: &FieldPath) -> Option<Keeper> {
        let automaton = self.automaton();
        let mut node = automaton.node(Automaton::ROOT);
        let mut value = Some(pod);
        let mut keeper = None;
        for (depth, segment) in (1..).zip(path.segments()) {
            let Some(next) = automaton.step(node, segment) else {
                break;
            };
            node = next;
            value = value.and_then(|value| match segment {
                Segment::Key(key) => value.get(&**key),
                Segment::Index(index) => value.get(index),
            });
            if node.is_covered {
                keeper = Some((depth, node, value));
            }
        }
        let (depth, node, value) = keeper?;
        let features: Vec<FeatureId> = node.features.iter().map(|(feature, _)| *feature).collect();
        let holding = node
            .features
            .iter()
            .filter(|(_, kind)| value.is_some_and(|value| holds(kind, value)))
            .map(|(feature, _)| *feature)
            .collect();
        Some(Keeper { depth, features, holding })
    }

    /// The features of every field below `path`.
    pub fn below(&self, path: &FieldPath) -> Vec<FeatureId> {
        let automaton = self.automaton();
        let mut node = automaton.node(Automaton::ROOT);
        for segment in path.segments() {
            match automaton.step(node, segment) {
                Some(next) => node = next,
                None => return Vec::new(),
            }
        }
        let mut found = Vec::new();
        collect(automaton, node, &mut found);
        found
    }
}

fn collect(automaton: &Automaton, node: &Node, found: &mut Vec<FeatureId>) {
    for next in automaton.children(node) {
        found.extend(next.features.iter().map(|(feature, _)| *feature));
        collect(automaton, next, found);
    }
}

fn holds(kind: &ValueTestKind, value: &Value) -> bool {
    let met = match value {
        Value::Null => return false,
        Value::Bool(value) => Met::Bool(*value),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Met::OtherNumber(number.as_f64().unwrap_or_default()), Met::Number),
        Value::String(text) if text.is_empty() => return false,
        Value::String(text) => Met::Text(text),
        Value::Array(list) if list.is_empty() => return false,
        Value::Array(_) | Value::Object(_) => Met::Whole,
    };
    kind.holds(met).unwrap_or(false)
}
