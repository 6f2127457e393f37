//! The compiled form of all locators: a trie of keys.
//!
//! Every node stands for one place in a pod (`spec.containers[].image`). A node knows its children by key, what to do with
//! a key that is no child, and what to test when the walk gets there.

mod build;

use super::locator::Step;
use super::relations::{Pattern, Relation};
use super::value::{Met, Scalar};
use crate::demand;
use crate::path::{FieldPath, Segment};
use crate::pod::{FeatureId, NodeId, Place};

pub(crate) use build::Builder;

/// What the walk does besides testing when it comes to a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Capture {
    Affinity,
    Annotations,
    DeletionTimestamp,
    GenerateName,
    Labels,
    Metadata,
    Name,
    Namespace,
    NodeAffinity,
    NodeAffinityTerms,
    NodeName,
    NodeSelector,
    SchedulerName,
    SchedulingGates,
    Spec,
    Tolerations,
}

/// Where the captures stand. Most are read whole: no locator may reach below them, but for the members of an object of
/// strings.
const CAPTURES: [(&str, Capture); 16] = [
    ("metadata", Capture::Metadata),
    ("metadata.annotations", Capture::Annotations),
    ("metadata.deletionTimestamp", Capture::DeletionTimestamp),
    ("metadata.generateName", Capture::GenerateName),
    ("metadata.labels", Capture::Labels),
    ("metadata.name", Capture::Name),
    ("metadata.namespace", Capture::Namespace),
    ("spec", Capture::Spec),
    ("spec.affinity", Capture::Affinity),
    ("spec.affinity.nodeAffinity", Capture::NodeAffinity),
    (
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
        Capture::NodeAffinityTerms,
    ),
    ("spec.nodeName", Capture::NodeName),
    ("spec.nodeSelector", Capture::NodeSelector),
    ("spec.schedulerName", Capture::SchedulerName),
    ("spec.schedulingGates", Capture::SchedulingGates),
    ("spec.tolerations", Capture::Tolerations),
];

impl Capture {
    /// Whether the walk goes on below the node.
    pub(crate) const fn continues(self) -> bool {
        matches!(self, Self::Affinity | Self::Metadata | Self::NodeAffinity | Self::Spec)
    }

    /// Whether it is an object of strings, whose members are tested as they are read.
    const fn is_pairs(self) -> bool {
        matches!(self, Self::Annotations | Self::Labels | Self::NodeSelector)
    }
}

/// A test at a node, with the feature it reveals.
#[derive(Clone, Debug)]
pub(crate) struct ValueTest {
    pub(crate) feature: FeatureId,
    pub(crate) kind: ValueTestKind,
}

/// The tests that look at the value alone.
#[derive(Clone, Debug)]
pub(crate) enum ValueTestKind {
    There,
    OneOf(Box<[Scalar]>),
    NoneOf(Box<[Scalar]>),
    Matches(&'static Pattern),
    /// Handed to a relation: which one of the automaton's, in which role, and what to keep of the value.
    Part {
        slot: u8,
        role: u8,
        keep: fn(u8, Met<'_>) -> Option<i64>,
    },
}

impl ValueTestKind {
    /// Whether it holds for what the walk met; nothing for a part of a relation, of which one value says nothing.
    pub(crate) fn holds(&self, met: Met<'_>) -> Option<bool> {
        Some(match self {
            Self::There => true,
            Self::OneOf(values) => values.iter().any(|value| met.is(value)),
            Self::NoneOf(values) => !values.iter().any(|value| met.is(value)),
            Self::Matches(pattern) => (pattern.holds)(met),
            Self::Part { .. } => return None,
        })
    }
}

/// A test on which children an object has, as bits by child number.
#[derive(Clone, Debug)]
pub(crate) struct MembersTest {
    pub(crate) feature: FeatureId,
    pub(crate) has: u64,
    pub(crate) lacks: u64,
}

/// What the walk does with a key that is no child.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Otherwise {
    /// Walk on: the key belongs to a map.
    Any(NodeId),
    /// Skip its value in silence: the place is covered as a whole.
    Skip,
    /// Skip its value and report it: nobody knows this field.
    Unknown,
}

/// One place in a pod.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Keys of the children, sorted by length and then by text; their position is the child's number.
    keys: Box<[Box<str>]>,
    children: Box<[NodeId]>,
    /// For each key length, the number of the first child of at least that length.
    first_of_length: Box<[u8]>,
    pub(crate) element: Option<NodeId>,
    pub(crate) otherwise: Otherwise,
    pub(crate) value_tests: Box<[ValueTest]>,
    pub(crate) members_tests: Box<[MembersTest]>,
    pub(crate) capture: Option<Capture>,
    /// Whether the place says what the pod asks for.
    pub(crate) demand: Option<demand::Part>,
    /// The features whose locators end here, those without a test at run time too. For questions about fields, not for
    /// the walk.
    pub(crate) features: Box<[(FeatureId, ValueTestKind)]>,
    pub(crate) is_covered: bool,
    is_skippable: bool,
    /// The way back, for spelling out a place.
    parent: NodeId,
    step: Option<Step>,
}

impl Node {
    fn empty() -> Self {
        Self {
            keys: Box::default(),
            children: Box::default(),
            first_of_length: Box::default(),
            element: None,
            otherwise: Otherwise::Skip,
            value_tests: Box::default(),
            members_tests: Box::default(),
            capture: None,
            demand: None,
            features: Box::default(),
            is_covered: false,
            is_skippable: false,
            parent: Automaton::ROOT,
            step: None,
        }
    }

    /// The child of that key and its number, below 64.
    pub(crate) fn child(&self, key: &str) -> Option<(u8, NodeId)> {
        let start = *self.first_of_length.get(key.len())?;
        let end = *self.first_of_length.get(key.len() + 1)?;
        (start..end).find_map(|number| {
            let index = usize::from(number);
            (self.keys.get(index)?.as_bytes() == key.as_bytes())
                .then_some((number, *self.children.get(index)?))
        })
    }

    /// Whether nothing below this node matters.
    pub(crate) fn is_opaque(&self) -> bool {
        self.keys.is_empty() && self.element.is_none() && self.otherwise == Otherwise::Skip
    }

    /// Whether the value can be skipped unread: nothing below matters, nothing is tested, and nobody asks whether it is there.
    pub(crate) const fn is_skippable(&self) -> bool {
        self.is_skippable
    }

    /// Whether the catalogue knows members of this place, so that its value must be an object.
    pub(crate) fn is_object(&self) -> bool {
        !self.keys.is_empty()
    }
}

/// The trie.
#[derive(Debug)]
pub struct Automaton {
    nodes: Vec<Node>,
    relations: Vec<(FeatureId, &'static Relation)>,
}

impl Automaton {
    /// The root: the pod itself.
    pub(crate) const ROOT: NodeId = NodeId(0);

    /// An automaton that knows nothing.
    pub(crate) fn empty() -> Self {
        Self { nodes: vec![Node::empty()], relations: Vec::new() }
    }

    /// The node of an id that this automaton gave out.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        #[expect(clippy::indexing_slicing, reason = "ids are given out by this automaton alone")]
        &self.nodes[usize::from(id.0)]
    }

    /// The relations that are asked after a walk, with the features they reveal.
    pub(crate) fn relations(&self) -> &[(FeatureId, &'static Relation)] {
        &self.relations
    }

    /// Spells out a place below `root`.
    pub(crate) fn path(&self, root: FieldPath, place: &Place) -> FieldPath {
        let mut steps = Vec::new();
        let mut id = place.node;
        while let Some(step) = &self.node(id).step {
            steps.push(step);
            id = self.node(id).parent;
        }
        let mut indexes = place.indexes.iter();
        steps.into_iter().rev().fold(root, |path, step| match step {
            Step::Key(key) => path.key(key),
            // Keys of maps are not kept: the feature says which kind of key it is about.
            Step::AnyKey => path,
            Step::Element => path.index(indexes.next().map_or(0, |index| *index as usize)),
        })
    }

    /// One step from a node, if the automaton knows where it leads.
    pub(crate) fn step(&self, node: &Node, segment: &Segment) -> Option<&Node> {
        let next = match segment {
            Segment::Index(_) => node.element,
            Segment::Key(key) => node.child(key).map(|(_, child)| child),
        };
        match (next, node.otherwise) {
            (Some(next), _) | (None, Otherwise::Any(next)) => Some(self.node(next)),
            (None, Otherwise::Skip | Otherwise::Unknown) => None,
        }
    }

    /// The nodes one step below a node.
    pub(crate) fn children(&self, node: &Node) -> impl Iterator<Item = &Node> {
        let any = match node.otherwise {
            Otherwise::Any(next) => Some(next),
            Otherwise::Skip | Otherwise::Unknown => None,
        };
        let ids: Vec<NodeId> =
            node.children.iter().copied().chain(node.element).chain(any).collect();
        ids.into_iter().map(|id| self.node(id))
    }

    /// Whether a way is named, see [`super::Catalogue::has_way`].
    pub(crate) fn has_way(&self, way: &[Option<&str>]) -> bool {
        let mut node = self.node(Self::ROOT);
        way.iter().all(|step| {
            let next = match step {
                None => node.element,
                Some(key) => node.child(key).map(|(_, child)| child),
            };
            match (next, node.otherwise) {
                (Some(next), _) | (None, Otherwise::Any(next)) => node = self.node(next),
                (None, Otherwise::Skip | Otherwise::Unknown) => return false,
            }
            true
        })
    }

    /// Whether every place below `path` is covered by a locator or a neutral entry, and the path itself is known.
    ///
    /// For tests of completeness.
    pub fn covers(&self, path: &FieldPath) -> bool {
        let mut node = self.node(Self::ROOT);
        for segment in path.segments() {
            let next = match segment {
                Segment::Index(_) => node.element,
                Segment::Key(key) => node.child(key).map(|(_, child)| child),
            };
            node = match (next, node.otherwise) {
                (Some(next), _) | (None, Otherwise::Any(next)) => self.node(next),
                (None, Otherwise::Skip) => return true,
                (None, Otherwise::Unknown) => {
                    return node.capture.is_some_and(|capture| !capture.continues());
                }
            };
        }
        true
    }
}
