//! Statements that the engine evaluates otherwise than OPA: [`guards`].

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::{Edit, needed, walks};
use crate::governance::builtins;
use crate::governance::shape::Scanner;
use crate::governance::syntax::{Syntax, kind_of, list, range_of, text_of};

/// What must be put into the text of a module that was parsed.
pub(in crate::governance) fn guards(module: &Syntax) -> Vec<Edit> {
    let mut finder = Finder { module, edits: walks(module), guards: Vec::new(), every: Vec::new() };
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
    finder.place_guards();
    finder.edits
}

struct Finder<'m> {
    module: &'m Syntax,
    edits: Vec<Edit>,
    guards: Vec<Guard>,
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
            self.output(statement);
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

    /// `f(x, y)` stands for `y = f(x)` where `f` takes one argument. The engine only knows that of functions of its own.
    fn output(&mut self, statement: &Value) -> Option<()> {
        let (_, literal) = kind_of(statement.get("literal")?)?;
        let (_, call) = kind_of(literal.get("expr")?).filter(|(kind, _)| *kind == "Call")?;
        let name = self.module.text.get(range_of(kind_of(call.get("fcn")?)?.1)?)?;
        let arity = builtins::lookup(name).filter(|_| name != "walk")?.arity;
        let arguments: Vec<&Value> = list(call, "params").collect();
        let (last, others) = arguments.split_last().filter(|(_, others)| others.len() == arity)?;
        let quotes = usize::from(matches!(kind_of(last)?.0, "String" | "RawString"));
        let inner = range_of(kind_of(last)?.1)?;
        let last = inner.start.checked_sub(quotes)?..inner.end + quotes;
        let result = self.module.text.get(last.clone())?;
        let open = range_of(kind_of(call.get("fcn")?)?.1)?.end;
        let comma = self.module.text.get(open..last.start)?.rfind(',');
        let start = comma.filter(|_| !others.is_empty()).map_or(last.start, |comma| open + comma);
        if self.edits.iter().any(|(edit, _)| edit.start >= last.start && edit.end <= last.end) {
            return None;
        }
        if !self.module.text.get(start..last.end)?.contains('\n') {
            let begin = range_of(call)?.start;
            self.edits.push((begin..begin, format!("{result} = ")));
            self.edits.push((start..last.end, String::new()));
        }
        Some(())
    }

    /// OPA works out the arguments of what is negated before the negation, so that `not f(x.y)` is undefined where `x.y` is,
    /// and only `not x.y` and `not x.y == 1` hold there. The engine takes all of them to hold. So what OPA works out first is
    /// put in front, as a list, which is there when all of its elements are. There a wildcard would be another one: it gets a
    /// name.
    fn guard(&mut self, statement: &Value, literal: &Value, expression: &Value, is_bare: bool) {
        let operands = needed(self.module, expression);
        let (Some(whole), Some(own)) = (range_of(statement), range_of(literal)) else {
            return;
        };
        if operands.is_empty() {
            return;
        }
        let mut ends = BTreeSet::new();
        for operand in &operands {
            find(operand, &mut self.edits, &mut ends);
        }
        let operands = operands.into_iter().filter_map(|node| range_of(kind_of(node)?.1)).collect();
        self.guards.push(Guard { whole, own_end: own.end, operands, ends, is_bare });
    }

    /// Puts the guards in front of their negations, the innermost first: what is copied for one may hold others.
    fn place_guards(&mut self) {
        let mut guards = std::mem::take(&mut self.guards);
        guards.sort_by_key(|guard| std::cmp::Reverse(guard.whole.start));
        for Guard { whole, own_end, operands, ends, is_bare } in guards {
            let copies = operands.into_iter().map(|range| self.copied(range, &ends));
            let operands = copies.collect::<Vec<_>>().join(", ");
            let with = self.copied(own_end..whole.end, &ends);
            let guard = format!("[{operands}]{}; ", with.trim_end());
            if is_bare {
                self.edits.push((whole.start..whole.start, format!("{{ {guard}")));
                self.edits.push((whole.end..whole.end, " }".to_owned()));
            } else {
                self.edits.push((whole.start..whole.start, guard));
            }
        }
    }

    /// A part of the text as it will be, on one line: without comments, which would swallow what follows, and with signs where
    /// statements end.
    fn copied(&self, range: Range<usize>, ends: &BTreeSet<usize>) -> String {
        let inside = |edit: &&Edit| range.contains(&edit.0.start) && edit.0.end <= range.end;
        let mut edits: Vec<&Edit> = self.edits.iter().filter(inside).collect();
        edits.sort_by_key(|(edit, _)| edit.start);
        let mut copy =
            Copy { text: &self.module.text, edits, done: range.start, copy: String::new() };
        let text = self.module.text.get(range.clone()).unwrap_or_default();
        let mut scanner = Scanner::new(text);
        let mut before = range.start;
        while let Some((start, _)) = scanner.next() {
            let (start, end) = (range.start + start, range.start + scanner.position());
            let word = self.module.text.get(start..end).unwrap_or_default();
            let between = self.module.text.get(before..start).unwrap_or_default();
            if before > range.start && word != ";" && ends.range(before..=start).next().is_some() {
                copy.copy.push(';');
            }
            copy.up_to(start, between.contains(['\n', '#']));
            copy.up_to(end, false);
            before = end;
        }
        copy.copy
    }
}

/// What is to be put in front of a negation.
struct Guard {
    /// The statement.
    whole: Range<usize>,
    /// Where the statement ends without its `with`.
    own_end: usize,
    /// What is worked out first.
    operands: Vec<Range<usize>>,
    /// Where statements in it end that others follow.
    ends: BTreeSet<usize>,
    /// Whether the body of the rule has no brackets.
    is_bare: bool,
}

/// A copy of a part of a text, with the changes in it.
struct Copy<'t> {
    text: &'t str,
    /// What is still to be changed, in the order of the text.
    edits: Vec<&'t Edit>,
    done: usize,
    copy: String,
}

impl Copy<'_> {
    /// Goes on to a position; what is there is left out where it is only space.
    fn up_to(&mut self, end: usize, is_space: bool) {
        let due = self.edits.iter().take_while(|(edit, _)| edit.start < end).count();
        for (edit, new) in self.edits.drain(..due) {
            if !is_space {
                self.copy.push_str(self.text.get(self.done..edit.start).unwrap_or_default());
            }
            self.copy.push_str(new);
            self.done = self.done.max(edit.end);
        }
        let rest = self.text.get(self.done..end).unwrap_or_default();
        self.copy.push_str(if is_space { " " } else { rest });
        self.done = self.done.max(end);
    }
}

/// Gives names to the wildcards of a node, but for those of comprehensions, whose statements it finds the ends of.
fn find(node: &Value, edits: &mut Vec<Edit>, ends: &mut BTreeSet<usize>) {
    match (node, kind_of(node)) {
        (_, Some(("ArrayCompr" | "SetCompr" | "ObjectCompr", content))) => find_ends(content, ends),
        (_, Some(("Var", content))) => {
            if content.get("value").and_then(Value::as_str) == Some("_")
                && let Some(range) = range_of(content)
            {
                let name = format!("loadline_any_{}", range.start);
                edits.push((range, name));
            }
        }
        (Value::Array(nodes), _) => nodes.iter().for_each(|node| find(node, edits, ends)),
        (Value::Object(members), _) => {
            members.values().for_each(|node| find(node, edits, ends));
        }
        _ => {}
    }
}

fn find_ends(node: &Value, ends: &mut BTreeSet<usize>) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| find_ends(node, ends)),
        Value::Object(members) => {
            let statements: Vec<&Value> = list(node, "stmts").collect();
            if let Some((_, first)) = statements.split_last() {
                ends.extend(first.iter().filter_map(|one| Some(range_of(one)?.end)));
            }
            members.values().for_each(|node| find_ends(node, ends));
        }
        _ => {}
    }
}
