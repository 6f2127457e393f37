//! One pass over a pod: features, unknown fields and the [`PodView`], straight from any serde reader.
//!
//! Driven by `serde_json` on the bytes of a review this needs no tree; driven by a `serde_json::Value` it gives the same
//! answer. Null, empty strings and empty lists count as absent, as they do for the API server's decoder with `omitempty`.

mod pairs;

use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::Catalogue;
use super::automaton::{Automaton, Capture, Node, Otherwise, ValueTestKind};
use super::relations::Fact;
use super::value::Met;
use crate::demand::Reading;
use crate::path::FieldPath;
use crate::pod::{MAX_LISTS, NodeId, NodeSelector, OWN_PREFIX, Place, PodView, UnknownField, Use};
use pairs::Pairs;

/// Unknown fields beyond this number are not kept: the first ones tell the story.
const MAX_UNKNOWN_FIELDS: usize = 32;

impl Catalogue {
    /// Reads a pod, or a pod template, from any deserializer.
    ///
    /// Fails where the reader does, where a key stands twice, and where a list stands for an object or the other way round.
    pub fn read<'de, D: Deserializer<'de>>(&self, pod: D) -> Result<PodView, D::Error> {
        Reader(self).deserialize(pod)
    }
}

/// The same as a seed, for readers that are in the middle of a document.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'c>(pub &'c Catalogue);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = PodView;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PodView, D::Error> {
        let mut walk = Walk {
            automaton: self.0.automaton(),
            view: PodView::default(),
            indexes: [0; MAX_LISTS],
            depth: 0,
            facts: Vec::new(),
            demand: Reading::default(),
        };
        At { walk: &mut walk, id: Automaton::ROOT }.deserialize(deserializer)?;
        walk.relate();
        walk.view.demand = walk.demand.finish();
        Ok(walk.view)
    }
}

struct Walk<'c> {
    automaton: &'c Automaton,
    view: PodView,
    /// The index in each list passed through so far.
    indexes: [u32; MAX_LISTS],
    depth: usize,
    /// What relations were handed so far.
    facts: Vec<Fact>,
    demand: Reading,
}

impl Walk<'_> {
    /// Indexes of lists that were left again are stale; spelling out the place takes only as many as it passes lists.
    const fn place(&self, node: NodeId) -> Place {
        Place { node, indexes: self.indexes }
    }

    fn path(&self, id: NodeId) -> FieldPath {
        self.automaton.path(FieldPath::root(), &self.place(id))
    }
}

/// The walk, standing at a node. Gives whether something is there.
struct At<'w, 'c> {
    walk: &'w mut Walk<'c>,
    id: NodeId,
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        let Self { walk, id } = self;
        let node = walk.automaton.node(id);
        if node.is_skippable() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| true);
        }
        let Some(capture) = node.capture else {
            return deserializer.deserialize_any(AtVisitor { walk, id, node });
        };
        if !capture.continues() {
            return walk.capture(capture, id, deserializer);
        }
        let there = deserializer.deserialize_any(AtVisitor { walk: &mut *walk, id, node })?;
        match capture {
            Capture::Affinity => walk.view.affinity.is_there = there,
            Capture::Metadata => walk.view.has_metadata = there,
            Capture::Spec => walk.view.has_spec = there,
            _ => walk.view.affinity.has_node_affinity = there,
        }
        Ok(there)
    }
}

impl Walk<'_> {
    /// Reads a field of the view and tests it. Gives whether something is there.
    fn capture<'de, D: Deserializer<'de>>(
        &mut self,
        capture: Capture,
        id: NodeId,
        reader: D,
    ) -> Result<bool, D::Error> {
        let text =
            |reader| Ok(Option::<String>::deserialize(reader)?.filter(|text| !text.is_empty()));
        match capture {
            Capture::Affinity | Capture::Metadata | Capture::NodeAffinity | Capture::Spec => {
                Ok(false)
            }
            Capture::Annotations => {
                let (pairs, there) = reader.deserialize_option(Pairs {
                    walk: &mut *self,
                    id,
                    prefix: OWN_PREFIX,
                })?;
                self.view.own_annotations = pairs;
                Ok(self.met_whole(id, there))
            }
            Capture::DeletionTimestamp => {
                self.view.is_being_deleted = Option::<IgnoredAny>::deserialize(reader)?.is_some();
                Ok(self.met_whole(id, self.view.is_being_deleted))
            }
            Capture::GenerateName => {
                let value = text(reader)?;
                Ok(self.met_text(id, value, |view| &mut view.generate_name))
            }
            Capture::Labels => {
                let (pairs, there) =
                    reader.deserialize_option(Pairs { walk: &mut *self, id, prefix: "" })?;
                self.view.labels = pairs;
                Ok(self.met_whole(id, there))
            }
            Capture::Name => {
                let value = text(reader)?;
                Ok(self.met_text(id, value, |view| &mut view.name))
            }
            Capture::Namespace => {
                let value = text(reader)?;
                Ok(self.met_text(id, value, |view| &mut view.namespace))
            }
            Capture::NodeAffinityTerms => {
                self.view.affinity.required = Option::<NodeSelector>::deserialize(reader)?;
                Ok(self.met_whole(id, self.view.affinity.required.is_some()))
            }
            Capture::NodeName => {
                let value = text(reader)?;
                Ok(self.met_text(id, value, |view| &mut view.node_name))
            }
            Capture::NodeSelector => {
                let (pairs, there) =
                    reader.deserialize_option(Pairs { walk: &mut *self, id, prefix: "" })?;
                self.view.node_selector = pairs;
                Ok(self.met_whole(id, there))
            }
            Capture::SchedulerName => {
                let value = text(reader)?;
                Ok(self.met_text(id, value, |view| &mut view.scheduler_name))
            }
            Capture::SchedulingGates => {
                self.view.scheduling_gates = Option::deserialize(reader)?;
                Ok(self.met_whole(
                    id,
                    self.view.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()),
                ))
            }
            Capture::Tolerations => {
                self.view.tolerations = Option::deserialize(reader)?;
                Ok(self.met_whole(id, !self.view.tolerations().is_empty()))
            }
        }
    }

    /// Tests a text and keeps it in the view.
    fn met_text(
        &mut self,
        id: NodeId,
        value: Option<String>,
        field: fn(&mut PodView) -> &mut Option<String>,
    ) -> bool {
        let Some(text) = value else { return false };
        self.met(id, Met::Text(&text));
        *field(&mut self.view) = Some(text);
        true
    }

    /// Tests an object or a list that was read whole.
    fn met_whole(&mut self, id: NodeId, there: bool) -> bool {
        if there {
            self.met(id, Met::Whole);
        }
        there
    }

    /// Runs the tests of a place on what the reader met there.
    fn met(&mut self, id: NodeId, met: Met<'_>) {
        let node = self.automaton.node(id);
        if let Some(part) = node.demand {
            match met {
                Met::Text(text) => self.demand.tell(part, text),
                Met::Number(number) => self.demand.tell(part, &number.to_string()),
                Met::OtherNumber(number) => self.demand.tell(part, &number.to_string()),
                Met::Whole => self.demand.end(part),
                Met::Bool(_) => {}
            }
        }
        for test in &node.value_tests {
            let holds = test.kind.holds(met);
            if let (None, ValueTestKind::Part { slot, role, keep }) = (holds, &test.kind)
                && let Some(value) = keep(*role, met)
            {
                let place = self.place(id);
                if self.facts.is_empty() {
                    // A pod of three containers has about as many.
                    self.facts.reserve(48);
                }
                self.facts.push(Fact { slot: *slot, role: *role, value, place });
            }
            if holds == Some(true) {
                let place = self.place(id);
                self.view.uses.push(Use { feature: test.feature, place });
            }
        }
    }
}

impl Walk<'_> {
    /// Asks every relation about what it was handed.
    fn relate(&mut self) {
        if self.facts.is_empty() {
            return;
        }
        let mut facts = Vec::with_capacity(self.facts.len());
        for (slot, (feature, relation)) in (0_u8..).zip(self.automaton.relations()) {
            facts.clear();
            facts.extend(self.facts.iter().filter(|fact| fact.slot == slot));
            let found = (relation.found)(&facts);
            self.view.uses.extend(found.into_iter().filter_map(|position| {
                Some(Use { feature: *feature, place: facts.get(position)?.place })
            }));
        }
    }
}

struct AtVisitor<'w, 'c> {
    walk: &'w mut Walk<'c>,
    id: NodeId,
    node: &'c Node,
}

impl AtVisitor<'_, '_> {
    /// Fails when the place is an object or a list by the catalogue and the reader has something else.
    fn refuse<E: serde::de::Error>(&self, found: &str) -> Result<(), E> {
        let wanted = if self.node.element.is_some() {
            "a list"
        } else if self.node.is_object() {
            "an object"
        } else {
            return Ok(());
        };
        Err(E::custom(format_args!("`{}` must be {wanted}, not {found}", self.walk.path(self.id))))
    }

    fn scalar<E: serde::de::Error>(self, met: Met<'_>, found: &str) -> Result<bool, E> {
        self.refuse(found)?;
        self.walk.met(self.id, met);
        Ok(true)
    }
}

impl<'de> Visitor<'de> for AtVisitor<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value of `{}`", self.walk.path(self.id))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<bool, E> {
        self.scalar(Met::Bool(value), "a boolean")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<bool, E> {
        self.scalar(Met::Number(value), "a number")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<bool, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "nothing asks for the last digits of so large a number"
        )]
        let met = i64::try_from(value).map_or(Met::OtherNumber(value as f64), Met::Number);
        self.scalar(met, "a number")
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<bool, E> {
        self.scalar(Met::OtherNumber(value), "a number")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<bool, E> {
        self.refuse("a string")?;
        if value.is_empty() {
            return Ok(false);
        }
        self.walk.met(self.id, Met::Text(value));
        Ok(true)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        if self.node.element.is_some() {
            self.refuse("an object")?;
        }
        if self.node.is_opaque() {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            self.walk.met(self.id, Met::Whole);
            return Ok(true);
        }
        let mut seen = 0_u64;
        let mut there = 0_u64;
        while let Some(key) = map.next_key_seed(KeyOf(self.node))? {
            match key {
                Key::Child(number, id) => {
                    let bit = 1_u64 << number;
                    if seen & bit != 0 {
                        return Err(A::Error::custom(format_args!(
                            "the key of `{}` stands twice",
                            self.walk.path(id)
                        )));
                    }
                    seen |= bit;
                    if map.next_value_seed(At { walk: &mut *self.walk, id })? {
                        there |= bit;
                    }
                }
                Key::Any(id) => {
                    map.next_value_seed(At { walk: &mut *self.walk, id })?;
                }
                Key::Skip => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Unknown(key) => {
                    // A null is what clients send for a field that they leave unset.
                    let is_set = map.next_value::<Option<IgnoredAny>>()?.is_some();
                    if is_set && self.walk.view.unknown_fields.len() < MAX_UNKNOWN_FIELDS {
                        let place = self.walk.place(self.id);
                        self.walk.view.unknown_fields.push(UnknownField { place, key });
                    }
                }
            }
        }
        for test in &self.node.members_tests {
            if there & test.has == test.has && there & test.lacks == 0 {
                let place = self.walk.place(self.id);
                self.walk.view.uses.push(Use { feature: test.feature, place });
            }
        }
        self.walk.met(self.id, Met::Whole);
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let Some(element) = self.node.element else {
            if self.node.is_object() {
                self.refuse("a list")?;
            }
            let mut is_filled = false;
            while list.next_element::<IgnoredAny>()?.is_some() {
                is_filled = true;
            }
            if is_filled {
                self.walk.met(self.id, Met::Whole);
            }
            return Ok(is_filled);
        };
        let depth = self.walk.depth;
        let mut index = 0;
        self.walk.depth = depth + 1;
        loop {
            if let Some(slot) = self.walk.indexes.get_mut(depth) {
                *slot = index;
            }
            if list.next_element_seed(At { walk: &mut *self.walk, id: element })?.is_none() {
                break;
            }
            index += 1;
        }
        self.walk.depth = depth;
        if index > 0 {
            self.walk.met(self.id, Met::Whole);
        }
        Ok(index > 0)
    }
}

enum Key {
    Any(NodeId),
    Child(u8, NodeId),
    Skip,
    Unknown(String),
}

/// Reads a key and looks it up among a node's children, without keeping it.
struct KeyOf<'c>(&'c Node);

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
        Ok(match (self.0.child(key), self.0.otherwise) {
            (Some((number, id)), _) => Key::Child(number, id),
            (None, Otherwise::Any(id)) => Key::Any(id),
            (None, Otherwise::Skip) => Key::Skip,
            (None, Otherwise::Unknown) => Key::Unknown(key.to_owned()),
        })
    }
}
