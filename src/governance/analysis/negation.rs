//! Variables that only negations use: [`check`].
//!
//! `not xs[_].y` reads as "no element has `y`", and as "some element has no `y`" to the next reader: OPA refuses it, as nothing
//! says which element is meant. What is called inside of the arguments of what is negated is worked out before, so that
//! `not count(xs[_]) == 1` says that of some element; where `xs[_]` itself is an argument it is not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Finding, RuleFact};
use crate::governance::syntax::{Rule, Syntax, kind_of, list, range_of, reference, text_of};

/// Finds the variables in the negations of a module that nothing gives a value.
pub(super) fn check(
    number: usize,
    module: &Syntax,
    rules: &BTreeMap<Vec<String>, RuleFact>,
) -> Vec<Finding> {
    let mut check = Check { number, module, rules, findings: Vec::new() };
    for rule in &module.rules {
        check.rule(rule);
    }
    check.findings
}

struct Check<'a> {
    number: usize,
    module: &'a Syntax,
    rules: &'a BTreeMap<Vec<String>, RuleFact>,
    findings: Vec<Finding>,
}

/// The variables that have values somewhere.
type Names<'a> = BTreeSet<&'a str>;

/// What is found in a negation.
#[derive(Clone, Copy)]
enum Found<'a> {
    /// A variable that is looked through before the negation, and has a value there.
    Bound(&'a str),
    /// A variable that must have a value, and where it stands.
    Used(&'a str, usize),
    /// A walk as an argument, and where it stands.
    Walk(usize),
}

impl<'a> Check<'a> {
    fn rule(&mut self, rule: &'a Rule) {
        let mut outer = Names::new();
        rule.arguments.iter().for_each(|pattern| occurring(pattern, &mut outer));
        let mut all = outer.clone();
        for body in &rule.bodies {
            let known = body.get("query").map(|query| self.query(query, &outer));
            let known = known.unwrap_or_else(|| outer.clone());
            body.get("assign").into_iter().for_each(|node| self.closures(node, &known));
            all.extend(known);
        }
        rule.head.iter().for_each(|node| self.closures(node, &all));
    }

    /// Looks at the negations of a query. Gives the variables that have values in it.
    fn query(&mut self, query: &'a Value, outer: &Names<'a>) -> Names<'a> {
        let mut known = outer.clone();
        for statement in list(query, "stmts") {
            let Some((kind, literal)) = statement.get("literal").and_then(kind_of) else {
                continue;
            };
            match kind {
                "NotExpr" => {
                    if let Some(expression) = literal.get("expr") {
                        let found = found(expression).into_iter();
                        known.extend(found.filter_map(|one| match one {
                            Found::Bound(name) if name != "_" => Some(name),
                            _ => None,
                        }));
                    }
                }
                // `some x` alone gives no value.
                "SomeVars" => {}
                "Every" => {
                    literal.get("domain").into_iter().for_each(|one| occurring(one, &mut known));
                }
                _ => occurring(literal, &mut known),
            }
            list(statement, "with_mods").for_each(|with| occurring(with, &mut known));
        }
        for statement in list(query, "stmts") {
            match statement.get("literal").and_then(kind_of) {
                Some(("NotExpr", literal)) => {
                    if let Some(expression) = literal.get("expr") {
                        self.negation(expression, &known);
                        self.closures(expression, &known);
                    }
                }
                Some(("Every", literal)) => {
                    literal.get("domain").into_iter().for_each(|one| self.closures(one, &known));
                    let mut inner = known.clone();
                    let names = ["key", "value"].iter().filter_map(|key| literal.get(*key));
                    inner.extend(names.filter_map(|name| text_of(name, &self.module.text)));
                    if let Some(query) = literal.get("query") {
                        self.query(query, &inner);
                    }
                }
                Some((_, literal)) => self.closures(literal, &known),
                None => {}
            }
            list(statement, "with_mods").for_each(|with| self.closures(with, &known));
        }
        known
    }

    /// Goes on in the comprehensions of an expression.
    fn closures(&mut self, node: &'a Value, known: &Names<'a>) {
        match (node, kind_of(node)) {
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => {
                let Some(query) = content.get("query") else {
                    return;
                };
                let inner = self.query(query, known);
                let terms = ["term", "key", "value"].iter().filter_map(|key| content.get(*key));
                terms.for_each(|term| self.closures(term, &inner));
            }
            (Value::Array(nodes), _) => {
                for node in nodes {
                    self.closures(node, known);
                }
            }
            (Value::Object(members), _) => {
                members.values().for_each(|node| self.closures(node, known));
            }
            _ => {}
        }
    }

    fn negation(&mut self, expression: &'a Value, known: &Names<'a>) {
        for one in found(expression) {
            let (position, message) = match one {
                Found::Used(name, position) if !known.contains(name) && !self.is_global(name) => (
                    position,
                    format!(
                        "`{name}` is unsafe: `not` gives no variable a value, so nothing says which one is meant; say so in a statement before, as in `some x in list; not x.y`, or negate a rule that looks at all of them"
                    ),
                ),
                Found::Walk(position) => (
                    position,
                    "not supported: `walk` inside of a negation; give its value a name in a statement before"
                        .to_owned(),
                ),
                Found::Bound(_) | Found::Used(..) => continue,
            };
            let mark = self.module.mark(position);
            self.findings.push(Finding { module: self.number, mark, message });
        }
    }

    /// Whether a name stands for something that no statement has to give it.
    fn is_global(&self, name: &str) -> bool {
        let path: Vec<String> =
            self.module.package.iter().cloned().chain(std::iter::once(name.to_owned())).collect();
        let mut below = self.rules.range(path.clone()..);
        name != "_"
            && (matches!(name, "input" | "data")
                || self.module.imports.contains_key(name)
                // Under which names is not known.
                || self.module.imports_input
                || below.next().is_some_and(|(rule, _)| rule.starts_with(&path)))
    }
}

/// The variables that occur in a node, but for those of its comprehensions.
fn occurring<'a>(node: &'a Value, names: &mut Names<'a>) {
    match (node, kind_of(node)) {
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => {}
        (_, Some(("Var", content))) => {
            let name = content.get("value").and_then(Value::as_str);
            names.extend(name.filter(|name| *name != "_"));
        }
        (Value::Array(nodes), _) => nodes.iter().for_each(|node| occurring(node, names)),
        (Value::Object(members), _) => members.values().for_each(|node| occurring(node, names)),
        _ => {}
    }
}

/// What is in a negated expression, but for its comprehensions.
fn found(expression: &Value) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    match kind_of(expression) {
        Some((kind, content)) if is_call(kind) => operands(content, false, &mut found),
        _ => look(expression, false, &mut found),
    }
    found
}

/// Whether it is a call to OPA: operators are functions.
fn is_call(kind: &str) -> bool {
    matches!(
        kind,
        "ArithExpr" | "AssignExpr" | "BinExpr" | "BoolExpr" | "Call" | "Membership" | "UnaryExpr"
    )
}

fn operands<'a>(call: &'a Value, is_before: bool, found: &mut Vec<Found<'a>>) {
    list(call, "params").for_each(|one| look(one, is_before, found));
    for key in ["lhs", "rhs", "key", "value", "collection", "expr"] {
        call.get(key).into_iter().for_each(|one| look(one, is_before, found));
    }
}

fn look<'a>(node: &'a Value, is_before: bool, found: &mut Vec<Found<'a>>) {
    let position = |content| range_of(content).unwrap_or_default().start;
    match (node, kind_of(node)) {
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => {}
        (_, Some(("Var", content))) => {
            let name = content.get("value").and_then(Value::as_str).unwrap_or_default();
            found.push(Found::Used(name, position(content)));
        }
        (_, Some((kind, content))) if is_call(kind) => {
            let name = content.get("fcn").and_then(reference);
            if name.is_some_and(|(first, steps)| first == "walk" && steps.is_empty()) {
                found.push(Found::Walk(position(content)));
            }
            operands(content, true, found);
        }
        (_, Some(("RefBrack", content))) => {
            content.get("refr").into_iter().for_each(|one| look(one, is_before, found));
            let index = content.get("index");
            match index.and_then(kind_of) {
                Some(("Var", variable)) if is_before => {
                    found.extend(variable.get("value").and_then(Value::as_str).map(Found::Bound));
                }
                _ => index.into_iter().for_each(|one| look(one, is_before, found)),
            }
        }
        (Value::Array(nodes), _) => nodes.iter().for_each(|node| look(node, is_before, found)),
        (Value::Object(members), _) => {
            members.values().for_each(|node| look(node, is_before, found));
        }
        _ => {}
    }
}
