//! What a module reads, and what it does with it: one walk over its rules that knows which variables stand for parts of the
//! input.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::syntax::{
    Gives, Leaf, Rule, Step, Syntax, assigned, declared, kind_of, list, range_of, reference,
    text_of, variables,
};
use super::contract::{Contract, Miss, Way};
use super::things::{Facts, Gathered, Thing, Things, union};
use super::{Finding, patterns};

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
    /// Number of the module.
    pub number: usize,
    pub module: &'a Syntax,
    /// Whether it is the policy itself, which is told about patterns.
    pub is_policy: bool,
    /// Whether all calls of its functions are known.
    pub knows_calls: bool,
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
                comprehensions: BTreeMap::new(),
                bound: hidden.clone(),
                is_entry: scope.is_policy && is_entry,
            };
            let body = rule.bodies.get(position);
            if let Some(body) = body {
                if let Some(query) = body.get("query") {
                    walk.query(query, true);
                }
                walk.visit(body.get("assign").unwrap_or(&Value::Null));
            }
            rule.head.iter().for_each(|node| walk.visit(node));
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
    known: BTreeMap<String, Vec<Thing>>,
    /// What the elements of comprehensions are, by where these begin.
    comprehensions: BTreeMap<usize, Things>,
    /// The variables that have values whatever else there is.
    pub bound: BTreeSet<String>,
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
            self.visit(literal);
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
    fn miss(&self, things: &[Thing]) -> Option<Miss> {
        let mut first = None;
        for thing in things {
            let Thing::At(way) = thing else { return None };
            let miss = self.scope.contract.miss(way)?;
            first = first.or(Some(miss));
        }
        first
    }

    fn visit(&mut self, node: &Value) {
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
            (_, Some(("Call", content))) => {
                self.call(content);
                list(content, "params").for_each(|node| self.visit(node));
            }
            (Value::Array(nodes), _) => nodes.iter().for_each(|node| self.visit(node)),
            (_, Some((_, content))) => self.visit(content),
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

    /// The part of the input that an expression stands for, the first of them where it may be several.
    pub(super) fn way(&self, node: &Value) -> Option<Way> {
        self.things(node)?.into_iter().find_map(|thing| match thing {
            Thing::At(way) => Some(way),
            Thing::Each(_) | Thing::Text(_) => None,
        })
    }

    /// What the elements of a collection may be.
    fn elements(&self, node: &Value) -> Things {
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
    fn got(&self, content: &Value) -> Things {
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

    fn refer(&mut self, node: &Value, content: &Value) {
        if let Some((first, steps)) = reference(node) {
            for step in &steps {
                if let Step::Dynamic(index) = step {
                    self.visit(index);
                }
            }
            // A variable alone reads nothing that was not read when it got its value.
            if first != "input" && steps.is_empty() {
                return;
            }
            if let (Some(things), Some(range)) = (self.things(node), range_of(content)) {
                self.read(&things, range.start);
            }
            return;
        }
        for key in ["refr", "index"] {
            self.visit(content.get(key).unwrap_or(&Value::Null));
        }
    }

    fn call(&mut self, content: &Value) {
        if let (Some(things), Some(range)) = (self.got(content), range_of(content)) {
            self.read(&things, range.start);
        }
        if self.scope.is_policy {
            patterns::call(self, content);
        }
        let Some((first, steps)) = content.get("fcn").and_then(reference) else { return };
        if let Some((path, _)) = self.scope.facts.rule(self.scope.module, first, &steps) {
            let arguments = list(content, "params").map(|node| self.things(node)).collect();
            self.seen.gathered.call(path, arguments);
        }
    }

    fn read(&mut self, things: &[Thing], start: usize) {
        for thing in things {
            let Thing::At(way) = thing else { continue };
            match (way.first(), way.get(1)) {
                (None | Some(None), _) => self.seen.reads_all_parameters = true,
                (Some(Some(first)), second) if first == "parameters" => match second {
                    Some(Some(name)) => {
                        self.seen.parameters.insert(name.clone());
                    }
                    Some(None) | None => self.seen.reads_all_parameters = true,
                },
                _ => {}
            }
        }
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

    pub(super) fn warn(&mut self, node: &Value, code: &'static str, message: String, help: &str) {
        let start = node_start(node).unwrap_or_default();
        let mark = self.scope.module.mark(start);
        self.seen.findings.push(Finding::warn(self.scope.number, mark, code, message, help));
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
fn each(elements: Things) -> Things {
    Some(elements?.into_iter().map(|thing| Thing::Each(Box::new(thing))).collect())
}

/// Where a node, or the first node in it, begins.
fn node_start(node: &Value) -> Option<usize> {
    if let Some(range) = range_of(node) {
        return Some(range.start);
    }
    let (_, content) = kind_of(node)?;
    Some(range_of(content)?.start)
}

fn variable(node: &Value) -> Option<String> {
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
