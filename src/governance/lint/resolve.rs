//! What expressions stand for: [`Walk::things`].

use serde_json::Value;

use super::super::syntax::{Step, kind_of, list, range_of, reference};
use super::contract::{Miss, STORED, Way};
use super::reads::{Walk, constant, variable};
use super::things::{Thing, Things, union};

impl Walk<'_> {
    /// An expression, or what the variable that it is was given.
    pub(super) fn written(&self, node: &Value) -> Value {
        variable(node).and_then(|name| self.written.get(&name)).unwrap_or(node).clone()
    }

    /// The part of the input that an expression stands for, the first of them where it may be several.
    pub(super) fn way(&self, node: &Value) -> Option<Way> {
        self.things(node)?.into_iter().find_map(|thing| match thing {
            Thing::At(way) => Some(way),
            Thing::Each(_) | Thing::Text(_) => None,
        })
    }

    /// What the elements of a collection may be.
    pub(super) fn elements(&self, node: &Value) -> Things {
        step(self.things(node)?, None)
    }

    /// What an expression may be.
    pub(super) fn things(&self, node: &Value) -> Things {
        let (kind, content) = kind_of(node)?;
        match kind {
            "String" | "RawString" => Some(vec![Thing::Text(constant(node)?)]),
            "Bool" | "Null" | "Number" => Some(Vec::new()),
            "Array" | "Set" => each(union(list(content, "items").map(|item| self.things(item)))),
            "Object" if list(content, "fields").next().is_none() => Some(Vec::new()),
            "ArrayCompr" | "SetCompr" => {
                each(self.comprehensions.get(&range_of(content)?.start)?.clone())
            }
            "BinExpr" => union(["lhs", "rhs"].map(|side| self.things(content.get(side)?))),
            "Call" => self.result(content),
            _ => self.referred(node),
        }
    }

    fn referred(&self, node: &Value) -> Things {
        let (first, steps) = reference(node)?;
        let (mut things, taken) = if let Some(things) = self.known.get(first) {
            (things.clone(), 0)
        } else if self.bound.contains(first) {
            return None;
        } else if first == "input" {
            (vec![Thing::At(Vec::new())], 0)
        } else if let Some(taken) = self.inventory(first, &steps) {
            (vec![Thing::At(vec![Some(STORED.to_owned())])], taken)
        } else {
            let (path, taken) = self.scope.facts.rule(self.scope.module, first, &steps)?;
            (self.scope.facts.value(&path)?, taken)
        };
        for one in steps.get(taken..)? {
            things = match one {
                Step::Name(name) => step(things, Some(name))?,
                Step::Dynamic(index) => match self.words(index) {
                    Some(words) => {
                        union(words.iter().map(|word| step(things.clone(), Some(word))))?
                    }
                    None => step(things, None)?,
                },
            };
        }
        Some(things)
    }

    /// How many steps of a reference name the inventory, if it is that.
    fn inventory(&self, first: &str, steps: &[Step<'_>]) -> Option<usize> {
        match self.scope.module.imports.get(first) {
            Some(path) => (path.as_slice() == ["inventory"]).then_some(0),
            None => {
                (first == "data" && steps.first() == Some(&Step::Name("inventory"))).then_some(1)
            }
        }
    }

    /// What is wrong with single words among those that an index may be: they stand in a list, and each is meant to be a field.
    pub(super) fn misspelt(&self, node: &Value) -> Vec<Miss> {
        let Some((_, steps)) = reference(node) else { return Vec::new() };
        let mut here = node;
        let mut found = Vec::new();
        for one in steps.iter().rev() {
            let Some(before) = kind_of(here).and_then(|(_, content)| content.get("refr")) else {
                break;
            };
            here = before;
            // What a function is called with need not fit all that it is called with.
            let Step::Dynamic(index) = one else { continue };
            let is_own = variable(index).is_none_or(|name| !self.arguments.contains(&name));
            let (Some(words), Some(things)) = (self.words(index), self.things(before)) else {
                continue;
            };
            let miss = |word: &String| {
                let things = step(things.clone(), Some(word))?;
                let last = things.iter().find_map(|thing| match thing {
                    Thing::At(way) => way.len().checked_sub(1),
                    Thing::Each(_) | Thing::Text(_) => None,
                });
                self.miss(&things)
                    .filter(|miss| miss.elsewhere.is_empty() && Some(miss.position) == last)
            };
            found.extend(words.iter().filter(|_| is_own).filter_map(miss));
        }
        found
    }

    /// The texts that an index may be.
    fn words(&self, index: &Value) -> Option<Vec<String>> {
        let text = |thing| match thing {
            Thing::Text(text) => Some(text),
            Thing::At(_) | Thing::Each(_) => None,
        };
        let words: Vec<String> =
            self.things(index)?.into_iter().map(text).collect::<Option<_>>()?;
        (!words.is_empty()).then_some(words)
    }

    /// What a call gives.
    fn result(&self, content: &Value) -> Things {
        let (first, steps) = reference(content.get("fcn")?)?;
        let parameters: Vec<&Value> = list(content, "params").collect();
        match (first, steps.as_slice(), parameters.as_slice()) {
            ("object", [Step::Name("get")], [_, _, default]) => {
                union([self.got(content), self.things(default)])
            }
            ("array", [Step::Name("concat")], [left, right]) => {
                union([self.things(left), self.things(right)])
            }
            _ => {
                let (path, taken) = self.scope.facts.rule(self.scope.module, first, &steps)?;
                self.scope.facts.value(&path).filter(|_| taken == steps.len())
            }
        }
    }

    /// What `object.get` looks at.
    pub(super) fn got(&self, content: &Value) -> Things {
        let (first, steps) = reference(content.get("fcn")?)?;
        if first != "object" || steps.as_slice() != [Step::Name("get")] {
            return None;
        }
        let mut parameters = list(content, "params");
        let things = self.things(parameters.next()?)?;
        let key = parameters.next()?;
        match kind_of(key)? {
            ("Array", items) => list(items, "items")
                .try_fold(things, |things, item| step(things, constant(item).as_deref())),
            _ => match self.words(key) {
                Some(words) => union(words.iter().map(|word| step(things.clone(), Some(word)))),
                None => step(things, None),
            },
        }
    }
}

/// One step into all that a value may be; without a name it picks any element or member.
fn step(things: Vec<Thing>, name: Option<&str>) -> Things {
    things
        .into_iter()
        .map(|thing| match (thing, name) {
            (Thing::At(mut way), name) => {
                way.push(name.map(str::to_owned));
                Some(Thing::At(way))
            }
            (Thing::Each(element), None) => Some(*element),
            (Thing::Each(_), Some(_)) | (Thing::Text(_), _) => None,
        })
        .collect()
}

/// A collection of such elements.
pub(super) fn each(elements: Things) -> Things {
    Some(elements?.into_iter().map(|thing| Thing::Each(Box::new(thing))).collect())
}
