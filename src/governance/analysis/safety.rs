//! Variables that nothing gives a value: [`check`].
//!
//! OPA refuses them as unsafe; the engine finds some of them when it comes to them, and takes others for what does not hold.
//! More counts here than with OPA: any place in the same query, or around it, where a variable can get a value.
//!
//! A negation gives none. `not xs[_].y` reads as "no element has `y`", and as "some element has no `y`" to the next reader. What
//! is called inside of the arguments of what is negated is worked out before, so that `not count(xs[_]) == 1` says that of some
//! element; where `xs[_]` itself is an argument it is not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Finding, RuleFact};
use crate::diagnostic::suggest;
use crate::governance::builtins;
use crate::governance::syntax::{
    Rule, Syntax, calls, fixed, kind_of, list, range_of, reference, text_of, variables,
};

/// Finds the variables of a module that nothing gives a value.
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
type Names = BTreeSet<String>;

/// What a part of an expression is there for.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    /// It is worked out: a variable that picks an element gets a value.
    Value,
    /// The same, in an argument of what is negated.
    Before,
    /// It takes a value apart: its variables get theirs.
    Pattern,
    /// It is looked at in a negation, and gives nothing a value.
    Negated,
}

/// What is found in an expression.
#[derive(Clone, Copy)]
enum Found<'n> {
    /// A variable that gets a value.
    Bound(&'n str),
    /// A variable that must have one, where it stands, and whether in a negation.
    Used(&'n str, usize, bool),
    /// A walk in the argument of what is negated, and where it stands.
    Walk(usize),
}

impl Check<'_> {
    fn rule(&mut self, rule: &Rule) {
        let mut outer = Names::new();
        rule.arguments.iter().for_each(|pattern| variables(pattern, &mut outer));
        let mut first = None;
        for body in &rule.bodies {
            let known = match body.get("query") {
                Some(query) => self.query(query, &outer),
                None => outer.clone(),
            };
            self.said(body.get("assign").into_iter(), known.clone());
            first.get_or_insert(known);
        }
        self.said(rule.head.iter(), first.unwrap_or(outer));
    }

    /// Looks at what is said where a query holds.
    fn said<'n>(&mut self, nodes: impl Iterator<Item = &'n Value> + Clone, mut known: Names) {
        let mut found = Vec::new();
        nodes.clone().for_each(|node| look(node, Part::Value, &mut found));
        bind(&found, &mut known);
        self.tell(&found, &known);
        nodes.for_each(|node| self.closures(node, &known));
    }

    /// Looks at the statements of a query. Gives the variables that have values in it.
    fn query(&mut self, query: &Value, outer: &Names) -> Names {
        let mut found = Vec::new();
        for statement in list(query, "stmts") {
            self.statement(statement, &mut found);
        }
        let mut known = outer.clone();
        bind(&found, &mut known);
        self.tell(&found, &known);
        for statement in list(query, "stmts") {
            match statement.get("literal").and_then(kind_of) {
                Some(("Every", every)) => {
                    every.get("domain").into_iter().for_each(|one| self.closures(one, &known));
                    let mut inner = known.clone();
                    let names = ["key", "value"].iter().filter_map(|key| every.get(*key));
                    let names = names.filter_map(|name| text_of(name, &self.module.text));
                    inner.extend(names.map(str::to_owned));
                    if let Some(query) = every.get("query") {
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

    fn statement<'n>(&self, statement: &'n Value, found: &mut Vec<Found<'n>>) {
        let Some((kind, literal)) = statement.get("literal").and_then(kind_of) else {
            return;
        };
        match (kind, literal.get("expr")) {
            ("Expr", Some(expression)) => self.expression(expression, found),
            ("NotExpr", Some(expression)) => match kind_of(expression) {
                Some((kind, content)) if is_call(kind) => operands(content, Part::Negated, found),
                _ => look(expression, Part::Negated, found),
            },
            ("SomeIn", _) => {
                for key in ["key", "value"] {
                    literal.get(key).into_iter().for_each(|one| look(one, Part::Pattern, found));
                }
                literal.get("collection").into_iter().for_each(|one| look(one, Part::Value, found));
            }
            ("Every", _) => {
                literal.get("domain").into_iter().for_each(|one| look(one, Part::Value, found));
            }
            // `some x` alone gives no value.
            _ => {}
        }
        for replacement in list(statement, "with_mods").filter_map(|with| with.get("as")) {
            // A function may be named there, and a variable that has no value is the engine's to find.
            let mut inner = Vec::new();
            look(replacement, Part::Value, &mut inner);
            found.extend(inner.into_iter().filter(|one| matches!(one, Found::Bound(_))));
        }
    }

    fn expression<'n>(&self, expression: &'n Value, found: &mut Vec<Found<'n>>) {
        match kind_of(expression) {
            Some(("AssignExpr", content)) => {
                let is_declared = content.get("op").and_then(Value::as_str) == Some("ColEq");
                let right = if is_declared { Part::Value } else { Part::Pattern };
                for (side, part) in [("lhs", Part::Pattern), ("rhs", right)] {
                    content.get(side).into_iter().for_each(|one| look(one, part, found));
                }
            }
            // The last argument may take the result.
            Some(("Call", content)) => {
                let arguments: Vec<&Value> = list(content, "params").collect();
                let output = self.arity(content).filter(|arity| arity + 1 == arguments.len());
                for (position, argument) in arguments.into_iter().enumerate() {
                    let is_output = Some(position) == output;
                    look(argument, if is_output { Part::Pattern } else { Part::Value }, found);
                }
            }
            _ => look(expression, Part::Value, found),
        }
    }

    /// How many arguments a function takes, if that is known.
    fn arity(&self, call: &Value) -> Option<usize> {
        let (first, steps) = call.get("fcn").and_then(reference)?;
        let names: Vec<String> =
            std::iter::once(first).chain(fixed(&steps)).map(str::to_owned).collect();
        let imported = self.module.imports.get(first).map(|path| (path.clone(), 1));
        let (mut path, skipped) = match first {
            "data" => (Vec::new(), 1),
            _ => imported.unwrap_or_else(|| (self.module.package.clone(), 0)),
        };
        path.extend(names.iter().skip(skipped).cloned());
        match self.rules.get(&path) {
            Some(rule) => Some(rule.arguments),
            None => Some(builtins::lookup(&names.join("."))?.arity),
        }
    }

    /// Goes on in the comprehensions of an expression.
    fn closures(&mut self, node: &Value, known: &Names) {
        match (node, kind_of(node)) {
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => {
                if let Some(query) = content.get("query") {
                    let inner = self.query(query, known);
                    let terms = ["term", "key", "value"].into_iter();
                    self.said(terms.filter_map(|key| content.get(key)), inner);
                }
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

    fn tell(&mut self, found: &[Found<'_>], known: &Names) {
        for one in found {
            let (position, message) = match *one {
                Found::Used(name, at, is_negated)
                    if !known.contains(name) && !self.is_global(name) =>
                {
                    let reason = if let Some(near) = self.nearest(name, known) {
                        format!("nothing gives it a value; did you mean `{near}`?")
                    } else if is_negated {
                        "`not` gives no variable a value, so nothing says which one is meant; say so in a statement before, as in `some x in list; not x.y`, or negate a rule that looks at all of them".to_owned()
                    } else {
                        "nothing gives it a value".to_owned()
                    };
                    (at, format!("`{name}` is unsafe: {reason}"))
                }
                Found::Walk(at) => (
                    at,
                    "not supported: `walk` inside of a negation; give its value a name in a statement before"
                        .to_owned(),
                ),
                Found::Bound(_) | Found::Used(..) => continue,
            };
            let mark = self.module.mark(position);
            self.findings.push(Finding { module: self.number, mark, message });
        }
    }

    /// The name of a variable, rule or import that a name may be meant for.
    fn nearest(&self, name: &str, known: &Names) -> Option<String> {
        let imports = self.module.imports.keys();
        let rules = self.module.rules.iter().filter_map(|rule| rule.path.first());
        let names = known.iter().chain(imports).chain(rules).map(String::as_str);
        let nearest = suggest::nearest(name, names.filter(|known| known.len() > 2));
        nearest.map(str::to_owned)
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

fn bind(found: &[Found<'_>], known: &mut Names) {
    let names = found.iter().filter_map(|one| match one {
        Found::Bound(name) if *name != "_" => Some((*name).to_owned()),
        _ => None,
    });
    known.extend(names);
}

/// Whether it is a call to OPA: operators are functions.
fn is_call(kind: &str) -> bool {
    matches!(
        kind,
        "ArithExpr" | "AssignExpr" | "BinExpr" | "BoolExpr" | "Call" | "Membership" | "UnaryExpr"
    )
}

fn operands<'n>(call: &'n Value, part: Part, found: &mut Vec<Found<'n>>) {
    list(call, "params").for_each(|one| look(one, part, found));
    for key in ["lhs", "rhs", "key", "value", "collection", "expr"] {
        call.get(key).into_iter().for_each(|one| look(one, part, found));
    }
}

/// Looks at an expression, but for its comprehensions.
fn look<'n>(node: &'n Value, part: Part, found: &mut Vec<Found<'n>>) {
    let position = |content| range_of(content).unwrap_or_default().start;
    let inner = if part == Part::Pattern { Part::Value } else { part };
    match (node, kind_of(node)) {
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", _))) => {}
        (_, Some(("Var", content))) => {
            let name = content.get("value").and_then(Value::as_str).unwrap_or_default();
            let is_negated = matches!(part, Part::Before | Part::Negated);
            found.push(match part {
                Part::Pattern => Found::Bound(name),
                _ => Found::Used(name, position(content), is_negated),
            });
        }
        (_, Some((kind, content))) if is_call(kind) => {
            let is_negated = matches!(part, Part::Before | Part::Negated);
            if is_negated && calls(content, "walk") {
                found.push(Found::Walk(position(content)));
            }
            operands(content, if is_negated { Part::Before } else { Part::Value }, found);
        }
        (_, Some(("RefBrack", content))) => {
            content.get("refr").into_iter().for_each(|one| look(one, inner, found));
            let Some(index) = content.get("index") else {
                return;
            };
            match kind_of(index) {
                Some(("Var", variable)) if part != Part::Negated => {
                    found.extend(variable.get("value").and_then(Value::as_str).map(Found::Bound));
                }
                // An index that is a list picks elements of a set by what they are like.
                kind => {
                    let is_pattern = matches!(kind, Some(("Array" | "Object", _)));
                    let picks = is_pattern && part != Part::Negated;
                    let part = if picks { Part::Pattern } else { inner };
                    look(index, part, found);
                }
            }
        }
        (_, Some(("RefDot", content))) => {
            content.get("refr").into_iter().for_each(|one| look(one, inner, found));
        }
        (_, Some(("Object", content))) if part == Part::Pattern => {
            for field in list(content, "fields") {
                field.get(1).into_iter().for_each(|key| look(key, Part::Value, found));
                field.get(2).into_iter().for_each(|value| look(value, part, found));
            }
        }
        (_, Some(("Set", content))) => look(content, inner, found),
        (Value::Array(nodes), _) => nodes.iter().for_each(|node| look(node, part, found)),
        (Value::Object(members), _) => {
            members.values().for_each(|node| look(node, part, found));
        }
        _ => {}
    }
}
