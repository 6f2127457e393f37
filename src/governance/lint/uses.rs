//! What becomes of values: what is used of them, and what is only handed on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::syntax::{Step, fixed, kind_of, list, range_of, reference};
use super::reads::{Doubt, Scope, Walk, variable};
use super::things::Thing;
use super::{Finding, patterns};
use crate::diagnostic::suggest;

impl Walk<'_> {
    /// Looks at a value that something else is made of, or that another name is given to: only what is read of that counts
    /// as read.
    pub(super) fn pass(&mut self, node: &Value) {
        match kind_of(node) {
            Some(("Call", content)) => self.call(content, false),
            Some(("Var" | "RefDot" | "RefBrack", content)) if reference(node).is_some() => {
                for step in reference(node).into_iter().flat_map(|(_, steps)| steps) {
                    if let Step::Dynamic(index) = step {
                        self.visit(index);
                    }
                }
                if let (Some(things), Some(range)) = (self.things(node), range_of(content)) {
                    self.use_parameters(&things, false);
                    self.read(&things, range.start);
                }
            }
            _ => self.visit(node),
        }
    }

    /// The value that a statement gives to a variable, where what it is will be known.
    pub(super) fn passed_on<'n>(&self, kind: &str, literal: &'n Value) -> Option<&'n Value> {
        let (assign, content) = literal.get("expr").filter(|_| kind == "Expr").and_then(kind_of)?;
        content.get("lhs").filter(|_| assign == "AssignExpr").and_then(variable)?;
        let value = content.get("rhs")?;
        let things = self.things(value)?;
        (!things.is_empty() && self.miss(&things).is_none()).then_some(value)
    }

    pub(super) fn call(&mut self, content: &Value, is_used: bool) {
        let got = self.got(content);
        if let (Some(things), Some(range)) = (&got, range_of(content)) {
            self.use_parameters(things, is_used);
            self.read(things, range.start);
        }
        if self.scope.is_policy {
            patterns::call(self, content);
        }
        let mut passes = BTreeSet::new();
        if got.is_some() {
            passes.insert(0);
        }
        let function = content.get("fcn").and_then(reference);
        let Scope { facts, module, .. } = self.scope;
        if let Some((path, _)) =
            function.and_then(|(first, steps)| facts.rule(module, first, &steps))
        {
            let is_own = !self.scope.contract.dialect.is_native()
                || (self.scope.is_policy && path.starts_with(&module.package));
            let count = list(content, "params").count();
            passes.extend((0..count).filter(|at| is_own && facts.argument(&path, *at).is_some()));
            let arguments = list(content, "params").map(|node| self.things(node)).collect();
            self.seen.gathered.call(path, arguments);
        }
        for (position, node) in list(content, "params").enumerate() {
            if passes.contains(&position) { self.pass(node) } else { self.visit(node) }
        }
    }

    /// Notes which parameters a value is, and whether all of them are used at once.
    pub(super) fn use_parameters(&mut self, things: &[Thing], is_used: bool) {
        for thing in things {
            let mut thing = thing;
            while let Thing::Each(element) = thing {
                thing = element;
            }
            let Thing::At(way) = thing else { continue };
            match (way.first(), way.get(1)) {
                (None | Some(None), _) => self.seen.reads_all_parameters |= is_used,
                (Some(Some(first)), second) if first == "parameters" => match second {
                    Some(Some(name)) => {
                        self.seen.parameters.insert(name.clone());
                    }
                    Some(None) => self.seen.reads_all_parameters = true,
                    None => self.seen.reads_all_parameters |= is_used,
                },
                _ => {}
            }
        }
    }

    pub(super) fn read(&mut self, things: &[Thing], start: usize) {
        let Some(miss) = self.miss(things) else {
            let ways = things.iter().filter_map(|thing| match thing {
                Thing::At(way) => Some(way),
                Thing::Each(_) | Thing::Text(_) => None,
            });
            self.seen.names.extend(ways.flat_map(|way| way.iter().skip(2).flatten().cloned()));
            return;
        };
        let mark = self.scope.module.mark(start);
        let finding =
            Finding::warn(self.scope.number, mark, "unknown-input", miss.message, miss.help);
        if miss.elsewhere.is_empty() {
            self.seen.findings.push(finding);
            return;
        }
        let tail = things.first().and_then(|thing| match thing {
            Thing::At(way) => way.get(miss.position..),
            Thing::Each(_) | Thing::Text(_) => None,
        });
        let names = tail.into_iter().flatten().flatten().cloned().collect();
        self.seen.doubts.push(Doubt { finding, kinds: miss.elsewhere, names });
    }

    /// Tells of a reference to `data` that leads to no rule.
    pub(super) fn look_up(&mut self, first: &str, steps: &[Step<'_>], content: &Value) {
        let Scope { module, rules, .. } = self.scope;
        let mut path = match module.imports.get(first) {
            _ if self.bound.contains(first) || self.known.contains_key(first) => return,
            Some(path) => path.clone(),
            None if first == "data" => Vec::new(),
            None => return,
        };
        path.extend(fixed(steps).map(str::to_owned));
        let leads = |path: &[String]| {
            rules.iter().any(|rule| rule.starts_with(path) || path.starts_with(rule))
        };
        if leads(&path) || path.first().is_some_and(|first| first == "inventory") {
            return;
        }
        let count = (0..path.len()).take_while(|count| leads(path.get(..*count).unwrap_or(&[])));
        let count = count.last().unwrap_or_default();
        let (Some(around), Some(name), Some(range)) =
            (path.get(..count), path.get(count), range_of(content))
        else {
            return;
        };
        let mut known: BTreeSet<&str> = rules
            .iter()
            .filter(|rule| rule.starts_with(around))
            .filter_map(|rule| rule.get(count).map(String::as_str))
            .collect();
        if count == 0 {
            known.insert("inventory");
        }
        let message = format!("there is nothing at `data.{}`", path.join("."));
        let help = match suggest::nearest(name, known) {
            Some(near) => format!("did you mean `{near}` for `{name}`?"),
            None => "name the file or folder that it stands in, too".to_owned(),
        };
        self.tell(range.start, "unknown-data", message, &help);
    }
}
