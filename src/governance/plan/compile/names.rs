//! Which names are variables, and where they are bound.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Node;

use super::{Compiled, Halt, Unit};
use crate::governance::plan::program::Slot;
use crate::governance::syntax::{declared, kind_of, list, reference, text_of, written};

/// The variables of a body, of a comprehension, or of the arguments of a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    names: BTreeMap<String, Variable>,
}

/// A variable.
#[derive(Clone, Copy, Debug)]
struct Variable {
    slot: Slot,
    is_bound: bool,
}

/// What a name stands for.
pub(super) enum Named {
    /// A variable that has a value.
    Bound(Slot),
    /// A variable of the innermost scope that has none yet.
    Free,
    /// A variable of a scope around, which has none yet.
    Outer,
    /// `input`.
    Input,
    /// Something below `data`: the path there.
    Data(Vec<String>),
}

impl Unit<'_, '_> {
    /// Enters a scope with these names.
    pub(super) fn enter(&mut self, names: BTreeSet<String>) {
        let variable =
            |(position, name)| (name, Variable { slot: self.slots + position, is_bound: false });
        let names: BTreeMap<String, Variable> =
            names.into_iter().enumerate().map(variable).collect();
        self.slots += names.len();
        self.scopes.push(Scope { names });
    }

    /// A variable that has no name.
    pub(super) const fn nameless(&mut self) -> Slot {
        self.slots += 1;
        self.slots - 1
    }

    /// What a name stands for.
    pub(super) fn named(&self, name: &str) -> Named {
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            if let Some(variable) = scope.names.get(name) {
                return match (variable.is_bound, depth) {
                    (true, _) => Named::Bound(variable.slot),
                    (false, 0) => Named::Free,
                    (false, _) => Named::Outer,
                };
            }
        }
        match (name, self.module.imports.get(name)) {
            ("input", _) => Named::Input,
            ("data", _) => Named::Data(Vec::new()),
            (_, Some(path)) => Named::Data(path.clone()),
            _ => Named::Data(
                self.module
                    .package
                    .iter()
                    .cloned()
                    .chain(std::iter::once(name.to_owned()))
                    .collect(),
            ),
        }
    }

    /// Binds a variable of the innermost scope.
    pub(super) fn bind(&mut self, name: &str) -> Compiled<Slot> {
        let variable = self.scopes.last_mut().and_then(|scope| scope.names.get_mut(name));
        let variable = variable.ok_or(Halt::Foreign("a variable without a scope"))?;
        variable.is_bound = true;
        Ok(variable.slot)
    }

    /// Enters the scope of a query: what it declares, and what it uses without having it from anywhere.
    pub(super) fn enter_query(&mut self, query: &Node, said: &[&Node]) {
        let mut names = declared(query, &self.module.text);
        let mut used = BTreeSet::new();
        for statement in list(query, "stmts") {
            match statement.get("literal").and_then(kind_of) {
                // What only stands there belongs there.
                Some(("NotExpr" | "SomeVars", _)) | None => {}
                Some(("Every", every)) => {
                    every.get("domain").into_iter().for_each(|domain| uses(domain, &mut used));
                }
                Some((_, literal)) => uses(literal, &mut used),
            }
        }
        for node in said {
            uses(node, &mut used);
        }
        names.extend(used.into_iter().filter(|name| self.is_unknown(name)));
        self.enter(names);
    }

    /// Enters the scope of something that is negated.
    pub(super) fn enter_negation(&mut self, expression: &Node) {
        let mut used = BTreeSet::new();
        uses(expression, &mut used);
        used.retain(|name| self.is_unknown(name));
        self.enter(used);
    }

    /// Whether a name is none of a variable, a rule, an import or a document.
    fn is_unknown(&self, name: &str) -> bool {
        name != "_"
            && match self.named(name) {
                Named::Data(path) => {
                    name != "data"
                        && !self.module.imports.contains_key(name)
                        && !self.compiler.places.contains_key(&path)
                        && !self.compiler.has_below(&path)
                }
                _ => false,
            }
    }

    /// The names of `every`.
    pub(super) fn own_name(&self, every: &Node, key: &str) -> Option<String> {
        let name = text_of(every.get(key)?, &self.module.text)?;
        Some(name.to_owned())
    }
}

/// The names that an expression uses, without those that only its comprehensions do.
fn uses(node: &Node, names: &mut BTreeSet<String>) {
    match (node, kind_of(node)) {
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => {}
        (_, Some(("Call", content))) => {
            list(content, "params").for_each(|parameter| uses(parameter, names));
        }
        (_, Some(("Var", content))) => {
            names.extend(content.get("value").and_then(Node::as_str).map(str::to_owned));
        }
        (_, Some((_, content))) => uses(content, names),
        (Node::Array(nodes), _) => nodes.iter().for_each(|node| uses(node, names)),
        (Node::Object(members), None) => members.values().for_each(|node| uses(node, names)),
        _ => {}
    }
}

/// The name of a function as it is called.
pub(super) fn callee(node: &Node) -> Option<(&str, String)> {
    let (first, steps) = reference(node)?;
    Some((first, written(first, &steps)))
}
