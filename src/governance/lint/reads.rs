//! What a module reads, and what it does with it: one walk over its rules that knows which variables stand for parts of the
//! input.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::syntax::{
    Gives, Leaf, Rule, Step, Syntax, assigned, declared, kind_of, list, range_of, reference,
    text_of, variables,
};
use super::contract::{Contract, Miss};
use super::resolve::each;
use super::things::{Facts, Gathered, Thing, Things};
use super::{Finding, patterns, results, words};

/// What the walk saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub findings: Vec<Finding>,
    /// Reads of what other objects have than those that the policy is about.
    pub doubts: Vec<Doubt>,
    /// The names of steps into objects that lead somewhere.
    pub names: BTreeSet<String>,
    /// The parameters that are read by name.
    pub parameters: BTreeSet<String>,
    /// Whether the parameters are read otherwise, too.
    pub reads_all_parameters: bool,
    /// What is known of the rules now.
    pub gathered: Gathered,
}

/// A finding that is none where the policy handles several kinds of objects.
#[derive(Debug)]
pub(super) struct Doubt {
    pub finding: Finding,
    /// The kinds that have it.
    pub kinds: Vec<&'static str>,
    /// The steps from the one that leads nowhere on.
    pub names: Vec<String>,
}

/// How to walk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub contract: &'a Contract<'a>,
    /// What is known of the rules.
    pub facts: &'a Facts,
    /// The paths of all rules that there are.
    pub rules: &'a BTreeSet<Vec<String>>,
    /// Number of the module.
    pub number: usize,
    pub module: &'a Syntax,
    /// Whether it is the policy itself, which is told about patterns.
    pub is_policy: bool,
    /// Whether all calls of its functions are known.
    pub knows_calls: bool,
}

impl Scope<'_> {
    /// Whether what a rule gives is read by those who ask the policy.
    fn is_asked(&self, rule: &Rule) -> bool {
        let entries = super::entries(self.contract.dialect);
        self.is_policy && rule.path.first().is_some_and(|name| entries.contains(&name.as_str()))
    }
}

/// Walks over the rules of a module.
pub(super) fn walk(scope: Scope<'_>, seen: &mut Seen) {
    for rule in &scope.module.rules {
        let is_entry = rule
            .path
            .first()
            .is_some_and(|name| matches!(name.as_str(), "deny" | "warn" | "violation"));
        let path: Vec<String> = scope.module.package.iter().chain(&rule.path).cloned().collect();
        let mut hidden = BTreeSet::new();
        rule.arguments.iter().for_each(|argument| variables(argument, &mut hidden));
        let mut known = BTreeMap::new();
        for (position, argument) in rule.arguments.iter().enumerate().filter(|_| scope.knows_calls)
        {
            let things = scope.facts.argument(&path, position);
            if let (Some(name), Some(things)) = (variable(argument), things) {
                known.insert(name, things);
            }
        }
        let count = rule.bodies.len().max(1);
        for position in 0..count {
            let mut walk = Walk {
                scope,
                seen,
                known: known.clone(),
                written: BTreeMap::new(),
                comprehensions: BTreeMap::new(),
                bound: hidden.clone(),
                arguments: &hidden,
                is_entry: scope.is_policy && is_entry,
            };
            let body = rule.bodies.get(position);
            if let Some(body) = body {
                if let Some(query) = body.get("query") {
                    walk.query(query, true);
                }
                walk.visit(body.get("assign").unwrap_or(&Value::Null));
            }
            match &rule.gives {
                Gives::Value(Some(node)) if scope.facts.value(&path).is_some() => walk.pass(node),
                _ => rule.head.iter().for_each(|node| walk.visit(node)),
            }
            for (at, argument) in rule.arguments.iter().enumerate() {
                if variable(argument).is_none() {
                    walk.seen.gathered.take_apart(path.clone(), at);
                }
            }
            if let (true, [set], Gives::Element(element)) =
                (scope.is_asked(rule), rule.path.as_slice(), &rule.gives)
            {
                results::look(&mut walk, set, element);
            }
            let value = match body.filter(|_| position > 0) {
                Some(body) => assigned(body).and_then(|node| walk.things(node)),
                None => walk.given(rule),
            };
            seen.gathered.define(path.clone(), value);
        }
    }
}

/// One body.
pub(super) struct Walk<'a> {
    pub scope: Scope<'a>,
    pub seen: &'a mut Seen,
    /// What the variables stand for.
    pub known: BTreeMap<String, Vec<Thing>>,
    /// What the variables were given, as it is written.
    pub written: BTreeMap<String, Value>,
    /// What the elements of comprehensions are, by where these begin.
    pub comprehensions: BTreeMap<usize, Things>,
    /// The variables that have values whatever else there is.
    pub bound: BTreeSet<String>,
    /// The variables of the arguments.
    pub arguments: &'a BTreeSet<String>,
    /// Whether the body is one of `deny`, `warn` or `violation`.
    pub is_entry: bool,
}

impl Walk<'_> {
    /// What the definition gives.
    fn given(&self, rule: &Rule) -> Things {
        match &rule.gives {
            Gives::Element(node) => each(self.things(node)),
            Gives::Value(Some(node)) => self.things(node),
            Gives::Nested(keys, Leaf::Element(node)) if keys.is_empty() => each(self.things(node)),
            Gives::Value(None) | Gives::Member(..) | Gives::Nested(..) | Gives::Unknown => None,
        }
    }

    fn query(&mut self, query: &Value, is_outermost: bool) {
        self.bound.extend(declared(query, &self.scope.module.text));
        for statement in list(query, "stmts") {
            let Some((kind, literal)) = statement.get("literal").and_then(kind_of) else {
                continue;
            };
            if self.scope.is_policy {
                patterns::look(self, kind, literal, is_outermost);
            }
            match self.passed_on(kind, literal) {
                Some(value) => self.pass(value),
                None => self.visit(literal),
            }
            for with in list(statement, "with_mods").filter_map(|with| with.get("as")) {
                self.visit(with);
            }
            match kind {
                "SomeIn" => {
                    let things = literal.get("collection").and_then(|node| self.elements(node));
                    if let Some(name) = literal.get("value").and_then(variable) {
                        self.know(name, things);
                    }
                }
                "Expr" => {
                    let Some((kind, content)) = literal.get("expr").and_then(kind_of) else {
                        continue;
                    };
                    match (kind, content.get("lhs").and_then(variable), content.get("rhs")) {
                        ("AssignExpr", Some(name), Some(value)) => {
                            let things = self.things(value);
                            self.written.insert(name.clone(), value.clone());
                            self.know(name, things);
                        }
                        // `set[x]` picks an `x`.
                        ("RefBrack", ..) => self.pick(content),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    /// What `set[x]` says of `x`.
    fn pick(&mut self, content: &Value) {
        let (Some(set), Some(name)) =
            (content.get("refr"), content.get("index").and_then(variable))
        else {
            return;
        };
        // The index of a list is a number, but nothing is a list that a rule builds from elements.
        let is_rule = reference(set).is_some_and(|(first, steps)| {
            !self.bound.contains(first)
                && self.scope.facts.rule(self.scope.module, first, &steps).is_some()
        });
        let things = self.things(set).filter(|_| is_rule);
        if let Some(things) = things
            && things.iter().all(|thing| matches!(thing, Thing::Each(_)))
            && !self.known.contains_key(&name)
        {
            let things = self.elements(set);
            self.know(name, things);
        }
    }

    /// Remembers what a variable stands for; what is never there was told already.
    fn know(&mut self, name: String, things: Things) {
        let things = things.filter(|things| !things.is_empty() && self.miss(things).is_none());
        match things {
            Some(things) => {
                self.known.insert(name, things);
            }
            None => {
                self.known.remove(&name);
            }
        }
    }

    /// What is wrong with all that a value may be.
    pub(super) fn miss(&self, things: &[Thing]) -> Option<Miss> {
        let mut first = None;
        for thing in things {
            let Thing::At(way) = thing else { return None };
            let miss = self.scope.contract.miss(way)?;
            first = first.or(Some(miss));
        }
        first
    }

    pub(super) fn visit(&mut self, node: &Value) {
        match (node, kind_of(node)) {
            (_, Some(("Var" | "RefDot" | "RefBrack", content))) => self.refer(node, content),
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => {
                let (known, bound) = (self.known.clone(), self.bound.clone());
                if let Some(query) = content.get("query") {
                    self.query(query, false);
                }
                for part in ["term", "key", "value"].iter().filter_map(|key| content.get(*key)) {
                    self.visit(part);
                }
                if let (Some(term), Some(range)) = (content.get("term"), range_of(content)) {
                    let things = self.things(term);
                    self.comprehensions.insert(range.start, things);
                }
                (self.known, self.bound) = (known, bound);
            }
            (_, Some(("Every", content))) => self.every(content),
            (_, Some(("Call", content))) => self.call(content, true),
            (Value::Array(nodes), _) => nodes.iter().for_each(|node| self.visit(node)),
            (_, Some((kind, content))) => {
                words::look(self, kind, content);
                self.visit(content);
            }
            (Value::Object(members), None) => {
                // `every` stands in its literal without a node of its own.
                if members.contains_key("domain") && members.contains_key("query") {
                    self.every(node);
                } else {
                    members.values().for_each(|node| self.visit(node));
                }
            }
            _ => {}
        }
    }

    fn every(&mut self, content: &Value) {
        let Some(domain) = content.get("domain") else { return };
        self.visit(domain);
        let (known, bound) = (self.known.clone(), self.bound.clone());
        let names = ["key", "value"]
            .map(|key| text_of(content.get(key)?, &self.scope.module.text).map(str::to_owned));
        let [_, value] = &names;
        if let Some(name) = value {
            let things = self.elements(domain);
            self.know(name.clone(), things);
        }
        self.bound.extend(names.into_iter().flatten());
        if let Some(query) = content.get("query") {
            self.query(query, false);
        }
        (self.known, self.bound) = (known, bound);
    }

    fn refer(&mut self, node: &Value, content: &Value) {
        if let Some((first, steps)) = reference(node) {
            for step in &steps {
                if let Step::Dynamic(index) = step {
                    self.visit(index);
                }
            }
            let Some(things) = self.things(node) else {
                self.look_up(first, &steps, content);
                return;
            };
            if first != "input" && steps.is_empty() {
                // What is wrong with it was told when the variable got its value.
                self.use_parameters(&things, true);
            } else if let Some(range) = range_of(content) {
                self.use_parameters(&things, true);
                self.read(&things, range.start);
                for miss in self.misspelt(node) {
                    self.tell(range.start, "unknown-input", miss.message, &miss.help);
                }
            }
            return;
        }
        for key in ["refr", "index"] {
            self.visit(content.get(key).unwrap_or(&Value::Null));
        }
    }

    pub(super) fn warn(&mut self, node: &Value, code: &'static str, message: String, help: &str) {
        self.tell(node_start(node).unwrap_or_default(), code, message, help);
    }

    pub(super) fn tell(&mut self, start: usize, code: &'static str, message: String, help: &str) {
        let mark = self.scope.module.mark(start);
        self.seen.findings.push(Finding::warn(self.scope.number, mark, code, message, help));
    }
}

/// Where a node, or the first node in it, begins.
fn node_start(node: &Value) -> Option<usize> {
    if let Some(range) = range_of(node) {
        return Some(range.start);
    }
    let (_, content) = kind_of(node)?;
    Some(range_of(content)?.start)
}

pub(super) fn variable(node: &Value) -> Option<String> {
    match kind_of(node)? {
        ("Var", content) => Some(content.get("value")?.as_str()?.to_owned()),
        _ => None,
    }
}

/// A text that stands as it is.
pub(super) fn constant(node: &Value) -> Option<String> {
    match kind_of(node)? {
        ("String" | "RawString", content) => Some(content.get("value")?.as_str()?.to_owned()),
        _ => None,
    }
}
