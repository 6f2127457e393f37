//! Negations, as OPA evaluates them.
//!
//! OPA works out the arguments of what is negated before the negation, so that `not f(x.y)` is undefined where `x.y` is,
//! and only `not x.y` and `not x.y == 1` hold there. The engine takes all of them to hold. So what OPA works out first is put
//! in front, as a list, which is there when all of its elements are.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::Edit;
use crate::governance::shape::Scanner;
use crate::governance::syntax::{Syntax, kind_of, list, range_of, text_of};

/// What must be put into the text of a module that was parsed.
pub(in crate::governance) fn guards(module: &Syntax) -> Vec<Edit> {
    let mut finder = Finder { module, edits: Vec::new(), every: Vec::new() };
    for rule in &module.rules {
        for node in rule.head.iter().chain(&rule.arguments) {
            finder.visit(node);
        }
        for body in &rule.bodies {
            if let Some(assigned) = body.get("assign") {
                finder.visit(assigned);
            }
            if let Some(query) = body.get("query") {
                finder.query(query, true);
            }
        }
    }
    finder.edits
}

struct Finder<'m> {
    module: &'m Syntax,
    edits: Vec<Edit>,
    /// The names that each `every` around gives to what it goes through.
    every: Vec<&'m str>,
}

impl<'m> Finder<'m> {
    fn visit(&mut self, node: &'m Value) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.visit(node)),
            Value::Object(members) if members.contains_key("stmts") => self.query(node, false),
            Value::Object(members) => members.values().for_each(|node| self.visit(node)),
            _ => {}
        }
    }

    fn query(&mut self, query: &'m Value, is_body: bool) {
        for statement in list(query, "stmts") {
            let known = self.every.len();
            match statement.get("literal").and_then(kind_of) {
                Some(("NotExpr", literal)) => {
                    if let Some(expression) = literal.get("expr") {
                        // `if not f(x)` is the only body without brackets around it.
                        let is_bare = is_body && range_of(query) == range_of(statement);
                        self.guard(statement, literal, expression, is_bare);
                        self.bound_indices(expression);
                    }
                }
                Some(("Every", literal)) => {
                    let names = ["key", "value"]
                        .into_iter()
                        .filter_map(|part| text_of(literal.get(part)?, &self.module.text));
                    self.every.extend(names);
                }
                _ => {}
            }
            self.wildcard(statement);
            self.visit(statement);
            self.every.truncate(known);
        }
    }

    /// The engine forgets that `every` has bound its names: where one of them is an index, it looks for values of it that
    /// there are, before the negation, and `every x in list { not seen[x] }` never holds. It does no such thing with an index
    /// that is looked up itself.
    fn bound_indices(&mut self, node: &Value) {
        if self.every.is_empty() {
            return;
        }
        if let Some(("RefBrack", content)) = kind_of(node)
            && let Some(index) = content.get("index")
            && let Some(("Var", variable)) = kind_of(index)
            && let Some(name) = variable.get("value").and_then(Value::as_str)
            && self.every.contains(&name)
            && let Some(range) = range_of(variable)
        {
            self.edits.push((range.start..range.start, "[".to_owned()));
            self.edits.push((range.end..range.end, "][0]".to_owned()));
        }
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.bound_indices(node)),
            Value::Object(members) => members.values().for_each(|node| self.bound_indices(node)),
            _ => {}
        }
    }

    /// `_ := f(x)` asks for no more than that `f(x)` is there, and the virtual machine forgets to; `_ = f(x)` is the same.
    fn wildcard(&mut self, statement: &Value) -> Option<()> {
        let (_, literal) =
            kind_of(statement.get("literal")?).filter(|(kind, _)| *kind == "Expr")?;
        let (_, assignment) =
            kind_of(literal.get("expr")?).filter(|(kind, _)| *kind == "AssignExpr")?;
        let (_, variable) = kind_of(assignment.get("lhs")?).filter(|(kind, _)| *kind == "Var")?;
        if variable.get("value")?.as_str()? == "_" {
            let end = range_of(variable)?.end;
            let sign = self.module.text.get(end..)?.find(":=").filter(|at| *at < 8)?;
            self.edits.push((end + sign..end + sign + 1, " ".to_owned()));
        }
        Some(())
    }

    fn guard(&mut self, statement: &Value, literal: &Value, expression: &Value, is_bare: bool) {
        let operands = needed(self.module, expression);
        let (Some(whole), Some(own)) = (range_of(statement), range_of(literal)) else {
            return;
        };
        if operands.is_empty() {
            return;
        }
        let with = self.copied(own.end..whole.end, &Marks::default());
        let operands: Vec<String> = operands
            .into_iter()
            .map(|node| {
                let mut marks = Marks::default();
                marks.find(node);
                // A wildcard would be another one in front.
                let named = marks.wildcards.iter().map(|at| (*at..at + 1, name_of_wildcard(*at)));
                self.edits.extend(named);
                let range = kind_of(node).and_then(|(_, content)| range_of(content));
                self.copied(range.unwrap_or_default(), &marks)
            })
            .collect();
        let guard = format!("[{}]{}; ", operands.join(", "), with.trim_end());
        if is_bare {
            self.edits.push((whole.start..whole.start, format!("{{ {guard}")));
            self.edits.push((whole.end..whole.end, " }".to_owned()));
        } else {
            self.edits.push((whole.start..whole.start, guard));
        }
    }

    /// A part of the text on one line: without comments, which would swallow what follows, and with signs where lines divide
    /// statements.
    fn copied(&self, range: Range<usize>, marks: &Marks) -> String {
        let text = self.module.text.get(range.clone()).unwrap_or_default();
        let mut copy = String::with_capacity(text.len());
        let mut scanner = Scanner::new(text);
        let mut done = 0;
        while let Some((start, _)) = scanner.next() {
            let end = scanner.position();
            let word = text.get(start..end).unwrap_or_default();
            let ends = marks.ends.range(range.start + done..=range.start + start).next().is_some();
            if ends && done > 0 && word != ";" {
                copy.push(';');
            }
            let between = text.get(done..start).unwrap_or_default();
            copy.push_str(if between.contains(['\n', '#']) { " " } else { between });
            let at = range.start + start;
            if marks.wildcards.contains(&at) {
                copy.push_str(&name_of_wildcard(at));
            } else {
                copy.push_str(word);
            }
            done = end;
        }
        copy
    }
}

/// A name for a wildcard, by where it stands.
fn name_of_wildcard(position: usize) -> String {
    format!("loadline_any_{position}")
}

/// What must be known of a part of a text that is put in front of it once more.
#[derive(Default)]
struct Marks {
    /// The wildcards, but for those of comprehensions.
    wildcards: BTreeSet<usize>,
    /// Where statements end that others follow.
    ends: BTreeSet<usize>,
}

impl Marks {
    fn find(&mut self, node: &Value) {
        match (node, kind_of(node)) {
            (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => self.ends(content),
            (_, Some(("Var", content))) => {
                if content.get("value").and_then(Value::as_str) == Some("_") {
                    self.wildcards.extend(range_of(content).map(|range| range.start));
                }
            }
            (Value::Array(nodes), _) => nodes.iter().for_each(|node| self.find(node)),
            (Value::Object(members), _) => members.values().for_each(|node| self.find(node)),
            _ => {}
        }
    }

    fn ends(&mut self, node: &Value) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| self.ends(node)),
            Value::Object(members) => {
                let statements: Vec<&Value> = list(node, "stmts").collect();
                if let Some((_, first)) = statements.split_last() {
                    self.ends.extend(first.iter().filter_map(|one| Some(range_of(one)?.end)));
                }
                members.values().for_each(|node| self.ends(node));
            }
            _ => {}
        }
    }
}

/// What OPA works out before the negation of an expression.
pub(in crate::governance) fn needed<'n>(module: &Syntax, expression: &'n Value) -> Vec<&'n Value> {
    let mut operands = Vec::new();
    Operands { module }.operands(expression, &mut operands);
    operands
}

struct Operands<'m> {
    module: &'m Syntax,
}

impl Operands<'_> {
    fn operands<'n>(&self, node: &'n Value, operands: &mut Vec<&'n Value>) {
        let Some((kind, content)) = kind_of(node) else {
            return;
        };
        let is_equality = content.get("op").and_then(Value::as_str) == Some("Eq");
        match kind {
            "RefDot" | "RefBrack" => self.indices(node, operands),
            "Call" => list(content, "params").for_each(|one| self.operand(one, operands)),
            "BoolExpr" | "AssignExpr" if is_equality => {
                for side in ["lhs", "rhs"].iter().filter_map(|side| content.get(*side)) {
                    match kind_of(side) {
                        Some(("RefDot" | "RefBrack", _)) => self.indices(side, operands),
                        Some(("Var", _)) => {}
                        _ => self.operand(side, operands),
                    }
                }
            }
            "BoolExpr" | "ArithExpr" | "BinExpr" | "Membership" => {
                for part in ["lhs", "rhs", "key", "value", "collection"] {
                    content.get(part).into_iter().for_each(|one| self.operand(one, operands));
                }
            }
            "Array" | "Set" | "Object" | "UnaryExpr" => self.operand(node, operands),
            _ => {}
        }
    }

    /// The indices of a reference that are references or calls themselves.
    fn indices<'n>(&self, node: &'n Value, operands: &mut Vec<&'n Value>) {
        let Some((kind, content)) = kind_of(node) else {
            return;
        };
        if kind == "RefBrack"
            && let Some(index) = content.get("index")
        {
            self.operand(index, operands);
        }
        if let Some(inner) = content.get("refr") {
            self.indices(inner, operands);
        }
    }

    fn operand<'n>(&self, node: &'n Value, operands: &mut Vec<&'n Value>) {
        let Some((kind, content)) = kind_of(node) else {
            return;
        };
        let is_needed = match kind {
            // What a query binds is there; what stands for a rule or an import may not be.
            "Var" => content.get("value").and_then(Value::as_str).is_some_and(|name| {
                let is_rule = |rule: &crate::governance::syntax::Rule| {
                    rule.path.first().is_some_and(|first| first == name)
                };
                name != "_"
                    && (self.module.imports.contains_key(name)
                        || self.module.rules.iter().any(is_rule))
            }),
            "RefDot" | "RefBrack" | "Call" | "ArithExpr" | "BinExpr" | "BoolExpr"
            | "Membership" | "UnaryExpr" => true,
            "Array" | "Set" => list(content, "items").any(|one| self.is_dynamic(one)),
            "Object" => list(content, "fields").any(|field| {
                [1, 2].iter().filter_map(|at| field.get(*at)).any(|one| self.is_dynamic(one))
            }),
            _ => false,
        };
        if is_needed {
            operands.push(node);
        }
    }

    fn is_dynamic(&self, node: &Value) -> bool {
        let mut operands = Vec::new();
        self.operand(node, &mut operands);
        !operands.is_empty()
    }
}
