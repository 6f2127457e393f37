//! What a module reads, and what it does with it: one walk over its rules that knows which variables stand for parts of the
//! input.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::syntax::{
    Step, Syntax, declared, kind_of, list, range_of, reference, text_of, variables,
};
use super::contract::{Contract, Way};
use super::{Finding, patterns};

/// What the walk saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub findings: Vec<Finding>,
    /// The parameters that are read by name.
    pub parameters: BTreeSet<String>,
    /// Whether the parameters are read otherwise, too.
    pub reads_all_parameters: bool,
}

/// Walks over the rules of a module. Only a policy's own module is told about patterns.
pub(super) fn walk(
    number: usize,
    module: &Syntax,
    contract: &Contract<'_>,
    is_policy: bool,
) -> Seen {
    let mut seen = Seen::default();
    for rule in &module.rules {
        let is_entry = rule
            .path
            .first()
            .is_some_and(|name| matches!(name.as_str(), "deny" | "warn" | "violation"));
        let mut hidden = BTreeSet::new();
        rule.arguments.iter().for_each(|argument| variables(argument, &mut hidden));
        let count = rule.bodies.len().max(1);
        for position in 0..count {
            let mut walk = Walk {
                number,
                module,
                contract,
                seen: &mut seen,
                ways: BTreeMap::new(),
                bound: hidden.clone(),
                is_entry: is_policy && is_entry,
                is_policy,
            };
            if let Some(body) = rule.bodies.get(position) {
                if let Some(query) = body.get("query") {
                    walk.query(query, true);
                }
                walk.visit(body.get("assign").unwrap_or(&Value::Null));
            }
            rule.head.iter().for_each(|node| walk.visit(node));
        }
    }
    seen
}

/// One body.
pub(super) struct Walk<'a> {
    pub number: usize,
    pub module: &'a Syntax,
    contract: &'a Contract<'a>,
    pub seen: &'a mut Seen,
    /// The variables that stand for parts of the input.
    ways: BTreeMap<String, Way>,
    /// The variables that have values whatever else there is.
    pub bound: BTreeSet<String>,
    /// Whether the body is one of `deny`, `warn` or `violation`.
    pub is_entry: bool,
    pub is_policy: bool,
}

impl Walk<'_> {
    fn query(&mut self, query: &Value, is_outermost: bool) {
        self.bound.extend(declared(query, &self.module.text));
        for statement in list(query, "stmts") {
            let Some((kind, literal)) = statement.get("literal").and_then(kind_of) else {
                continue;
            };
            if self.is_policy {
                patterns::look(self, kind, literal, is_outermost);
            }
            self.visit(literal);
            for with in list(statement, "with_mods").filter_map(|with| with.get("as")) {
                self.visit(with);
            }
            match kind {
                "SomeIn" => {
                    let way = literal.get("collection").and_then(|node| self.way(node));
                    let value = literal.get("value").and_then(variable);
                    if let (Some(mut way), Some(name)) = (way, value) {
                        way.push(None);
                        self.know(name, way);
                    }
                }
                "Expr" => {
                    if let Some(("AssignExpr", assignment)) = literal.get("expr").and_then(kind_of)
                        && let Some(name) = assignment.get("lhs").and_then(variable)
                        && let Some(way) = assignment.get("rhs").and_then(|node| self.way(node))
                    {
                        self.know(name, way);
                    }
                }
                _ => {}
            }
        }
    }

    /// Remembers what a variable stands for; what is never there was told already.
    fn know(&mut self, name: String, way: Way) {
        if self.contract.miss(&way).is_none() {
            self.ways.insert(name, way);
        }
    }

    fn visit(&mut self, node: &Value) {
        match (node, kind_of(node)) {
            (_, Some(("Var" | "RefDot" | "RefBrack", content))) => self.refer(node, content),
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => {
                let (ways, bound) = (self.ways.clone(), self.bound.clone());
                if let Some(query) = content.get("query") {
                    self.query(query, false);
                }
                for part in ["term", "key", "value"].iter().filter_map(|key| content.get(*key)) {
                    self.visit(part);
                }
                (self.ways, self.bound) = (ways, bound);
            }
            (_, Some(("Every", content))) => self.every(content),
            (_, Some(("Call", content))) => {
                self.call(node, content);
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
        let (ways, bound) = (self.ways.clone(), self.bound.clone());
        let names = ["key", "value"]
            .map(|key| text_of(content.get(key)?, &self.module.text).map(str::to_owned));
        let [_, value] = &names;
        if let (Some(name), Some(mut way)) = (value, self.way(domain)) {
            way.push(None);
            self.know(name.clone(), way);
        }
        self.bound.extend(names.into_iter().flatten());
        if let Some(query) = content.get("query") {
            self.query(query, false);
        }
        (self.ways, self.bound) = (ways, bound);
    }

    /// The part of the input that an expression stands for.
    pub(super) fn way(&self, node: &Value) -> Option<Way> {
        if let Some(("Call", content)) = kind_of(node) {
            return self.got(content);
        }
        let (first, steps) = reference(node)?;
        let mut way = if first == "input" { Vec::new() } else { self.ways.get(first)?.clone() };
        way.extend(steps.iter().map(|step| match step {
            Step::Name(name) => Some((*name).to_owned()),
            Step::Dynamic(_) => None,
        }));
        Some(way)
    }

    /// The part that `object.get` looks at.
    fn got(&self, content: &Value) -> Option<Way> {
        let (first, steps) = reference(content.get("fcn")?)?;
        if first != "object" || steps.as_slice() != [Step::Name("get")] {
            return None;
        }
        let mut parameters = list(content, "params");
        let mut way = self.way(parameters.next()?)?;
        let key = parameters.next()?;
        match kind_of(key)? {
            ("String" | "RawString", text) => {
                way.push(Some(text.get("value")?.as_str()?.to_owned()));
            }
            ("Array", items) => {
                for item in list(items, "items") {
                    way.push(constant(item));
                }
            }
            _ => way.push(None),
        }
        Some(way)
    }

    fn refer(&mut self, node: &Value, content: &Value) {
        if let Some((first, steps)) = reference(node) {
            for step in &steps {
                if let Step::Dynamic(index) = step {
                    self.visit(index);
                }
            }
            // A variable alone reads nothing that was not read when it got its value.
            if first != "input" && (steps.is_empty() || !self.ways.contains_key(first)) {
                return;
            }
            if let (Some(way), Some(range)) = (self.way(node), range_of(content)) {
                self.read(&way, range.start);
            }
            return;
        }
        for key in ["refr", "index"] {
            self.visit(content.get(key).unwrap_or(&Value::Null));
        }
    }

    fn call(&mut self, node: &Value, content: &Value) {
        if let (Some(way), Some(range)) = (self.way(node), range_of(content)) {
            self.read(&way, range.start);
        }
        if self.is_policy {
            patterns::call(self, content);
        }
    }

    fn read(&mut self, way: &Way, start: usize) {
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
        if let Some((_, message, help)) = self.contract.miss(way) {
            let mark = self.module.mark(start);
            self.seen.findings.push(Finding::warn(
                self.number,
                mark,
                "unknown-input",
                message,
                help,
            ));
        }
    }

    pub(super) fn warn(&mut self, node: &Value, code: &'static str, message: String, help: &str) {
        let start = node_start(node).unwrap_or_default();
        let mark = self.module.mark(start);
        self.seen.findings.push(Finding::warn(self.number, mark, code, message, help));
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
