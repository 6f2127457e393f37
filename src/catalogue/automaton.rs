//! The compiled form of all locators: a trie of keys.
//!
//! Every node stands for one place in a pod (`spec.containers[].image`). A node knows its children by key, what to do with
//! a key that is no child, and what to test when the walk gets there.

use super::locator::{Locator, Scalar, Step, Test};
use super::relations::{Pattern, Relation};
use super::value::Met;
use crate::path::{FieldPath, Segment};
use crate::pod::{FeatureId, MAX_LISTS, NodeId, Place};

/// What the walk does besides testing when it comes to a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Capture {
    Affinity,
    Annotations,
    DeletionTimestamp,
    GenerateName,
    Labels,
    Name,
    Namespace,
    NodeAffinity,
    NodeAffinityTerms,
    NodeName,
    NodeSelector,
    SchedulerName,
    SchedulingGates,
    Tolerations,
}

/// Where the captures stand. Most are read whole: no locator may reach below them, but for the members of an object of
/// strings.
const CAPTURES: [(&str, Capture); 14] = [
    ("metadata.annotations", Capture::Annotations),
    ("metadata.deletionTimestamp", Capture::DeletionTimestamp),
    ("metadata.generateName", Capture::GenerateName),
    ("metadata.labels", Capture::Labels),
    ("metadata.name", Capture::Name),
    ("metadata.namespace", Capture::Namespace),
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
        matches!(self, Self::Affinity | Self::NodeAffinity)
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

/// A trie under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    nodes: Vec<Draft>,
    relations: Vec<(FeatureId, &'static Relation)>,
}

#[derive(Debug, Default)]
struct Draft {
    children: Vec<(String, NodeId)>,
    any: Option<NodeId>,
    element: Option<NodeId>,
    is_covered: bool,
    value_tests: Vec<ValueTest>,
    features: Vec<(FeatureId, ValueTestKind)>,
    members: Vec<(FeatureId, Vec<String>, Vec<String>)>,
    capture: Option<Capture>,
    /// Whether a members test of the parent asks for this node.
    is_asked_for: bool,
    parent: Option<(NodeId, Step)>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let mut builder = Self { nodes: vec![Draft::default()], relations: Vec::new() };
        for (path, capture) in CAPTURES {
            let steps: Vec<Step> = path.split('.').map(|key| Step::Key(key.to_owned())).collect();
            if let Ok(id) = builder.reach(&steps) {
                builder.draft(id).capture = Some(capture);
            }
        }
        builder
    }

    /// Adds a feature's locator; that of a quiet feature only says whose field it is.
    pub(crate) fn add(
        &mut self,
        feature: FeatureId,
        locator: Locator,
        is_quiet: bool,
    ) -> Result<(), String> {
        for path in &locator.paths {
            if path.iter().filter(|step| **step == Step::Element).count() > MAX_LISTS {
                return Err(format!(
                    "`{}` passes through more than {MAX_LISTS} lists",
                    display(path)
                ));
            }
            let id = self.reach(path)?;
            let kind = match locator.test.clone() {
                Test::There => ValueTestKind::There,
                Test::OneOf(values) => ValueTestKind::OneOf(values.into()),
                Test::NoneOf(values) => ValueTestKind::NoneOf(values.into()),
                // What looks at a value through a pattern or beside others is a property of a field that belongs to
                // another feature, and does not cover it.
                Test::Matches(pattern) => {
                    let kind = ValueTestKind::Matches(pattern);
                    self.draft(id).value_tests.push(ValueTest { feature, kind });
                    continue;
                }
                Test::Part { relation, role } => {
                    let slot = self.slot(feature, relation)?;
                    let keep = relation.keep;
                    let kind = ValueTestKind::Part { slot, role, keep };
                    self.draft(id).value_tests.push(ValueTest { feature, kind });
                    continue;
                }
                Test::Members { has, lacks } => {
                    for key in has.iter().chain(&lacks) {
                        let mut path = path.clone();
                        path.push(Step::Key(key.clone()));
                        let member = self.reach(&path)?;
                        self.draft(member).is_asked_for = true;
                    }
                    self.draft(id).members.push((feature, has, lacks));
                    continue;
                }
            };
            let draft = self.draft(id);
            draft.features.push((feature, kind.clone()));
            if !is_quiet {
                draft.value_tests.push(ValueTest { feature, kind });
            }
            draft.is_covered = true;
        }
        Ok(())
    }

    /// The number of a feature's relation among all relations of the automaton.
    fn slot(&mut self, feature: FeatureId, relation: &'static Relation) -> Result<u8, String> {
        let known = self
            .relations
            .iter()
            .position(|(owner, known)| *owner == feature && known.name == relation.name);
        let slot = known.unwrap_or_else(|| {
            self.relations.push((feature, relation));
            self.relations.len() - 1
        });
        u8::try_from(slot).map_err(|_| "more than 255 relations".to_owned())
    }

    /// Says that a place is known and means nothing.
    pub(crate) fn add_neutral(&mut self, path: &[Step]) -> Result<(), String> {
        let id = self.reach(path)?;
        self.draft(id).is_covered = true;
        Ok(())
    }

    pub(crate) fn build(self) -> Result<Automaton, String> {
        let covered: Vec<bool> = self.nodes.iter().map(|draft| draft.is_covered).collect();
        let inherited: Vec<bool> =
            (0..self.nodes.len()).map(|index| self.is_under_cover(&covered, index)).collect();
        let nodes = self
            .nodes
            .into_iter()
            .zip(inherited)
            .enumerate()
            // Beside `metadata` and `spec` a pod has only its type and its status, which ask for nothing.
            .map(|(index, (draft, is_covered))| draft.build(is_covered || index == 0))
            .collect::<Result<_, _>>()?;
        Ok(Automaton { nodes, relations: self.relations })
    }

    /// Whether the draft or one above it is covered as a whole.
    fn is_under_cover(&self, covered: &[bool], mut index: usize) -> bool {
        loop {
            if covered.get(index).copied().unwrap_or(false) {
                return true;
            }
            match self.nodes.get(index).and_then(|draft| draft.parent.as_ref()) {
                Some((parent, _)) => index = usize::from(parent.0),
                None => return false,
            }
        }
    }

    fn draft(&mut self, id: NodeId) -> &mut Draft {
        #[expect(clippy::indexing_slicing, reason = "ids are given out by this builder alone")]
        &mut self.nodes[usize::from(id.0)]
    }

    /// The node at the end of `path`, made if need be.
    fn reach(&mut self, path: &[Step]) -> Result<NodeId, String> {
        let mut id = Automaton::ROOT;
        for (depth, step) in path.iter().enumerate() {
            let is_member = depth + 1 == path.len() && *step != Step::Element;
            let is_open =
                |capture: Capture| capture.continues() || (capture.is_pairs() && is_member);
            if self.draft(id).capture.is_some_and(|capture| !is_open(capture)) {
                return Err(format!("`{}` reaches into a field that is read whole", display(path)));
            }
            id = match self.draft(id).next(step) {
                Some(next) => next,
                None => self.grow(id, step)?,
            };
        }
        Ok(id)
    }

    fn grow(&mut self, parent: NodeId, step: &Step) -> Result<NodeId, String> {
        let id = NodeId(
            u16::try_from(self.nodes.len())
                .map_err(|_| "more than 65,535 places in the catalogue".to_owned())?,
        );
        self.nodes.push(Draft { parent: Some((parent, step.clone())), ..Draft::default() });
        let draft = self.draft(parent);
        match step {
            Step::Key(key) => draft.children.push((key.clone(), id)),
            Step::AnyKey => draft.any = Some(id),
            Step::Element => draft.element = Some(id),
        }
        Ok(id)
    }
}

impl Draft {
    fn next(&self, step: &Step) -> Option<NodeId> {
        match step {
            Step::Key(key) => self.children.iter().find(|(name, _)| name == key).map(|(_, id)| *id),
            Step::AnyKey => self.any,
            Step::Element => self.element,
        }
    }

    fn build(mut self, is_covered: bool) -> Result<Node, String> {
        self.children
            .sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
        if self.children.len() > 64 {
            return Err("an object with more than 64 known members; widen the bit sets".to_owned());
        }
        let longest = self.children.last().map_or(0, |(key, _)| key.len());
        let first_of_length = (0..=longest + 1)
            .map(|length| self.children.partition_point(|(key, _)| key.len() < length))
            .map(|first| u8::try_from(first).map_err(|_| "more than 255 members".to_owned()))
            .collect::<Result<_, _>>()?;
        let bit = |key: &String| {
            let number = self.children.iter().position(|(name, _)| name == key).unwrap_or(0);
            1_u64 << number
        };
        let members_tests = self
            .members
            .iter()
            .map(|(feature, has, lacks)| MembersTest {
                feature: *feature,
                has: has.iter().map(bit).fold(0, |bits, bit| bits | bit),
                lacks: lacks.iter().map(bit).fold(0, |bits, bit| bits | bit),
            })
            .collect();
        let otherwise = match self.any {
            Some(id) => Otherwise::Any(id),
            None if is_covered => Otherwise::Skip,
            None => Otherwise::Unknown,
        };
        let is_leaf =
            self.children.is_empty() && self.element.is_none() && otherwise == Otherwise::Skip;
        let is_skippable =
            is_leaf && self.value_tests.is_empty() && self.capture.is_none() && !self.is_asked_for;
        let (parent, step) =
            self.parent.map_or((Automaton::ROOT, None), |(parent, step)| (parent, Some(step)));
        let (keys, children): (Vec<_>, Vec<_>) =
            self.children.into_iter().map(|(key, id)| (key.into_boxed_str(), id)).unzip();
        Ok(Node {
            keys: keys.into(),
            children: children.into(),
            first_of_length,
            element: self.element,
            otherwise,
            value_tests: self.value_tests.into(),
            members_tests,
            capture: self.capture,
            features: self.features.into(),
            is_covered: self.is_covered,
            is_skippable,
            parent,
            step,
        })
    }
}

fn display(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::AnyKey => text.push_str(".*"),
            Step::Element => text.push_str("[]"),
        }
    }
    text
}
