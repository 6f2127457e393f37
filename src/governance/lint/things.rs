//! What variables, rules and arguments stand for, as far as their text says it: [`Thing`], [`Facts`].

use std::collections::{BTreeMap, BTreeSet};

use super::super::syntax::{Step, Syntax, fixed};
use super::contract::Way;

/// What a value may be.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Thing {
    /// A part of the input.
    At(Way),
    /// A list or set whose elements are this.
    Each(Box<Self>),
    /// A text.
    Text(String),
}

/// All that a value may be; nothing where that is not known. What has no members is left out.
pub(super) type Things = Option<Vec<Thing>>;

/// How many things a value may be before that is of no use.
const MOST: usize = 24;

/// What is known of a rule.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct RuleFacts {
    value: Things,
    /// What a function is called with.
    arguments: Vec<Things>,
}

/// What is known of all rules, by path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Facts {
    rules: BTreeMap<Vec<String>, RuleFacts>,
}

/// What one walk over all rules gathers.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    values: BTreeMap<Vec<String>, Vec<Things>>,
    calls: BTreeMap<Vec<String>, Vec<Vec<Things>>>,
    /// The arguments that a definition does not give a name to.
    apart: BTreeSet<(Vec<String>, usize)>,
}

impl Gathered {
    /// One definition of a rule.
    pub(super) fn define(&mut self, path: Vec<String>, value: Things) {
        self.values.entry(path).or_default().push(value);
    }

    /// One call.
    pub(super) fn call(&mut self, path: Vec<String>, arguments: Vec<Things>) {
        self.calls.entry(path).or_default().push(arguments);
    }

    /// One argument that a definition takes apart.
    pub(super) fn take_apart(&mut self, path: Vec<String>, position: usize) {
        self.apart.insert((path, position));
    }

    /// What follows from it.
    pub(super) fn facts(self) -> Facts {
        let mut calls = self.calls;
        let rule = |(path, values): (Vec<String>, Vec<Things>)| {
            let calls = calls.remove(&path).unwrap_or_default();
            let count = calls.iter().map(Vec::len).max().unwrap_or_default();
            let nth = |position: usize| {
                if self.apart.contains(&(path.clone(), position)) {
                    return None;
                }
                union(calls.iter().map(|call| call.get(position).cloned().flatten()))
            };
            let arguments = (0..count).map(nth).collect();
            (path, RuleFacts { value: union(values), arguments })
        };
        Facts { rules: self.values.into_iter().map(rule).collect() }
    }
}

/// All that one of the values may be; nothing where one of them is not known.
pub(super) fn union(values: impl IntoIterator<Item = Things>) -> Things {
    let mut all: Vec<Thing> = Vec::new();
    for value in values {
        for thing in value? {
            if !all.contains(&thing) {
                all.push(thing);
            }
        }
    }
    (all.len() <= MOST).then_some(all)
}

impl Facts {
    /// The rule that a reference in a module leads to, and how many of its steps that takes.
    pub(super) fn rule(
        &self,
        module: &Syntax,
        first: &str,
        steps: &[Step<'_>],
    ) -> Option<(Vec<String>, usize)> {
        let (base, taken) = if first == "data" {
            (Vec::new(), 1)
        } else if let Some(path) = module.imports.get(first) {
            (path.clone(), 0)
        } else {
            (module.package.iter().cloned().chain([first.to_owned()]).collect(), 0)
        };
        let names: Vec<&str> = fixed(steps).collect();
        (taken..=names.len()).find_map(|count| {
            let more = names.get(..count)?.iter().map(|name| (*name).to_owned());
            let path: Vec<String> = base.iter().cloned().chain(more).collect();
            self.rules.contains_key(&path).then_some((path, count))
        })
    }

    /// What the value of a rule may be.
    pub(super) fn value(&self, path: &[String]) -> Things {
        self.rules.get(path)?.value.clone()
    }

    /// What an argument of a function may be.
    pub(super) fn argument(&self, path: &[String], position: usize) -> Things {
        self.rules.get(path)?.arguments.get(position)?.clone()
    }
}
