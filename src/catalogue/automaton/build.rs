//! Locators to a trie.

use std::mem;

use super::{Automaton, CAPTURES, Capture, MembersTest, Node, Otherwise, ValueTest, ValueTestKind};
use crate::catalogue::locator::{Locator, Source, Step, Test};
use crate::catalogue::relations::Relation;
use crate::demand;
use crate::pod::{FeatureId, MAX_LISTS, NodeId};

/// A trie under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    nodes: Vec<Draft>,
    relations: Vec<(FeatureId, &'static Relation)>,
}

#[derive(Clone, Debug, Default)]
struct Draft {
    children: Vec<(String, NodeId)>,
    any: Option<NodeId>,
    element: Option<NodeId>,
    is_covered: bool,
    value_tests: Vec<ValueTest>,
    features: Vec<(FeatureId, ValueTestKind)>,
    members: Vec<(FeatureId, Vec<String>, Vec<String>)>,
    capture: Option<Capture>,
    demand: Option<demand::Part>,
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
        for (place, part) in demand::Part::all() {
            let paths = Source::Path(place).parse().map(|locator| locator.paths);
            for path in paths.unwrap_or_default() {
                if let Ok(id) = builder.reach(&path) {
                    builder.draft(id).demand = Some(part);
                }
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

    pub(crate) fn build(mut self) -> Result<Automaton, String> {
        self.name_no_members();
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

    /// Lets members that no locator names, and that are here because the demand is read from them, be any members for the
    /// features.
    fn name_no_members(&mut self) {
        for index in 0..self.nodes.len() {
            let unnamed = self.nodes.get(index).filter(|draft| {
                draft.demand.is_some() && draft.value_tests.is_empty() && draft.features.is_empty()
            });
            let parent = unnamed.and_then(|draft| draft.parent.as_ref()).map(|(parent, _)| *parent);
            let Some(any) = parent.and_then(|parent| self.draft(parent).any) else { continue };
            let Draft { is_covered, value_tests, features, parent, .. } = self.draft(any).clone();
            if let Some(draft) = self.nodes.get_mut(index) {
                *draft = Draft { is_covered, value_tests, features, parent, ..mem::take(draft) };
            }
        }
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
        let is_skippable = is_leaf
            && self.value_tests.is_empty()
            && self.capture.is_none()
            && self.demand.is_none()
            && !self.is_asked_for;
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
            demand: self.demand,
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
