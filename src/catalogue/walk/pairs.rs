//! Objects of strings: labels, annotations, node selectors.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Walk;
use crate::catalogue::automaton::{Node, Otherwise};
use crate::catalogue::value::Met;
use crate::pod::NodeId;

/// Reads an object of strings into pairs, keeping those whose key has a prefix, and tests each member that a locator
/// names. Gives the pairs, or nothing for null, and whether the object has members.
pub(super) struct Pairs<'w, 'c> {
    pub(super) walk: &'w mut Walk<'c>,
    pub(super) id: NodeId,
    pub(super) prefix: &'static str,
}

impl<'de> Visitor<'de> for Pairs<'_, '_> {
    type Value = (Option<Vec<(String, String)>>, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object whose values are strings at `{}`", self.walk.path(self.id))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok((None, false))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok((None, false))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let node = self.walk.automaton.node(self.id);
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut there = false;
        while let Some(key) = map.next_key_seed(PairKey { node, prefix: self.prefix })? {
            there = true;
            if key.text.is_none() && key.child.is_none() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<Option<String>>()?.unwrap_or_default();
            if let Some(child) = key.child {
                self.walk.met(child, Met::Text(&value));
            }
            if let Some(text) = key.text {
                if pairs.iter().any(|(known, _)| *known == text) {
                    return Err(A::Error::custom(format_args!("the key `{text}` stands twice")));
                }
                pairs.push((text, value));
            }
        }
        Ok((Some(pairs), there))
    }
}

/// A key of an object of strings: its text if it is kept, its place if a locator names it.
struct PairKey<'c> {
    node: &'c Node,
    prefix: &'static str,
}

struct MetKey {
    text: Option<String>,
    child: Option<NodeId>,
}

impl<'de> DeserializeSeed<'de> for PairKey<'_> {
    type Value = MetKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<MetKey, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for PairKey<'_> {
    type Value = MetKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<MetKey, E> {
        let child = self.node.child(key).map(|(_, id)| id).or(match self.node.otherwise {
            Otherwise::Any(id) => Some(id),
            Otherwise::Skip | Otherwise::Unknown => None,
        });
        Ok(MetKey { text: key.starts_with(self.prefix).then(|| key.to_owned()), child })
    }
}
