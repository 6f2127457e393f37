//! Gatekeeper's mutators: [`Mutators`] changes an object as they say, until nothing changes any more.
//!
//! Each says which kinds it is for (`applyTo`), which objects (`match`), where (`location`) and what. They are applied one after the
//! other, by kind and name, in rounds, until a round leaves the object as it was: of two that disagree the later one wins. What
//! never comes to rest is an error. Nothing is changed when one of them fails.

mod apply;
mod image;
mod location;
mod scope;
mod source;
#[cfg(test)]
mod tests;
mod value;

pub use scope::Scope;

use serde_json::Value;

use super::matching::Match;
use super::subject::{Metadata, Namespace, Source, Subject};
use apply::{Condition, Walk};
use location::{Location, Node};
use value::Change;

/// The group of mutators.
pub const MUTATION_GROUP: &str = "mutations.gatekeeper.sh";

/// The operations at which objects are changed.
const OPERATIONS: [&str; 2] = ["CREATE", "UPDATE"];

/// A mutator, ready to be used.
#[derive(Clone, Debug)]
pub struct Mutator {
    /// `Assign`, `AssignMetadata`, `ModifySet` or `AssignImage`.
    pub kind: String,
    /// Name.
    pub name: String,
    applies_to: Vec<Target>,
    matches: Match,
    location: Location,
    tests: Vec<(usize, Condition)>,
    change: Change,
}

/// Kinds that a mutator is for.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Target {
    pub(super) groups: Vec<String>,
    versions: Vec<String>,
    pub(super) kinds: Vec<String>,
    operations: Vec<String>,
}

impl Target {
    /// Whether it is about an operation; without one, whether it is about all that there are.
    fn is_about(&self, operation: Option<&str>) -> bool {
        let has = |word: &str| self.operations.iter().any(|one| one == word || one == "*");
        self.operations.is_empty() || operation.map_or_else(|| OPERATIONS.into_iter().all(has), has)
    }

    /// Whether it names a kind, in that version.
    pub(super) fn names(&self, group: &str, version: &str, kind: &str) -> bool {
        self.names_kind(group, kind) && self.versions.iter().any(|one| one == version)
    }

    /// Whether it names a kind, in whatever version.
    pub(super) fn names_kind(&self, group: &str, kind: &str) -> bool {
        self.groups.iter().any(|one| one == group) && self.kinds.iter().any(|one| one == kind)
    }
}

/// Mutators in the order in which they are applied.
#[derive(Debug, Default)]
pub struct Mutators {
    list: Vec<Mutator>,
    /// Whether one of them can change pods that are made. Asked for every pod.
    are_for_pods: bool,
    /// Which objects they may change.
    pub scope: Scope,
}

/// What mutators made of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutated {
    /// The object as it is now.
    pub object: Value,
    /// The mutators that changed something, `Kind/name`, each once.
    pub by: Vec<String>,
    /// The change as operations of a JSON Patch.
    pub operations: Vec<Value>,
}

impl Mutator {
    /// `Kind/name`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// Whether it is for objects of that kind. Without an operation, as of what an object makes, only what is for all
    /// operations is.
    pub fn is_for(&self, group: &str, version: &str, kind: &str, operation: Option<&str>) -> bool {
        // What only sets metadata is for all kinds, and has no list.
        self.applies_to.is_empty()
            || self
                .applies_to
                .iter()
                .any(|target| target.names(group, version, kind) && target.is_about(operation))
    }

    fn change(&self, object: &mut Value) -> Result<bool, String> {
        let name = |key: &str| {
            let text = object.pointer(&format!("/metadata/{key}")).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let (own, namespace) = (name("name"), name("namespace"));
        let set = |old: Option<&Value>| self.change.of(old, &own, &namespace);
        let walk = Walk { nodes: &self.location.0, tests: &self.tests, set: &set };
        walk.change(object).map_err(|problem| format!("`{}`: {problem}", self.title()))
    }

    /// Whether two mutators take the same place for things of different types.
    fn contradicts(&self, other: &Self) -> bool {
        let overlap =
            |left: &[String], right: &[String]| left.iter().any(|one| right.contains(one));
        let share = self.applies_to.iter().any(|one| {
            other.applies_to.iter().any(|two| {
                overlap(&one.groups, &two.groups)
                    && overlap(&one.versions, &two.versions)
                    && overlap(&one.kinds, &two.kinds)
            })
        });
        if !share {
            return false;
        }
        for (one, two) in self.location.0.iter().zip(&other.location.0) {
            match (one, two) {
                (Node::Field(one), Node::Field(two)) if one == two => {}
                (Node::Element { key: one, .. }, Node::Element { key: two, .. }) => {
                    if one != two {
                        return true;
                    }
                }
                (Node::Field(_), Node::Field(_)) => return false,
                _ => return true,
            }
        }
        false
    }
}

impl Mutators {
    /// Puts mutators together. Two that take one place for things of different types are both left out, as Gatekeeper does, and
    /// named.
    pub fn new(mut list: Vec<Mutator>) -> (Self, Vec<String>) {
        list.sort_by(|left, right| (&left.kind, &left.name).cmp(&(&right.kind, &right.name)));
        let idle: Vec<String> = list
            .iter()
            .filter(|one| list.iter().any(|other| one.contradicts(other)))
            .map(Mutator::title)
            .collect();
        list.retain(|one| !idle.contains(&one.title()));
        let are_for_pods = list.iter().any(|one| one.has_effect(Scope::Pods));
        (Self { list, are_for_pods, scope: Scope::default() }, idle)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All that are not left out.
    pub fn iter(&self) -> impl Iterator<Item = &Mutator> {
        self.list.iter()
    }

    /// Changes an object until nothing changes any more. Gives nothing where nothing has changed. There is no operation where an
    /// object is only worked out from another one.
    ///
    /// Fails with a text that names the mutator where one cannot do what it should, and where they never come to rest.
    pub fn settle(
        &self,
        object: &Value,
        namespace: Option<Namespace<'_>>,
        operation: Option<&str>,
        source: Source,
    ) -> Result<Option<Mutated>, String> {
        let mut now = object.clone();
        let mut by: Vec<String> = Vec::new();
        let mut restless = true;
        for _ in 0..=self.list.len() {
            let before = now.clone();
            restless = false;
            for mutator in &self.list {
                let metadata = Metadata::of(&now).map_err(|error| error.to_string())?;
                let (group, kind) = metadata.group_and_kind();
                let version = metadata.api_version.rsplit('/').next().unwrap_or_default();
                if !mutator.is_for(group, version, kind, operation)
                    || operation.is_some_and(|one| !self.lets(mutator, group, kind, one))
                {
                    continue;
                }
                let subject = Subject {
                    object: Some(&metadata),
                    namespace,
                    source: Some(source),
                    ..Subject::default()
                };
                let is_meant = mutator
                    .matches
                    .matches(&subject)
                    .map_err(|problem| format!("`{}`: {problem}", mutator.title()))?;
                if is_meant && mutator.change(&mut now)? {
                    restless = true;
                    if !by.contains(&mutator.title()) {
                        by.push(mutator.title());
                    }
                }
            }
            // What a mutator changes and a later one changes back is at rest.
            restless = restless && now != before;
            if !restless {
                break;
            }
        }
        if restless {
            return Err(format!("the mutators never come to rest: `{}`", by.join("`, `")));
        }
        let mut operations = Vec::new();
        apply::difference(object, &now, "", &mut operations);
        Ok((!operations.is_empty()).then_some(Mutated { object: now, by, operations }))
    }
}
