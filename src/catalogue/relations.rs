//! What the data of the catalogue cannot say by itself: patterns of one value, and relations between several.
//!
//! A locator names them: `matches: NAME` asks a [`Pattern`] about one value while the walk stands on it; `relation: NAME`
//! hands the value to a [`Relation`], which is asked once, after the walk, about everything it was handed. Both lists
//! below are the only place where they are registered; each family has its functions, and their tests, in a file.

mod env;
mod names;
mod network;
mod resources;

use super::value::Met;
use crate::pod::Place;

/// A question about one value that no list of values can answer.
#[derive(Debug)]
pub struct Pattern {
    /// What locators call it.
    pub name: &'static str,
    /// In words, to be read after "the value".
    pub doc: &'static str,
    /// Whether the value answers to it.
    pub holds: fn(Met<'_>) -> bool,
}

/// A question about several values of one pod.
#[derive(Debug)]
pub struct Relation {
    /// What locators call it.
    pub name: &'static str,
    /// In words, to be read after "where".
    pub doc: &'static str,
    /// The parts that values can play in it; a locator picks one with `as`. The first is meant where none is picked.
    pub roles: &'static [&'static str],
    /// What to keep of a value in a role; nothing where the value plays no part.
    pub keep: fn(u8, Met<'_>) -> Option<i64>,
    /// Which of the facts, by their position, make the pod one that uses the feature.
    pub found: fn(&[Fact]) -> Vec<usize>,
}

/// A value that a relation was handed.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// Which of the feature's relations it is for.
    pub(crate) slot: u8,
    /// Its role, by position.
    pub role: u8,
    /// What was kept of the value.
    pub value: i64,
    /// Where it stands.
    pub(crate) place: Place,
}

impl Fact {
    /// The element of the outermost list that it stands in: which container, which volume.
    pub const fn element(&self) -> u32 {
        self.place.indexes[0]
    }
}

/// Every pattern.
pub static PATTERNS: &[Pattern] =
    &[env::LOOSE_NAME, names::ANY_TEXT, names::LONG, network::PORT_NAME];

/// Every relation.
pub static RELATIONS: &[Relation] = &[
    names::SEVERAL,
    network::SAME_PORT,
    resources::CPU_LIMIT_ABOVE_GROUP,
    resources::CPU_REQUEST_BESIDE_LIMIT,
    resources::MEMORY_LIMIT_ABOVE_GROUP,
    resources::MEMORY_REQUEST_BESIDE_LIMIT,
];

/// The pattern of that name.
pub(crate) fn pattern(name: &str) -> Option<&'static Pattern> {
    PATTERNS.iter().find(|pattern| pattern.name == name)
}

/// The relation of that name.
pub(crate) fn relation(name: &str) -> Option<&'static Relation> {
    RELATIONS.iter().find(|relation| relation.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::{MAX_LISTS, NodeId};

    /// A fact in a container, for the tests of the families.
    pub(super) fn fact(role: u8, value: i64, container: u32) -> Fact {
        let mut indexes = [0; MAX_LISTS];
        indexes[0] = container;
        Fact { slot: 0, role, value, place: Place { node: NodeId(0), indexes } }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = PATTERNS
            .iter()
            .map(|one| one.name)
            .chain(RELATIONS.iter().map(|one| one.name))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
